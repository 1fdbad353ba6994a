"""Proposing a license: what the result of a recipe may declare, what a merge then writes down, and that the two agree."""

from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from refusals import problem
from world import World

from registry import afar, site
from registry.app import create
from registry.cli.session import out
from registry.client import Remote
from registry.work.chain import links
from registry.work.terms import RECIPE_LIMIT, answer
from signing.errors import Untrusted

RECIPE = """\
merge_method: linear
models:
  - {{model: {0}, parameters: {{weight: 0.5}}}}
  - {{model: {1}, parameters: {{weight: 0.5}}}}
dtype: float32
{2}"""


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal wide enough for every cell, whatever the tests run in."""
    monkeypatch.setattr(out, "_width", 250)


def recipe(world: World, terminal, *licenses: str | None, more: str = "") -> None:
    """Write a recipe over two models that declare these licenses."""
    terminal.home = world.home.path
    models = [world.model(name=f"kennel/m{n}", license=one) for n, one in enumerate(licenses)]
    (terminal.folder / "recipe.yaml").write_text(RECIPE.format(*models, more))


def test_what_is_proposed_is_what_a_merge_declares_shows_and_is_judged_by(world: World, terminal) -> None:
    recipe(world, terminal, "llama3", "llama3")

    found = terminal.holds("license", "propose", "recipe.yaml", "--name", "kennel/Llama-3-x")
    assert (found["license"], found["outcome"], found["declared"]) == ("llama3", "ok", False)
    assert [one["texts"] for one in found["prefixes"]] == [["Llama 3"]]
    assert [one["license"] for one in found["files"]] == ["llama3"]
    assert {one["duty"] for one in found["duties"]} == {"display", "notice_text", "aup"}

    merged = terminal.holds("merge", "recipe.yaml", "--out", "both", "--name", "kennel/Llama-3-x")
    assert merged["recipe"] == found["recipe"]
    assert "license llama3, which every input declares" in merged["notes"]
    card = (terminal.folder / "both" / "README.md").read_text()
    assert "\nlicense: llama3\n" in card
    for notice in found["notices"]:
        assert f"\n{notice}\n" in card
    judged = terminal.holds("license", "kennel/Llama-3-x", "--card", "both/README.md")
    assert judged["outcome"] == "ok"
    assert terminal("rebuild", "kennel/Llama-3-x").code == 0
    world.check()


def test_people_are_told_the_license_its_alternatives_and_what_goes_along(world: World, terminal) -> None:
    recipe(world, terminal, "llama3", "apache-2.0")
    said = terminal("license", "propose", "recipe.yaml")

    # Weights of llama3 may not improve a model outside its family, whatever is declared.
    assert said.code == 1
    assert said.out.startswith("none  proposed  conflict  recipe sha256:")
    assert "none can be carried: whatever is declared contradicts something" in said.out
    assert "LIC-IMPROVE-OTHER high: merge brings kennel/m0 into the result, beside kennel/m1" in said.out
    assert "by way of kennel/m0 → the result" in said.out
    assert "its name begins with 'Llama 3': llama3, inherited from kennel/m0" in said.out
    assert "its card shows 'Built with Meta Llama 3'" in said.out
    assert "ship the text of the license: apache-2.0, inherited from kennel/m1" in said.out
    assert "owed: aup: llama3, inherited from kennel/m0" in said.out
    assert "Not legal advice" in said.out


def test_a_merge_of_what_goes_together_declares_the_wider_license(world: World, terminal) -> None:
    recipe(world, terminal, "apache-2.0", "gpl-3.0")

    assert terminal.holds("license", "propose", "recipe.yaml")["license"] == "gpl-3.0"
    merged = terminal.holds("merge", "recipe.yaml", "--out", "both")
    assert "license gpl-3.0, since its inputs say apache-2.0, gpl-3.0" in merged["notes"]
    assert terminal.holds("license", merged["artifact"])["outcome"] == "ok"


def test_a_merge_that_can_carry_none_declares_none_and_says_why(world: World, terminal) -> None:
    recipe(world, terminal, "cc-by-nc-sa-4.0", "gpl-3.0")

    said = terminal("merge", "recipe.yaml", "--out", "both")
    assert said.code == 0, said
    assert "the result declares no license, since its inputs say cc-by-nc-sa-4.0, gpl-3.0, and" in said.err
    assert "each want the whole under themselves; add `license:` to the recipe" in said.err
    assert "license:" not in (terminal.folder / "both" / "README.md").read_text().partition("---\n\n")[0]


def test_of_unknown_parents_nothing_is_proposed(world: World, terminal) -> None:
    recipe(world, terminal, "mit", None)

    said = terminal("license", "propose", "recipe.yaml")
    assert said.code == 1
    assert "none is proposed, since not everything above is known" in said.out
    assert "LIC-UNKNOWN medium: kennel/m1 declares no license" in said.out
    machine = terminal("license", "propose", "recipe.yaml", "--json")
    assert (machine.json["license"], machine.json["outcome"]) == (None, "unknown")


def test_terms_that_nobody_read_are_proposed_with_that_reserve(world: World, terminal) -> None:
    recipe(world, terminal, "intel-research", "intel-research")

    said = terminal("license", "propose", "recipe.yaml")
    assert said.code == 1
    assert said.out.startswith("intel-research  proposed  needs review")
    assert "read the text: what intel-research asks is remembered, not read" in said.out
    merged = terminal.holds("merge", "recipe.yaml", "--out", "both")
    note = "license intel-research, which every input declares; `studbook license propose` says what is to be reviewed"
    assert note in merged["notes"]


def test_what_is_unknown_and_the_same_everywhere_is_passed_on_with_that_reserve(
    world: World, terminal
) -> None:
    recipe(world, terminal, "of-my-own", "of-my-own")

    merged = terminal.holds("merge", "recipe.yaml", "--out", "both")
    note = "license of-my-own, which every input declares; not everything above is known, so it may not be enough"
    assert note in merged["notes"]


def test_a_license_that_the_recipe_names_is_kept_and_held_against_its_inputs(world: World, terminal) -> None:
    recipe(world, terminal, "gpl-3.0", "gpl-3.0", more="license: mit\n")

    said = terminal("license", "propose", "recipe.yaml")
    assert said.code == 1
    assert said.out.startswith("mit  declared by the recipe  conflict")
    merged = terminal("merge", "recipe.yaml", "--out", "both")
    assert merged.code == 0
    assert "note: license mit contradicts what the inputs ask: the result declares mit" in merged.err
    assert "license: mit" in (terminal.folder / "both" / "README.md").read_text()


def test_a_name_that_may_not_be_is_said_before_the_merge(world: World, terminal) -> None:
    recipe(world, terminal, "llama3", "llama3")

    said = terminal("license", "propose", "recipe.yaml", "--name", "kennel/x")
    assert said.code == 1
    assert "LIC-NAME-PREFIX medium: kennel/x does not begin with 'Llama 3'" in said.out


def test_of_a_chain_the_first_document_that_is_not_made_is_asked_about(world: World, terminal) -> None:
    recipe(world, terminal, "mit", "mit")
    single = (terminal.folder / "recipe.yaml").read_text()
    second = RECIPE.format("kennel/m0", "half", "")
    (terminal.folder / "chain.yaml").write_text(f"name: half\n{single}---\n{second}")

    first = terminal("license", "propose", "chain.yaml", "--out", "whole")
    assert first.code == 0, first
    assert "note: this is about whole.half, the first document that is not merged yet" in first.err
    assert terminal("merge", "chain.yaml", "--out", "whole").code == 0
    last = terminal("license", "propose", "chain.yaml", "--out", "whole")
    assert (last.code, "note:" in last.err) == (0, False)


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("models: [", 2, "line 1, column 10"),
        ("merge_method: linear\nmodels:\n  - {model: no/where}\n", 2, "no/where"),
    ],
)
def test_what_is_no_recipe_is_refused(world: World, terminal, text: str, code: int, says: str) -> None:
    terminal.home = world.home.path
    (terminal.folder / "recipe.yaml").write_text(text)
    terminal.refuses(("license", "propose", "recipe.yaml"), code, (says,))
    terminal.refuses(("license", "propose", "nowhere.yaml"), 2, ("nowhere.yaml",))


def test_license_asks_about_an_artifact_unless_the_first_word_is_a_command(world: World, terminal) -> None:
    terminal.home = world.home.path
    world.model(name="kennel/base", license="mit")

    asked = terminal("license", "kennel/base", "--json")
    assert asked.json == terminal("license", "--json", "kennel/base").json
    assert asked.json == terminal("license", "ask", "kennel/base", "--json").json
    helped = terminal("license", "--help")
    assert (helped.code, "propose" in helped.out, "ask" in helped.out) == (0, True, True)
    terminal.refuses(("license", "kennel/none"), 2, ("kennel/none",))


def test_the_card_that_is_written_is_the_one_that_the_merge_writes(world: World, terminal) -> None:
    recipe(world, terminal, "llama3", "llama3")
    propose = ("license", "propose", "recipe.yaml", "--card", "card.md")
    assert terminal(*propose).code == 0
    terminal.refuses(propose, 2, ("card.md: File exists",))

    assert terminal("merge", "recipe.yaml", "--out", "both").code == 0
    assert (terminal.folder / "card.md").read_bytes() == (terminal.folder / "both" / "README.md").read_bytes()


@pytest.fixture
def api(world: World, monkeypatch: pytest.MonkeyPatch):
    with TestClient(create(world.home), base_url=URL) as served:
        monkeypatch.setattr(site.httpx, "Client", lambda **_: served)
        yield served


@pytest.mark.usefixtures("api")
def test_a_registry_proposes_the_same_and_its_card_is_the_same(world: World, terminal) -> None:
    recipe(world, terminal, "llama3", "llama3")
    (terminal.folder / "recipe.yaml").write_text(RECIPE.format("kennel/m0", "kennel/m1", ""))
    words = ("license", "propose", "recipe.yaml", "--name", "kennel/Llama-3-x", "--json", "--card")

    here, there = terminal(*words, "here.md"), terminal(*words, "there.md", "--registry", URL)
    assert (here.code, there.code) == (0, 0), there
    # Before it stands what the server in this process logs.
    assert there.out.splitlines()[-1] == here.out.strip()
    assert (terminal.folder / "there.md").read_bytes() == (terminal.folder / "here.md").read_bytes()

    chain = (terminal.folder / "recipe.yaml").read_text()
    (terminal.folder / "chain.yaml").write_text(
        f"name: half\n{chain}---\n{RECIPE.format('kennel/m0', 'half', '')}"
    )
    asked = ("license", "propose", "chain.yaml", "--registry", URL)
    refused = terminal(*asked)
    assert (refused.code, "holds 2 documents" in refused.err) == (2, True)
    (terminal.folder / "odd.yaml").write_text(RECIPE.format("kennel/m0", "kennel/none", ""))
    refused = terminal("license", "propose", "odd.yaml", "--registry", URL)
    assert (refused.code, "kennel/none" in refused.err) == (2, True)


def test_over_http_what_is_no_recipe_and_what_is_not_here_is_a_problem(world: World, terminal, api) -> None:
    recipe(world, terminal, "mit", "mit")
    asked = terminal("license", "propose", "recipe.yaml", "--json", "--registry", URL)
    assert '"license":"mit"' in asked.out
    for body, kind, says, status in (
        (b"{", "malformed", "no", 400),
        (b"[]", "malformed", "recipe", 422),
        (b'{"merge_method": "linear"}', "malformed", "recipe", 422),
        (b" " * (RECIPE_LIMIT + 1), "too-large", "at most", 413),
    ):
        problem(api.post("/license-proposals", content=body), kind, says, status)
    problem(api.post("/license-proposals?name=x", content=b"{}"), "malformed", "name")


@pytest.mark.usefixtures("api")
def test_a_registry_that_holds_no_weights_knows_what_a_tokenizer_s_donor_asks(world: World, terminal) -> None:
    terminal.home = world.home.path
    one, two, donor = (world.artifact() for _ in range(3))
    for artifact, word in ((one, "mit"), (two, "mit"), (donor, "gemma")):
        world.license(artifact, word)
    text = RECIPE.format(one, two, f"tokenizer: {{source: {donor!r}}}\n")
    (terminal.folder / "recipe.yaml").write_text(text)

    said = terminal("license", "propose", "recipe.yaml", "--json", "--registry", URL)
    assert (said.code, '"license":"gemma"' in said.out.splitlines()[-1]) == (0, True), said


def test_a_registry_that_answers_about_another_recipe_or_name_is_refused(
    world: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe(world, terminal, "mit", "mit")
    raw = (terminal.folder / "recipe.yaml").read_bytes()
    (asked,) = (link.prepared.recipe for link in links(world.home, raw, Path("x")))
    told = answer(world.home, asked, None).model_dump(mode="json")
    others = ({"recipe": f"sha256:{'0' * 64}"}, {"name": "kennel/other"})
    clients = [
        httpx.Client(
            transport=httpx.MockTransport(lambda _, other=other: httpx.Response(200, json=told | other)),
            base_url=URL,
        )
        for other in others
    ]
    for other, client in zip(others, clients, strict=True):
        monkeypatch.setattr(site.httpx, "Client", lambda client=client, **_: client)
        with pytest.raises(Untrusted, match=next(iter(other))):
            afar.proposal(Remote(URL), asked, None)
