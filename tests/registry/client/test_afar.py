"""Kinship asked of a registry: the home's own answers, and nothing that is about something else."""

from collections.abc import Callable

import pytest
from rebuilding import supply
from world import World

from registry import afar
from registry.client import Remote
from registry.work import kinship
from registry.work.difference import diff
from signing import canonical
from signing.errors import Malformed, Untrusted

ONE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
NOBODY = {"names": [], "seen": True}


def told(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    """Let the registry answer with `value`, whatever it is asked."""
    monkeypatch.setattr(Remote, "request", lambda *_, **__: canonical.encode(value))


@pytest.fixture
def remote(world: World) -> Remote:
    with supply(world) as source:
        yield source._remote


def test_the_answers_are_those_of_the_home(world: World) -> None:
    base = world.model(name="kennel/base")
    one, two = world.model(base), world.model(base)
    merged = world.merge("linear", one, two)
    store = world.home.store

    with supply(world) as source:
        remote = source._remote
        assert afar.paths(remote, "kennel/base", merged) == kinship.paths(store, base, merged)
        assert afar.common(remote, [one, two, "kennel/base"]) == kinship.common(store, [one, two, base])
        assert afar.roots(remote, merged) == kinship.roots(store, merged)
        assert afar.known(remote, merged) == kinship.known(store, merged)
        assert afar.diff(remote, "kennel/base", "both", None, None) == diff(store, base)
        assert afar.diff(remote, base, "ancestors", 2, 3) == diff(store, base, "ancestors", 2, 3)
        with pytest.raises(Malformed, match="and 1 were named"):
            afar.common(remote, [base, "kennel/base"])


def paths(ancestor: str, descendant: str, *way: str, count: str = "1") -> dict:
    rest = {"names": {}, "edges": [], "as_of": 1, "complete": True, "weight": {"low": 0.5, "high": 0.5}}
    return (
        {"ancestor": ancestor, "descendant": descendant, "count": count}
        | rest
        | {
            "shortest": [*way],
            "heaviest": [*way],
        }
    )


def common(*artifacts: str, distances: tuple[int, ...] = (1, 1)) -> dict:
    far = {"artifact": ONE, "nearest": True, "distances": [*distances]} | NOBODY
    return {
        "artifacts": [{"artifact": one} | NOBODY for one in artifacts],
        "ancestors": [far],
        "as_of": 1,
        "complete": True,
    }


def roots(artifact: str) -> dict:
    return {"artifact": artifact, "names": [], "itself": True, "roots": [], "as_of": 1, "complete": True}


def known(artifact: str, **counts: int) -> dict:
    none = dict.fromkeys(("ancestors", "registered", "stubs", "unknown"), 0)
    rest = {"edges": [], "missing": [], "as_of": 1, "complete": True}
    return {"artifact": artifact} | NOBODY | none | rest | counts


def difference(artifact: str, since: int = 1, until: int = 2, scope: str = "both") -> dict:
    state = {
        "seen": True,
        "license": None,
        "standing": {"state": "clean", "incidents": [], "missing": []},
        "ancestors": 0,
        "descendants": 0,
    }
    none = {"came": [], "went": []}
    lists = ("edges_came", "edges_went", "regraded", "incidents_came", "incidents_went")
    return {
        "artifact": artifact,
        "names": [],
        "scope": scope,
        "before": state | {"as_of": since},
        "now": state | {"as_of": until},
        "ancestors": none,
        "descendants": none,
        **dict.fromkeys((*lists, "evaluations_came", "evaluations_went"), ()),
        "as_of": until,
        "complete": True,
    }


@pytest.mark.parametrize(
    ("value", "ask"),
    [
        (paths(OTHER, OTHER, OTHER), lambda remote: afar.paths(remote, ONE, OTHER)),
        (paths(ONE, ONE, ONE), lambda remote: afar.paths(remote, ONE, OTHER)),
        (paths(ONE, OTHER, OTHER, ONE), lambda remote: afar.paths(remote, ONE, OTHER)),
        (common(OTHER, ONE), lambda remote: afar.common(remote, [ONE, OTHER])),
        (common(ONE, ONE), lambda remote: afar.common(remote, [ONE, OTHER])),
        (roots(OTHER), lambda remote: afar.roots(remote, ONE)),
        (known(OTHER), lambda remote: afar.known(remote, ONE)),
        (difference(OTHER), lambda remote: afar.diff(remote, ONE, "both", None, None)),
        (difference(ONE), lambda remote: afar.diff(remote, ONE, "ancestors", None, None)),
        (difference(ONE), lambda remote: afar.diff(remote, ONE, "both", 2, None)),
        (difference(ONE), lambda remote: afar.diff(remote, ONE, "both", None, 3)),
    ],
)
def test_an_answer_about_something_else_is_not_believed(
    remote: Remote, monkeypatch: pytest.MonkeyPatch, value: object, ask: Callable[[Remote], object]
) -> None:
    told(monkeypatch, value)

    with pytest.raises(Untrusted, match=remote.shown):
        ask(remote)


@pytest.mark.parametrize(
    ("value", "ask", "says"),
    [
        (paths(ONE, OTHER, count="0") | {"weight": None}, lambda r: afar.paths(r, ONE, OTHER), None),
        (
            paths(ONE, OTHER),
            lambda r: afar.paths(r, ONE, OTHER),
            "1 paths are counted, and not as many shown",
        ),
        (
            paths(ONE, OTHER, ONE, OTHER, count="0"),
            lambda r: afar.paths(r, ONE, OTHER),
            "0 paths are counted",
        ),
        (paths(ONE, OTHER, ONE, OTHER, count="01"), lambda r: afar.paths(r, ONE, OTHER), "count"),
        (common(ONE, OTHER, distances=(1,)), lambda r: afar.common(r, [ONE, OTHER]), "1 distances from 2"),
        (
            known(ONE, ancestors=3, registered=2),
            lambda r: afar.known(r, ONE),
            "of 3 ancestors 2 are registered and 0",
        ),
    ],
)
def test_an_answer_that_does_not_add_up_is_refused(
    remote: Remote,
    monkeypatch: pytest.MonkeyPatch,
    value: object,
    ask: Callable[[Remote], object],
    says: str | None,
) -> None:
    told(monkeypatch, value)

    if says is None:
        assert ask(remote)
        return
    with pytest.raises(Malformed, match=says):
        ask(remote)
