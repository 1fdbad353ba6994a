"""The threats of 3-trust that arrive over HTTP as statements; each is refused with one sentence and changes nothing."""

import hashlib
import time

import pytest
from fastapi.testclient import TestClient
from refusals import problem, refused, unchanged
from world import World

from lineage.predicates import name as naming
from signing import canonical, dsse, oms
from signing.statement import Statement, Subject

DIGEST = "ab" * 32
GOOD = oms.statement("model", {"a.bin": DIGEST})
HOW = dict(GOOD.predicate["serialization"])


def listing(*resources: dict[str, object], **how: object) -> bytes:
    """Return a model signature that lists these resources, its root digest right."""
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    predicate = {"serialization": HOW | how, "resources": list(resources)}
    return Statement((Subject("model", root),), oms.URI, predicate).encode()


def resource(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "algorithm": "sha256", "digest": DIGEST} | more


A = resource("a.bin")
HOLES = {
    "everything ignored": (listing(ignore_paths=["."]), "may ignore only"),
    "nothing listed": (listing(), "lists at least one file, and this one lists none"),
    "a folder ignored": (listing(A, ignore_paths=["weights"]), "may ignore only"),
    "links allowed": (listing(A, allow_symlinks=True), "the serialization of a model signature is"),
    "another method": (listing(A, method="shards"), "the serialization of a model signature is"),
    "a file twice": (listing(A, A), "sorted by name, each once"),
    "not sorted": (listing(resource("b"), resource("a")), "sorted by name, each once"),
}


@pytest.mark.parametrize(("statement", "says"), HOLES.values(), ids=HOLES)
def test_t2_over_http_a_signer_cannot_grant_itself_a_hole(
    world: World, api: TestClient, statement: bytes, says: str
) -> None:
    refused(world, api, statement, says=says)
    world.check()


def test_t2_over_http_a_signature_is_about_the_files_that_it_lists(world: World, api: TestClient) -> None:
    said = Statement((Subject("model", "cd" * 32),), oms.URI, GOOD.predicate).encode()
    refused(world, api, said, says=f"and the signature is about {'cd' * 32}")


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
def test_t5_over_http_no_name_leads_out_of_its_artifact(world: World, api: TestClient, name: str) -> None:
    refused(world, api, listing(resource(name)), says=repr(name))


@pytest.mark.parametrize(
    ("one", "other"), [("A.bin", "a.bin"), ("stra\u00dfe", "strasse"), ("a/b", "A/B")], ids=ascii
)
def test_t5_over_http_twins_under_case_folding_are_refused(
    world: World, api: TestClient, one: str, other: str
) -> None:
    names = sorted((one, other))
    refused(world, api, listing(*map(resource, names)), says="equal under case folding")


def test_t5_over_http_a_file_is_no_folder(world: World, api: TestClient) -> None:
    refused(
        world,
        api,
        listing(resource("a"), resource("a/b")),
        says="'a' cannot be a file and hold the file 'a/b'",
    )


def test_t5_over_http_a_link_is_no_file(world: World, api: TestClient) -> None:
    refused(world, api, listing(A, allow_symlinks=True), says="'allow_symlinks': True")
    link = resource("a.bin", algorithm="symlink")
    refused(
        world, api, listing(link), says="a resource has a name, the algorithm sha256 and a digest, unlike"
    )


@pytest.mark.parametrize(
    ("text", "says", "status"),
    [
        (b'{"payload":"","payload":"","payloadType":"x","signatures":[]}', "'payload' occurs twice", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":NaN}', "NaN is not JSON", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":-Infinity}', "-Infinity is not JSON", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":1e999}', "beyond 2^53", 422),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":9007199254740993}', "beyond 2^53", 422),
        (b"[" * 100_000 + b"]" * 100_000, "nests deeper than 64", 422),
        (b'{"payload":"","payloadType":"x","signatures":[]} {}', "not JSON", 400),
        (b'{"payload":"","payloadType":"x","signatures":[],"n":"\xff"}', "not UTF-8", 400),
        (b'{"payload":"\\ud800","payloadType":"x","signatures":[]}', "no canonical JSON", 422),
        (b'\xef\xbb\xbf{"payload":"","payloadType":"x","signatures":[]}', "not JSON", 400),
        (b"", "not JSON", 400),
    ],
)
def test_t7_over_http_json_that_readers_disagree_about_is_refused(
    world: World, api: TestClient, text: bytes, says: str, status: int
) -> None:
    with unchanged(world, api):
        problem(api.post("/entries", content=text), "malformed", says, status)


def test_t7_over_http_nobody_keeps_the_registry_busy_with_a_key_twice_among_very_many(
    world: World, api: TestClient
) -> None:
    keys = ",".join(f'"{number}":0' for number in range(40_000))
    start = time.perf_counter()
    with unchanged(world, api):
        answer = api.post("/entries", content=f'{{{keys},"39999":0}}')
        problem(answer, "malformed", "the key '39999' occurs twice in one JSON object")
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded", "text/plain"])
def test_t7_over_http_bytes_are_read_in_one_way_whatever_they_are_said_to_be(
    world: World, api: TestClient, media: str
) -> None:
    twice = b'{"payload":"","payload":"","payloadType":"x","signatures":[]}'
    with unchanged(world, api):
        answer = api.post("/entries", content=twice, headers={"Content-Type": media})
        problem(answer, "malformed", "'payload' occurs twice")


def test_t7_over_http_a_signed_statement_is_read_as_strictly(world: World, api: TestClient) -> None:
    statement = GOOD.encode()
    assert canonical.decode(statement)
    bent = {
        statement.replace(b'"_type":', b'"_type":"x","_type":'): ("the key '_type' occurs twice", None),
        statement.replace(b'"resources":', b'"n":NaN,"resources":'): ("NaN is not JSON", None),
        statement.replace(b'"resources":', b'"n":9007199254740993,"resources":'): ("beyond 2^53", None),
        b"[" * 70 + b"]" * 70: ("nests deeper than 64", None),
        statement + b"{}": ("not JSON", 400),
        statement.replace(b'"model"', b'"\xff"'): ("not UTF-8", 400),
    }
    for said, (says, status) in bent.items():
        refused(world, api, said, says=says, status=status)
    world.check()


def test_t19_over_http_a_stranger_s_lookalike_is_forbidden_and_with_the_owner_s_signature_it_is_not(
    world: World, api: TestClient
) -> None:
    acme = world.join("acme", "publisher", namespaces=("acme",))
    stranger = world.join("stranger", "publisher", namespaces=("acrne",))
    artifact = world.artifact()
    world.say(naming.statement(artifact, "acme/x", None, 1), acme)
    lookalike = naming.statement(artifact, "acrne/x", None, 1).encode()

    why = "the name 'acrne/x' looks like 'acme/x', which is taken: it needs the signature of whoever may bind"
    refused(world, api, lookalike, stranger, kind="forbidden", says=why)
    problem(api.get("/resolve", params={"ref": "acrne/x"}), "absent", "nothing is called 'acrne/x' here")

    both = dsse.sign(lookalike, [stranger, acme]).encode()
    assert api.post("/entries", content=both).status_code == 201
    assert api.get("/resolve", params={"ref": "acrne/x"}).json()["artifact"] == artifact
    world.check()
