"""The threats of 3-trust that arrive over HTTP as the bytes of files: none is believed, opened or led astray by."""

import io
import json
import pickle
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from making import floats, write_model
from rebuilding import URL, supply
from refusals import problem, unchanged
from world import World

from lineage.predicates import manifest, signature
from merger.folder import Description, describe
from registry.store import Absent
from registry.work.fetch import Fetched
from signing import canonical
from signing.digest import artifact_id, sha256_hex
from signing.errors import Untrusted

EXPLOSION: list[str] = []


def go_off(how: str) -> None:
    EXPLOSION.append(how)


class Bomb:
    def __reduce__(self):
        return go_off, ("loaded",)


def registered(world: World, files: dict[str, bytes]) -> str:
    named = {name: sha256_hex(data) for name, data in files.items()}
    world.publish("publisher", signature.statement("model", named))
    return artifact_id(named)


def put(api: TestClient, artifact: str, data: object, digest: str = ""):
    path = f"/blobs/sha256/{digest or sha256_hex(data)}"
    return api.put(path, params={"artifact": artifact}, content=data)


def test_t1_over_http_a_swapped_or_renamed_file_is_not_what_was_signed(world: World, api: TestClient) -> None:
    artifact = registered(world, {"a.bin": b"a", "b.bin": b"b"})
    a, b = sha256_hex(b"a"), sha256_hex(b"b")
    swapped, renamed = artifact_id({"a.bin": b, "b.bin": a}), artifact_id({"c.bin": a, "b.bin": b})

    with unchanged(world, api):
        problem(put(api, artifact, b"b", a), "malformed", f"the bytes sent as sha256:{a} are sha256:{b}")
        problem(api.get(f"/blobs/sha256/{a}"), "absent", a)
        problem(put(api, artifact, b"c"), "forbidden", f"no file of {artifact}, its manifest or its block")
        for other in (swapped, renamed):
            problem(api.get(f"/artifacts/{other}"), "absent", f"no artifact {other}")
            problem(put(api, other, b"a"), "absent", f"{other} is not registered here")
        assert put(api, artifact, b"a").status_code == 201
        assert api.get(f"/artifacts/{artifact}/files/a.bin").content == b"a"
        problem(api.get(f"/artifacts/{artifact}/files/b.bin"), "absent", b)
        problem(api.get(f"/artifacts/{artifact}/files/c.bin"), "absent", "has no file 'c.bin'")
    world.check()


def test_t1_over_http_files_that_change_places_are_another_artifact(world: World, api: TestClient) -> None:
    """The OMS root digest is the same for both, since it knows no names; nothing here goes by it."""
    one = registered(world, {"a.bin": b"same", "b.bin": b"other"})
    two = registered(world, {"a.bin": b"same", "c.bin": b"other"})

    assert one != two
    names = [
        [file["name"] for file in api.get(f"/artifacts/{at}/files").json()["files"]] for at in (one, two)
    ]
    assert names == [["a.bin", "b.bin"], ["a.bin", "c.bin"]]


def test_t3_over_http_a_pickle_is_opaque_bytes_and_never_loaded(world: World, api: TestClient) -> None:
    bomb = pickle.dumps(Bomb())
    page = b"<!doctype html><script>fetch('/trusted-root')</script>"
    files = {"pytorch_model.bin": bomb, "index.html": page}
    artifact = registered(world, files)

    for name, data in files.items():
        assert put(api, artifact, data).status_code == 201
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


def test_t3_over_http_code_of_a_model_is_stored_and_never_imported(world: World, api: TestClient) -> None:
    fuse = world.folder / "went off"
    code = f"open({str(fuse)!r}, 'w').close()\n".encode()
    config = {"auto_map": {"AutoModel": "modeling_bomb.Bomb"}, "trust_remote_code": True}
    folder = write_model(world.folder / "bomb", {"w": ("F32", (4,), floats([1, 2, 3, 4]))})
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("modeling_bomb.py", "setup.py", "__init__.py"):
        (folder / name).write_bytes(code)

    found = uploaded(world, api, folder)

    for path in ("", "/files", "/bundles", "/bundle", "/files/modeling_bomb.py"):
        assert api.get(f"/artifacts/{found.artifact}{path}").status_code == 200
    assert api.get(f"/artifacts/{found.artifact}/files/modeling_bomb.py").content == code
    assert not fuse.exists()
    assert "modeling_bomb" not in sys.modules
    world.check()


def test_t4_over_http_a_safetensors_bomb_is_stored_without_being_read(world: World, api: TestClient) -> None:
    bombs = [
        (2**63).to_bytes(8, "little"),
        (10**9).to_bytes(8, "little") + b"{" * 100_000,
        (60).to_bytes(8, "little")
        + b'{"a":{"dtype":"F64","shape":[9999999999],"data_offsets":[0,8]}}'
        + b"0" * 8,
    ]
    for bomb in bombs:
        artifact = registered(world, {"model.safetensors": bomb})
        assert put(api, artifact, bomb).status_code == 201
        assert api.get(f"/artifacts/{artifact}/files/model.safetensors").content == bomb
        assert api.get(f"/artifacts/{artifact}").status_code == 200
    world.check()


MANIFESTS = [
    ({"shape": [-2, -2]}, "w has the shape (-2, -2)"),
    ({"dtype": "F31"}, "w has the unknown type 'F31'"),
    ({"shape": ["9" * 400]}, "manifest: tensors.0.shape.0"),
    ({"shape": [2**52] * 50_000}, "no list of at most 64 sizes"),
    ({"file": "../../keys/log.pem"}, "'../../keys/log.pem', which it does not list"),
]


