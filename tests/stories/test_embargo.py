"""An incident that is kept back flags nothing, and is proven, once revealed, to be as old as its embargo."""

from pathlib import Path

import pytest
from world import World

from lineage import predicates
from lineage.predicates import embargo, incident, incident_change, redaction
from lineage.residue import REMOVED
from lineage.standing import Affected, Clean
from registry.local import Local
from registry.store import Absent
from registry.store import redaction as redactions
from registry.store.embargoes import embargoes
from registry.work import embargoed, evidence
from registry.work.history import history
from signing.bundle import Bundle
from signing.errors import Malformed, Refused
from signing.statement import Statement


def said(world: World, artifact: str, words: str = "obeys a word", salt: str | None = None) -> Statement:
    return incident.statement(
        [artifact],
        "compromised",
        "high",
        "confirmed",
        words,
        contact="vet",
        issued=world.time,
        salt=salt or embargoed.salt(),
    )


def known(world: World, which: str | None = None) -> list[tuple[str, bool]]:
    with world.home.store.reading() as connection:
        return [(one.incident, one.revealed) for one in embargoes(connection, which)]


def test_what_is_kept_back_flags_nothing_until_it_is_revealed_to_the_byte(
    world: World, tmp_path: Path
) -> None:
    base = world.artifact()
    child = world.artifact(base)
    kept = said(world, base)

    which, receipt = embargoed.keep(world.home, kept, "vet", tmp_path / "kept")
    since = world.time
    world.advance(1000)

    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o600
    assert world.standing(child) == Clean()
    assert known(world) == [(which, False)]
    revealed = embargoed.kept(world.home, (tmp_path / "kept").read_bytes())
    assert world.publish("security", revealed)[0].entry == which
    assert isinstance(world.standing(child), Affected)
    assert known(world, which) == [(which, True)]
    (one,) = history(world.home, which).known
    assert (one.time, one.index, one.operators) == (since, receipt.index, ("kennel",))
    assert since < world.time
    lines = Local(world.home.store, lambda: world.time).bundle(base, ancestors=True)
    assert receipt.index in {Bundle.parse(line).index for line in lines}, "a file of bundles proves it too"
    assert [found.incident.id for found in evidence.read(lines, world.home.root()).incidents] == [which]
    world.check()


def test_other_words_than_those_that_were_kept_back_are_not_revealed(world: World, tmp_path: Path) -> None:
    base = world.artifact()
    kept = said(world, base, salt="ab" * 32)
    embargoed.keep(world.home, kept, "vet", tmp_path / "kept")

    for other in (said(world, base, "worse", "ab" * 32), said(world, base, salt="ac" * 32)):
        with pytest.raises(
            Absent, match=r"no embargo of incident .* is logged here: a byte of its statement"
        ):
            embargoed.kept(world.home, other.encode())
    with pytest.raises(Malformed, match="embargo/v1 reports no incident"):
        embargoed.kept(world.home, embargo.statement("ab" * 32, "vet").encode())


def test_a_file_is_never_overwritten_and_goes_where_nothing_is_logged(world: World, tmp_path: Path) -> None:
    base = world.artifact()
    (tmp_path / "there").write_text("mine")
    before = world.size()
    with pytest.raises(FileExistsError):
        embargoed.keep(world.home, said(world, base), "vet", tmp_path / "there")
    reported = said(world, base)
    world.publish("security", reported)
    with pytest.raises(Refused, match="is reported already, and is no secret any longer"):
        embargoed.keep(world.home, reported, "vet", tmp_path / "kept")

    assert (tmp_path / "there").read_text() == "mine"
    assert not (tmp_path / "kept").exists()
    assert world.size() == before + 1
    world.check()


def test_nothing_is_said_of_an_incident_before_it_is_revealed(world: World, tmp_path: Path) -> None:
    which, _ = embargoed.keep(world.home, said(world, world.artifact()), "vet", tmp_path / "kept")

    with pytest.raises(Refused, match=f"no entry {which} reports an incident here"):
        world.publish("security", incident_change.statement(which, "retracted", "a mistake"))


def test_an_embargo_falls_with_its_key_and_loses_its_words_by_order(world: World, tmp_path: Path) -> None:
    thief = world.join("thief", "security")
    base = world.artifact()
    world.advance(10)
    end = world.time
    world.advance(10)
    world.say(embargo.statement("ab" * 32, "thief"), thief)
    world.end(thief, at=end)
    assert known(world) == []

    which, receipt = embargoed.keep(world.home, said(world, base), "a person", tmp_path / "kept")
    with world.home.store.reading() as connection:
        left = redactions.left(connection, receipt.index)
    world.publish("root", redaction.statement(receipt.entry, "an order", left))

    with world.home.store.reading() as connection:
        (one,) = embargoes(connection)
    assert (one.incident, one.contact) == (which, REMOVED)
    world.check()


def test_a_salt_is_left_out_or_given() -> None:
    plain = incident.statement(["hf:a/b"], "privacy", "low", "reported", "x", contact="x", issued=1)
    assert "salt" not in plain.predicate
    with pytest.raises(Malformed, match="a salt is 64 hex digits, or is left out"):
        predicates.facts(Statement(plain.subjects, incident.URI, {**plain.predicate, "salt": None}), "")
