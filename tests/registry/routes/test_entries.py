"""A signed statement goes in as bytes and comes out with its proof."""

import sqlite3

import pytest
from fastapi.testclient import TestClient
from world import SIGNERS, World

from lineage.predicates import license as license_predicate
from lineage.predicates import name
from registry.app import create
from registry.deps import Limits
from signing import canonical, dsse
from signing.bundle import Bundle, verify
from signing.log import Leaf


def signed(world: World, artifact: str, terms: str = "mit", *roles: str) -> bytes:
    statement = license_predicate.statement(artifact, terms, world.time)
    return dsse.sign(statement.encode(), [world.home.keys(role) for role in roles or ("publisher",)]).encode()


def keys(world: World):
    root = world.home.root()
    return root.public(*SIGNERS), root.origin, root.public("log")[0]


def test_a_signed_statement_is_logged_and_its_receipt_proves_it(world: World, api: TestClient) -> None:
    raw = signed(world, world.model())

    response = api.post("/entries", content=raw)

    assert response.status_code == 201
    receipt = response.json()
    proof = tuple(map(canonical.from_base64, receipt["proof"]))
    leaf = Leaf.parse(receipt["leaf"].encode())
    bundle = Bundle(raw, leaf, receipt["index"], proof, receipt["checkpoint"].encode())
    proven = verify(bundle, *keys(world))
    assert (proven.entry, proven.index, proven.size) == (receipt["entry"], receipt["index"], receipt["size"])
    assert proven.time == receipt["time"] == world.time
    assert api.get(response.headers["location"]).content == raw
    world.check()


def test_the_same_statement_again_gets_its_first_receipt(world: World, api: TestClient) -> None:
    raw = signed(world, world.model())
    first = api.post("/entries", content=raw)
    world.advance(60)
    world.model()

    again = api.post("/entries", content=raw)

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["location"] == first.headers["location"]


def test_the_bytes_are_kept_as_they_were_sent(world: World, api: TestClient) -> None:
    raw = b"  " + signed(world, world.model()).replace(b",", b" ,\n ") + b"\n"

    entry = api.post("/entries", content=raw).json()["entry"]

    found = api.get(f"/entries/{entry}")
    assert found.content == raw
    assert found.headers["content-type"] == "application/vnd.dsse.envelope.v1+json"


def test_a_bundle_is_one_line_that_holds_offline(world: World, api: TestClient) -> None:
    entry = api.post("/entries", content=signed(world, world.model())).json()["entry"]

    line = api.get(f"/entries/{entry}/bundle").content

    assert line.count(b"\n") == 1
    assert verify(Bundle.parse(line.strip()), *keys(world)).entry == entry


def test_the_same_statement_by_other_keys_is_another_leaf_of_one_entry(world: World, api: TestClient) -> None:
    artifact = world.model()
    one = api.post("/entries", content=signed(world, artifact)).json()
    both = signed(world, artifact, "mit", "publisher", "security")

    other = api.post("/entries", content=both).json()

    assert (other["entry"], other["index"]) == (one["entry"], one["index"] + 1)
    assert api.get(f"/entries/{one['entry']}").content != both
    assert api.get(f"/entries/{one['entry']}", params={"index": other["index"]}).content == both
    for leaf in (one["index"], other["index"]):
        line = api.get(f"/entries/{one['entry']}/bundle", params={"index": leaf}).content
        assert verify(Bundle.parse(line.strip()), *keys(world)).index == leaf
    nowhere = api.get(f"/entries/{one['entry']}", params={"index": 0})
    assert nowhere.status_code == 404
    assert f"has the leaves {one['index']}, {other['index']}, and 0 is none" in nowhere.json()["detail"]


def test_an_unknown_entry_is_absent(api: TestClient) -> None:
    for path in (f"/entries/{'0' * 64}", f"/entries/{'0' * 64}/bundle"):
        response = api.get(path)
        assert response.status_code == 404
        assert response.json()["detail"] == f"no entry {'0' * 64} is in this log"


def test_an_entry_whose_payload_was_removed_says_so(world: World, api: TestClient) -> None:
    entry = api.post("/entries", content=signed(world, world.model())).json()["entry"]
    with sqlite3.connect(world.home.path / "studbook.db") as connection:
        connection.execute("DELETE FROM payload")

    for path in (f"/entries/{entry}", f"/entries/{entry}/bundle"):
        response = api.get(path)
        assert response.status_code == 404
        assert response.json()["detail"].endswith("was removed; its leaf and proof remain")


@pytest.mark.parametrize(
    ("raw", "status", "says"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not UTF-8"),
        (b"[]", 422, "a DSSE envelope is an object"),
        (
            b'{"payload":"e30=","payloadType":"a/b","signatures":[{"sig":""}]}',
            422,
            "the envelope holds 'a/b'",
        ),
    ],
)
def test_what_is_no_statement_is_refused_and_changes_nothing(
    world: World, api: TestClient, raw: bytes, status: int, says: str
) -> None:
    before = world.size()

    response = api.post("/entries", content=raw)

    assert response.status_code == status
    assert response.json()["type"] == "https://studbook.dev/problems/malformed"
    assert says in response.json()["detail"]
    assert world.size() == before


def test_what_does_not_fit_the_log_is_refused_with_the_values(world: World, api: TestClient) -> None:
    stranger = f"sha256:{'ab' * 32}"

    response = api.post("/entries", content=signed(world, stranger))

    assert response.status_code == 409
    assert response.json()["type"] == "https://studbook.dev/problems/refused"
    assert f"{stranger} is not registered here" in response.json()["detail"]


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_is_refused_at_the_first_byte_too_many(world: World, announced: bool) -> None:
    sent = []

    def pieces():
        for _ in range(1000):
            sent.append(100)
            yield b"x" * 100

    with TestClient(create(world.home, limits=Limits(entry_bytes=1000))) as api:
        response = api.post("/entries", content=b"x" * 1001 if announced else pieces())

    assert response.status_code == 413
    assert response.json()["detail"].endswith("at most 1000 are taken here")


def test_of_several_leaves_of_a_statement_the_one_that_counts_is_handed_out(
    world: World, api: TestClient
) -> None:
    anna, ben = world.join("anna", "publisher"), world.join("ben", "publisher")
    model = world.artifact()
    world.advance(1)
    said = name.statement(model, "anna/model", None, 1)
    first, second = world.say(said, anna), world.say(said, ben)
    world.end(anna, world.time - 1)

    bundle = Bundle.parse(api.get(f"/entries/{first.entry}/bundle").content.strip())

    assert bundle.index == second.index
    asked = api.get(f"/entries/{first.entry}/bundle", params={"index": first.index})
    assert Bundle.parse(asked.content.strip()).index == first.index
