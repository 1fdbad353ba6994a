"""Owners as they are typed: who, what, by which way, and the message to send."""

import pytest
from fastapi.testclient import TestClient
from world import OPERATOR, World

from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from registry import afar
from registry.app import create
from registry.client import Remote
from signing.errors import Malformed, Untrusted


@pytest.fixture
def hit(terminal, tmp_path):
    """A base, a tune of it and a stub that is claimed to be another, with an incident on the base."""
    world = World(tmp_path / "hit")
    base = world.model(name="kennel/base")
    tuned = world.model(base, name="kennel/tuned")
    said = [Claim("hf:org/Child", (Parent(base, "finetune"),), None)]
    world.publish("publisher", claims.statement("cards.jsonl", "a" * 64, said, 1))
    incident = world.report(base, "compromised")
    terminal.home = world.home.path
    return world, {"base": base, "tuned": tuned, "incident": incident}


def test_owners_are_shown_with_what_is_theirs_and_how_it_is_reached(terminal, hit) -> None:
    _, made = hit
    value = terminal.holds("incident", "owners", made["incident"][:12])

    assert [(one["operator"], len(one["artifacts"])) for one in value["owners"]] == [(OPERATOR, 2)]
    assert [one["artifact"] for one in value["unowned"]] == ["hf:org/Child"]
    said = terminal("incident", "owners", made["incident"]).out
    assert "reaches 3 artifacts of 1 operator" in said
    assert "kennel/base → kennel/tuned" in said
    assert "nobody to tell about 1 artifact that nobody registered here" in said
    assert f"as of {value['as_of']} log entries" in said


def test_a_message_is_printed_as_it_can_be_sent(terminal, hit) -> None:
    _, made = hit
    said = terminal("incident", "owners", made["incident"], "--message", OPERATOR, columns=40)

    value = terminal.holds("incident", "owners", made["incident"], "--message", OPERATOR)

    assert value == {"operator": OPERATOR, "message": said.out}
    assert f"    {made['tuned']}\n    by way of kennel/base → kennel/tuned\n" in said.out
    assert "2 artifacts of yours" in said.out


def test_what_it_cannot_say_it_refuses(terminal, hit) -> None:
    _, made = hit
    terminal.refuses(("incident", "owners", "x"), 2, ("'x' is no incident",))
    terminal.refuses(("incident", "owners", "0" * 64), 2, ("was reported",))
    terminal.refuses(
        ("incident", "owners", made["incident"], "--message", "vet"),
        2,
        (f"{OPERATOR} did", "vet registered nothing"),
    )


@pytest.fixture
def remote(hit, monkeypatch):
    """The world, asked through the remote client, and what its answer is turned into before it arrives."""
    world, _ = hit
    with TestClient(create(world.home)) as api:
        asked = Remote("http://127.0.0.1:1")
        monkeypatch.setattr(asked.site, "request", lambda _, path, *_rest: changed(api.get(path).content))
        changes = []

        def changed(raw: bytes) -> bytes:
            for old, new in changes:
                raw = raw.replace(old, new)
            return raw

        yield asked, changes


def test_a_registry_says_the_same_and_is_not_believed_about_something_else(terminal, hit, remote) -> None:
    _, made = hit
    asked, changes = remote
    assert afar.owners(asked, made["incident"]).model_dump(mode="json") == terminal.holds(
        "incident", "owners", made["incident"]
    )

    changes[:] = [(b"confirmed", b"closed")]
    with pytest.raises(Malformed, match="'closed' is no stage"):
        afar.owners(asked, made["incident"])
    changes[:] = [(made["incident"].encode(), b"0" * 64)]
    with pytest.raises(Untrusted, match="answered about incident 0000"):
        afar.owners(asked, made["incident"])
    changes[:] = [(b'"artifact":"hf:org/Child"', b'"artifact":"hf:org/Other"')]
    with pytest.raises(Malformed, match="the way to hf:org/Other ends at hf:org/Child"):
        afar.owners(asked, made["incident"])
    changes[:] = [(b'"via":["' + made["base"].encode() + b'","hf:org/Child"', b'"via":["hf:org/Child"')]
    with pytest.raises(Malformed, match="begins at hf:org/Child, which is not named"):
        afar.owners(asked, made["incident"])


def test_over_http_an_incident_has_owners_and_a_stranger_is_absent(hit) -> None:
    world, made = hit
    with TestClient(create(world.home)) as api:
        assert api.get(f"/incidents/{made['incident']}/owners").json()["complete"]
        wrong = api.get(f"/incidents/{'0' * 64}/owners")
    assert (wrong.status_code, wrong.headers["content-type"]) == (404, "application/problem+json")
