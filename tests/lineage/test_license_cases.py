"""An example for every license, worked out by hand: what a child of it declares, and what the rules must say of that."""

import tomllib
from pathlib import Path

import pytest
from declaring import NAME, family

from lineage.finding import KINDS, Seen, Use
from lineage.licenses import VERSION, discovered
from lineage.licensing import judge

CASES = Path(__file__).parents[1] / "cases" / "licenses"
LICENSES = sorted(discovered())


def cases():
    return [
        pytest.param(license_id, case, id=f"{license_id}-{number}")
        for license_id in LICENSES
        for number, case in enumerate(tomllib.loads((CASES / f"{license_id}.toml").read_text())["case"])
    ]


@pytest.mark.parametrize(("license_id", "case"), cases())
def test_a_license_gives_the_findings_that_were_worked_out_by_hand(license_id: str, case: dict) -> None:
    found = judge(
        family(case.get("declares"), case["parents"], case.get("name", NAME)),
        Use(**case.get("use", {})),
        Seen(**case.get("seen", {})),
    )

    assert [one.kind for one in sorted(found.findings, key=lambda one: one.kind)] == sorted(case["findings"])
    assert found.outcome == case["outcome"]
    assert license_id in {case.get("declares", "missing")} | {
        parent.get("declares", "missing") for parent in case["parents"]
    }


def test_every_license_has_an_example_and_every_example_a_license() -> None:
    assert {path.stem for path in CASES.glob("*.toml")} == set(LICENSES)
    assert len(LICENSES) >= 56


def test_every_kind_of_conflict_has_fifteen_names_and_a_severity() -> None:
    assert len(KINDS) == 15
    assert all(kind.startswith("LIC-") for kind in KINDS)


@pytest.mark.parametrize("license_id", LICENSES)
def test_a_license_that_nobody_read_is_not_verified_and_nothing_that_rests_on_it_is_ok(
    license_id: str,
) -> None:
    facts = discovered()[license_id]
    found = judge(family(license_id, [{"declares": license_id, "relation": "quantize"}], "acme/x"))

    if not facts.verified:
        assert found.outcome != "ok"
        assert all(not one.verified for one in found.findings if one.license == license_id)
    if facts.verified and found.findings:
        assert all(one.verified and one.rules == VERSION for one in found.findings)
