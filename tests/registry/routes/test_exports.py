"""Exports over HTTP are those of the home, each with its media type, and cut lists say so."""

import pytest
from exported import reached, told
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import derivation
from lineage.subjects import Pedigree, Reach
from registry import deps, exports
from registry.routes import exports as pages

STUB = "hf:Someone/Base"


@pytest.fixture
def family(world: World) -> dict[str, str]:
    base = world.model(name="kennel/base")
    world.publish("publisher", derivation.statement(base, [derivation.Parent(STUB, "quantize")]))
    merged = world.model(base, world.model(base), relation="merge")
    return {"base": base, "merged": merged}


@pytest.mark.parametrize("scope", ["ancestors", "descendants", "both"])
@pytest.mark.parametrize("form", sorted(exports.formats(Pedigree)))
def test_an_artifact_s_document_is_what_the_home_writes(
    world: World, api: TestClient, family: dict[str, str], form: str, scope: str
) -> None:
    for artifact in (*family.values(), STUB):
        answer = api.get(f"/artifacts/{artifact}/export/{form}", params={"scope": scope})

        assert answer.status_code == 200
        assert answer.text == exports.formats(Pedigree)[form].text(told(world, artifact, scope))
        assert answer.headers["content-type"] == exports.formats(Pedigree)[form].MEDIA_TYPE


@pytest.mark.parametrize("form", sorted(exports.formats(Reach)))
def test_an_incident_s_document_is_what_the_home_writes(
    world: World, api: TestClient, family: dict[str, str], form: str
) -> None:
    reported = world.report(family["base"], "compromised")

    answer = api.get(f"/incidents/{reported}/export/{form}")

    assert answer.text == exports.formats(Reach)[form].text(reached(world, reported))
    assert answer.headers["content-type"] == exports.formats(Reach)[form].MEDIA_TYPE


def test_a_long_list_is_cut_and_says_so(
    world: World, api: TestClient, family: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = world.report(family["base"], "compromised")
    for module in (deps, pages):
        monkeypatch.setattr(module, "DESCENDANTS", 2)

    assert (
        '"studbook:complete","value":"false"' in api.get(f"/artifacts/{family['base']}/export/cyclonedx").text
    )
    assert '"complete":false' in api.get(f"/incidents/{reported}/export/osv").text


def test_what_is_not_there_is_said(world: World, api: TestClient, family: dict[str, str]) -> None:
    assert api.get(f"/artifacts/sha256:{'0' * 64}/export/csv").status_code == 404
    assert api.get(f"/incidents/{world.logged()[0]}/export/osv").status_code == 404
    assert api.get(f"/artifacts/{family['base']}/export/osv").status_code == 422
    assert api.get(f"/artifacts/{family['base']}/export/csv", params={"scope": "all"}).status_code == 422
    assert api.get(f"/incidents/{'0' * 64}/export/csv").status_code == 422
