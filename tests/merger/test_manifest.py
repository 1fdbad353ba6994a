"""Safetensors headers and manifests: what is not exactly right is refused before any library sees it (threat T4)."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import floats, safetensors, write_model

from merger.folder import describe
from merger.header import HEADER_LIMIT, header, weight_files
from merger.manifest import Manifest
from signing.errors import Malformed, Refused

GOOD = {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}


def text(value):
    return json.dumps(value).encode()


def tensor(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def refused(said, data_size=8):
    raw = said if isinstance(said, bytes) else text(said)
    with pytest.raises(Malformed) as caught:
        header(raw, data_size, "f.safetensors")
    return str(caught.value)


def test_a_header_is_read_in_the_order_of_its_bytes():
    said = {
        "b": tensor(offsets=(8, 16)),
        "__metadata__": {"format": "pt"},
        "a": tensor(),
        "e": tensor("U8", (0,), (8, 8)),
    }
    found = header(text(said) + b"   ", 16, "f")
    assert [(e.name, e.begin, e.end) for e in found] == [("a", 0, 8), ("e", 8, 8), ("b", 8, 16)]
    assert header(b"{}", 0, "f") == []


FAULTS = {
    "a hole": (
        {"a": tensor(), "b": tensor(offsets=(12, 20))},
        20,
        "b starts at byte 12, not 8: it leaves a hole",
    ),
    "an overlap": (
        {"a": tensor(), "b": tensor(offsets=(4, 12))},
        12,
        "b starts at byte 4, not 8: it overlaps",
    ),
    "an empty tensor inside another": (
        {"a": tensor(), "b": tensor(shape=(0,), offsets=(4, 4))},
        8,
        "overlaps",
    ),
    "a late start": ({"a": tensor(offsets=(8, 16))}, 16, "leaves a hole before it"),
    "data that no tensor has": (GOOD, 9, "cover 8 bytes of the 9"),
    "data that is not there": (GOOD, 7, "cover 8 bytes of the 7"),
    "too few bytes for the shape": (
        {"a": tensor(shape=(3,))},
        8,
        r"F32 [3] takes 12 bytes, its data_offsets hold 8",
    ),
    "an end before its beginning": (
        {"a": tensor(shape=(), offsets=(8, 4))},
        8,
        "takes 4 bytes, its data_offsets hold -4",
    ),
    "a product beyond 2^63": ({"a": tensor(shape=(1 << 31, 1 << 31, 4))}, 8, "takes more than 2^63 bytes"),
    "a product beyond fp64": ({"a": tensor(shape=(2**53 - 1,) * 64)}, 8, "takes more than 2^63 bytes"),
    "a product beyond 2^63 beside a zero": (
        {"a": tensor(shape=(1 << 31, 1 << 31, 4, 0), offsets=(0, 0))},
        0,
        "takes more than 2^63 bytes",
    ),
    "a negative size": ({"a": tensor(shape=(-2,))}, 8, "its shape [-2] is no list"),
    "two negative sizes": ({"a": tensor(shape=(-1, -2))}, 8, "its shape [-1, -2] is no list"),
    "a size that is a float": ({"a": tensor(shape=(2.0,))}, 8, "its shape [2.0] is no list"),
    "a size that is true": ({"a": tensor(shape=(True, 2))}, 8, "its shape [True, 2] is no list"),
    "a shape that is a number": ({"a": tensor() | {"shape": 2}}, 8, "its shape 2 is no list"),
    "too many dimensions": (
        {"a": tensor(shape=(1,) * 65, offsets=(0, 4))},
        4,
        "is no list of at most 64 sizes",
    ),
    "a negative offset": ({"a": tensor(offsets=(-8, 0))}, 8, "data_offsets [-8, 0] are no begin and end"),
    "three offsets": ({"a": tensor(offsets=(0, 4, 8))}, 8, "are no begin and end"),
    "an unknown type": ({"a": tensor("F31")}, 8, "its type 'F31' is none of BOOL"),
    "a type that is a number": ({"a": tensor(32)}, 8, "its type 32 is none of"),
    "a key too many": ({"a": tensor() | {"x": 1}}, 8, "not dtype, shape and data_offsets"),
    "a key too few": ({"a": {"dtype": "F32", "shape": [2]}}, 8, "not dtype, shape and data_offsets"),
    "a tensor that is a list": ({"a": [0, 8]}, 8, "tensor 'a': says [0, 8]"),
    "no name": ({"": tensor()}, 8, "a tensor's name is printable and of 1 to 1024 bytes"),
    "a name too long": ({"é" * 513: tensor()}, 8, "a tensor's name is printable and of 1 to 1024 bytes"),
    "a name with a line break": ({"a\nb": tensor()}, 8, "a tensor's name is printable"),
    "a name with NUL": ({"a\0": tensor()}, 8, "a tensor's name is printable"),
    "a name that hides its direction": ({"a\u202eb": tensor()}, 8, "a tensor's name is printable"),
    "metadata that is a list": ({"__metadata__": []} | GOOD, 8, "__metadata__ is no object of strings"),
    "metadata that is a text": ({"__metadata__": "pt"} | GOOD, 8, "__metadata__ is no object of strings"),
    "metadata that holds a number": (
        {"__metadata__": {"n": 1}} | GOOD,
        8,
        "__metadata__ is no object of strings",
    ),
    "a list": ([GOOD], 8, "f.safetensors: the header is no JSON object"),
    "nothing": (b"", 8, "not JSON"),
    "half": (text(GOOD)[:-3], 8, "not JSON"),
    "text after the object": (text(GOOD) + b"x", 8, "not JSON"),
    "no UTF-8": (b'{"\xff": 1}', 8, "not UTF-8"),
    "a lone surrogate": (b'{"\\ud800": 1}', 8, "no canonical JSON"),
    "infinity": (b'{"a": Infinity}', 8, "Infinity is not JSON"),
    "a number beyond 2^53": (text({"a": tensor(shape=(1 << 54,))}), 8, "beyond 2^53"),
    "depth": (b'{"a":' * 100_000, 8, "nests deeper than 64"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_t4_a_header_is_refused_with_a_sentence(fault):
    said, size, sentence = FAULTS[fault]
    told = refused(said, size)
    assert sentence in told
    assert len(told) < 500
    assert "\n" not in told


def test_t4_one_tensor_named_twice_is_refused():
    twice = text(GOOD)[:-1] + b"," + text(GOOD)[1:]
    assert "'a' occurs twice" in refused(twice)
    inside = b'{"a":{"dtype":"F32","dtype":"U8","shape":[2],"data_offsets":[0,8]}}'
    assert "'dtype' occurs twice" in refused(inside)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda c: (
            st.lists(c, max_size=3)
            | st.dictionaries(st.sampled_from(["a", "__metadata__", "dtype", "shape", "data_offsets"]), c)
        ),
        max_leaves=8,
    ).map(text)
)
def test_t4_whatever_stands_there_is_read_or_refused(raw):
    try:
        found = header(raw, 8, "f")
    except Refused:
        return  # and nothing but a refusal is raised
    assert sum(e.end - e.begin for e in found) == 8


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "0 bytes long, in a file of 0"),
        (b"\x08\0\0", "in a file of 3"),
        (
            (1 << 63).to_bytes(8, "little") + b"{}",
            f"{1 << 63} bytes long, in a file of 10; at most {HEADER_LIMIT}",
        ),
        ((3).to_bytes(8, "little") + b"{}", "3 bytes long, in a file of 10"),
        ((HEADER_LIMIT + 1).to_bytes(8, "little") + b" " * (HEADER_LIMIT + 1), "at most 8388608 are read"),
        (safetensors({"a": ("U8", (4,), b"abcd")}) + b"x", "cover 4 bytes of the 5"),
        (safetensors({"a": ("U8", (4,), b"abcd")})[:-1], "cover 4 bytes of the 3"),
    ],
    ids=["empty", "cut in its length", "huge", "one too long", "over 8 MiB", "trailing", "cut in its data"],
)
def test_t4_a_file_is_refused_by_its_first_bytes(tmp_path, raw, sentence):
    folder = write_model(tmp_path / "m", {"a": ("F32", (1,), floats([1]))})
    (folder / "model.safetensors").write_bytes(raw)
    with pytest.raises(Malformed, match=re.escape(sentence)) as caught:
        describe(folder)
    assert str(caught.value).startswith("model.safetensors: ")


def test_a_header_of_exactly_the_limit_is_read(tmp_path):
    folder = write_model(tmp_path / "m", {"a": ("F32", (1,), floats([1]))})
    padded = text({"a": tensor(shape=(1,), offsets=(0, 4))}).ljust(HEADER_LIMIT)
    (folder / "model.safetensors").write_bytes(HEADER_LIMIT.to_bytes(8, "little") + padded + bytes(4))
    assert [t.name for t in describe(folder).manifest.tensors] == ["a"]


# --- Indexes and manifests --------------------------------------------------------------------------------


def test_weights_are_what_the_index_says_else_the_single_file_else_all():
    names = ["config.json", "b.safetensors", "a.safetensors", "sub/c.safetensors"]
    assert weight_files(names, None) == {"a.safetensors": None, "b.safetensors": None}
    assert weight_files([*names, "model.safetensors"], None) == {"model.safetensors": None}
    index = text({"weight_map": {"x": "sub/c.safetensors", "y": "a.safetensors", "z": "a.safetensors"}})
    assert weight_files(names, index) == {"a.safetensors": {"y", "z"}, "sub/c.safetensors": {"x"}}


@pytest.mark.parametrize(
    "where", ["../../etc/passwd", "/etc/passwd", "sub/../a.safetensors", "./a.safetensors", ""]
)
def test_t5_an_index_reaches_no_file_outside_the_artifact(where):
    with pytest.raises(Malformed, match="which is not there"):
        weight_files(["a.safetensors"], text({"weight_map": {"x": where}}))


@pytest.mark.parametrize(
    "said", [[], {}, {"weight_map": []}, {"weight_map": {"x": 1}}, {"weight_map": None}], ids=str
)
def test_t5_an_index_that_is_none_is_refused(said):
    with pytest.raises(Malformed, match="weight_map is no object of file names"):
        weight_files(["a.safetensors"], text(said))


@pytest.fixture
def said(pair):
    return json.loads(describe(next(iter(pair.values()))).manifest.encode())


def test_a_manifest_reads_back(said):
    manifest = Manifest.parse(text(said))
    assert Manifest.parse(manifest.encode()) == manifest
    assert [t.elements for t in manifest.tensors] == [4, 3]
    assert manifest.offsets() == {"a": 0, "b": 1}
    assert len(manifest.digest) == 64


def broken(path, value):
    def change(said):
        *way, last = path
        at = said
        for step in way:
            at = at[step]
        if value is None:
            del at[last]
        else:
            at[last] = value
        return said

    return change


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (broken(["v"], "2"), "manifest: v: String should match"),
        (broken(["blocks"], None), "manifest: blocks: Field required"),
        (broken(["more"], 1), "manifest: more: Extra inputs"),
        (broken(["files", 0, "sha256"], "AB"), r"manifest: files\.0\.sha256"),
        (broken(["files", 0, "name"], "../x"), "not a relative path"),
        (broken(["files", 0, "name"], "zzz"), "not sorted by name, each once"),
        (broken(["tensors", 0, "name"], "b"), "not sorted by name, each once"),
        (broken(["tensors", 0, "dtype"], "F31"), "manifest: a has the unknown type 'F31'"),
        (broken(["tensors", 0, "shape"], [-2, -2]), r"manifest: a has the shape \(-2, -2\)"),
        (broken(["tensors", 0, "shape"], [1] * 65), r"a has the shape \(1, .*, no list of at most 64 sizes"),
        (broken(["tensors", 0, "shape"], [2**31, 2**31, 4, 0]), r"manifest: a has the shape \(2147483648, "),
        (broken(["tensors", 0, "shape"], [2.5]), r"manifest: tensors\.0\.shape\.0"),
        (
            broken(["tensors", 0, "file"], "../../x"),
            r"manifest: a is said to be in '\.\./\.\./x', which it does not list",
        ),
    ],
)
def test_t5_a_manifest_is_refused_with_a_sentence(said, change, sentence):
    with pytest.raises(Malformed, match=sentence):
        Manifest.parse(text(change(said)))


def test_t7_a_manifest_with_a_key_twice_is_refused(said):
    raw = text(said)
    with pytest.raises(Malformed, match="'v' occurs twice"):
        Manifest.parse(raw[:-1] + b',"v":"1"}')
