"""Verdicts on parents: each parent once, and nobody its own."""

from fuzz.typed import made_again, typed
from fuzz.words import JSON, marks, members, texts

from lineage.checks import Compared
from lineage.predicates import parentage

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("_type subject predicateType predicate name digest sha256"),
    *members("parents artifact outcome statistic value threshold"),
    *texts((parentage.URI, "consistent", "contradicted", "alone", "exact", "0.6", "1", "-0", "1e-5")),
    *marks("sha256: ."),
    *JSON,
)


def read(data: bytes) -> None:
    _, found = typed(data, parentage.URI)
    assert found
    assert all(isinstance(one, Compared) for one in found)
    named = [one.parent for one in found]
    assert len({*named}) == len(named)
    assert {one.artifact for one in found}.isdisjoint(named)
    for one in found:
        assert float(one.value) == float(one.value)
    assert made_again(lambda: parentage.statement(found), "") == found
