from dataclasses import replace

import pytest

from signing import bundle, canonical, checkpoint, dsse, merkle, oms
from signing.bundle import Bundle, Proven
from signing.checkpoint import Checkpoint
from signing.digest import sha256_hex
from signing.dsse import Envelope
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey
from signing.log import Leaf
from signing.statement import Statement

ORIGIN = "studbook.example/log"
STATEMENT = oms.statement("m", {"a": sha256_hex(b"a")})
SIBLING = merkle.leaf_hash(b"another entry")


@pytest.fixture(scope="module")
def logged(publisher, log_key) -> Bundle:
    """Return the second of two entries, with its proof."""
    envelope = dsse.sign(STATEMENT.encode(), [publisher])
    return bundled(envelope, Leaf(envelope.entry, (publisher.public.id,), 5), log_key)


def bundled(envelope: Envelope, leaf: Leaf, log_key: PrivateKey) -> Bundle:
    root = merkle.node_hash(SIBLING, merkle.leaf_hash(leaf.encode()))
    note = checkpoint.sign(Checkpoint(ORIGIN, 2, root), log_key)
    return Bundle(envelope.encode(), leaf, 1, (SIBLING,), note)


def test_a_bundle_proves_who_said_what_and_when_it_was_logged(logged, publisher, second, log_key):
    proven = bundle.verify(logged, [second.public, publisher.public], ORIGIN, log_key.public)
    entry = Envelope.parse(logged.envelope).entry
    assert proven == Proven(STATEMENT, entry, frozenset({publisher.public}), 1, 2, 5)


def test_a_bundle_is_one_line_and_is_read_back(logged):
    raw = logged.encode()
    assert b"\n" not in raw
    assert Bundle.parse(raw) == logged
    assert Bundle.parse(b" " + raw + b"\n") == logged


def test_the_envelope_stays_as_it_was_received(logged, publisher, log_key):
    received = b" " + logged.envelope.replace(b",", b" ,\n\t")
    again = Bundle.parse(replace(logged, envelope=received).encode())
    assert again.envelope == received
    assert bundle.verify(again, [publisher.public], ORIGIN, log_key.public).statement == STATEMENT


def test_only_keys_that_the_log_wrote_down_are_proven(logged, publisher, second, log_key):
    both = dsse.sign(STATEMENT.encode(), [publisher, second])
    added = replace(logged, envelope=both.encode())
    keys = [publisher.public, second.public]
    assert bundle.verify(added, keys, ORIGIN, log_key.public).keys == {publisher.public}
    with pytest.raises(Untrusted, match="no trusted key signed the entry"):
        bundle.verify(added, [second.public], ORIGIN, log_key.public)


def test_a_key_that_the_log_wrote_down_and_that_did_not_sign_proves_nothing(publisher, second, log_key):
    envelope = dsse.sign(STATEMENT.encode(), [publisher])
    forged = bundled(envelope, Leaf(envelope.entry, (second.public.id,), 5), log_key)
    with pytest.raises(Untrusted, match="no trusted key signed the entry"):
        bundle.verify(forged, [publisher.public, second.public], ORIGIN, log_key.public)


def test_another_log_proves_nothing(logged, publisher, log_key):
    stranger = PrivateKey.generate("ed25519").public
    with pytest.raises(Untrusted, match="the note is not signed by studbook"):
        bundle.verify(logged, [publisher.public], ORIGIN, stranger)
    with pytest.raises(Untrusted, match="the note is not signed by other"):
        bundle.verify(logged, [publisher.public], "other.example", log_key.public)


def test_a_checkpoint_of_another_origin_under_the_logs_key_proves_nothing(logged, publisher, log_key):
    text = Checkpoint("other.example", 2, bytes(32)).text()
    hash4 = bytes.fromhex(checkpoint.vkey(ORIGIN, log_key.public).split("+")[1])
    blob = canonical.to_base64(hash4 + log_key.sign(text.encode()))
    note = f"{text}\n— {ORIGIN} {blob}\n".encode()
    with pytest.raises(Untrusted, match=r"of the log 'other\.example'"):
        bundle.verify(replace(logged, checkpoint=note), [publisher.public], ORIGIN, log_key.public)


