"""Incidents, those that ended too, each under the id of the entry that reported it."""

from fastapi.testclient import TestClient
from world import World


def test_incidents_are_listed_with_the_stage_they_have_reached(world: World, api: TestClient) -> None:
    first, second = world.model(), world.model()
    poisoned = world.report(first, "data-poisoned")
    mistaken = world.report(second, "compromised", stage="reported")
    world.retract(mistaken)

    listed = api.get("/incidents").json()

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
    assert api.get("/incidents").json() == []
