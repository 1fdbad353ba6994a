"""A remedy as it is typed: planned, run, run again, and shown by what it superseded."""

import shutil

import pytest
from making import floats, write_model

RECIPE = """\
merge_method: linear
models:
  - {model: kennel/both, parameters: {weight: 0.5}}
  - {model: kennel/spare, parameters: {weight: 0.5}}
dtype: float32
"""


@pytest.fixture
def litter(terminal, kennel):
    """The kennel with a second generation, and an incident on one of the first's parents."""
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True, dirs_exist_ok=True)
    for name in ("base", "one", "two", "spare"):
        terminal.holds("add", name, "--name", f"kennel/{name}")
    shutil.rmtree(terminal.folder / "both")
    terminal.holds("merge", "recipe.yaml", "--out", "both", "--name", "kennel/both")
    (terminal.folder / "second.yaml").write_text(RECIPE)
    terminal.holds("merge", "second.yaml", "--out", "second", "--name", "kennel/second")
    reported = terminal.holds(
        "incident", "report", "kennel/one", "--kind", "data-poisoned", "--summary", "bad"
    )
    return terminal, reported["incident"]


def test_a_plan_names_levels_and_what_is_dropped(litter) -> None:
    terminal, incident = litter

    value = terminal.holds("remedy", "plan", incident[:12])

    assert [one["level"] for one in value["rebuilds"]] == [0, 1]
    assert value["stuck"] == []
    said = terminal("remedy", "plan", incident).out
    assert "2 artifacts can be made again, 0 cannot" in said
    for word in ("kennel/both", "kennel/second", "kennel/one", "linear"):
        assert word in said
    before = terminal.state()
    terminal.holds("remedy", "plan", incident)
    assert terminal.state() == before, "a plan changes nothing"


def test_run_makes_them_and_shows_what_supersedes_what(litter) -> None:
    terminal, incident = litter

    said = terminal("remedy", "run", incident, "--out", "healed")

    assert said.code == 0, said
    assert "2 artifacts corrected, and none descends from kennel/one any more" in said.out
    again = terminal.holds("remedy", "run", incident, "--out", "healed")
    assert [one["folder"] for one in again["corrected"]] == [None, None]
    old = terminal("status", "kennel/both")
    new = {one["earlier"]: one["artifact"] for one in again["corrected"]}
    value = terminal.holds("show", "kennel/both")
    assert f"superseded by {new[value['artifact']]}" in old.out
    assert old.code == 1
    assert "superseded by" in terminal("show", "kennel/both").out
    corrected = new[value["artifact"]]
    assert "supersedes" in terminal("show", corrected).out
    assert terminal("status", corrected).code == 0
    assert terminal("log", "fsck").code == 0


def test_a_tune_that_replaces_the_bad_one_stands_in_its_place(litter) -> None:
    terminal, incident = litter
    write_model(
        terminal.folder / "new", {"layers.0.weight": ("F32", (4, 4), floats([i / 4 for i in range(16)]))}
    )
    terminal.holds("add", "new", "--name", "kennel/new", "--license", "mit", "--base", "kennel/base")

    value = terminal.holds("remedy", "run", incident, "--out", "healed", "--replace", "kennel/one=kennel/new")

    (first, _) = value["corrected"]
    parents = {one["parent"] for one in terminal.holds("show", first["artifact"])["parents"]}
    assert terminal.holds("show", "kennel/new")["artifact"] in parents


def test_what_cannot_be_made_again_is_named_and_ends_with_1(litter) -> None:
    terminal, incident = litter
    write_model(terminal.folder / "tuned", {"layers.0.weight": ("F32", (4, 4), floats(range(16)))})
    terminal.holds("add", "tuned", "--name", "kennel/tuned", "--base", "kennel/second")

    plan = terminal("remedy", "plan", incident)
    run = terminal("remedy", "run", incident, "--out", "healed")

    assert (plan.code, run.code) == (1, 1)
    for said in (plan, run):
        assert "not made again kennel/tuned: it was made elsewhere (finetune)" in said.out
    assert "2 artifacts corrected" in run.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--replace", "kennel/one"), "write OLD=NEW"),
        (
            ("--replace", "kennel/one=kennel/two", "--replace", "kennel/one=kennel/spare"),
            "in the place of kennel/one",
        ),
        (("--replace", "kennel/one=kennel/both"), "cannot stand in the place of"),
        (("--drop", "kennel/two"), "is not affected by incident"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(litter, words, sentence) -> None:
    terminal, incident = litter
    terminal.refuses(("remedy", "plan", incident, *words), 2, (sentence,))
    terminal.refuses(("remedy", "run", incident, "--out", "healed", *words), 2, (sentence,))
    terminal.refuses(("remedy", "plan", "0" * 12), 2, ("no incident '000000000000' was reported",))
