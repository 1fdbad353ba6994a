"""The one write path refuses in one sentence and changes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from world import World

from lineage.authority import TrustedRoot
from lineage.predicates import derivation, license, name, root, signature  # noqa: A004 - the statement's own name
from registry.publish import publish
from registry.store import log
from signing import canonical, dsse
from signing.digest import artifact_id
from signing.dsse import Envelope, sign
from signing.errors import Forbidden, Malformed, Refused, Untrusted
from signing.keys import PrivateKey
from signing.statement import Statement, Subject

FILES = {"model.safetensors": "ab" * 32}
ARTIFACT = artifact_id(FILES)
MODEL = signature.statement("a model", FILES)
HEAVY = ("torch", "fastapi", "networkx", "alembic")


def unchanged(world: World, error: type[Refused], raw: bytes, match: str) -> None:
    size = world.size()
    with pytest.raises(error, match=match):
        publish(world.home.writer(), raw)
    assert world.size() == size
    assert world.fsck().findings == ()


def signed(world: World, statement: Statement, role: str = "publisher") -> bytes:
    return sign(statement.encode(), [world.home.keys(role)]).encode()


def test_the_same_statement_by_the_same_key_gets_its_first_receipt_again(world: World) -> None:
    first = publish(world.home.writer(), signed(world, MODEL))
    world.advance(60)
    world.model()

    assert publish(world.home.writer(), signed(world, MODEL)) == first
    world.check([first])


def test_t25_re_encoded_signatures_are_the_same_entry(world: World) -> None:
    first = publish(world.home.writer(), signed(world, MODEL))
    envelope = canonical.decode(signed(world, MODEL))
    sig = envelope["signatures"][0]["sig"].replace("+", "-").replace("/", "_")
    envelope["signatures"] = [{"keyid": "somebody else", "sig": sig}] * 2

    assert publish(world.home.writer(), canonical.encode(envelope).replace(b",", b",\n ")) == first
    world.check()


def test_a_signature_by_an_unknown_key_beside_a_trusted_one_counts_for_nothing(world: World) -> None:
    first = publish(world.home.writer(), signed(world, MODEL))
    keys = [PrivateKey.generate("ecdsa-p256"), world.home.keys("publisher")]

    assert publish(world.home.writer(), sign(MODEL.encode(), keys).encode()) == first


def test_a_second_trusted_key_is_a_new_leaf_and_the_same_entry(world: World) -> None:
    second = PrivateKey.generate("ecdsa-p256")
    now = canonical.decode(world.home.root().encode())
    keys = [*now["keys"], {**now["keys"][1], "pem": second.public.pem().decode(), "roles": ["publisher"]}]
    changed = TrustedRoot.parse(canonical.encode(now | {"version": "2", "keys": keys}))
    world.publish("root", root.statement(changed))
    (world.home.path / "trusted_root.json").write_bytes(changed.encode() + b"\n")
    first = publish(world.home.writer(), signed(world, MODEL))

    again = publish(world.home.writer(), sign(MODEL.encode(), [second]).encode())

    assert (again.entry, again.index) == (first.entry, first.index + 1)
    with world.home.store.reading() as connection:
        assert log.indexes(connection, first.entry) == (first.index, again.index)
    world.check([first, again])


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        (b"", "not JSON"),
        (b"\x80", "not UTF-8"),
        (b"[]", "DSSE envelope"),
        (b'{"payload":"","payload":"","payloadType":"x","signatures":[]}', "twice"),
        (b'{"payload":NaN}', "NaN"),
        (b"[" * 100_000, "deeper"),
        (b'{"payload":"","payloadType":"x","signatures":[]} x', "not JSON"),
        (b" " * (dsse.MAX_BYTES + 1), "at most"),
    ],
)
def test_t7_bytes_that_two_readers_would_read_differently_are_refused(
    world: World, raw: bytes, match: str
) -> None:
    unchanged(world, Malformed, raw, match)


def test_t7_a_signed_payload_is_read_as_strictly(world: World) -> None:
    twice = b'{"_type":"https://in-toto.io/Statement/v1","_type":"x","subject":[],"predicateType":"y"}'
    unchanged(world, Malformed, sign(twice, [world.home.keys("publisher")]).encode(), "twice")


def test_a_statement_of_a_reserved_type_that_nobody_reads_is_refused_by_its_uri(world: World) -> None:
    odd = Statement((Subject("x", "ab" * 32),), "https://in-toto.io/attestation/odd/v9", {})
    unchanged(world, Refused, signed(world, odd), r"https://in-toto\.io/attestation/odd/v9")


def test_nobody_s_key_and_no_key_are_refused(world: World) -> None:
    stranger = PrivateKey.generate("ecdsa-p256")
    unchanged(world, Untrusted, sign(MODEL.encode(), [stranger]).encode(), "no key of the trusted root")
    altered = Envelope.parse(signed(world, MODEL))
    forged = dsse.Envelope(altered.payload_type, altered.payload + b" ", altered.signatures)
    unchanged(world, Untrusted, forged.encode(), "no key of the trusted root")


def test_a_trusted_key_says_only_what_its_role_may(world: World) -> None:
    unchanged(world, Forbidden, signed(world, MODEL, "security"), "publisher")


def test_a_key_that_has_ended_says_nothing_new(world: World) -> None:
    now = canonical.decode(world.home.root().encode())
    for key in now["keys"]:
        if "publisher" in key["roles"]:
            key["validFor"]["end"] = str(world.time + 10)
    changed = TrustedRoot.parse(canonical.encode(now | {"version": "2"}))
    world.publish("root", root.statement(changed))
    world.publish("publisher", MODEL)
    world.advance(11)
    unchanged_but_for_the_pin = world.size()

    with pytest.raises(Forbidden, match="is good from"):
        world.publish("publisher", license.statement(ARTIFACT, "mit", 1))
    assert world.size() == unchanged_but_for_the_pin


def test_t16_an_older_trusted_root_does_not_come_back(world: World) -> None:
    document = canonical.decode(world.home.root().encode())
    old = TrustedRoot.parse(canonical.encode(document | {"threshold": "1", "origin": "elsewhere"}))
    unchanged(world, Forbidden, signed(world, root.statement(old), "root"), "version 2 is due")


def test_t21_an_edge_that_closes_a_cycle_is_refused_with_both_ends(world: World) -> None:
    top = world.artifact()
    middle = world.artifact(top)
    bottom = world.artifact(middle, relation="tokenizer")
    loop = derivation.statement(top, [derivation.Parent(artifact=bottom, relation="merge", part={})])
    unchanged(world, Refused, signed(world, loop), f"{bottom} descends from {top}")
    own = derivation.statement(top, [derivation.Parent(artifact=top, relation="merge", part={})])
    unchanged(world, Refused, signed(world, own), "own parent")


def test_what_is_not_registered_is_refused_by_its_id(world: World) -> None:
    unchanged(world, Refused, signed(world, name.statement(ARTIFACT, "kennel/x", None, 1)), ARTIFACT)


def test_publishing_loads_nothing_heavy(world: World, tmp_path: Path) -> None:
    raw = tmp_path / "statement.json"
    raw.write_bytes(signed(world, MODEL))
    program = f"""
import sys
from pathlib import Path
from registry.home import Home
from registry.publish import publish
from registry import fsck
home = Home.open(Path({str(world.home.path)!r}), clock=lambda: {world.time})
print(publish(home.writer(), Path({str(raw)!r}).read_bytes()).index)
print([name for name in {HEAVY!r} if name in sys.modules])
"""
    root_folder = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root_folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n[]\n"
    world.check()


def test_canonical_json_of_the_pinned_root_is_what_the_log_holds(world: World) -> None:
    raw = (world.home.path / "trusted_root.json").read_bytes()
    assert canonical.encode(canonical.decode(raw)) + b"\n" == raw
    assert TrustedRoot.parse(raw) == world.home.root()
