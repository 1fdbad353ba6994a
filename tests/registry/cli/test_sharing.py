"""Shares as they are typed: per parent over the model or one tensor, and refused in a sentence where there are none."""

import shutil
from dataclasses import replace

import pytest

from registry.home import Home
from registry.work import logged, shares
from signing.errors import Untrusted


@pytest.fixture
def copies(terminal, kennel):
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    return terminal


def test_shares_are_told_per_parent(copies) -> None:
    value = copies.holds("shares", "kennel/both")
    assert (value["method"], value["tensors"], value["taken_whole"]) == ("linear", ["layers.0.weight"], 0)
    assert value["uncounted"] == 0
    one, two = value["parents"]
    assert (one["kept"], one["agreed"], one["parent"], two["parent"]) == (None, None, 0, 1)
    # Both hold 16 numbers: 1 + i/8 + (i mod 2), and those plus what the other fixture adds; halves of each.
    assert one["energy"] + two["energy"] == pytest.approx(1)
    assert 0 < one["energy"] < two["energy"] or 0 < two["energy"] < one["energy"]
    said = copies("shares", "kennel/both", "layers.0.weight", "--by-tensor")
    assert said.code == 0
    assert said.out.count("layers.0.weight") == 3
    assert f"{one['energy']:.1%}" in said.out


@pytest.mark.parametrize(
    ("words", "sentences"),
    [
        (("shares", "kennel/base"), ("not made by a recipe",)),
        (("shares", "kennel/both", "tail"), ("has no tensor 'tail'",)),
    ],
)
def test_what_has_no_shares_is_refused_in_a_sentence(copies, words, sentences) -> None:
    copies.refuses(words, 2, sentences)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (None, "says nothing of layers.0.weight"),
        ({"shares": {"kept": [1, 2]}}, "are of no parents"),
        ({"parents": [0, 1], "shares": {"kept": [1]}}, "have not one 'kept' for each parent"),
        ({"parents": [0, 1], "shares": {"energy": ["0x1p+0", "much"]}}, "says 'much' where a share stands"),
        ({"parents": [0, 1], "shares": {"kept": [1, -2]}}, "says -2 where a share stands"),
        ({"parents": [0, 1], "shares": {"agreed": [1, 17]}}, "counts 17 of 16 elements"),
    ],
)
def test_an_account_that_does_not_say_them_is_not_believed(copies, entry, said) -> None:
    home = Home.open(copies.home)
    found = logged.find(home, "kennel/both")
    lie = replace(
        logged.claimed(home, found), account={"tensors": {} if entry is None else {"layers.0.weight": entry}}
    )
    with pytest.raises(Untrusted, match=said):
        shares.counted(found.artifact, lie)


def test_a_rebuild_says_whether_the_account_is_the_same(copies) -> None:
    assert copies.holds("rebuild", "kennel/both")["same_account"] is True
