"""A flood of incidents ends at a quota, and an answer tells the gravest of them and counts the others."""

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage import standing
from lineage.predicates import incident, incident_change
from registry.app import create
from registry.cli import stands
from registry.local import Local
from registry.store import flagging
from signing.errors import Refused

QUOTA = 3


@pytest.fixture
def bounded(world: World) -> World:
    """A home where one operator has three incidents open at most."""
    world.settings = world.settings.model_copy(update={"open_incidents": QUOTA})
    world.reopen()
    return world


def said(world: World, artifact: str, words: str, severity="low"):
    return incident.statement(
        [artifact], "privacy", severity, "reported", words, contact="x", issued=world.time
    )


def stages(world: World) -> list[str]:
    with world.home.store.reading() as connection:
        return [one.stage for one in flagging.incidents(connection)]


def test_t28_beyond_its_quota_an_operator_ends_one_before_it_reports_another(bounded: World) -> None:
    model = bounded.artifact()
    thief, second = bounded.join("thief", "security"), bounded.join("thief", "security")
    reported = [bounded.say(said(bounded, model, f"flood {number}"), thief).entry for number in range(QUOTA)]
    before = bounded.size()

    for key in (thief, second):
        with pytest.raises(
            Refused, match="thief has 3 incidents open, and one operator has at most 3: resolve"
        ):
            bounded.say(said(bounded, model, "one more"), key)
    with pytest.raises(Refused, match="thief has 3 incidents open"):
        bounded.say(
            incident.statement([model], "privacy", "low", "confirmed", "x", contact="x", issued=1), thief
        )
    assert bounded.size() == before
    # What somebody else reports, and what is said of open ones, is none of the flood.
    bounded.report(model, "compromised")
    bounded.say(incident_change.statement(reported[0], "confirmed", "it is so"), thief)
    with pytest.raises(Refused, match="thief has 3 incidents open"):
        bounded.say(said(bounded, model, "one more"), thief)
    bounded.say(incident_change.statement(reported[1], "retracted", "a mistake"), thief)

    assert bounded.say(said(bounded, model, "one more"), thief).index == bounded.size() - 1
    assert stages(bounded) == ["confirmed", "retracted", "reported", "confirmed", "reported"]
    bounded.check()


def test_the_same_report_again_takes_no_room_and_a_second_operator_brings_its_own(bounded: World) -> None:
    ann, own = bounded.join("ann", "security"), bounded.home.keys("security")
    model = bounded.artifact()
    reports = [said(bounded, model, f"number {number}") for number in range(QUOTA)]
    first = [bounded.say(one, own) for one in reports]

    assert bounded.say(reports[0], own) == first[0]
    assert bounded.say(reports[0], ann).entry == first[0].entry
    with pytest.raises(Refused, match="kennel has 3 incidents open"):
        bounded.say(said(bounded, model, "one more"), own)
    bounded.say(said(bounded, model, "one more"), own, ann)

    bounded.check()


def test_an_ended_key_gives_its_room_back(bounded: World) -> None:
    model = bounded.artifact()
    thief = bounded.join("ann", "security")
    bounded.advance(10)
    for number in range(QUOTA):
        bounded.say(said(bounded, model, f"number {number}"), thief)
    fresh = bounded.join("ann", "security")
    with pytest.raises(Refused, match="ann has 3 incidents open"):
        bounded.say(said(bounded, model, "mine"), fresh)

    bounded.advance(10)
    bounded.end(thief, bounded.time - 15)

    bounded.say(said(bounded, model, "mine"), fresh)
    bounded.check()


def test_t28_an_answer_tells_the_gravest_incidents_of_an_artifact_and_counts_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("lineage.standing", "registry.incidents"):
        monkeypatch.setattr(f"{module}.MOST", 2)
    base = world.artifact()
    child = world.artifact(base)
    for number in range(3):
        world.publish("security", said(world, base, f"flood {number}", "critical"))
    grave = world.report(base, "compromised", severity="low")
    local = Local(world.home.store, lambda: world.time)

    found = local.verdict(child).standing
    (relative,) = local.descendants(base).relatives

    assert (found.state, len(found.incidents), found.left_out) == ("affected", 2, 2)
    assert found.incidents[0].incident.id == grave, "what is confirmed is told before what is reported"
    assert (relative.incidents[0], len(relative.incidents), relative.left_out) == (grave, 2, 2)
    assert len(local.descendants(base).incidents) == 2
    with TestClient(create(world.home)) as api:
        (reached,) = api.get(f"/artifacts/{base}/reach", params={"direction": "descendants"}).json()[
            "relatives"
        ]
        assert (reached["incidents"][0], len(reached["incidents"]), reached["left_out"]) == (grave, 2, 2)
        assert api.get(f"/artifacts/{child}").json()["standing"]["left_out"] == 2
        assert len(api.get("/incidents").json()["incidents"]) == 4, "the list of incidents holds all"
    stands.standing(local.verdict(child), {})
    assert "and 2 other incidents, less grave; `studbook incident list` lists them" in capsys.readouterr().out
    assert standing.MOST == 2
    world.check()
