"""Influence as it is typed: a ranked table that says in words what it is not."""

import shutil
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.influence import Interval
from registry.cli.triaging import bounds
from registry.triage import BoundsOut


@pytest.fixture
def copies(terminal, kennel):
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    return terminal


def test_descendants_are_ranked_and_nothing_is_cleared(copies) -> None:
    value = copies.holds("influence", "kennel/one")
    (both,) = value["descendants"]
    assert both["names"] == ["kennel/both", "kennel/both@v1"]
    assert (both["analytic"]["low"], both["analytic"]["high"]) == (0.5, 0.5)
    assert 0 < both["measured"]["low"] < 0.5

    said = copies("influence", "kennel/one").out

    assert "kennel/one has 1 descendant" in said
    assert "50.0%" in said
    assert "no clearance" in said


def test_what_nobody_knows_is_called_unknown(copies) -> None:
    said = copies("influence", "kennel/base").out

    assert "kennel/base has 3 descendants" in said
    assert said.count("unknown") == 4
    assert "kennel/spare has 0 descendants" in copies("influence", "kennel/spare").out


def test_a_share_that_is_small_is_not_shown_as_nothing() -> None:
    assert bounds(BoundsOut(low=1e-9, high=1e-9)) == "below 0.1%"
    assert bounds(BoundsOut(low=0, high=1e-9)) == "0 to below 0.1%"
    assert bounds(BoundsOut(low=0, high=0)) == "no weights"
    assert bounds(BoundsOut(low=0.25, high=1)) == "25.0% to 100.0%"


@given(st.fractions(0, 1), st.fractions(0, 1))
@settings(max_examples=200, deadline=None)
def test_law_doubles_never_say_more_than_is_known(one: Fraction, other: Fraction) -> None:
    found = BoundsOut.of(Interval(min(one, other), max(one, other)))

    assert Fraction(found.low) <= min(one, other) <= max(one, other) <= Fraction(found.high)
    assert found.high - found.low - abs(float(one) - float(other)) < 1e-15
