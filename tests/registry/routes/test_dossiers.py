"""Dossiers over HTTP, and as somebody elsewhere signs what a registry tells."""

import pytest
from auditing import Held
from fastapi.testclient import TestClient
from rebuilding import supply
from world import World

from registry import afar
from registry.client import Remote
from registry.dossier import DossierOut
from registry.page import page
from registry.work.dossier import compiled
from registry.work.memory import Notebook
from registry.work.reader import Reader
from signing import canonical
from signing.errors import Malformed, Untrusted


@pytest.fixture
def family(world: World) -> str:
    """A merge with everything that a dossier can hold, and what changed since its base was alone."""
    world.decide(shut=False)  # what it inherits contradicts its name
    base = world.model(name="kennel/base", license="llama3")
    tuned = world.model(base, name="kennel/tuned", license="mit")
    merged = world.model(base, tuned, relation="merge", name="kennel/merged")
    world.same(merged, "hf:acme/merged")
    world.report(tuned, "data-poisoned")
    return merged


def test_what_is_served_is_what_a_home_says_to_the_byte_of_its_page(world: World, family: str) -> None:
    since = world.size() - 1
    own = compiled(world.home.store, family, None, since)

    with supply(world) as source:
        told = afar.dossier(source._remote, "kennel/merged", None, since)
        early = afar.dossier(source._remote, family, since, None)

    served = canonical.decode(told.model_dump_json().encode())
    assert canonical.encode(served) == canonical.encode(own)
    assert page(served) == page(own)
    assert (early.as_of, early.changed, early.incidents) == (since, None, ())


def test_what_a_dossier_cannot_be_about_is_a_problem(api: TestClient, world: World, family: str) -> None:
    size = world.size()
    for artifact, asked, status, kind in (
        ("hf:acme/merged", "", 404, "absent"),
        (f"sha256:{'ab' * 32}", "", 404, "absent"),
        (family, f"?as_of={size + 1}", 409, "refused"),
        (family, f"?as_of={size - 1}&since={size}", 409, "refused"),
        (family, "?since=0", 422, "malformed"),
    ):
        answer = api.get(f"/artifacts/{artifact}/dossier{asked}")
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (status, kind), answer.json()


@pytest.mark.parametrize(
    ("member", "number"),
    [("time", 253_402_300_800), ("time", -1), ("as_of", 10**15), ("as_of", -1), ("edges", 10**15)],
)
def test_a_number_that_no_page_can_hold_is_refused(
    world: World, family: str, member: str, number: int, monkeypatch
) -> None:
    own = compiled(world.home.store, family)
    value = {**own, member: [{**own["edges"][0], member: number}] if member == "edges" else number}
    monkeypatch.setattr(Remote, "request", lambda *_, **__: canonical.encode(value))
    with (
        Remote("http://127.0.0.1:1") as remote,
        pytest.raises(Malformed, match=f"does not read: {member}.*Input should be"),
    ):
        afar.dossier(remote, family, None, None)
    last = DossierOut.model_validate({**own, "time": 253_402_300_799})
    assert "9999-12-31T23:59:59Z" in page(last.model_dump(mode="json"))


def test_an_answer_about_something_else_is_refused(world: World, family: str, monkeypatch) -> None:
    own = DossierOut.model_validate(compiled(world.home.store, family))
    with supply(world) as source:
        remote = source._remote

        def told(**other: object) -> None:
            raw = canonical.encode(canonical.decode(own.model_copy(update=other).model_dump_json().encode()))
            monkeypatch.setattr(Remote, "request", lambda *_, **__: raw)

        told(artifact=f"sha256:{'ab' * 32}")
        with pytest.raises(Untrusted, match=f"was asked about {family}, and answered about"):
            afar.dossier(remote, family, None, None)
        told(as_of=own.as_of + 1)
        with pytest.raises(Untrusted, match=f"asked about {own.as_of} entries"):
            afar.dossier(remote, family, own.as_of, None)
        told()
        with pytest.raises(
            Untrusted, match="asked about changes since 3, and answered about changes since None"
        ):
            afar.dossier(remote, family, None, 3)
        told(log="other.example/log")
        reader = Reader(Held(world), Notebook(world.folder / "state"))
        remote.follow(reader.admit, reader.judge)
        with pytest.raises(
            Untrusted, match=r"about the log other\.example/log, and the one that is followed"
        ):
            afar.dossier(remote, family, None, None)
        told(names=("kennel/\u202eevil",))
        with pytest.raises(Malformed, match="hides what is shown"):
            afar.dossier(remote, family, None, None)
