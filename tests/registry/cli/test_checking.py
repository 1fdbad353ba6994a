"""Checks in part and from afar as they are typed: verdict, odds, exit code, and the same for programs."""

import shutil
from dataclasses import replace

import pytest
from making import floats, write_model

from registry.home import Home
from registry.store import artifacts, log
from registry.work import logged
from signing import canonical
from signing.dsse import Envelope
from signing.statement import Statement


@pytest.fixture
def copies(terminal, kennel):
    """A copy of the kennel's home, with the merge and its recipe in a folder of one's own."""
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    for name in ("both", "recipe.yaml"):
        source = kennel.folder / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, terminal.folder / name)
    return terminal


def test_a_sample_gives_its_verdict_and_its_odds(copies) -> None:
    value = copies.holds("rebuild", "kennel/both", "--sample", "64")
    assert (value["same"], value["of"], value["faults"], value["files_here"]) == (True, 1, [], True)
    assert value["blocks"] == [{"tensor": "layers.0.weight", "block": 0}]
    assert value["escapes"][0] == {"altered": 0.01, "at_most": 0}
    said = copies("rebuild", "kennel/both", "--sample", "1", "--backend", "numpy")
    assert said.code == 0
    assert "the same bytes" in said.out
    assert "in 1 of 1 block" in said.out
    assert "nothing was logged" in said.out


def test_a_merge_made_elsewhere_is_identical_near_or_different(copies) -> None:
    value = copies.holds("rebuild", "recipe.yaml", "--against", "both")
    assert (value["verdict"], value["identical"], value["tensors"]) == ("bit-identical", 1, [])

    raw = bytearray((copies.folder / "both" / "model.safetensors").read_bytes())
    raw[-1 - 3] ^= 3
    (copies.folder / "both" / "model.safetensors").write_bytes(raw)
    copies.refuses(
        ("rebuild", "kennel/both", "--ulp", "3"), 2, ("--ulp 3 would change nothing without --against",)
    )
    near = copies("rebuild", "recipe.yaml", "--against", "both", "--ulp", "3")
    assert near.code == 1
    assert "within 3 ulp" in near.out
    assert "layers.0.weight: 1 of 16 differ from element 15 on, at most" in near.out
    far = copies("rebuild", "recipe.yaml", "--against", "both", "--json")
    assert (far.code, far.json["verdict"], far.json["tensors"][0]["first"]) == (1, "different", 15)


def test_what_else_differs_is_told_apart(copies) -> None:
    (copies.folder / "both" / "config.json").write_text("{}")
    said = copies("rebuild", "recipe.yaml", "--against", "both")
    assert said.code == 0
    assert "besides the weights: config.json differs" in said.out


def test_masks_are_told_with_their_densities(copies) -> None:
    (copies.folder / "dare.yaml").write_text(
        "merge_method: dare_linear\nbase_model: kennel/base\ndtype: float32\nmodels:\n"
        "  - {model: kennel/one, parameters: {weight: 1, density: 0.5}}\n"
    )
    values = [1 + i / 8 + (i % 2) for i in range(16)]
    base = [i / 8 for i in range(16)]
    made = [b + 2 * (v > 1 + b) for b, v in zip(base, values, strict=True)]
    write_model(copies.folder / "foreign", {"layers.0.weight": ("F32", (4, 4), floats(made))})
    said = copies("rebuild", "dare.yaml", "--against", "foreign", "--json")
    (masks,) = said.json["masks"]
    assert (said.code, masks["explained"], masks["rescale"]) == (1, 1, "65536/t")
    assert masks["parents"] == [{"parent": 0, "density": 0.5, "told": 16}]
    assert (
        "masks explain 100.0000% (rescaled by 65536/t); parent 1 kept in 0.5000"
        in copies("rebuild", "dare.yaml", "--against", "foreign").out
    )


def test_a_weight_is_told_part_by_part(copies) -> None:
    value = copies.holds("attribute", "kennel/both", "layers.0.weight[1,2]")
    assert (value["same"], value["derived"], value["method"]) == (True, 2.25, "linear")
    assert [part["contribution"] for part in value["parents"]] == [0.875, 1.375]
    assert value["scalars"] == [(0.5).hex(), (0.5).hex()]
    said = copies("attribute", "kennel/both", "layers.0.weight[1,2]")
    assert said.code == 0
    assert "linear derives 2.25 in F32: the stored value" in said.out


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (("rebuild", "kennel/base", "--sample", "3"), ("not made by a recipe",)),
        (("rebuild", "kennel/both", "--sample", "0"), ("--sample",)),
        (("rebuild", "recipe.yaml", "--against", "both", "--sample", "3"), ("give one of them",)),
        (("rebuild", "nowhere.yaml", "--against", "both"), ("nowhere.yaml", "No such file")),
        (("rebuild", "recipe.yaml", "--against", "nowhere"), ("nowhere is not a folder",)),
        (("attribute", "kennel/both", "layers.0.weight"), ("is no weight", "TENSOR[i,j]")),
        (("attribute", "kennel/both", "layers.0.weight[1]"), ("gives 1 indices", "[4, 4]")),
        (("attribute", "kennel/both", "tail[1]"), ("has no tensor 'tail'",)),
        (("attribute", "kennel/base", "layers.0.weight[1,1]"), ("not made by a recipe",)),
    ],
)
def test_what_cannot_be_checked_is_refused_in_a_sentence(copies, words, sentences) -> None:
    copies.refuses(words, 2, sentences)


def test_the_newest_provenance_that_can_be_read_is_taken_and_the_newer_one_is_named(copies) -> None:
    """Somebody else built it later, and had to have the words removed."""
    home = Home.open(copies.home)
    found = logged.find(home, "kennel/both")
    assert found.removed == ()
    with home.store.reading() as connection:
        (index,) = artifacts.builds(connection, found.artifact)
        raw = log.read(connection, index).envelope
    payload = canonical.decode(Envelope.parse(raw).payload)
    payload["predicate"]["runDetails"]["builder"]["id"] = "https://example.org/another"
    (newer,) = home.say("builder", Statement.parse(canonical.encode(payload)))
    assert logged.find(home, "kennel/both").entry == newer.entry
    home.store.close()
    copies.holds("log", "redact", newer.index, "--order", "court 17", "--yes")

    assert logged.find(home, "kennel/both") == replace(found, removed=(newer.index,))
    for words in (
        ("rebuild", "kennel/both", "--sample", "1"),
        ("rebuild", "kennel/both"),
        ("shares", "kennel/both"),
        ("attribute", "kennel/both", "layers.0.weight[0,0]"),
    ):
        said = copies(*words)
        assert said.code == 0, said
        assert f"entry {newer.index}, newer, was removed by an order" in said.err
    copies.holds("log", "redact", index, "--order", "court 17", "--yes")
    gone = copies("rebuild", "kennel/both")
    assert gone.code == 2
    assert f"was removed from the log by an order, entry {index}, {newer.index}: nothing says" in gone.err
