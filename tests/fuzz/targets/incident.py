"""Incidents: what is named and what is selected stay apart, and a selector has one spelling."""

from typing import get_args

from fuzz.typed import made_again, typed
from fuzz.words import JSON, marks, members, texts

from lineage.incidents import KINDS, SEVERITIES, Attribute, Reported, Selecting
from lineage.predicates import incident
from signing.digest import sha256_hex

MINUTES, LONGEST = 3, 65536
_TENSOR = "tensor:" + "1" * 64
WORDS = (
    *members("_type subject predicateType predicate name digest sha256"),
    *members("kind severity stage summary contact issued"),
    *texts((incident.URI, *KINDS, *SEVERITIES, "reported", "confirmed", "key:" + "1" * 64, _TENSOR)),
    *texts((sha256_hex(_TENSOR.encode()), "hf:a/b", sha256_hex(b"hf:a/b"))),
    *marks("key: tensor: hf: sha256: @"),
    *JSON,
)


def read(data: bytes) -> None:
    _, (reported, *selecting) = typed(data, incident.URI)
    assert isinstance(reported, Reported)
    assert [*reported.artifacts] == sorted({*reported.artifacts})
    chosen: dict[Attribute, list[str]] = {one: [] for one in get_args(Attribute)}
    for one in selecting:
        assert isinstance(one, Selecting)
        assert one.incident == reported.incident
        chosen[one.attribute].append(one.value)
    assert reported.artifacts or selecting
    again = made_again(
        lambda: incident.statement(
            reported.artifacts,
            reported.what,
            reported.severity,
            reported.stage,
            reported.summary,
            contact=reported.contact,
            issued=1,
            keys=chosen["key"],
            tensors=chosen["tensor"],
        ),
        reported.incident,
    )
    assert again == (reported, *selecting)
