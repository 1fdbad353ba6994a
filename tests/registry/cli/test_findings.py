"""Each of the fifteen kinds of findings comes of a command that people type."""

import pytest
from world import World

from lineage.finding import KINDS
from registry.cli.session import out

# What the parents declare and how it was made of them, what it declares, what is asked of it.
CASES = {
    "LIC-PERMISSIVE-OVER": ([("gemma", "finetune")], "apache-2.0", ()),
    "LIC-NC-COMMERCIAL": ([("cc-by-nc-4.0", "finetune")], "cc-by-nc-4.0", ("--use", "commercial")),
    "LIC-ND-DERIVED": ([("cc-by-nd-4.0", "quantize")], "cc-by-nd-4.0", ()),
    "LIC-COPYLEFT-CLASH": ([("cc-by-nc-sa-4.0", "merge"), ("gpl-3.0", "merge")], "gpl-3.0", ()),
    "LIC-EXTRA-RESTRICT": ([("gpl-3.0", "merge"), ("gemma", "merge")], "gpl-3.0", ()),
    "LIC-COPYLEFT-DROP": ([("gpl-3.0", "finetune")], "mit", ()),
    "LIC-NAME-PREFIX": ([("llama3.1", "finetune")], "llama3.1", ()),
    "LIC-DISPLAY-MISSING": ([("llama3.1", "finetune")], "llama3.1", ("--card", "card.md")),
    "LIC-IMPROVE-OTHER": ([("llama2", "distill")], "mit", ()),
    "LIC-THRESHOLD": ([("llama3.1", "finetune")], "llama3.1", ("--mau", "1e9")),
    "LIC-TERRITORY": (
        [("tencent-hunyuan-community", "finetune")],
        "tencent-hunyuan-community",
        ("--territory", "de"),
    ),
    "LIC-UNKNOWN": ([("of-my-own", "finetune")], "mit", ()),
    "LIC-GATED-BYPASS": ([("gemma", "finetune")], "gemma", ("--ungated",)),
    "LIC-CHANGED": ([("mit", "finetune"), ("isc", "finetune")], "mit", ()),
    "LIC-ANCESTOR-GONE": ([("mit", "finetune")], "mit", ("--gone", "{0}")),
}


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal wide enough for every cell, whatever the tests run in."""
    monkeypatch.setattr(out, "_width", 250)


def test_every_kind_of_finding_comes_of_a_command(world: World, terminal) -> None:
    terminal.home = world.home.path
    (terminal.folder / "card.md").write_text("A model.")
    world.decide(shut=False)
    assert CASES.keys() == KINDS.keys()
    for number, (kind, (parents, declares, options)) in enumerate(CASES.items()):
        made = [world.artifact() for _ in parents]
        for one, (license_id, _) in zip(made, parents, strict=True):
            world.license(one, license_id)
        child = world.artifact()
        for one, (_, relation) in zip(made, parents, strict=True):
            world.derive(child, one, relation=relation)
        world.license(child, declares)
        world.bind(f"kennel/mine-{number}", child)
        if kind == "LIC-CHANGED":
            world.advance(1)
            world.license(made[1], "mit")

        said = terminal("license", child, *(one.format(*made) for one in options))
        assert f"  {kind} {KINDS[kind][0]}: " in said.out, said


def test_an_ancestor_is_gone_by_the_word_of_whoever_looked_or_by_an_incident(world: World, terminal) -> None:
    terminal.home = world.home.path
    base = world.artifact()
    world.bind("kennel/base", base)
    world.license(base, "mit")
    child = world.artifact(base, "hf:acme/up")
    world.license(child, "mit")

    assert "LIC-ANCESTOR-GONE: nobody looked upstream" in terminal("license", child).out
    assert "ANCESTOR-GONE" not in terminal("license", child, "--none-gone").out
    looked = terminal("license", child, "--gone", "hf:acme/up").out
    assert "LIC-ANCESTOR-GONE info: hf:acme/up is gone upstream; what is known" in looked
    terminal.refuses(("license", base, "--gone", child), 2, ("is nothing that", "is made of"))
    terminal.refuses(("license", child, "--gone", child), 2, ("no ancestor that is gone",))
    terminal.refuses(("license", child, "--gone", base, "--none-gone"), 2, ("all of it is there",))

    withdrawn = world.report(base, "withdrawn", stage="reported")
    found = terminal("license", child, "--json").json
    gone = [one for one in found["findings"] if one["kind"] == "LIC-ANCESTOR-GONE"]
    assert [(one["origin"], one["decides"]) for one in gone] == [(base, "nothing")]
    assert gone[0]["sentence"].startswith(f"kennel/base is withdrawn, says incident {withdrawn[:12]}")
    assert "ANCESTOR-GONE info" not in terminal("license", base).out, "it is no ancestor of itself"
    world.retract(withdrawn)
    assert "LIC-ANCESTOR-GONE info" not in terminal("license", child).out
    world.check()
