"""Licenses over HTTP: the home's answer, for the use that was asked about."""

import pytest
from fastapi.testclient import TestClient
from refusals import problem
from world import World

from lineage.licenses import discovered
from registry.licensed import UseOut
from registry.local import Local

USES = [
    UseOut(),
    UseOut(commercial=True, territory="EU", monthly_users=1, revenue=0, distributing=False, gated=False),
    UseOut(gated=True),
    UseOut(gone=()),
    UseOut(gone=("hf:acme/upstream",)),
]


@pytest.mark.parametrize("asked", USES, ids=str)
def test_the_answer_is_the_one_that_the_home_gives(world: World, api: TestClient, asked: UseOut) -> None:
    base = world.model(name="kennel/base", license="llama2")
    child = world.model(base, relation="distill", license="mit")
    world.derive(base, "hf:acme/upstream")
    local = Local(world.home.store, world.home.now)

    for artifact in (base, child):
        answer = api.get(f"/artifacts/{artifact}/license", params=asked.query())
        assert answer.json() == local.license(artifact, asked).model_dump(mode="json")
        assert answer.json()["asked"] == asked.model_dump(mode="json")
    assert answer.json()["outcome"] == "conflict"


def test_what_is_not_here_and_what_is_no_use_is_refused(world: World, api: TestClient) -> None:
    base = world.model()

    problem(api.get(f"/artifacts/sha256:{'0' * 64}/license"), "absent", "0" * 64)
    for bad in ({"territory": "Germany"}, {"monthly_users": "-1"}, {"gated": "perhaps"}, {"gone": "x"}):
        problem(api.get(f"/artifacts/{base}/license", params=bad), "malformed", next(iter(bad)))
    stranger = f"sha256:{'1' * 64}"
    problem(api.get(f"/artifacts/{base}/license", params={"gone": stranger}), "malformed", stranger)


def test_every_license_is_listed(api: TestClient) -> None:
    listed = api.get("/licenses").json()

    assert [one["license"] for one in listed] == list(discovered())
    assert all(one["sources"] for one in listed)
