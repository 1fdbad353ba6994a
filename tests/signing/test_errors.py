"""A refusal carries a stranger's words, and shows them without obeying them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.errors import LONGEST, Forbidden, Malformed, Refused, Untrusted


@pytest.mark.parametrize("kind", [Refused, Malformed, Untrusted, Forbidden])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("the file é 漢 is broken", "the file é 漢 is broken"),
        ("key \x1b[2J", r"key \x1b[2J"),
        ("two\nlines\r", r"two\nlines\r"),
        ("a\u202eb\u2028c\x9bd", r"a\u202eb\u2028c\x9bd"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_what_would_act_on_a_terminal_is_written_as_its_escape(kind, said, shown):
    assert str(kind(said)) == shown


def test_a_sentence_ends_where_a_stranger_wrote_a_book():
    assert str(Refused("x" * LONGEST)) == "x" * LONGEST
    assert str(Refused("x" * 10**6)) == "x" * (LONGEST - 1) + "…"
    assert len(str(Refused("\x1b" * LONGEST))) == LONGEST


@given(st.text(st.characters(), min_size=1) | st.text("\x1b\n", min_size=400, max_size=800))
def test_law_every_refusal_is_one_line_that_has_bytes(said):
    found = str(Malformed(said))
    assert found.isprintable()
    assert len(found.encode().splitlines()) == 1
    # Shown again, as a client shows what a registry said, it stays the same.
    assert str(Malformed(found)) == found
