"""Lists of edges, line by line."""

import pytest

from lineage.predicates.claims import Claim, Parent
from registry.ingest.edges import read, wants
from registry.records import SELF, Document, Read, Unread
from registry.stubs import LOCAL

HEAD = b"parent,child,relation\n"


def records(data: bytes):
    return list(read(Document("edges.csv", data), None))


def only(line: bytes):
    (found,) = records(HEAD + line)
    return found


@pytest.mark.parametrize(
    ("word", "relation"),
    [
        ("finetune", "finetune"),
        ("quantized", "quantize"),
        ("Quantized", "quantize"),
        ("adapter", "adapter_of"),
        ("merge", "merge"),
        ("distill", "distill"),
    ],
)
def test_a_line_is_an_edge_in_our_words(word, relation):
    assert only(f"acme/base,acme/tuned,{word}\n".encode()) == Read(
        "edges.csv:2", Claim("hf:acme/tuned", (Parent("hf:acme/base", relation),))
    )


def test_lines_may_end_in_crlf_the_file_may_begin_with_a_mark_and_columns_have_any_order():
    data = b"\xef\xbb\xbfrelation,Parent,child\r\nmerge,a/b,c/d\r\n\r\nmerge,e/f,c/d"

    assert [(one.place, one.claim.parents[0].artifact) for one in records(data)] == [
        ("edges.csv:2", "hf:a/b"),
        ("edges.csv:4", "hf:e/f"),
    ]


@pytest.mark.parametrize(
    ("line", "gist"),
    [
        (b"Rudra360/model,Rudra360/model,finetune", SELF),
        (b"/home/me/base,a/b,merge", LOCAL),
        (b"a/b,c/d,begat", "has a relation that is none"),
        (b"a/b,c/d", "is no line of an edge list"),
        (b"a/b,c/d,merge,0.5", "is no line of an edge list"),
        (b"a/b,\xff/d,merge", "is no line of an edge list"),
        (b'"a/b,c/d,merge', "is no line of an edge list"),
        (b"a/b,c/d\x00,merge", "names no repository"),
    ],
)
def test_a_line_that_is_no_edge_says_why(line, gist):
    found = only(line)
    assert isinstance(found, Unread)
    assert (found.place, found.why.gist) == ("edges.csv:2", gist)


def test_a_quote_that_is_never_closed_costs_its_own_line():
    found = records(HEAD + b'"a/b,c/d,merge\ne/f,g/h,merge\n')
    assert [type(one) for one in found] == [Unread, Read]


@pytest.mark.parametrize("data", [b"", b"a/b,c/d,merge\n", b"parent,child\n", b"\xff\xfe", b'"'])
def test_what_has_no_header_is_one_record_that_is_not_read(data):
    (found,) = records(data)
    assert isinstance(found, Unread)
    assert found.why.gist == "begins with no header of an edge list"


def test_a_branch_of_the_parent_is_kept_beside_the_stub():
    found = only(b"a/b@main,c/d,merge")
    assert found.claim.parents == (Parent("hf:a/b", "merge", {"revision": "main"}),)


def test_which_files_are_lists():
    assert wants("hub/Edges.CSV")
    assert not wants("edges.txt")
