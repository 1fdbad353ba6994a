"""Containments: which artifacts hold a tensor, each once and in order."""

from fuzz.typed import made_again, typed
from fuzz.words import JSON, marks, members, texts

from lineage.facts import Contained
from lineage.predicates import containment

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("_type subject predicateType predicate name digest sha256 tensor"),
    *texts((containment.URI, "1" * 64, "sha256:" + "1" * 64)),
    *marks("sha256:"),
    *JSON,
)


def read(data: bytes) -> None:
    _, found = typed(data, containment.URI)
    assert all(isinstance(one, Contained) for one in found)
    holders = [one.artifact for one in found]
    assert holders == sorted({*holders})
    (tensor,) = {one.tensor for one in found}
    assert made_again(lambda: containment.statement(tensor, holders), "") == found
