"""Which relatives of an artifact a request asks for: the same words for every path that lists or exports them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query

from lineage.facts import RELATIONS
from lineage.selection import State
from registry.selected import PLACE, Grade, SelectionOut

_RELATION = f"({'|'.join(RELATIONS)})"
Relations = Annotated[
    str | None,
    Query(
        pattern=f"^{_RELATION}(,{_RELATION})*$",
        max_length=200,
        description="along edges of these relations alone, separated by commas",
        examples=["merge,finetune"],
    ),
]
AtLeast = Annotated[
    Grade | None,
    Query(
        description="along edges known at least so well, or along those that are contradicted",
        examples=["signed"],
    ),
]
Standing = Annotated[State | None, Query(description="those that stand so", examples=["affected"])]
License = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        description="those whose publisher declares this license",
        examples=["mit"],
    ),
]
Owner = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=200,
        description="those in this namespace, or registered by this operator or by a key whose id begins so",
        examples=["acme"],
    ),
]
_when = "unix seconds, or entry: and the index of an entry"
Since = Annotated[
    str | None,
    Query(pattern=PLACE, description=f"those in the log since then: {_when}", examples=["entry:15"]),
]
Until = Annotated[
    str | None, Query(pattern=PLACE, description=f"those in the log by then: {_when}", examples=["entry:21"])
]


async def _selection(
    relations: Relations = None,
    evidence: AtLeast = None,
    standing: Standing = None,
    license: License = None,  # noqa: A002 - the one word for it
    owner: Owner = None,
    since: Since = None,
    until: Until = None,
) -> SelectionOut:
    return SelectionOut.of(
        relations=tuple(relations.split(",")) if relations else (),
        evidence=evidence,
        standing=standing,
        license=license,
        owner=owner,
        since=since,
        until=until,
    )


SelectionDep = Annotated[SelectionOut, Depends(_selection)]
