"""The license files: each is read strictly, says where it is from, and fits the others."""

import pytest

from lineage.licenses import UNKNOWN, discovered, gathered, parse
from signing.errors import Malformed

GOOD = """
family = "x"
commercial = "yes"
flow_down = "terms"
scope = ["weights"]
patent_grant = false
gated = false
obligations = [{ kind = "display", texts = ["Built with X"] }]
restrictions = [{ kind = "mau", above = 7 }]
verified = true
sources = [{ what = "text", reference = "example.org", read = 2026-11-21 }]
"""


def test_what_nobody_knows_is_never_verified() -> None:
    assert all(not discovered()[one].verified for one in UNKNOWN)
    assert all(discovered()[one].commercial == "unknown" for one in UNKNOWN)


def test_a_file_is_read_with_its_values() -> None:
    found = parse("x-1.0", GOOD)

    assert (found.id, found.commercial, found.obligations[0].texts) == ("x-1.0", "yes", ("Built with X",))
    assert found.restrictions[0].said == "mau (above 7)"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('commercial = "yes"', "commercial = true", "license x: commercial"),
        ('commercial = "yes"', 'commercial = "maybe"', "license x: commercial"),
        ('family = "x"', 'family = "x"\nfamilies = 1', "license x: families: unknown key"),
        ("gated = false", 'gated = "no"', "license x: gated"),
        ("above = 7", "above = 7.5", "license x: restrictions.0.above"),
        (", above = 7", "", "a threshold belongs to mau and revenue"),
        ('kind = "mau"', 'kind = "nc"', "a threshold belongs to mau and revenue"),
        (', texts = ["Built with X"]', "", "display says in which words"),
        ('kind = "display"', 'kind = "aup"', "aup has no words"),
        ('what = "text"', 'what = "memory"', "verified means that a text or a table"),
        ("verified = true", "verified = false", "verified means that a text or a table"),
        ('scope = ["weights"]', 'scope = ["adapter"]', "holds for what is made of them"),
        ('scope = ["weights"]', 'scope = ["weights"]\ncompat = ["mit"]', "compat belongs to"),
        ('kind = "mau", above = 7', 'kind = "territory_excluded"', "places belong to territory_excluded"),
        ('kind = "mau", above = 7', 'kind = "nc", outputs = true', "belong to no_improve_other_models"),
        (", read = 2026-11-21", "", "license x: sources.0.read"),
        ('family = "x"', 'family = "x', "license x:"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_its_place(old: str, new: str, says: str) -> None:
    assert old in GOOD
    with pytest.raises(Malformed) as refused:
        parse("x", GOOD.replace(old, new))
    assert says in str(refused.value)


@pytest.mark.parametrize("license_id", ["", "X", "a b", "-x", "x/y", "é"])
def test_an_id_is_of_lower_case_and_digits(license_id: str) -> None:
    with pytest.raises(Malformed, match="is no license id"):
        parse(license_id, GOOD)


def test_what_licenses_name_of_each_other_is_there_and_no_word_means_two() -> None:
    shared = GOOD.replace("terms", "same_license") + 'compat = ["y"]\n'
    one, other = parse("x", GOOD + 'aka = ["y"]\n'), parse("y", GOOD)

    with pytest.raises(Malformed, match="license x names y, which is not here"):
        gathered({"x": parse("x", shared)})
    with pytest.raises(Malformed, match="license x: 'y' is not in lower case, or means y too"):
        gathered({"x": one, "y": other})
    with pytest.raises(Malformed, match="'Y' is not in lower case"):
        gathered({"x": parse("x", GOOD + 'aka = ["Y"]\n')})
    assert set(gathered({"x": parse("x", shared), "y": other})) == {"x", "y"}
