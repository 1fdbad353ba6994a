"""Incidents, those that ended too, each under the id of the entry that reported it."""

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import incident_change
from registry.app import create
from registry.routes import incidents as pages
from signing.dsse import sign


def test_incidents_are_listed_with_the_stage_they_have_reached(world: World, api: TestClient) -> None:
    first, second = world.model(), world.model()
    poisoned = world.report(first, "data-poisoned")
    mistaken = world.report(second, "compromised", stage="reported")
    world.retract(mistaken)

    listed = api.get("/incidents").json()["incidents"]

    assert [(one["id"], one["stage"]) for one in listed] == [(poisoned, "confirmed"), (mistaken, "retracted")]
    assert api.get(f"/incidents/{poisoned}").json() == listed[0]
    assert listed[0]["artifacts"] == [first]
    assert api.get(f"/artifacts/{second}").json()["standing"]["state"] == "clean"
    world.check()


def test_an_entry_that_reports_nothing_is_no_incident(world: World, api: TestClient) -> None:
    world.model()
    (entry, *_) = world.logged()

    response = api.get(f"/incidents/{entry}")

    assert (response.status_code, response.json()["detail"]) == (
        404,
        f"no entry {entry} reports an incident here",
    )
    assert api.get("/incidents").json() == {"incidents": [], "next": None}


def test_one_request_gets_one_page_of_incidents(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    reported = [world.report(world.model(), "data-poisoned") for _ in range(5)]

    seen, after = [], {}
    for length in (2, 2, 1):
        page = api.get("/incidents", params=after).json()
        assert len(page["incidents"]) == length
        seen += [one["id"] for one in page["incidents"]]
        after = {"after": page["next"]}

    assert seen == reported
    assert page["next"] is None
    assert api.get("/incidents", params={"after": "0" * 64}).status_code == 404


def test_t27_over_http_one_key_confirms_nothing_large(world: World) -> None:
    world.settings = world.settings.model_copy(update={"confirm_alone": 1})
    world.reopen()
    ann, own = world.join("ann", "security"), world.home.keys("security")
    base = world.artifact()
    world.artifact(base)
    said = incident_change.statement(world.report(base, "privacy", stage="reported"), "confirmed", "it is so")

    with TestClient(create(world.home)) as bounded:
        refused = bounded.post("/entries", content=sign(said.encode(), [own]).encode())
        taken = bounded.post("/entries", content=sign(said.encode(), [own, ann]).encode())

    assert (refused.status_code, refused.json()["type"][-9:]) == (403, "forbidden")
    assert "flag 2 artifacts" in refused.json()["detail"]
    assert taken.status_code == 201
    world.check()


def test_everything_about_an_incident_is_told_over_http(world: World, api: TestClient) -> None:
    base = world.artifact()
    world.artifact(base)
    reported = world.report(base, "privacy", stage="reported")
    world.publish("security", incident_change.statement(reported, "confirmed", "it is so"))

    found = api.get(f"/incidents/{reported}/history").json()

    assert [(one["event"], one["reason"]) for one in found["events"]] == [
        ("reported", None),
        ("confirmed", "it is so"),
    ]
    assert [one["stage"] for one in found["events"]] == ["reported", "confirmed"]
    assert (found["incident"]["id"], found["flagged"], found["owners"][0]["artifacts"]) == (reported, 2, 2)
    assert found["events"][0]["keys"] == [world.home.keys("security").public.id]
    assert api.get(f"/incidents/{'0' * 64}/history").status_code == 404
    assert api.get("/incidents/xyz/history").status_code == 422


def test_of_many_events_the_newest_are_told_and_the_others_counted(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.work.history.EVENTS", 1)
    reported = world.report(world.artifact(), "privacy")
    world.retract(reported)

    found = api.get(f"/incidents/{reported}/history").json()

    assert ([one["event"] for one in found["events"]], found["left_out"]) == (["retracted"], 1)
