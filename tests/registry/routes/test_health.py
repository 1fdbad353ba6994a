"""A registry is well if it answers and everything it logged is under a signed checkpoint."""

from fastapi.testclient import TestClient
from world import World

from lineage.predicates import license as license_predicate
from registry.app import create
from registry.signer import Step


def test_a_registry_that_covers_its_log_is_well(world: World, api: TestClient) -> None:
    world.model()

    assert api.get("/health").json() == {"status": "ok", "size": world.size()}


def test_entries_without_a_checkpoint_are_an_ailment_until_the_next_start(world: World) -> None:
    artifact = world.model()
    with TestClient(create(world.home)) as running:
        statement = license_predicate.statement(artifact, "mit", world.time)
        world.crash(Step.COMMITTED, "publisher", statement)

        ailing = running.get("/health")
        assert ailing.status_code == 503
        assert ailing.headers["retry-after"]
        assert "the newest checkpoint covers" in ailing.json()["detail"]

    with TestClient(create(world.home)) as again:
        assert again.get("/health").json() == {"status": "ok", "size": world.size()}
    world.check()
