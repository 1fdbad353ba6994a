import math
import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import canonical
from signing.errors import Malformed

LARGEST = 2**53 - 1
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-LARGEST, LARGEST)
    | st.floats(-float(LARGEST), float(LARGEST))
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\\n€😀דּ', max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)

# RFC 8785, appendix B: the bits of a double, and its JSON.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_numbers_are_written_as_in_rfc_8785_appendix_b(bits, text):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical.encode(value) == text.encode()


def test_keys_are_sorted_as_in_rfc_8785_section_3_2_3():
    raw = rb"""{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"}"""
    value = canonical.decode(raw)
    order = ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert list(canonical.decode(canonical.encode(value))) == order


def test_strings_are_escaped_as_in_rfc_8785_section_3_2_2_2():
    assert canonical.encode('\u20ac$\u000f\u000aA\'B"\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\"/"'.encode()


@given(VALUES)
def test_what_is_written_is_read_back_and_written_the_same(value):
    raw = canonical.encode(value)
    assert canonical.decode(raw) == value
    assert canonical.encode(canonical.decode(raw)) == raw


@given(VALUES)
def test_whatever_is_read_can_be_written_and_read_again(value):
    again = canonical.decode(canonical.encode(value))
    assert canonical.decode(b" \t\n" + canonical.encode(again) + b"\r\n ") == again


@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8e12-+. \n', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(raw):
    try:
        value = canonical.decode(raw)
    except Malformed:
        return
    assert canonical.decode(canonical.encode(value)) == value


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"\\u0061":2}}]'])
def test_t7_duplicate_keys_are_refused_by_name(raw):
    with pytest.raises(Malformed, match="the key 'a' occurs twice"):
        canonical.decode(raw)


@pytest.mark.parametrize("raw", [b"NaN", b"[Infinity]", b'{"a":-Infinity}'])
def test_t7_nan_and_infinity_are_refused(raw):
    with pytest.raises(Malformed, match="is not JSON"):
        canonical.decode(raw)


@pytest.mark.parametrize(
    "raw", [b"9007199254740992", b"-9007199254740992", b"1e16", b"-1e999", b"9" * 5000, b"1e400"]
)
def test_t7_numbers_that_readers_disagree_about_are_refused(raw):
    with pytest.raises(Malformed, match=r"beyond 2\^53"):
        canonical.decode(raw)


@pytest.mark.parametrize("raw", [b"-0", b"[1,-0]", b'{"a":-0}'])
def test_t7_a_zero_with_a_sign_is_refused(raw):
    with pytest.raises(Malformed, match="the number -0 is read differently"):
        canonical.decode(raw)
    assert canonical.decode(b'"-0"') == "-0"


def test_t7_the_largest_integers_are_read():
    assert canonical.decode(b"[9007199254740991,-9007199254740991]") == [LARGEST, -LARGEST]


@pytest.mark.parametrize("raw", [b"\xff", b'"\xed\xa0\x80"', b'{"a":"\xc0\xaf"}'])
def test_t7_invalid_utf8_is_refused(raw):
    with pytest.raises(Malformed, match="not UTF-8"):
        canonical.decode(raw)


@pytest.mark.parametrize("raw", [b'"\\ud800"', b'{"\\udfff":1}', b'"\\ude00\\ud83d"'])
def test_t7_lone_surrogates_are_refused(raw):
    with pytest.raises(Malformed, match="no canonical JSON"):
        canonical.decode(raw)


@pytest.mark.parametrize(
    "raw", [b"", b"{} {}", b"1 x", b"{'a':1}", b"[1,]", b"01", b"\xef\xbb\xbf{}", b'"\n"', b"\xc2\xa01"]
)
def test_t7_what_is_not_json_is_refused(raw):
    with pytest.raises(Malformed, match="not JSON"):
        canonical.decode(raw)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_t7_deep_nesting_is_refused_at_65_levels(opening, closing):
    canonical.decode(opening * 64 + b"1" + closing * 64)
    for depth in (65, 1_000_000):
        with pytest.raises(Malformed, match="deeper than 64"):
            canonical.decode(opening * depth + b"1" + closing * depth)


def test_t7_brackets_in_strings_and_side_by_side_are_not_depth():
    wide = [['[[[{{{"[', "\\"]] * 200
    assert canonical.decode(canonical.encode(wide)) == wide


def test_t7_a_huge_unclosed_string_is_refused_at_once():
    start = time.perf_counter()
    with pytest.raises(Malformed, match="not JSON"):
        canonical.decode(b"[" * 64 + b'"[' + b'\\"' * 2**20)
    assert time.perf_counter() - start < 5


def test_t7_a_key_that_stands_twice_among_very_many_is_found_at_once():
    many = b",".join(b'"%d":0' % n for n in range(60_000))
    start = time.process_time()
    with pytest.raises(Malformed, match="the key '59999' occurs twice"):
        canonical.decode(b'{%b,"59999":0}' % many)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1: 2}, {"\ud800": 1}, "\udc00", object()])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(Malformed, match="no canonical JSON"):
        canonical.encode(value)


def test_true_is_no_integer():
    assert canonical.is_integer(1)
    assert not canonical.is_integer(True)  # noqa: FBT003 - the value under test
    assert not canonical.is_integer(1.0)


@given(st.binary())
def test_base64_is_read_back(data):
    assert canonical.from_base64(canonical.to_base64(data)) == data


@pytest.mark.parametrize("spelled", ["a", "a===", "YR==", "YQ", "YQ==\n", "Y Q=", "-_-_", "é"])
def test_what_is_not_base64_is_refused(spelled):
    with pytest.raises(Malformed, match="not base64"):
        canonical.from_base64(spelled)
