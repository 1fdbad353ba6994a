"""Laws over every kind of source that is discovered: bytes of any kind come to records or to reasons, and never to an exception."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage import predicates
from lineage.predicates import claims
from lineage.schema import STUB
from registry.ingest import kinds
from registry.records import Document, Read, Unread

every = pytest.mark.parametrize("kind", sorted(kinds()))
SHA = b"221e5f92f9dc5fedaf4556b1be6b20642638643c"
# Whole documents of each kind, which are then cut, spliced and spoilt.
WHOLE = {
    "adapters": [b'{"base_model_name_or_path": "acme/base", "revision": "' + SHA + b'", "r": 8}'],
    "cards": [
        b"---\r\nbase_model:\r\n- a/b\r\n- c/d+e/f\r\nlicense: [mit, other]\r\ntags: [merge]\r\n---\r\n# x",
        b'{"model_id": "a/b", "front_matter": {"base_model": ["c/d", "c/d"], "license": "MIT"}}\n{"model_id": "gpt2"}',
    ],
    "edges": [b'parent,child,relation\na/b,c/d,merge\n"a/b",a/b,adapter\r\n/x/y,c/d,quantized\n'],
    "recipes": [
        b"name: first\nmerge_method: linear\nmodels:\n- model: a/b\n---\nbase_model: first\nmodels:\n- model: c/d+e/f\n",
        b"merge_method: ties\nbase_model: D:/x/models--a--b/snapshots/"
        + SHA
        + b"\nslices:\n- sources:\n  - model: c/d\n",
    ],
}
PIECES = [
    b"\x00",
    b"\xff",
    b"\r",
    b"\n",
    b"---",
    b'"',
    b"{",
    b"[",
    b"&x",
    b"*x",
    b"!!",
    b"+",
    b"@",
    b"/",
    b"\\",
    b": ",
    b"~",
    b"1e999",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
]


@st.composite
def spoilt(draw, kind):
    data = draw(st.sampled_from(WHOLE[kind]))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=6)) + data[end:]
    return data


def check(kind: str, data: bytes, target: str | None) -> None:
    name = {"adapters": "adapter_config.json", "edges": "x.csv", "recipes": "x.yaml"}.get(kind)
    for document in [Document(one, data) for one in ([name] if name else ["x.jsonl", "README.md"])]:
        for found in kinds()[kind].read(document, target):
            assert found.place.startswith(document.name)
            match found:
                case Read(claim=claim):
                    assert re.fullmatch(STUB, claim.artifact, re.ASCII)
                    assert claim.artifact not in {one.artifact for one in claim.parents}
                    # Whatever is read can be signed.
                    said = claims.statement(document.name, document.sha256, [claim], 0)
                    assert predicates.facts(said, "")
                case Unread(why=why):
                    assert why.gist
                    assert why.sentence
            assert all(one.gist and one.sentence for one in found.remarks)


@every
@settings(deadline=None)
@given(st.data())
def test_law_a_spoilt_document_comes_to_records_and_reasons(kind, data):
    check(kind, data.draw(spoilt(kind)), data.draw(st.sampled_from([None, "hf:acme/tuned", "hf:a/b"])))


@every
@settings(deadline=None)
@given(st.binary(max_size=200))
@example(b"---\n" + b"{" * 5000 + b"\n---\n")
@example(b"[" * 100_000)
@example(b"a: " * 5000)
@example(b"parent,child,relation\n" + b'"' * 200_000)
def test_law_any_bytes_come_to_reasons(kind, data):
    check(kind, data, "hf:acme/tuned")


@every
def test_a_whole_document_is_read(kind):
    for data in WHOLE[kind]:
        check(kind, data, "hf:acme/tuned")


def test_every_kind_says_what_it_reads():
    assert all(one.ABOUT for one in kinds().values())
    assert set(WHOLE) == set(kinds())