@pytest.mark.parametrize(
    "changes", [{"index": 0}, {"proof": (merkle.EMPTY,)}, {"proof": ()}, {"proof": (SIBLING, SIBLING)}]
)
def test_a_proof_that_does_not_lead_to_the_root_proves_nothing(logged, publisher, log_key, changes):
    with pytest.raises(Untrusted, match="proof"):
        bundle.verify(replace(logged, **changes), [publisher.public], ORIGIN, log_key.public)


def test_a_changed_leaf_proves_nothing(logged, publisher, log_key):
    backdated = replace(logged, leaf=replace(logged.leaf, time=4))
    with pytest.raises(Untrusted, match="does not lead from leaf 1"):
        bundle.verify(backdated, [publisher.public], ORIGIN, log_key.public)


def test_t13_a_proof_does_not_serve_another_statement(logged, publisher, log_key):
    other = dsse.sign(oms.statement("m", {"b": sha256_hex(b"b")}).encode(), [publisher])
    with pytest.raises(Untrusted, match=f"and the envelope is {other.entry}"):
        bundle.verify(replace(logged, envelope=other.encode()), [publisher.public], ORIGIN, log_key.public)


def test_t24_a_node_is_never_a_leaf(logged, publisher, log_key):
    """An inner node whose two halves are offered as an entry hashes to something else than the node."""
    inner = merkle.node_hash(SIBLING, merkle.leaf_hash(logged.leaf.encode()))
    note = checkpoint.sign(Checkpoint(ORIGIN, 1, inner), log_key)
    with pytest.raises(Untrusted, match="proof"):
        bundle.verify(
            replace(logged, index=0, proof=(), checkpoint=note), [publisher.public], ORIGIN, log_key.public
        )
    assert (
        merkle.inclusion_root(inner, 0, 1, []) == inner
    )  # so a caller hands over leaf_hash(leaf), never a hash


def test_a_payload_that_is_no_statement_is_refused(publisher, log_key):
    for payload, kind in ((b"{}", dsse.IN_TOTO), (STATEMENT.encode(), "application/json")):
        envelope = dsse.sign(payload, [publisher], kind)
        one = bundled(envelope, Leaf(envelope.entry, (publisher.public.id,), 5), log_key)
        with pytest.raises(Malformed):
            bundle.verify(one, [publisher.public], ORIGIN, log_key.public)


def changed(one: Bundle, **changes) -> bytes:
    value = canonical.decode(one.encode()) | changes
    return canonical.encode({key: item for key, item in value.items() if item is not ...})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"v": 2}, "has exactly v, envelope"),
        ({"v": True}, "has exactly v, envelope"),
        ({"index": True}, "has exactly v, envelope"),
        ({"index": "1"}, "has exactly v, envelope"),
        ({"more": 1}, "has exactly v, envelope"),
        ({"checkpoint": ...}, "has exactly v, envelope"),
        ({"proof": [1]}, "hashes in base64, not of int"),
        ({"proof": ["?"]}, "not base64"),
        ({"leaf": "{}"}, "a leaf of version 1"),
    ],
)
def test_what_is_no_bundle_is_refused(logged, changes, sentence):
    with pytest.raises(Malformed, match=sentence):
        Bundle.parse(changed(logged, **changes))


def test_an_index_beyond_the_log_is_refused(logged, publisher, log_key):
    with pytest.raises(Malformed, match="no leaf 2"):
        bundle.verify(replace(logged, index=2), [publisher.public], ORIGIN, log_key.public)


def test_a_bundle_is_bounded():
    with pytest.raises(Malformed, match="at most 34603008 are read"):
        Bundle.parse(b" " * (34603008 + 1))


def test_a_bundle_is_text(logged):
    with pytest.raises(Malformed, match="the envelope is not UTF-8"):
        replace(logged, envelope=b"\xff").encode()


def test_the_statement_is_what_was_signed(logged):
    assert Statement.parse(Envelope.parse(logged.envelope).payload) == STATEMENT
