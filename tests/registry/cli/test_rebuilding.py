"""The commands of independent rebuilders, as people type them and as programs do, against a registry that is served."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL, build_of, judge, store
from world import World

from registry import site
from registry.app import create
from registry.cli import session
from registry.home import Home
from registry.store import keys
from signing.errors import Refused, Untrusted
from signing.keys import PrivateKey


class Yard:
    """A registry with one merge, the keys of two rebuilders in files, and its trusted root in another."""

    def __init__(self, world: World, terminal) -> None:
        self.world, self.terminal = world, terminal
        terminal.home = world.home.path
        self.parents = [world.model(), world.model()]
        self.merged = world.merge("linear", *self.parents)
        self.keys = {who: world.join(who, "rebuilder") for who in ("ann", "bob")}
        for who, key in self.keys.items():
            keys.keep(world.folder / f"{who}.pem", key)
        (world.folder / "root.json").write_bytes(world.home.root().encode())

    def run(self, who: str, *words: object):
        more = ("--registry", URL, "--key", f"{who}.pem", "--home", f"{who}-home", "--backend", "numpy")
        return self.terminal("rebuilder", "run", *more, *words)


@pytest.fixture
def yard(world: World, terminal, monkeypatch: pytest.MonkeyPatch) -> Yard:
    made = Yard(world, terminal)
    # The command opens its own connection: it is given one to this process.
    monkeypatch.setattr(site.httpx, "Client", lambda **_: TestClient(create(world.home), base_url=URL))
    return made


def lines(out: str) -> list[dict]:
    return [json.loads(line) for line in out.splitlines() if line.startswith('{"artifact"')]


def shown(yard: Yard) -> str:
    """What `show` prints about the merge, wherever its lines end."""
    return " ".join(yard.terminal("show", yard.merged).out.split())


def test_a_rebuilder_needs_a_pin_and_then_judges_once(yard: Yard) -> None:
    store(yard.world, *yard.parents)
    unpinned = yard.run("ann")
    assert (unpinned.code, f"no trusted root is pinned for {URL}" in unpinned.err) == (2, True)

    said = yard.run("ann", "--root", "root.json")

    assert said.code == 0
    assert f"the same bytes  {yard.merged}" in said.out
    assert f"logged there as entry {yard.world.size() - 1}" in said.out
    again = yard.run("ann", "--once")
    assert (again.code, f"nothing is due: ann has judged all that {URL} lists" in again.out) == (0, True)
    yard.world.check()


def test_programs_get_one_line_an_artifact_and_a_code(yard: Yard) -> None:
    first = yard.run("ann", "--root", "root.json", "--json")
    assert first.code == 1, "what is not known to be the same is not said to be"
    (odd,) = lines(first.out)
    assert (odd["outcome"], odd["entry"], odd["build"]) == (
        "not executable",
        None,
        build_of(yard.world, yard.merged),
    )
    assert f"of {yard.parents[0]} is not stored at {URL}" in odd["why"]
    store(yard.world, *yard.parents)

    second = yard.run("ann", "--json")

    (judged,) = lines(second.out)
    assert (second.code, judged["outcome"], judged["why"]) == (0, "passed", None)
    assert judged["entry"] in yard.world.logged()
    assert "INSECURE" not in first.err + second.err


def test_the_registry_s_own_word_is_taken_only_when_asked_for_and_said_loudly(yard: Yard) -> None:
    store(yard.world, *yard.parents)

    said = yard.run("ann", "--insecure-first-use")

    assert said.code == 0
    assert "INSECURE" in said.err
    assert yard.world.home.root().log().public.id in said.err
    assert "INSECURE" not in yard.run("ann", "--insecure-first-use").err, "it is pinned by now"
    yard.world.join("eve", "rebuilder")
    assert "version 4 of the trusted root is in force, and version 3 is pinned" in yard.run("ann").err


def test_t16_who_stands_in_for_a_registry_that_was_seen_is_not_pinned(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert yard.terminal("show", yard.merged, "--registry", URL, "--home", "ann-home").code == 0
    impostor = Home.create(tmp_path / "another", "kennel")
    with monkeypatch.context() as patched:
        patched.setattr(site.httpx, "Client", lambda **_: TestClient(create(impostor), base_url=URL))
        said = yard.run("ann", "--insecure-first-use")
    impostor.store.close()
    assert (said.code, "what is remembered in " in said.err) == (1, True)
    assert not (yard.terminal.folder / "ann-home" / "rebuilder" / "trusted_root.json").exists()

    store(yard.world, *yard.parents)
    assert yard.run("ann", "--root", "root.json").code == 0


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("--once", "--every", "5"), 2, "--every 5 never does: give one of them"),
        (("--limit", "0"), 2, "--limit"),
        (("--root", "nowhere.json"), 2, "nowhere.json"),
        (("--key", "nowhere.pem"), 2, "nowhere.pem: there is no such key"),
        (("--key", "stranger.pem", "--root", "root.json"), 1, "is not in version 3 of the pinned trusted root"),
        (("--memory", "much"), 2, "--memory much is no size"),
    ],
)  # fmt: skip
def test_a_rebuilder_that_could_not_speak_is_refused_before_any_work(
    yard: Yard, words: tuple[str, ...], code: int, sentence: str
) -> None:
    keys.keep(yard.world.folder / "stranger.pem", PrivateKey.generate("ecdsa-p256"))
    size = yard.world.size()

    said = yard.run("ann", *words)

    assert (said.code, yard.world.size()) == (code, size)
    assert sentence in said.err
    assert "Traceback" not in said.err


def test_a_quorum_is_stated_once_and_shown_with_both_sides_of_a_dispute(yard: Yard) -> None:
    assert "no provenance has a quorum" in yard.terminal("rebuilds", "quorum").out
    for who, key in yard.keys.items():
        judge(yard.world, key, who, yard.merged)

    (stated,) = yard.terminal.holds("rebuilds", "quorum")

    assert (stated["artifact"], stated["operators"], stated["new"]) == (yard.merged, ["ann", "bob"], True)
    assert yard.terminal.holds("rebuilds", "quorum") == [stated | {"new": False}]
    assert "logged as entry" in yard.terminal("rebuilds", "quorum").out
    assert "reproduced by ann, bob (quorum: 2 independent of builder and registry)" in shown(yard)
    judge(yard.world, yard.world.join("eve", "rebuilder"), "eve", yard.merged, ["norm"])
    assert "disputed: the same bytes by ann, bob (quorum: 2 independent" in shown(yard)
    assert "eve found 1 difference: norm" in shown(yard)


@pytest.mark.parametrize("elsewhere", [(), ("--registry", URL)])
def test_rebuilders_are_listed_and_the_liar_is_named(yard: Yard, elsewhere: tuple[str, ...]) -> None:
    assert "nobody has rebuilt anything" in yard.terminal("rebuilders", *elsewhere).out
    assert "by nobody yet" in shown(yard)
    judge(yard.world, yard.world.join("eve", "rebuilder"), "eve", yard.merged)
    for who, key in yard.keys.items():
        judge(yard.world, key, who, yard.merged, ["norm"])

    said = yard.terminal("rebuilders", *elsewhere)

    assert said.code == 0
    assert f"eve passed {yard.merged}, and ann and bob failed it" in said.out
    assert "different, it is said: norm" in said.out
    machine = yard.terminal("rebuilders", *elsewhere, "--json")
    value = json.loads(machine.out.splitlines()[-1])  # the registry, in this process, says what it answers
    assert machine.code == 0
    assert [one["operator"] for one in value["rebuilders"] if one["passed_mismatches"]] == ["eve"]
    assert "not reproduced" not in said.out


def test_looking_again_outlasts_a_registry_that_is_away_and_not_one_that_lies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = iter([_raising(Refused("away")), lambda: True, _raising(Untrusted("a lie"))])
    slept: list[float] = []
    monkeypatch.setattr(session.time, "sleep", slept.append)

    def look() -> bool:
        return next(steps)()

    with pytest.raises(Untrusted, match="a lie"):
        session.again(look, 5)

    assert slept == [5, 5]
    assert session.again(lambda: False, None) is False


def _raising(error: Exception) -> Callable[[], bool]:
    def look() -> bool:
        raise error

    return look
