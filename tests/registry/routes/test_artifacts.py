"""What is served about an artifact is what the home itself answers, and bytes come from the signed list alone."""

from pathlib import Path

import pytest
from evidence import measured, reviewed
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import derivation
from registry import local as local_answers
from registry.local import Local
from registry.work.add import Declared, add
from signing.bundle import Bundle
from signing.digest import artifact_id, sha256_hex


def test_every_answer_is_the_one_the_home_gives(world: World, api: TestClient) -> None:
    base = world.model(name="kennel/base", license="apache-2.0")
    tuned = world.model(base, name="kennel/tuned")
    merged = world.model(base, tuned, relation="merge")
    world.report(tuned, "data-poisoned")
    local = Local(world.home.store, world.home.now)

    for artifact in (base, tuned, merged):
        assert api.get(f"/artifacts/{artifact}").json() == local.verdict(artifact).model_dump(mode="json")
        lines = api.get(f"/artifacts/{artifact}/bundles").content.splitlines()
        assert tuple(lines) == local.bundles(artifact)
        assert all(Bundle.parse(line) for line in lines)
    assert api.get(f"/artifacts/{merged}").json()["standing"]["state"] == "affected"
    world.check()


def test_everything_said_of_an_artifact_is_served_as_the_file_that_the_home_writes(
    world: World, api: TestClient
) -> None:
    base = world.model(name="kennel/base")
    child = world.model(base)
    world.publish("publisher", measured(child), reviewed(base))
    local = Local(world.home.store, world.home.now)

    for query, ancestors in (("", True), ("?ancestors=true", True), ("?ancestors=false", False)):
        got = api.get(f"/artifacts/{child}/bundle{query}")
        assert got.headers["content-type"] == "application/jsonl"
        assert tuple(got.content.splitlines()) == local.bundle(child, ancestors=ancestors)
    assert api.get(f"/artifacts/{child}").json()["evaluated"] == "1"
    assert api.get(f"/artifacts/{base}").json()["attestations"][0]["operators"] == ["kennel"]
    stub = "hf:Someone/Files"
    world.derive(base, stub)
    absent = api.get(f"/artifacts/{stub}/bundle")
    assert (absent.status_code, absent.json()["detail"]) == (404, f"nothing is said of {stub} in this log")
    world.check()


def test_t26_a_file_that_is_too_large_to_put_together_is_refused_to_others(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = world.artifact()
    monkeypatch.setattr(local_answers, "MOST_BYTES", 2000)

    got = api.get(f"/artifacts/{artifact}/bundle")

    assert got.status_code == 409
    assert "has more than 2000 bytes in 2 entries; ask for each artifact by itself" in got.json()["detail"]
    assert len(Local(world.home.store, world.home.now).bundle(artifact, ancestors=True)) == 2


def test_a_stub_has_an_address_too(world: World, api: TestClient) -> None:
    stub = "hf:Someone/Files@" + "0f" * 20
    child = world.model()
    world.publish("publisher", derivation.statement(child, [derivation.Parent(stub, "finetune")]))

    assert api.get(f"/artifacts/{stub}").json()["standing"] == {
        "state": "unknown",
        "incidents": [],
        "left_out": 0,
        "missing": [stub],
    }
    assert api.get(f"/artifacts/{stub}/descendants").json()["relatives"][0]["artifact"] == child
    files = api.get(f"/artifacts/{stub}/files")
    assert (files.status_code, files.json()["detail"]) == (404, f"{stub} is not registered here")


def test_a_reference_means_one_artifact(world: World, api: TestClient) -> None:
    artifact = world.model(name="kennel/base")

    for ref in (artifact, artifact[:15], "kennel/base", "KENNEL/Base"):
        assert api.get("/resolve", params={"ref": ref}).json() == {"ref": ref, "artifact": artifact}
    for ref in ("kennel/other", "kennel/base@v2", "sha256:00000000"):
        assert api.get("/resolve", params={"ref": ref}).status_code == 404


@pytest.mark.parametrize(
    "ref", ["/etc", "~", "./model-1", "../x/y", "sha256:12", "a", "a/b/c", "", "kennel/base\n"]
)
def test_what_can_only_be_a_folder_is_no_reference(api: TestClient, ref: str) -> None:
    response = api.get("/resolve", params={"ref": ref})

    assert response.status_code == 422
    assert response.json()["detail"].startswith("query ref: ")


def test_folders_of_the_server_are_nobody_elses_business(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = world.model()
    monkeypatch.chdir(world.folder.parent)
    looks_like_a_name = f"{world.folder.name}/model-1"
    assert Local(world.home.store, world.home.now).resolve(looks_like_a_name) == artifact

    registered = api.get("/resolve", params={"ref": looks_like_a_name})
    nothing = api.get("/resolve", params={"ref": f"{world.folder.name}/model-9"})

    assert registered.status_code == nothing.status_code == 404
    assert registered.json()["detail"].replace("model-1", "") == nothing.json()["detail"].replace(
        "model-9", ""
    )


def test_files_are_listed_and_those_that_are_stored_are_served(world: World, api: TestClient) -> None:
    folder = _written(world.folder / "stored")
    stored = add(world.home, folder, Declared(), copy=True).description.artifact
    referenced = world.model()

    listed = api.get(f"/artifacts/{stored}/files").json()

    digests = {one["name"]: one["sha256"] for one in listed["files"]}
    assert artifact_id(digests) == stored
    assert all(one["stored"] for one in listed["files"])
    for name, digest in digests.items():
        got = api.get(f"/artifacts/{stored}/files/{name}")
        assert sha256_hex(got.content) == digest
        assert got.content == (folder / name).read_bytes()
        assert got.headers["etag"] == f'"{digest}"'
    there = {one["name"]: one for one in api.get(f"/artifacts/{referenced}/files").json()["files"]}
    assert not there["model.safetensors"]["stored"]
    absent = api.get(f"/artifacts/{referenced}/files/model.safetensors")
    assert (absent.status_code, absent.json()["type"]) == (404, "https://studbook.dev/problems/absent")


def test_a_file_in_a_folder_is_sent_as_a_download_of_its_own_name(world: World, api: TestClient) -> None:
    folder = _written(world.folder / "deep")
    (folder / "où").mkdir()
    (folder / "où" / "a b.html").write_text("<script>alert(1)</script>")
    artifact = add(world.home, folder, Declared(), copy=True).description.artifact

    for path in ("où/a b.html", "o%C3%B9/a%20b.html", "o%C3%B9%2Fa%20b.html"):
        got = api.get(f"/artifacts/{artifact}/files/{path}")
        assert got.text == "<script>alert(1)</script>"
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.html"
        assert got.headers["x-content-type-options"] == "nosniff"
    head = api.head(f"/artifacts/{artifact}/files/où/a b.html")
    assert (head.headers["content-length"], head.content) == ("25", b"")


def test_an_artifact_without_a_full_id_has_no_address(world: World, api: TestClient) -> None:
    artifact = world.model()

    for wrong in (artifact[:20], artifact.upper(), "kennel", "hf:one"):
        assert api.get(f"/artifacts/{wrong}").status_code in (404, 422)
    unknown = api.get(f"/artifacts/sha256:{'0' * 64}")
    assert (unknown.status_code, unknown.json()["detail"]) == (
        404,
        f"no artifact sha256:{'0' * 64} is registered here",
    )


def _written(folder: Path) -> Path:
    from making import floats, write_model

    return write_model(folder, {"w": ("F32", (4,), floats([1, 2, 3, 4]))})
