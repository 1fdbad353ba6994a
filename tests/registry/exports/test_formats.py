"""Laws of every format: pure, the same bytes for the same log, as of a size, and nothing unknown left out in silence."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from exported import pedigrees, reached, reaches, told
from hypothesis import HealthCheck, given, settings
from world import World

from lineage.subjects import Pedigree, Reach
from registry import exports
from registry.home import Home
from registry.store import subjects

OF_ARTIFACTS, OF_INCIDENTS = exports.formats(Pedigree), exports.formats(Reach)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def test_every_module_of_the_folder_is_a_format_of_one_sort_of_subject() -> None:
    assert OF_ARTIFACTS.keys() == {"csv", "cyclonedx", "dot", "graphml", "spdx"}
    assert OF_INCIDENTS.keys() == {"openvex", "osv"}
    assert exports.discovered().keys() == OF_ARTIFACTS.keys() | OF_INCIDENTS.keys()


@pytest.mark.parametrize("name", sorted(exports.discovered()))
def test_the_same_log_gives_the_same_bytes_wherever_and_whenever_it_is_asked(
    world: World, family, name: str, tmp_path: Path
) -> None:
    reported = world.report(family["left"], "compromised")
    shutil.copytree(world.home.path, tmp_path / "copy")
    copy = Home.open(tmp_path / "copy", clock=lambda: world.time + 10**6, settings=world.settings)
    world.advance(10**5)

    def text(home: Home) -> str:
        with home.store.reading() as connection:
            if name in OF_ARTIFACTS:
                return OF_ARTIFACTS[name].text(subjects.pedigree(connection, family["merged"]))
            return OF_INCIDENTS[name].text(subjects.reach(connection, reported, home.policy()))

    assert text(copy) == text(world.home) == text(world.home)
    before = text(world.home)
    world.model()
    assert text(world.home) != before, "a log that grew is another basis"


@pytest.mark.parametrize("name", sorted(OF_ARTIFACTS))
@QUICK
@given(subject=pedigrees())
def test_law_whatever_strangers_wrote_is_told(name: str, subject: Pedigree) -> None:
    text = OF_ARTIFACTS[name].text(subject)

    assert text == OF_ARTIFACTS[name].text(subject)
    assert text.endswith("\n")
    text.encode()
    flipped = OF_ARTIFACTS[name].text(replace(subject, complete=not subject.complete))
    assert flipped != text or (name == "csv" and not subject.edges)
    assert OF_ARTIFACTS[name].text(replace(subject, at=replace(subject.at, size=8))) != text or name == "csv"


@pytest.mark.parametrize("name", sorted(OF_INCIDENTS))
@QUICK
@given(subject=reaches())
def test_law_whatever_was_reported_is_told(name: str, subject: Reach) -> None:
    text = OF_INCIDENTS[name].text(subject)

    assert text == OF_INCIDENTS[name].text(subject)
    assert OF_INCIDENTS[name].text(replace(subject, complete=not subject.complete)) != text
    assert OF_INCIDENTS[name].text(replace(subject, at=replace(subject.at, size=8))) != text


@pytest.mark.parametrize("name", sorted(exports.discovered()))
def test_every_artifact_that_the_log_relates_is_in_the_document_known_or_not(
    world: World, family, name: str
) -> None:
    reported = world.report(family["base"], "compromised")
    text = (
        OF_ARTIFACTS[name].text(told(world, family["merged"]))
        if name in OF_ARTIFACTS
        else OF_INCIDENTS[name].text(reached(world, reported))
    )
    expected = set(family.values()) - ({family["stub"]} if name in OF_INCIDENTS else set())

    assert {one for one in expected if one not in text} == set()
    assert re.search(r"compromised|incident", text) or name == "csv"
