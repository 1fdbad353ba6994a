"""Card: what a file of the artifact's own says that it was made from, and under which license.

predicateType `https://studbook.dev/card/v1`, said by a publisher about one registered artifact. One of the operators that sign it must
have signed the artifact's first registration (model signature): it is the publisher's own card.

    {"file": "README.md",                                one of the artifact's files
     "parents": ["hf:<owner>/<name>[@<40 hex>]", ...],   as the file names them, each once
     "license": "apache-2.0" | null}                     as the file spells it; null: it gives none

It names a parent or a license at least. It makes no edge and declares no license, which a publisher does by `derivation` and `license`: it
is held against what is signed (`lineage.mentions`), and whoever has the file can check the reading. Establishes one `Mentioned` for each.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from lineage import schema
from lineage.facts import Mentioned, Role
from signing.errors import Malformed
from signing.statement import Statement

URI = schema.BASE + "card/v1"
ROLES: tuple[Role, ...] = ("publisher",)
MOST = 1000
"""Parents that a card may name."""


class _Card(schema.Closed):
    file: schema.Line
    parents: tuple[schema.Stub, ...] = Field(max_length=MOST)
    license: schema.License | None


def facts(statement: Statement, entry: str) -> tuple[Mentioned, ...]:  # noqa: ARG001 - every predicate's signature
    """Return what the file mentions."""
    artifact = schema.artifact(statement)
    said = schema.read(_Card, URI, statement.predicate)
    found = [Mentioned(artifact, said.file, "parent", one) for one in said.parents]
    if said.license is not None:
        found.append(Mentioned(artifact, said.file, "license", said.license))
    if not found or len(set(found)) < len(found):
        raise Malformed(f"{URI} of {said.file} names a parent twice, or neither a parent nor a license")
    return tuple(found)


def statement(artifact: str, file: str, parents: Sequence[str], terms: str | None) -> Statement:
    """Say that `file`, one of the artifact's own, names these stubs as parents, and a license if `terms` are given."""
    said = schema.claim(_Card, URI, [artifact], {"file": file, "parents": list(parents), "license": terms})
    facts(said, "")
    return said
