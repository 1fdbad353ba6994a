"""The threats of 3-trust that arrive over HTTP; each is refused with one sentence and changes nothing."""

import hashlib
import io
import pickle
import sqlite3
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import signature
from signing import canonical, dsse, oms
from signing.digest import artifact_id, sha256_hex
from signing.statement import Statement, Subject

EXPLOSION: list[str] = []


def go_off(how: str) -> None:
    EXPLOSION.append(how)


class Bomb:
    def __reduce__(self):
        return go_off, ("loaded",)


def refused(world: World, api: TestClient, statement: bytes, *, says: str, status: int = 422) -> None:
    """Sign `statement` with the publisher's key and see it refused, and nothing changed."""
    before = world.size()
    response = api.post("/entries", content=dsse.sign(statement, [world.home.keys("publisher")]).encode())
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    assert says in response.json()["detail"]
    assert "\n" not in response.json()["detail"]
    assert world.size() == before


def registered(world: World, **files: bytes) -> str:
    named = {name.replace("__", "."): sha256_hex(data) for name, data in files.items()}
    world.publish("publisher", signature.statement("model", named))
    return artifact_id(named)


def root_of(digests: list[str]) -> str:
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()


def test_t1_a_swapped_or_renamed_file_is_not_what_was_signed(world: World, api: TestClient) -> None:
    artifact = registered(world, a__bin=b"a", b__bin=b"b")
    swapped = artifact_id({"a.bin": sha256_hex(b"b"), "b.bin": sha256_hex(b"a")})
    renamed = artifact_id({"c.bin": sha256_hex(b"a"), "b.bin": sha256_hex(b"b")})
    path = f"/blobs/sha256/{sha256_hex(b'a')}"

    assert api.put(path, params={"artifact": artifact}, content=b"b").status_code == 422
    assert api.get(f"/artifacts/{swapped}").status_code == api.get(f"/artifacts/{renamed}").status_code == 404
    assert api.put(path, params={"artifact": artifact}, content=b"a").status_code == 201
    assert api.get(f"/artifacts/{artifact}/files/a.bin").content == b"a"
    assert api.get(f"/artifacts/{artifact}/files/b.bin").status_code == 404
    assert api.get(f"/artifacts/{artifact}/files/c.bin").status_code == 404


def test_t2_a_signer_cannot_grant_itself_a_hole(world: World, api: TestClient) -> None:
    good = oms.statement("model", {"a.bin": "ab" * 32})
    listed = good.predicate["resources"]
    how = dict(good.predicate["serialization"])

    def said(resources: object, **changes: object) -> bytes:
        digests = [one["digest"] for one in resources]
        predicate = {"serialization": how | changes, "resources": resources}
        return Statement((Subject("model", root_of(digests)),), oms.URI, predicate).encode()

    refused(world, api, said([], ignore_paths=["."]), says="may ignore only")
    refused(world, api, said([]), says="lists at least one file")
    refused(world, api, said(listed, ignore_paths=["weights"]), says="may ignore only")
    refused(world, api, said(listed, allow_symlinks=True), says="the serialization of a model signature is")
    refused(world, api, said([*listed, *listed]), says="sorted by name, each once")
    world.check()


def test_t3_a_pickle_is_opaque_bytes_and_never_loaded(world: World, api: TestClient) -> None:
    bomb = pickle.dumps(Bomb())
    page = b"<!doctype html><script>fetch('/trusted-root')</script>"
    artifact = registered(world, pytorch_model__bin=bomb, index__html=page)

    for name, data in (("pytorch_model.bin", bomb), ("index.html", page)):
        query = {"artifact": artifact}
        assert api.put(f"/blobs/sha256/{sha256_hex(data)}", params=query, content=data).status_code == 201
        got = api.get(f"/artifacts/{artifact}/files/{name}")
        assert got.content == data
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in got.headers["content-security-policy"]

    assert EXPLOSION == []
    pickle.load(io.BytesIO(bomb))
    assert EXPLOSION == ["loaded"]
    world.check()


def test_t4_a_safetensors_bomb_is_stored_without_being_read(world: World, api: TestClient) -> None:
    bombs = [
        (2**63).to_bytes(8, "little"),
        (10**9).to_bytes(8, "little") + b"{" * 100_000,
        (60).to_bytes(8, "little")
        + b'{"a":{"dtype":"F64","shape":[9999999999],"data_offsets":[0,8]}}'
        + b"0" * 8,
    ]
    for bomb in bombs:
        artifact = registered(world, model__safetensors=bomb)
        path = f"/blobs/sha256/{sha256_hex(bomb)}"
        assert api.put(path, params={"artifact": artifact}, content=bomb).status_code == 201
        assert api.get(f"/artifacts/{artifact}/files/model.safetensors").content == bomb
        assert api.get(f"/artifacts/{artifact}").status_code == 200
    world.check()


@pytest.mark.parametrize(
    "name",
    [
        "../keys/log.pem",
        "/etc/passwd",
        "a/../../b",
        "a\\b",
        "C:evil",
        "nul.bin",
        "a./b",
        "e\u0301.bin",
        "a\u202eb",
        "",
    ],
)
def test_t5_no_name_leads_out_of_its_artifact(world: World, api: TestClient, name: str) -> None:
    digest = "ab" * 32
    good = oms.statement("model", {"a.bin": digest})
    resource = {"name": name, "algorithm": "sha256", "digest": digest}
    predicate = {"serialization": good.predicate["serialization"], "resources": [resource]}

    said = Statement((Subject("model", root_of([digest])),), oms.URI, predicate).encode()

    refused(world, api, said, says=repr(name))


