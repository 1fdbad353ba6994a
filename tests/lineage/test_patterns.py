"""Ranges of names: one rule, asked of a name, of a range, and of the bounds that a database looks between."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import patterns
from lineage.facts import Built, Derived, Evidence, Named
from lineage.incidents import Reported
from signing.errors import Malformed

SHORT = st.text("ab.-A", min_size=1, max_size=3)
NAMES = st.builds("{}{}/{}".format, st.sampled_from(["x", "hf:x", "hf:X"]), st.text("ab", max_size=1), SHORT)
RANGES = st.builds(
    "{}{}/{}{}".format,
    st.sampled_from(["x", "hf:x", "hf:X"]),
    st.text("ab", max_size=1),
    st.text("ab.-", max_size=2),
    st.sampled_from(["", "*"]),
)


@given(name=NAMES, commit=st.booleans(), pattern=RANGES)
def test_law_a_range_means_a_name_by_every_way_of_asking(name: str, commit: bool, pattern: str) -> None:
    stub = name.startswith("hf:")
    spelled = f"{name}@{'0f' * 20}" if stub and commit else name
    due = fnmatchcase(name if stub else name.lower(), pattern)

    assert (pattern in patterns.patterns(spelled)) == due
    low, high = patterns.bounds(pattern)
    here = patterns.folded(spelled)
    assert (here == pattern or low <= here < high) == due


@pytest.mark.parametrize(
    "pattern",
    ["acme/*", "acme/merge-*", "acme/a.b_c", "hf:Acme/*", "hf:_x/Base-*", "hf:acme/base", "acme/a*"],
)
def test_a_range_is_taken(pattern: str) -> None:
    assert patterns.check(pattern) == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "*",
        "acme",
        "*/one",
        "acme/*one",
        "acme/**",
        "a*/b",
        "acme/one@v1",
        "hf:acme",
        "hf:a/b@" + "0f" * 20,
        "acme/%",
        "/*",
        "",
    ],
)
def test_what_is_no_range_is_refused_with_what_one_looks_like(pattern: str) -> None:
    with pytest.raises(Malformed, match=r"is no range of names: write acme/\*"):
        patterns.check(pattern)


def test_a_range_has_one_spelling() -> None:
    with pytest.raises(Malformed, match=r"'Acme/\*' is written in lower case, 'acme/\*'"):
        patterns.check("Acme/*")


def test_only_bindings_and_stubs_are_called_anything() -> None:
    edge = Derived("sha256:1", "hf:a/b", "merge", "{}", Evidence.SIGNED)
    report = Reported("e", ("sha256:2", "hf:c/d"), "privacy", "low", "reported", "x", "y")
    facts = (Named("a/b", None, "sha256:3"), edge, report, Built("sha256:4", "r", "m", "b"))
    assert patterns.called(facts) == {"a/b": "sha256:3", "hf:a/b": "hf:a/b", "hf:c/d": "hf:c/d"}
