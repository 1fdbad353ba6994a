"""What the pages point at is there: links, modules, paths, and the tests that hold a threat."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")], key=str
)
TREES = "deploy|docs|lineage|merger|migrations|registry|signing|tests"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(rf"(?:{TREES})(?:/[\w.-]+)*/?")
MODULE = re.compile(r"(?:signing|merger|lineage|registry)(?:\.\w+)+")
ADR = re.compile(r"\d{4}-[a-z0-9]+(-[a-z0-9]+)*\.md")


@pytest.fixture(params=PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def page(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_relative_links_lead_somewhere(page):
    lost = [
        link
        for link in LINK.findall(page.read_text())
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert lost == []


def test_paths_and_modules_that_are_named_exist(page):
    spans = SPAN.findall(page.read_text())
    paths = [one for one in spans if PATH.fullmatch(one) and "/" in one]
    assert [one for one in paths if not (ROOT / one).exists()] == []
    assert [one for one in spans if MODULE.fullmatch(one) and not _found(one)] == []


def _found(name: str) -> bool:
    """Tell whether a dotted name is a module, or is defined in one."""
    if find_spec(name.partition(".")[0]) is None:
        return False
    path = ROOT / Path(*name.split("."))
    if path.is_dir() or path.with_suffix(".py").is_file():
        return True
    above = (
        path.parent.with_suffix(".py")
        if path.parent.with_suffix(".py").is_file()
        else path.parent / "__init__.py"
    )
    return above.is_file() and re.search(rf"\b{path.name}\b", above.read_text()) is not None


def test_no_page_says_where_it_was_written(page):
    assert re.search(r"/(?:work|tmp)/|\.\./shared", page.read_text()) is None


def threats() -> dict[str, str]:
    """Return the rows of the threat model's tables by threat."""
    text = (ROOT / "docs" / "threat-model.md").read_text()
    return {row[1]: row[0] for row in re.finditer(r"^\| (T\d+) .*$", text, re.MULTILINE)}


def defined() -> set[str]:
    found = (re.findall(r"def (test_\w+)", path.read_text()) for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for names in found for name in names}


def test_the_threat_model_covers_all_threats():
    assert sorted(threats(), key=lambda one: int(one[1:])) == [f"T{n}" for n in range(1, 33)]


def test_the_tests_that_the_threat_model_names_exist():
    named = {name for row in threats().values() for name in re.findall(r"`(test_\w+)`", row)}
    assert named - defined() == set()


def test_a_threat_that_has_tests_names_one_of_them():
    rows = threats()
    tested = {f"T{found[1]}" for name in defined() if (found := re.match(r"test_t(\d+)_", name))}
    assert [one for one in sorted(tested) if f"`test_t{one[1:]}_" not in rows[one]] == []


@pytest.mark.parametrize("adr", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_is_short_and_says_its_status(adr):
    lines = adr.read_text().splitlines()
    assert ADR.fullmatch(adr.name)
    assert lines[0].startswith(f"# {adr.name[:4]} ")
    assert len(lines) <= 40
    assert all(f"## {part}" in lines for part in ("Decision", "Why", "Consequences"))