@pytest.mark.parametrize(("change", "says"), MANIFESTS, ids=[says for _, says in MANIFESTS])
def test_t4_over_http_a_bomb_in_a_signed_manifest_is_refused_where_it_is_read(
    world: World, api: TestClient, change: dict[str, object], says: str
) -> None:
    """What it says of sizes would bound the uploads, so that is where it is read first."""
    found, honest = described(world)
    said = json.loads(honest)
    said["tensors"][0] |= change
    artifact = lied(world, api, found, canonical.encode(said))

    with unchanged(world, api):
        for sent in ((world.folder / "m" / "model.safetensors").read_bytes(), found.blocks):
            problem(put(api, artifact, sent), "malformed", says)
        assert api.get(f"/artifacts/{artifact}").status_code == 200
    assert [one for one in world.fsck().findings if says in one], "the publisher's lie is told"


def test_t4_over_http_a_manifest_bounds_what_is_taken_and_not_what_is_held(
    world: World, api: TestClient
) -> None:
    """A tensor of 2^50 elements entitles nobody to anything but its own block digests, and those hash to their name."""
    found, honest = described(world)
    said = json.loads(honest)
    said["tensors"][0]["shape"] = [2**50]
    artifact = lied(world, api, found, canonical.encode(said))

    with unchanged(world, api):
        answer = put(api, artifact, b"x" * 100_000, found.manifest.blocks)
        problem(answer, "malformed", f"the bytes sent as sha256:{found.manifest.blocks} are sha256:")
    problem(api.get(f"/blobs/sha256/{found.manifest.blocks}"), "absent", found.manifest.blocks)
    world.check()


@pytest.mark.parametrize("name", ["../../keys/log.pem", "/etc/passwd", "a\\b", "nul.bin", "e\u0301.bin"])
def test_t5_over_http_no_manifest_names_a_file_outside_its_artifact(
    world: World, api: TestClient, name: str
) -> None:
    found, honest = described(world)
    said = json.loads(honest)
    said["files"][0]["name"] = name
    artifact = lied(world, api, found, canonical.encode(said))

    with unchanged(world, api):
        problem(
            put(api, artifact, (world.folder / "m" / "config.json").read_bytes()), "malformed", repr(name)
        )


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
def test_t5_over_http_no_path_leads_out_of_the_store(world: World, api: TestClient, path: str) -> None:
    artifact = registered(world, {"a.bin": b"a"})

    for answer in (
        api.get(path.format(artifact=artifact)),
        api.put(path.format(artifact=artifact), content=b"x"),
    ):
        assert answer.status_code in (404, 405, 422)
        assert b"PRIVATE KEY" not in answer.content
        assert str(world.folder).encode() not in answer.content


def test_t6_over_http_what_is_stored_is_what_was_hashed_and_stays_so(world: World, api: TestClient) -> None:
    artifact, digest = registered(world, {"a.bin": b"honest"}), sha256_hex(b"honest")

    def changing():
        yield b"hon"
        yield b"EST"

    with unchanged(world, api):
        problem(put(api, artifact, changing(), digest), "malformed", f"the bytes sent as sha256:{digest} are")
        problem(api.get(f"/blobs/sha256/{digest}"), "absent", digest)
        assert put(api, artifact, b"honest").status_code == 201
        assert put(api, artifact, changing(), digest).status_code == 200
        assert api.get(f"/blobs/sha256/{digest}").content == b"honest"
    world.check()


def test_t6_over_http_a_blob_that_was_swapped_once_it_was_checked_is_refused_by_whoever_fetches_it(
    world: World, api: TestClient, tmp_path: Path
) -> None:
    data = b"honest" * 1000
    artifact, digest = registered(world, {"a.bin": data}), sha256_hex(data)
    assert put(api, artifact, data).status_code == 201
    stored = world.home.blobs.path(digest)
    stored.chmod(0o644)
    stored.write_bytes(data[:-1] + b"T")

    with supply(world) as source:
        fetched = Fetched(source, tmp_path)
        with pytest.raises(
            Untrusted, match=f"{URL} sent {len(data)} bytes as sha256:{digest}, and they are others"
        ):
            fetched.fetch(digest)

    assert digest not in fetched.blobs
    with pytest.raises(Absent):
        fetched.blobs.size(digest)


def described(world: World) -> tuple[Description, bytes]:
    found = describe(write_model(world.folder / "m", {"w": ("F32", (4,), floats([1, 2, 3, 4]))}))
    return found, found.manifest.encode()


def lied(world: World, api: TestClient, found: Description, raw: bytes) -> str:
    """Register the folder, with `raw` as its signed and uploaded manifest."""
    world.publish(
        "publisher", signature.statement("m", {one.name: one.sha256 for one in found.manifest.files})
    )
    world.publish("publisher", manifest.statement(found.artifact, sha256_hex(raw)))
    assert put(api, found.artifact, raw).status_code == 201
    return found.artifact


def uploaded(world: World, api: TestClient, folder: Path) -> Description:
    """Register a folder and send every byte of it."""
    found = describe(folder)
    lied(world, api, found, found.manifest.encode())
    for data in [found.blocks, *(path.read_bytes() for path in folder.iterdir())]:
        assert put(api, found.artifact, data).status_code in (200, 201)
    return found
