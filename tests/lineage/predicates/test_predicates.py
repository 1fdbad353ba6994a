"""Laws over every predicate that is discovered: a new one needs an example in `statements` and inherits them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statements import ENTRY, EXAMPLES

from lineage import predicates
from lineage.predicates import (
    containment,
    evaluation,
    incident,
    incident_change,
    license,  # noqa: A004 - the module's name
    name,
    provenance,
    rebuild,
    signature,
)
from signing import canonical
from signing.errors import Malformed, Refused
from signing.statement import Statement, Subject

every = pytest.mark.parametrize("uri", sorted(predicates.discovered()))
# SLSA's and in-toto's parsing rules let a consumer ignore what it does not know, and OMS's profile is tested with its reader.
OPEN = {provenance.URI, rebuild.URI, evaluation.URI, signature.URI}
closed = pytest.mark.parametrize("uri", sorted(predicates.discovered().keys() - OPEN))


# SLSA VSA 1.1 made the time optional; nothing here reads it.
OPTIONAL = {rebuild.DIFFERS, "timeVerified", "salt"}


def establishes(statement: Statement) -> tuple[object, ...]:
    return predicates.facts(Statement.parse(statement.encode()), ENTRY)


def with_predicate(statement: Statement, predicate: canonical.Json) -> Statement:
    return Statement(statement.subjects, statement.predicate_type, predicate)


def places(value: canonical.Json, path: tuple = ()):
    """Every place inside a JSON value, outermost first."""
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    for key, inner in items:
        yield from places(inner, (*path, key))


def replaced(
    value: canonical.Json, path: tuple, new: canonical.Json, *, drop: bool = False
) -> canonical.Json:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    if drop and len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = replaced(copy[path[0]], path[1:], new, drop=drop)
    return copy


def at(value: canonical.Json, path: tuple) -> canonical.Json:
    for key in path:
        value = value[key]
    return value


def plain(value: canonical.Json) -> canonical.Json:
    return canonical.decode(canonical.encode(value))


@every
@given(data=st.data())
def test_what_a_statement_says_is_what_it_establishes(uri, data):
    statement, expected = data.draw(EXAMPLES[uri])

    assert establishes(statement) == expected
    assert statement.predicate_type == uri
    assert set(predicates.roles(uri)) <= {"root", "publisher", "builder", "rebuilder", "security"}


@closed
@given(data=st.data())
def test_an_unknown_key_is_refused_wherever_it_stands(uri, data):
    statement, _ = data.draw(EXAMPLES[uri])
    value = plain(statement.predicate)
    objects = [path for path in places(value) if isinstance(at(value, path), dict) and path[-1:] != ("part",)]
    path = data.draw(st.sampled_from(objects))

    spoilt = replaced(value, path, at(value, path) | {"surplus": "1"})

    with pytest.raises(Malformed, match=r"surplus.*unknown key"):
        establishes(with_predicate(statement, spoilt))


@pytest.mark.parametrize("uri", sorted(OPEN - {signature.URI}))
@given(data=st.data())
def test_an_unknown_key_of_somebody_else_s_type_is_ignored(uri, data):
    statement, expected = data.draw(EXAMPLES[uri])
    value = plain(statement.predicate) | {"https://example.org/extension": {"a": ["b"]}}

    assert establishes(with_predicate(statement, value)) == expected


@every
@given(data=st.data())
def test_a_mutated_predicate_is_refused_or_read_but_never_crashes(uri, data):
    statement, _ = data.draw(EXAMPLES[uri])
    value = plain(statement.predicate)
    path = data.draw(st.sampled_from([path for path in places(value) if path]))
    drop = data.draw(st.booleans())
    new = data.draw(
        st.sampled_from([None, True, 7, 1.5, "", "x", "\x1b[2J", [], ["x"], {}, {"x": "y"}, -1, "01"])
    )

    try:
        found = establishes(with_predicate(statement, replaced(value, path, new, drop=drop)))
    except Refused:
        return
    assert all(fact.kind for fact in found)


@every
@given(data=st.data())
def test_a_missing_member_is_refused_with_its_name(uri, data):
    statement, _ = data.draw(EXAMPLES[uri])
    value = plain(statement.predicate)
    member = data.draw(st.sampled_from(sorted(value.keys() - OPTIONAL)))

    with pytest.raises(Malformed):
        establishes(with_predicate(statement, replaced(value, (member,), None, drop=True)))


@pytest.mark.parametrize("uri", sorted(predicates.discovered().keys() - {incident.URI, containment.URI}))
@given(data=st.data())
def test_a_statement_about_two_things_is_refused(uri, data):
    statement, _ = data.draw(EXAMPLES[uri])
    twice = Statement((*statement.subjects, Subject("other", "0" * 64)), uri, statement.predicate)

    with pytest.raises(Malformed):
        establishes(twice)


def test_a_builder_refuses_what_a_reader_would():
    with pytest.raises(Malformed, match="name"):
        name.statement("sha256:" + "0" * 64, "no namespace", None, 1)
    with pytest.raises(Malformed, match="artifact id"):
        name.statement("hf:a/b", "a/b", None, 1)


@pytest.mark.parametrize("text", ["1\n", "\u202egnp", "a\x00b", "\u2028", "", "x" * 2001])
def test_text_that_would_rewrite_a_terminal_is_refused(text):
    with pytest.raises(Malformed):
        incident_change.statement("0" * 64, "confirmed", text)


@pytest.mark.parametrize("text", ["01", "-1", "1.0", "1e3", "", "٣", "1" * 16, 5])
def test_numbers_are_strings_of_plain_digits(text):
    said = license.statement("sha256:" + "0" * 64, "mit", 7)

    with pytest.raises(Malformed, match="issued"):
        establishes(with_predicate(said, {"license": "mit", "issued": text}))