def test_t5_twins_under_case_folding_are_refused(world: World, api: TestClient) -> None:
    good = oms.statement("model", {"a.bin": "ab" * 32})
    resources = [{"name": name, "algorithm": "sha256", "digest": "ab" * 32} for name in ("A.bin", "a.bin")]
    predicate = {"serialization": good.predicate["serialization"], "resources": resources}

    said = Statement((Subject("model", root_of(["ab" * 32] * 2)),), oms.URI, predicate).encode()

    refused(world, api, said, says="equal under case folding")


@pytest.mark.parametrize(
    "path",
    [
        "/artifacts/{artifact}/files/../../../keys/log.pem",
        "/artifacts/{artifact}/files/%2e%2e/%2e%2e/keys/log.pem",
        "/artifacts/{artifact}/files/..%2f..%2fkeys%2flog.pem",
        "/artifacts/{artifact}/files//etc/passwd",
        "/artifacts/{artifact}/files/a.bin%00",
        "/blobs/sha256/..%2f..%2f..%2fkeys%2flog.pem",
        "/blobs/../../keys/log.pem",
        "/keys/log.pem",
    ],
)
def test_t5_no_path_leads_out_of_the_store(world: World, api: TestClient, path: str) -> None:
    artifact = registered(world, a__bin=b"a")

    response = api.get(path.format(artifact=artifact))

    assert response.status_code in (404, 422)
    assert b"PRIVATE KEY" not in response.content
    assert str(world.folder).encode() not in response.content


def test_t6_what_is_stored_is_what_was_hashed_and_stays_so(world: World, api: TestClient) -> None:
    artifact = registered(world, a__bin=b"honest")
    path, query = f"/blobs/sha256/{sha256_hex(b'honest')}", {"artifact": artifact}

    def changing():
        yield b"hon"
        yield b"EST"

    assert api.put(path, params=query, content=changing()).status_code == 422
    assert api.get(path).status_code == 404
    assert api.put(path, params=query, content=b"honest").status_code == 201
    assert api.put(path, params=query, content=changing()).status_code == 200
    assert api.get(path).content == b"honest"


@pytest.mark.parametrize(
    ("text", "says", "status"),
    [
        (b'{"payload":"","payload":"","payloadType":"x","signatures":[]}', "occurs twice", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":NaN}', "NaN is not JSON", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":1e999}', "beyond 2^53", 422),
        (b"[" * 100_000 + b"]" * 100_000, "nests deeper than 64", 422),
        (b'{"payload":"","payloadType":"x","signatures":[]} {}', "not JSON", 400),
        (b'{"payload":"\\ud800","payloadType":"x","signatures":[]}', "no canonical JSON", 422),
    ],
)
def test_t7_json_that_readers_disagree_about_is_refused(
    world: World, api: TestClient, text: bytes, says: str, status: int
) -> None:
    before = world.size()

    response = api.post("/entries", content=text)

    assert response.status_code == status
    assert says in response.json()["detail"]
    assert len(response.content) < 1000
    assert world.size() == before


def test_t7_a_signed_statement_is_read_as_strictly(world: World, api: TestClient) -> None:
    statement = oms.statement("model", {"a.bin": "ab" * 32}).encode()
    twice = statement.replace(b'"_type":', b'"_type":"x","_type":')
    assert canonical.decode(statement)

    refused(world, api, twice, says="the key '_type' occurs twice")
    refused(world, api, b"[" * 70 + b"]" * 70, says="nests deeper than 64")
    refused(world, api, statement + b"{}", says="not JSON", status=400)
    world.check()


def test_what_the_machine_fails_at_is_not_told(
    world: World, api: TestClient, capsys: pytest.CaptureFixture
) -> None:
    database = world.home.path / "studbook.db"
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE incident RENAME TO hidden")

    response = api.get("/incidents")

    assert (response.status_code, response.json()["type"]) == (
        503,
        "https://studbook.dev/problems/unavailable",
    )
    assert response.headers["retry-after"]
    for secret in (str(database), "incident.", "no such table"):
        assert secret not in response.json()["detail"]
    assert "no such table" in capsys.readouterr().out


def test_what_nobody_foresaw_is_answered_without_its_internals(
    world: World, api: TestClient, capsys: pytest.CaptureFixture
) -> None:
    base = world.model()
    child = world.model(base)
    with sqlite3.connect(world.home.path / "studbook.db") as connection:
        connection.execute("UPDATE edge SET evidence = 99")

    response = api.get(f"/artifacts/{child}")

    assert (response.status_code, response.json()["type"]) == (
        500,
        "https://studbook.dev/problems/unexpected",
    )
    assert response.json()["detail"] == f"the log has it under request {response.headers['x-request-id']}"
    assert response.headers["content-security-policy"]
    said = capsys.readouterr().out
    assert "99 is not a valid Evidence" in said
    assert Path(sys.modules["registry.local"].__file__).name in said
