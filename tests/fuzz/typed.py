"""One type of statement by itself: a fuzzer that meets all types at once seldom gets far into one."""

from collections.abc import Callable

from lineage import predicates
from lineage.facts import Fact
from lineage.residue import Residue, residue
from signing.digest import sha256_hex
from signing.dsse import IN_TOTO, pae
from signing.errors import Malformed, Refused
from signing.statement import Statement


def typed(data: bytes, uri: str) -> tuple[Statement, tuple[Fact, ...]]:
    """Return a statement of this type and what it establishes, which must be the same once it is written again."""
    said = Statement.parse(data)
    if said.predicate_type != uri:
        raise Malformed(f"its type is {said.predicate_type!r:.80}, not {uri}")
    entry = sha256_hex(pae(IN_TOTO, data))
    found = tuple(predicates.facts(said, entry))
    assert tuple(predicates.facts(Statement.parse(said.encode()), entry)) == found
    left = residue(uri, found)
    assert Residue.parse(left.encode()) == left
    return said, found


def made_again(make: Callable[[], Statement], entry: str) -> tuple[Fact, ...]:
    """Return what a statement establishes that says once more what was accepted: it may not be refused now."""
    try:
        return tuple(predicates.facts(make(), entry))
    except Refused as error:
        raise AssertionError(f"what was accepted cannot be said: {error}") from error
