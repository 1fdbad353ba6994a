"""Commands that read from a registry hold it to the log that it showed, in what it serves and in what it hands over."""

from pathlib import Path

import pytest
from auditing import twin
from fastapi.testclient import TestClient
from rebuilding import URL, supply
from world import World

from lineage.predicates import license as license_predicate
from registry import site
from registry.app import create
from signing import dsse
from signing.bundle import Bundle
from signing.errors import Untrusted


class Between:
    """Whoever answers for a registry: the log from one home, all else from another."""

    def __init__(self, shown: World, answering: World) -> None:
        self.apps = create(shown.home), create(answering.home)

    async def __call__(self, scope, receive, send) -> None:
        log = scope["path"].startswith(("/checkpoint", "/tile/", "/trusted-root"))
        await self.apps[0 if log else 1](scope, receive, send)


@pytest.fixture
def forked(world: World, tmp_path: Path) -> World:
    """The world's own log, going another way since its first model; the world has grown beyond it."""
    world.model()
    other = twin(world, tmp_path / "other")
    other.model()
    for _ in range(3):
        world.model()
    return other


def ask(monkeypatch: pytest.MonkeyPatch, shown: World, answering: World) -> None:
    client = TestClient(Between(shown, answering), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)


def test_t14_bundles_of_a_fork_are_refused_behind_an_honest_checkpoint(
    world: World, forked: World, terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (terminal.folder / "root.json").write_bytes(world.home.root().encode())
    terminal.home = terminal.folder / "client" / "home"
    pinned = ("--registry", URL, "--root", "root.json")
    ask(monkeypatch, world, world)
    assert terminal("verify", "model-1", *pinned).code == 0

    ask(monkeypatch, world, forked)

    said = terminal("verify", forked.folder / "model-1001", *pinned)
    assert said.code == 1
    assert f"is forked: it signed {forked.size()} entries with the root" in said.err
    assert f"and {world.size()} entries with the root" in said.err
    said = terminal("bundle", forked.artifact(), "--registry", URL, "--out", "got.bundles")
    assert (said.code, "is forked" in said.err, (terminal.folder / "got.bundles").exists()) == (
        1,
        True,
        False,
    )
    (evidence, *_) = terminal.folder.glob("client/studbook-audits/*/fork-*.json")
    assert terminal("log", "evidence", evidence, "--root", "root.json").code == 0


def test_every_checkpoint_that_is_handed_over_is_judged_before_anything_is_returned(world: World) -> None:
    artifact = world.model()
    said = license_predicate.statement(artifact, "mit", world.time)
    raw = dsse.sign(said.encode(), [world.home.keys("publisher")]).encode()
    handed: list[bytes] = []

    def refuse(note: bytes) -> None:
        handed.append(note)
        raise Untrusted("another log's")

    with supply(world) as source:
        remote = source._remote
        notes = {Bundle.parse(line).checkpoint for line in remote.bundles(artifact)}
        remote.follow(refuse, lambda *_: None)
        for one in (
            lambda: remote.bundles(artifact),
            lambda: remote.bundle(artifact, ancestors=True),
            lambda: source.bundle(world.logged()[0]),
            lambda: remote.publish(raw),
        ):
            with pytest.raises(Untrusted, match="another log's"):
                one()
    assert len(handed) == 4
    assert handed[0] in notes
    world.check()
