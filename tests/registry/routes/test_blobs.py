"""Bytes go in if the log names them and they are what they are called; they come out whole or in one range."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import floats, write_model
from world import World

from lineage.predicates import manifest, signature
from merger.folder import describe
from registry.app import create
from registry.deps import Limits
from signing.digest import artifact_id, sha256_hex

DATA = bytes(range(256)) * 40


class Known:
    """An artifact of one file, `DATA`, that the log names and nobody has sent yet."""

    def __init__(self, world: World, data: bytes = DATA) -> None:
        files = {"data.bin": sha256_hex(data)}
        self.artifact, self.digest = artifact_id(files), files["data.bin"]
        world.publish("publisher", signature.statement("data", files))

    @property
    def path(self) -> str:
        return f"/blobs/sha256/{self.digest}"

    @property
    def query(self) -> dict[str, str]:
        return {"artifact": self.artifact}


@pytest.fixture
def known(world: World) -> Known:
    return Known(world)


def test_a_file_that_the_log_names_is_stored_once(api: TestClient, known: Known) -> None:
    assert api.head(known.path).status_code == 404

    first = api.put(known.path, params=known.query, content=DATA)
    again = api.put(known.path, params=known.query, content=DATA)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"sha256": known.digest, "size": len(DATA)}
    assert api.get(known.path).content == DATA
    head = api.head(known.path)
    assert (head.headers["content-length"], head.content) == (str(len(DATA)), b"")
    assert head.headers["etag"] == f'"{known.digest}"'
    assert head.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert api.get(f"/artifacts/{known.artifact}/files").json()["files"][0]["stored"]


def test_a_body_without_a_length_is_streamed(api: TestClient, known: Known) -> None:
    pieces = (DATA[at : at + 100] for at in range(0, len(DATA), 100))

    assert api.put(known.path, params=known.query, content=pieces).status_code == 201
    assert api.get(known.path).content == DATA


def test_a_manifest_and_its_block_digests_may_follow_their_statement(world: World, api: TestClient) -> None:
    found = describe(write_model(world.folder / "m", {"w": ("F32", (4,), floats([1, 2, 3, 4]))}))
    artifact = found.artifact
    files = {one.name: one.sha256 for one in found.manifest.files}
    world.publish("publisher", signature.statement("m", files))
    paths = {digest: f"/blobs/sha256/{digest}" for digest in (found.manifest.digest, found.manifest.blocks)}

    def put(digest: str, data: bytes) -> int:
        return api.put(paths[digest], params={"artifact": artifact}, content=data).status_code

    assert put(found.manifest.digest, found.manifest.encode()) == 403  # nobody has signed it yet
    world.publish("publisher", manifest.statement(artifact, found.manifest.digest))
    assert put(found.manifest.blocks, found.blocks) == 403  # the manifest that names them is not here yet
    assert put(found.manifest.digest, found.manifest.encode()) == 201
    assert put(found.manifest.blocks, found.blocks) == 201
    assert api.get(paths[found.manifest.blocks]).content == found.blocks


def test_an_upload_is_bounded_by_the_size_that_was_signed(world: World) -> None:
    found = describe(write_model(world.folder / "m", {"w": ("F32", (400,), floats([1.0] * 400))}))
    artifact, held = found.artifact, found.manifest
    weights = next(one for one in held.files if one.name == "model.safetensors")
    world.publish("publisher", signature.statement("m", {one.name: one.sha256 for one in held.files}))
    world.publish("publisher", manifest.statement(artifact, held.digest))
    unsized = len(held.encode()) + 1

    with TestClient(create(world.home, limits=Limits(unsized_bytes=unsized))) as api:

        def put(digest: str, data: bytes | Iterator[bytes]) -> str:
            response = api.put(f"/blobs/sha256/{digest}", params={"artifact": artifact}, content=data)
            return response.json().get("detail", "stored")

        # Of what has no size yet only a little is taken, announced or not.
        for digest in (held.digest, weights.sha256):
            for much in (bytes(unsized + 1), iter([bytes(unsized), b"x"])):
                assert f"at most {unsized} are taken here" in put(digest, much)
        assert put(held.digest, held.encode()) == "stored"
        for digest, size in ((weights.sha256, weights.size), (held.blocks, 32)):
            for much in (bytes(size + 1), iter([bytes(size), b"x"])):
                assert f"at most {size} are taken here" in put(digest, much)
        assert put(held.blocks, found.blocks) == "stored"
        assert put(weights.sha256, (world.folder / "m" / weights.name).read_bytes()) == "stored"


def test_what_the_log_does_not_name_is_not_taken(world: World, api: TestClient, known: Known) -> None:
    other = Known(world, b"other")

    strange = api.put(f"/blobs/sha256/{sha256_hex(b'spam')}", params=known.query, content=b"spam")
    foreign = api.put(other.path, params=known.query, content=b"other")
    unknown = api.put(other.path, params={"artifact": f"sha256:{'0' * 64}"}, content=b"other")

    assert (strange.status_code, foreign.status_code, unknown.status_code) == (403, 403, 404)
    assert strange.json()["type"] == "https://studbook.dev/problems/forbidden"
    assert f"no file of {known.artifact}" in strange.json()["detail"]
    assert api.put(known.path, content=DATA).json()["detail"] == "query artifact is missing"
    assert _stored(world) == []


@pytest.mark.parametrize("sent", [DATA[:-1], DATA + b"x", b"", DATA[::-1]])
def test_bytes_that_are_not_what_they_are_called_leave_nothing(
    world: World, api: TestClient, known: Known, sent: bytes
) -> None:
    response = api.put(known.path, params=known.query, content=sent)

    assert response.status_code == 422
    assert (
        f"the bytes sent as sha256:{known.digest} are sha256:{sha256_hex(sent)}" in response.json()["detail"]
    )
    assert _stored(world) == []
    assert api.put(known.path, params=known.query, content=DATA).status_code == 201


@pytest.mark.parametrize("announced", [True, False])
def test_an_upload_beyond_the_limit_is_refused_while_it_arrives(world: World, announced: bool) -> None:
    known = Known(world)
    pieces = (DATA[at : at + 100] for at in range(0, len(DATA), 100))
    with TestClient(create(world.home, limits=Limits(blob_bytes=1000))) as api:
        response = api.put(known.path, params=known.query, content=DATA if announced else pieces)

    assert (response.status_code, response.json()["type"]) == (413, "https://studbook.dev/problems/too-large")
    assert _stored(world) == []


def test_more_uploads_than_have_a_place_are_asked_to_come_again(world: World) -> None:
    known, begun, go_on = Known(world), Event(), Event()

    def slowly() -> Iterator[bytes]:
        yield DATA[:10]
        begun.set()
        go_on.wait(10)
        yield DATA[10:]

    app = create(world.home, limits=Limits(uploads=1))
    app.state.served.uploads.acquire()
    with TestClient(app) as api:
        turned_away = api.put(known.path, params=known.query, content=DATA)
        app.state.served.uploads.release()
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(api.put, known.path, params=known.query, content=slowly())
            assert begun.wait(10)
            go_on.set()
            assert first.result().status_code == 201
        assert api.put(known.path, params=known.query, content=DATA).status_code == 200

    assert turned_away.status_code == 503
    assert turned_away.headers["retry-after"]
    assert "1 blobs are being received already" in turned_away.json()["detail"]


@pytest.fixture
def stored(api: TestClient, known: Known) -> Known:
    assert api.put(known.path, params=known.query, content=DATA).status_code == 201
    return known


@pytest.mark.parametrize(
    ("wanted", "status", "part"),
    [
        ("bytes=0-0", 206, (0, 1)),
        ("bytes=10-19", 206, (10, 20)),
        ("BYTES=10-", 206, (10, len(DATA))),
        ("bytes=-5", 206, (len(DATA) - 5, len(DATA))),
        (f"bytes=-{len(DATA) * 2}", 206, (0, len(DATA))),
        (f"bytes=5-{len(DATA) * 2}", 206, (5, len(DATA))),
        (f"bytes={len(DATA)}-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=20-10", 200, None),
        ("bytes=0-1,5-6", 200, None),
        ("bytes=x", 200, None),
        ("lines=1-2", 200, None),
        ("bytes=", 200, None),
        (f"bytes=0-{'9' * 40}", 200, None),
    ],
)
def test_one_range_is_sent_and_every_other_wish_is_answered_as_the_rfc_says(
    api: TestClient, stored: Known, wanted: str, status: int, part: tuple[int, int] | None
) -> None:
    for path in (stored.path, f"/artifacts/{stored.artifact}/files/data.bin"):
        got = api.get(path, headers={"Range": wanted})

        assert got.status_code == status
        if status == 416:
            assert got.headers["content-range"] == f"bytes */{len(DATA)}"
            assert got.json()["type"] == "https://studbook.dev/problems/unsatisfiable"
            continue
        start, stop = part or (0, len(DATA))
        assert got.content == DATA[start:stop]
        assert got.headers["content-length"] == str(stop - start)
        told = f"bytes {start}-{stop - 1}/{len(DATA)}" if part else None
        assert got.headers.get("content-range") == told


@given(first=st.integers(0, len(DATA) + 9), length=st.integers(1, len(DATA)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_range_is_that_slice(api: TestClient, stored: Known, first: int, length: int) -> None:
    got = api.get(stored.path, headers={"Range": f"bytes={first}-{first + length - 1}"})

    assert got.status_code == (206 if first < len(DATA) else 416)
    if got.status_code == 206:
        assert got.content == DATA[first : first + length]


def test_who_has_the_bytes_is_told_so(api: TestClient, stored: Known) -> None:
    tag = f'"{stored.digest}"'

    for mine in (tag, f'"other", W/{tag}', "*"):
        got = api.get(stored.path, headers={"If-None-Match": mine})
        assert (got.status_code, got.content, got.headers["etag"]) == (304, b"", tag)
        assert api.head(stored.path, headers={"If-None-Match": mine}).status_code == 304
    assert api.get(stored.path, headers={"If-None-Match": '"other"'}).content == DATA


def test_a_range_continues_only_the_same_bytes(api: TestClient, stored: Known) -> None:
    def asked(mine: str) -> int:
        headers = {"Range": "bytes=5-9", "If-Range": mine}
        return api.get(stored.path, headers=headers).status_code

    assert asked(f'"{stored.digest}"') == 206
    assert asked('"other"') == asked(f'W/"{stored.digest}"') == asked("Wed, 21 Oct 2015 07:28:00 GMT") == 200


def test_an_empty_file_has_no_range(world: World, api: TestClient) -> None:
    known = Known(world, b"")
    assert api.put(known.path, params=known.query, content=b"").status_code == 201

    assert (api.get(known.path).content, api.get(known.path).headers["content-length"]) == (b"", "0")
    assert api.get(known.path, headers={"Range": "bytes=0-"}).status_code == 416


@pytest.mark.parametrize("digest", ["0" * 63, "0" * 65, "A" * 64, "..", "..%2f..%2fkeys", "%00"])
def test_a_digest_is_64_hex_digits_and_nothing_else(api: TestClient, digest: str) -> None:
    assert api.get(f"/blobs/sha256/{digest}").status_code in (404, 422)
    assert api.put(f"/blobs/sha256/{digest}", content=b"").status_code in (404, 405, 422)


def _stored(world: World) -> list[str]:
    return [one.name for one in (world.home.path / "blobs").rglob("*") if one.is_file()]
