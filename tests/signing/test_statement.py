import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import canonical
from signing.digest import sha256_hex
from signing.errors import Malformed
from signing.statement import TYPE, Statement, Subject

DIGEST = sha256_hex(b"")
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
STATEMENTS = st.builds(
    Statement,
    st.lists(st.builds(Subject, TEXT, HEX), min_size=1, max_size=3).map(tuple),
    TEXT.filter(bool),
    st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2) | st.none(), max_size=3),
)


def raw(**changes) -> bytes:
    whole = {
        "_type": TYPE,
        "subject": [{"name": "m", "digest": {"sha256": DIGEST}}],
        "predicateType": "https://example.com/p/v1",
        "predicate": {"a": "1"},
    }
    return canonical.encode({key: value for key, value in (whole | changes).items() if value is not ...})


@given(STATEMENTS)
def test_a_statement_is_read_back(statement):
    assert Statement.parse(statement.encode()) == statement


def test_the_example_of_in_toto_is_read():
    found = Statement.parse(raw())
    assert found.subjects == (Subject("m", DIGEST),)
    assert found.predicate_type == "https://example.com/p/v1"
    assert found.predicate == {"a": "1"}


def test_fields_that_are_not_known_are_ignored():
    subject = {"digest": {"sha256": DIGEST, "gitCommit": "ab"}, "uri": "hf:a/b", "annotations": {}}
    found = Statement.parse(raw(subject=[subject], later={"x": 1}))
    assert found.subjects == (Subject("", DIGEST),)


def test_a_predicate_may_be_left_out():
    assert Statement.parse(raw(predicate=...)).predicate == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"_type": ...}, "_type, subject and predicateType"),
        ({"subject": []}, "_type, subject and predicateType"),
        ({"subject": {}}, "_type, subject and predicateType"),
        ({"predicateType": ""}, "_type, subject and predicateType"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "of type 'https://in-toto.io/Statement/v0.1'"),
        ({"predicate": []}, "is an object, not list"),
        ({"predicate": None}, "is an object, not NoneType"),
        ({"subject": [{"name": "m"}]}, "a digest with a sha256"),
        ({"subject": [{"name": "m", "digest": {"sha512": "00"}}]}, "a digest with a sha256"),
        ({"subject": [{"name": 1, "digest": {"sha256": DIGEST}}]}, "is text, not int"),
        ({"subject": [{"digest": {"sha256": DIGEST.upper()}}]}, "64 lower-case hex"),
        ({"subject": [{"digest": {"sha256": 7}}]}, "64 lower-case hex"),
    ],
)
def test_what_is_no_statement_is_refused(changes, sentence):
    with pytest.raises(Malformed, match=sentence):
        Statement.parse(raw(**changes))
