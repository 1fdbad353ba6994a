"""SPDX, read by the SPDX project's own bindings, which are made from its SHACL model and refuse what it does not allow."""

import io
import re
from dataclasses import replace

import pytest
from exported import pedigrees, told
from hypothesis import HealthCheck, given, settings
from spdx_python_model.bindings import v3_0_1 as model
from world import World

from lineage.subjects import Pedigree
from registry.export import spdx as spelled
from registry.exports import spdx

# What the AI profile demands of an AI package beyond the classes' own shapes (AIPackage, "External properties restrictions").
DEMANDED = (
    "suppliedBy",
    "software_downloadLocation",
    "software_packageVersion",
    "software_primaryPurpose",
    "releaseTime",
)


def read(subject: Pedigree) -> model.SHACLObjectSet:
    objects = model.SHACLObjectSet()
    model.JSONLDDeserializer().read(io.BytesIO(spdx.text(subject).encode()), objects)
    assert objects.missing_ids == set() or objects.link() == set()
    return objects


def of(objects: model.SHACLObjectSet, kind: type) -> list:
    return sorted(objects.foreach_type(kind, match_subclass=False), key=lambda one: str(one._id))


def related(objects: model.SHACLObjectSet, kind: str) -> list[tuple[str, str]]:
    wanted = getattr(model.RelationshipType, kind)
    found = [one for one in objects.foreach_type(model.Relationship) if one.relationshipType == wanted]
    return sorted((name(one.from_), name(to)) for one in found for to in one.to)


def name(one: object) -> str:
    return one if isinstance(one, str) else (getattr(one, "software_packageVersion", None) or one._id)


def test_a_merge_its_files_and_relatives_are_there(world: World, family) -> None:
    subject = told(world, family["merged"])
    objects = read(subject)

    packages = {one.software_packageVersion: one for one in of(objects, model.ai_AIPackage)}
    assert packages.keys() == {family[one] for one in ("base", "left", "right", "merged", "below")}
    for package in packages.values():
        assert not [one for one in DEMANDED if not getattr(package, one)]
    files = of(objects, model.software_File)
    assert {(one.name, one.verifiedUsing[0].hashValue) for one in files} == set(subject.files)
    assert related(objects, "descendantOf") == sorted((edge.child, edge.parent) for edge in subject.edges)
    (metric,) = packages[family["merged"]].ai_metric
    assert metric.value == "0.5"
    (document,) = of(objects, model.SpdxDocument)
    assert f"as_of: {world.size()}; " in document.comment
    assert "complete: true" in document.comment
    assert [name(one) for one in document.rootElement] == [family["merged"]]


def test_each_artifact_has_one_declared_license_and_none_is_concluded(world: World, family) -> None:
    subject = told(world, family["merged"])
    objects = read(subject)
    nothing = spdx._NO_LICENSE
    expressions = {
        one._id: one.simplelicensing_licenseExpression
        for one in of(objects, model.simplelicensing_LicenseExpression)
    }

    declared = {one: expressions.get(which, which) for one, which in related(objects, "hasDeclaredLicense")}
    assert declared == {
        family["stub"]: nothing,
        family["base"]: "Apache-2.0",
        family["left"]: "LicenseRef-llama3",
        family["right"]: nothing,
        family["merged"]: nothing,
        family["below"]: "MIT",
    }
    assert related(objects, "hasConcludedLicense") == sorted((node.id, nothing) for node in subject.nodes)


def test_a_license_that_is_recorded_here_refers_to_its_text_and_to_what_was_read(
    world: World, family
) -> None:
    objects = read(told(world, family["merged"]))
    found = {
        one.simplelicensing_licenseExpression: one
        for one in of(objects, model.simplelicensing_LicenseExpression)
    }

    llama = found["LicenseRef-llama3"]
    assert "declared as: llama3; texts: https://llama.meta.com/llama3/license " in llama.comment
    assert re.search(r"recorded from: .*LICENSE.*, read 20\d\d-\d\d-\d\d", llama.comment)
    (uri,) = llama.simplelicensing_customIdToUri
    assert (uri.key, uri.value) == ("LicenseRef-llama3", "https://llama.meta.com/llama3/license")
    unheard = spdx._license("my own words", "https://x.example/1")
    assert (
        unheard["simplelicensing_customIdToUri"][0]["value"] == "https://studbook.dev/licenses/my own words"
    )
    assert spdx._license("cc-by-4", "https://x.example/1")["comment"].startswith("declared as: cc-by-4")


def test_what_nobody_saw_is_a_package_about_which_nothing_is_said(world: World, family) -> None:
    objects = read(told(world, family["stub"]))

    (stub,) = of(objects, model.software_Package)
    assert (stub.software_packageVersion, stub.suppliedBy) == (family["stub"], None)
    assert "nothing is known" in stub.comment
    assert stub.software_packageUrl == f"pkg:huggingface/{family['stub'].removeprefix('hf:')}"
    assert of(objects, model.software_File) == []


def test_what_was_registered_and_is_unknown_since_an_order_is_a_package_too(world: World, family) -> None:
    subject = told(world, family["merged"])
    nodes = tuple(replace(one, seen=one.id != family["base"]) for one in subject.nodes)

    (_, gone) = sorted(of(read(replace(subject, nodes=nodes)), model.software_Package), key=name)

    assert (gone.software_packageVersion, gone.suppliedBy) == (family["base"], None)
    assert "nothing is known" in gone.comment


def test_the_bindings_refuse_what_the_model_does_not_allow(world: World, family) -> None:
    text = spdx.text(told(world, family["merged"])).replace('"descendantOf"', '"childOf"')
    with pytest.raises(ValueError, match="childOf"):
        model.JSONLDDeserializer().read(io.BytesIO(text.encode()), model.SHACLObjectSet())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=pedigrees())
def test_law_whatever_strangers_wrote_is_read_back(subject: Pedigree) -> None:
    objects = read(subject)

    assert {one.name for one in of(objects, model.software_File)} == {name for name, _ in subject.files}
    assert len(related(objects, "descendantOf")) == len(subject.edges)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("apache-2.0", "Apache-2.0"),
        ("MIT", "MIT"),
        ("llama3", "LicenseRef-llama3"),
        ("a_b+", "LicenseRef-a-b-"),
    ],
)
def test_an_id_is_spelled_as_spdx_does_or_is_no_spdx_id(declared: str, expected: str) -> None:
    assert spelled(declared) == expected
