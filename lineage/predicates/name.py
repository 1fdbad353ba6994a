"""Name: `namespace/name`, and optionally a revision of it, points at an artifact from now on.

predicateType `https://studbook.dev/name/v1`, said by a publisher whose key covers the namespace, about one registered
artifact.

    {"name": "acme/sentinel", "revision": "v2" | null, "issued": "<unix seconds>"}

Both parts of a name and the revision are ASCII letters, digits, `.`, `_` and `-`, and begin with a letter or digit. A new
name that differs from another in case only is refused; one that looks like another (`lineage.skeleton`) needs, besides, the
signature of a key that covers that one's namespace.
The newest log index wins, no binding is ever deleted; `issued` tells moving a name back to an earlier artifact from a
repetition of the earlier statement, which the log answers with its first receipt. Establishes `Named`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Named, Role
from signing.statement import Statement

URI = schema.BASE + "name/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Name(schema.Closed):
    name: schema.Name
    revision: schema.Word | None
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Named]:  # noqa: ARG001 - every predicate's signature
    """Return the binding of the name to the artifact."""
    said = schema.read(_Name, URI, statement.predicate)
    return (Named(said.name, said.revision, schema.artifact(statement)),)


def statement(artifact: str, name: str, revision: str | None, issued: int) -> Statement:
    """Point `name`, and `name@revision` if one is given, at `artifact` from `issued` (unix seconds) on."""
    predicate = {"name": name, "revision": revision, "issued": str(issued)}
    return schema.claim(_Name, URI, [artifact], predicate)
