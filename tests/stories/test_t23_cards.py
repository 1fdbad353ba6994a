"""T23: a card says something else than was signed. Whoever asks is told, and nothing is flagged by it."""

from pathlib import Path

import pytest
from making import floats, write_model
from world import World

from lineage.dossier import dossier
from lineage.predicates import card, claims
from lineage.predicates import redaction as redactions
from lineage.predicates.claims import Claim, Parent
from lineage.standing import Clean
from registry.licensed import UseOut
from registry.local import Local
from registry.page import page
from registry.store import redaction, subjects
from registry.work import cards
from registry.work.add import Declared, add
from signing.errors import Forbidden, Malformed, Untrusted

CARD = "---\nbase_model: acme/base\nlicense: mit\n---\n# A model\n"
RECIPE = "merge_method: linear\nmodels:\n  - model: acme/base\n  - model: acme/other\n"


def folder(world: World, name: str, **files: str) -> Path:
    weights = {"norm": ("F32", (4,), floats([len(name), 2, 3, 4]))}
    made = write_model(world.folder / name, weights)
    for file, text in files.items():
        (made / file.replace("_", ".", 1)).write_text(text)
    return made


def kinds(world: World, artifact: str, size: int | None = None) -> list[tuple[str, str, str]]:
    return [(one.kind, one.source, one.value) for one in world.verdict(artifact, size).contradictions]


def test_t23_a_card_that_names_another_parent_and_license_is_told_and_flags_nothing(world: World) -> None:
    base = world.model(license="apache-2.0")
    made = folder(world, "card", README_md=CARD)
    said = Declared(license="apache-2.0", parents=[(base, "finetune")])
    artifact = add(world.home, made, said).description.artifact

    expected = [
        ("parent not signed", "README.md", "hf:acme/base"),
        ("parent not mentioned", "README.md", base),
        ("license differs", "README.md", "mit"),
    ]
    assert kinds(world, artifact) == expected
    assert world.standing(artifact) == Clean()
    local = Local(world.home.store, world.home.now)
    asked = local.license(artifact, UseOut())
    assert [one.kind for one in asked.contradictions] == [one[0] for one in expected]
    assert not any(one.kind.startswith("LIC-CARD") for one in asked.findings)
    with world.home.store.reading() as connection:
        value = dossier(subjects.pedigree(connection, artifact), dict.fromkeys(world.logged(), ("kennel",)))
    assert [one["kind"] for one in value["contradictions"]] == [one[0] for one in expected]
    assert "README.md gives the license mit" in page(value)
    world.check()


def test_t23_what_the_card_names_is_found_by_what_the_parent_is_called_here_or_upstream(world: World) -> None:
    base = world.model()
    made = folder(world, "card", README_md=CARD.replace("license: mit\n", ""))
    artifact = add(world.home, made, Declared(parents=[(base, "finetune")])).description.artifact
    before = world.size()
    assert [kind for kind, *_ in kinds(world, artifact)] == ["parent not signed", "parent not mentioned"]

    world.same(base, "hf:acme/base")

    assert kinds(world, artifact) == []
    assert len(kinds(world, artifact, before)) == 2, "as of then nobody had said so"
    world.check()


@pytest.mark.parametrize("by", ["publisher", "owner"])
def test_t23_what_others_claim_of_the_stub_that_it_is_said_to_be_is_held_against_it(world: World, by) -> None:
    artifact = world.model(license="apache-2.0")
    stub = "hf:acme/tuned"
    said = Claim(stub, (Parent("hf:acme/base", "finetune"),), "mit")
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, [said], world.time))
    assert kinds(world, artifact) == []

    world.same(artifact, stub, by)

    assert kinds(world, artifact) == [
        ("parent not signed", stub, "hf:acme/base"),
        ("license differs", stub, "mit"),
    ]
    assert kinds(world, stub) == [], "of a stub nothing is signed"
    world.check()


def test_t23_recipes_and_configs_among_the_files_are_read_and_other_files_say_nothing(world: World) -> None:
    made = folder(
        world,
        "recipe",
        mergekit_yaml=RECIPE,
        NOTES_md=CARD,
        other_yml="just: words\n",
    )
    found = add(world.home, made, Declared())

    assert kinds(world, found.description.artifact) == [
        ("parent not signed", "mergekit.yaml", "hf:acme/base"),
        ("parent not signed", "mergekit.yaml", "hf:acme/other"),
    ]
    again = add(world.home, made, Declared())
    assert [one.index for one in again.receipts] == [one.index for one in found.receipts]


def test_a_card_that_changes_while_it_is_read_is_no_file_of_the_artifact(world: World) -> None:
    made = folder(world, "card", README_md=CARD)
    manifest = add(world.home, made, Declared()).description.manifest
    (made / "README.md").write_text(CARD.replace("mit", "gpl"))

    with pytest.raises(Untrusted, match=r"README\.md was changed while it was read"):
        cards.statements(made, "sha256:" + "1" * 64, manifest)


def test_a_card_that_names_very_many_parents_keeps_no_folder_from_being_added(world: World) -> None:
    named = "".join(f"- acme/m{number}\n" for number in range(1001))
    made = folder(world, "many", README_md=f"---\nlicense: mit\nbase_model:\n{named}---\n")
    added = add(world.home, made, Declared())

    assert added.remarks == (
        "README.md names 1001 parents, more than the 1000 that are signed of one file, so nothing of it is",
    )
    assert kinds(world, added.description.artifact) == []
    world.check()


def test_a_card_is_its_publisher_s_and_says_something(world: World) -> None:
    artifact = world.model()
    said = card.statement(artifact, "README.md", ["hf:acme/base"], None)
    with pytest.raises(Forbidden, match="is for kennel, who registered it; it is signed by anna"):
        world.say(said, world.join("anna", "publisher"))
    for parents in ([], ["hf:acme/base", "hf:acme/base"]):
        with pytest.raises(Malformed, match="names a parent twice, or neither"):
            card.statement(artifact, "README.md", parents, None)
    world.check()


def test_t8_what_a_stolen_key_read_in_a_card_falls_with_it_and_an_order_takes_it_away(world: World) -> None:
    anna = world.join("anna", "publisher")
    artifact = world.artifact(key=anna)
    world.advance(10)
    world.say(card.statement(artifact, "README.md", ["hf:acme/base"], "mit"), anna)
    during = world.size()
    world.end(anna, world.time - 5)
    assert (kinds(world, artifact), len(kinds(world, artifact, during))) == ([], 2)

    mine = world.model()
    receipt = world.publish("publisher", card.statement(mine, "README.md", ["hf:acme/base"], None))[0]
    with world.home.store.reading() as connection:
        left = redaction.left(connection, receipt.index)
    world.publish("root", redactions.statement(receipt.entry, "order 17", left))
    assert kinds(world, mine) == []
    world.check()
