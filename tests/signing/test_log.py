import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed
from signing.log import Leaf

A, B = sorted((sha256_hex(b"a"), sha256_hex(b"b")))
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
LEAVES = st.builds(
    Leaf,
    HEX,
    st.sets(HEX, min_size=1, max_size=64).map(lambda keys: tuple(sorted(keys))),
    st.integers(0, 2**53 - 1),
)


def test_a_leaf_is_these_bytes():
    assert Leaf(A, (A, B), 1).encode() == f'{{"keys":["{A}","{B}"],"pae":"{A}","time":1,"v":1}}'.encode()


@given(LEAVES)
def test_a_leaf_is_read_back_and_fits_a_tile(leaf):
    raw = leaf.encode()
    assert raw == canonical.encode({"v": 1, "pae": leaf.pae, "keys": leaf.keys, "time": leaf.time})
    assert Leaf.parse(raw) == leaf
    assert len(raw) <= 65_535


@pytest.mark.parametrize(
    ("leaf", "sentence"),
    [
        ((A.upper(), (A,), 1), "the entry of a leaf"),
        ((A, ("x",), 1), "a key of a leaf"),
        ((A, (), 1), "at least one key"),
        ((A, (B, A), 1), "sorted"),
        ((A, (A, A), 1), "each once"),
        ((A, (A,), -1), "not -1"),
        ((A, (A,), 2**53), "not 9007199254740992"),
        ((A, (A,), True), "not True"),
        ((A, (A,), 1.0), "not 1.0"),
    ],
)
def test_what_has_no_place_in_a_log_is_refused(leaf, sentence):
    with pytest.raises(Malformed, match=sentence):
        Leaf(*leaf)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (f'{{"keys":["{A}"],"pae":"{A}","time":1,"v":2}}', "version 1 has pae, keys and time"),
        (f'{{"keys":["{A}"],"pae":"{A}","v":1}}', "version 1 has pae, keys and time"),
        (f'{{"keys":["{A}"],"pae":"{A}","time":"1","v":1}}', "version 1 has pae, keys and time"),
        (f'{{"keys":[1],"pae":"{A}","time":1,"v":1}}', "a key of a leaf"),
        (f'{{"keys":["{A}"],"pae":"{A}","time":true,"v":1}}', "not True"),
        (f'{{"keys":["{A}"],"pae":"{A}","time":1,"v":true}}', "not in canonical JSON"),
        (f'{{"keys":["{A}"],"pae":"{A}","time":1,"v":1,"x":1}}', "not in canonical JSON"),
        (f'{{"pae":"{A}","keys":["{A}"],"time":1,"v":1}}', "not in canonical JSON"),
        (f'{{"keys":["{A}"],"pae":"{A}","time":1,"v":1}}\n', "not in canonical JSON"),
    ],
)
def test_what_is_not_the_leafs_own_bytes_is_refused(raw, sentence):
    with pytest.raises(Malformed, match=sentence):
        Leaf.parse(raw.encode())
