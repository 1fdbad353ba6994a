"""Numbers as recipes write them."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merger.numbers import LANES, LONGEST, canonical, decimal, gradient, kept_count, kept_lanes
from signing.errors import Malformed

GOOD = ["0", "1", "-1", "10", "0.5", "-0.25", "123.456", "9" * LONGEST]
BAD = [
    "",
    "-0",
    "+1",
    "01",
    "00",
    "1.",
    ".5",
    "1.0",
    "0.50",
    "1e3",
    "1E3",
    "-",
    "--1",
    " 1",
    "1 ",
    "1_0",
    "0x1",
]
BAD += ["1,5", "Infinity", "nan", "\u0661", "1\n", "9" * (LONGEST + 1), "0." + "0" * LONGEST + "1"]


@pytest.mark.parametrize("text", GOOD)
def test_a_canonical_decimal_is_itself(text):
    assert decimal(text) == text


@pytest.mark.parametrize("text", BAD)
def test_t20_any_other_spelling_of_a_number_is_refused(text):
    with pytest.raises(Malformed, match=r"no canonical decimal: write digits such as"):
        decimal(text)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15))
def test_a_float_is_written_as_what_reads_back(value):
    if value == 0 or abs(value) > 1e-40:
        assert float(canonical(value)) == value
        assert decimal(canonical(value)) == canonical(value)


def test_other_numbers_are_written_canonically():
    assert canonical(Fraction(1, 3)) == "0.3333333333333333"
    assert canonical(Decimal("1.500")) == "1.5"
    assert canonical("-0.0") == "0"
    assert canonical("1e3") == "1000"
    assert canonical(10) == "10"
    assert canonical("0.1000000000000000000000001") == "0.1000000000000000000000001"


@pytest.mark.parametrize("value", ["x", "nan", float("inf"), "1e400", "1e-400", "0." + "1" * 70, ""])
def test_what_no_recipe_can_hold_is_refused(value):
    with pytest.raises(Malformed):
        canonical(value)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_counts_are_exact(part, elements):
    density = canonical(Decimal(part) / 10**6)
    assert kept_count(density, elements) == max(1, part * elements // 10**6)


def test_counts_at_their_ends():
    assert kept_count("0.5", 0) == 0
    assert kept_count("0.0000001", 5) == 1
    assert kept_count("1", 5) == 5
    assert kept_count("0.29999999999999999999", 10) == 2
    assert kept_lanes("1") == LANES
    assert kept_lanes("0.0000152587890625") == 1
    with pytest.raises(
        Malformed, match=r"density 0\.00001525 keeps fewer than one .* at least 0\.0000152587890625"
    ):
        kept_lanes("0.00001525")


def test_gradients_are_exact_between_their_anchors():
    assert gradient(["0", "1"], 5) == ["0", "0.25", "0.5", "0.75", "1"]
    assert gradient(["0", "1", "0.5"], 3) == ["0", "1", "0.5"]
    assert gradient(["0", "1"], 4) == ["0", "0.3333333333333333", "0.6666666666666666", "1"]
    assert gradient(["0.2"], 3) == ["0.2"] * 3
    assert gradient(["0.1", "0.7"], 1) == ["0.7"]
    assert gradient(["0", "1"], 0) == []
