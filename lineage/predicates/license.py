"""License: the publisher declares under which license an artifact is offered.

predicateType `https://studbook.dev/license/v1`, said by a publisher about one registered artifact. One of the
operators that sign it must have signed the artifact's first registration (model signature): nobody declares terms for another's artifact.

    {"license": "apache-2.0", "issued": "<unix seconds>"}

`license` is an SPDX or hub id in its own spelling. The newest declaration counts; `issued` tells a return to an earlier
license from a repetition of the earlier statement, which the log answers with its first receipt.
Establishes `Licensed`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Licensed, Role
from signing.statement import Statement

URI = schema.BASE + "license/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _License(schema.Closed):
    license: schema.License
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Licensed]:  # noqa: ARG001 - every predicate's signature
    """Return the license declared for the artifact."""
    said = schema.read(_License, URI, statement.predicate)
    return (Licensed(schema.artifact(statement), said.license),)


def statement(artifact: str, license: str, issued: int) -> Statement:  # noqa: A002 - the one word for it
    """Declare, at the time `issued` in unix seconds, that `artifact` is offered under `license`."""
    return schema.claim(_License, URI, [artifact], {"license": license, "issued": str(issued)})
