"""Hooks as they are typed: a secret that is shown once, a list, a delivery by hand, a replay."""

import pytest
from receiving import Receiver, receiving
from world import OPERATOR, World

from registry.cli import session
from signing import webhook


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


@pytest.fixture
def world(terminal, tmp_path) -> World:
    made = World(tmp_path / "world")
    terminal.home = made.home.path
    return made


def test_a_hook_is_added_told_listed_replayed_and_removed(
    terminal, world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session.out, "_width", 250)
    base = world.model(name="kennel/base")
    added = terminal.holds("hooks", "add", receiver.url, "--operator", OPERATOR)
    shown = terminal("hooks", "add", receiver.url, "--artifact", "kennel/base")
    assert "secret whsec_" in shown.out
    assert f"artifact {base}" in shown.out
    terminal("incident", "report", "kennel/base", "--summary", "obeys a word", "--confirmed")

    sent = terminal.holds("hooks", "deliver")

    assert [one["state"] for one in sent] == ["delivered", "delivered"]
    told = [got for got in receiver.got if got.holds(added["secret"])]
    assert [got.said["data"]["incident"]["summary"] for got in told] == ["obeys a word"]
    listed = terminal("hooks", "list").out
    assert listed.count("delivered") == 2
    assert "answered with status 204" in listed
    assert "whsec_" not in listed + terminal("hooks", "list", "--json").out
    assert terminal.holds("hooks", "replay", added["hook"]) == {"hook": added["hook"], "waiting": 1}
    assert terminal.holds("hooks", "deliver")[0]["state"] == "delivered"
    assert receiver.got[2].id == told[0].id
    assert "1 to be sent" in terminal("hooks", "replay", added["hook"], "--since", "0").out
    terminal.holds("hooks", "remove", added["hook"])
    assert [one["scope"] for one in terminal.holds("hooks", "list")] == ["artifact"]
    assert "nothing to send" in terminal("hooks", "deliver").out
    world.check()


def test_a_secret_may_stay_in_the_environment(
    terminal, world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = webhook.secret(b"s" * 32)
    monkeypatch.setenv("THE_SECRET", secret)
    value = terminal.holds("hooks", "add", receiver.url, "--all", "--secret", "env://THE_SECRET")
    assert value["secret"] is None
    world.report(world.model(), "compromised")

    terminal.holds("hooks", "deliver")
    monkeypatch.delenv("THE_SECRET")
    world.report(world.model(), "compromised")
    (later,) = terminal.holds("hooks", "deliver")

    assert receiver.got[0].holds(secret)
    assert (later["state"], later["said"]) == (
        "waiting",
        "env://THE_SECRET: the environment has no THE_SECRET",
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("https://hooks.example/x",), "one of --operator OPERATOR, --artifact REF and --all"),
        (("https://hooks.example/x", "--all", "--operator", "kennel"), "one of --operator"),
        (("http://hooks.example/x", "--all"), "over https"),
        (("https://hooks.example/x", "--artifact", "kennel/nobody"), "kennel/nobody"),
        (("https://hooks.example/x", "--operator", "vet"), "names no operator 'vet'"),
        (("https://hooks.example/x", "--all", "--secret", "whsec_x"), "never written into a command"),
    ],
)
@pytest.mark.usefixtures("world")
def test_what_cannot_be_a_hook_is_refused(terminal, words, says) -> None:
    terminal.refuses(("hooks", "add", *words), 2, (says,))


@pytest.mark.usefixtures("world")
def test_a_hook_that_is_not_there_is_said(terminal) -> None:
    terminal.refuses(("hooks", "remove", "hook_0"), 2, ("there is no hook 'hook_0'",))
    terminal.refuses(("hooks", "replay", "hook_0"), 2, ("`studbook hooks list` lists them",))
    assert terminal("hooks", "list").out == "there are no hooks\n"
