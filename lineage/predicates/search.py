"""Search record: an artifact came of a search or a training of coefficients that no executor of recipes runs again.

predicateType `https://studbook.dev/search/v1`, said by a publisher about one registered artifact. One of the operators
that sign it must have signed the artifact's first registration (model signature): nobody names parents for another's artifact.

    {"algorithm": "adamerging",                       what searched, in one word
     "parents": ["sha256:<64 hex>" | "hf:<owner>/<name>[@<40 hex>]", ...],
     "evidence": "<64 hex>" | null,                   SHA-256 of what shows the search: its log, its coefficients
     "recipe": "<64 hex>" | null}                     the recipe that it found, where executing that gives the artifact

How the search went is attested and never checked: evaluations of models on data do not repeat bit for bit. What it found does, where
it is a recipe: a provenance beside this record then says that executing it gave the artifact, and a rebuild can show it. Establishes one
`Derived` a parent, a merge with evidence `signed`, so that incidents, licenses and standing take their way through it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from lineage import schema
from lineage.facts import Derived, Evidence, Role
from signing import canonical
from signing.canonical import Json
from signing.statement import Statement

URI = schema.BASE + "search/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Search(schema.Closed):
    algorithm: schema.Word
    parents: tuple[schema.Ref, ...] = Field(min_length=1, max_length=1000)
    evidence: schema.Hex | None
    recipe: schema.Hex | None


def facts(statement: Statement, entry: str) -> tuple[Derived, ...]:  # noqa: ARG001 - every predicate's signature
    """Return the edges from what was searched among to the artifact, each once."""
    child = schema.artifact(statement)
    said = schema.read(_Search, URI, statement.predicate)
    digests = {"evidence": said.evidence, "recipe": said.recipe}
    known: dict[str, Json] = {name: f"sha256:{digest}" for name, digest in digests.items() if digest}
    part = canonical.encode({"role": "search", "parameters": {"algorithm": said.algorithm} | known}).decode()
    edges = (Derived(child, parent, "merge", part, Evidence.SIGNED) for parent in said.parents)
    return tuple(dict.fromkeys(edges))


def statement(
    artifact: str, algorithm: str, parents: Sequence[str], evidence: str | None, recipe: str | None
) -> Statement:
    """Say that `algorithm` searched among `parents` and `artifact` came of it; digests are 64 hex."""
    predicate: dict[str, Json] = {
        "algorithm": algorithm,
        "parents": list(parents),
        "evidence": evidence,
        "recipe": recipe,
    }
    return schema.claim(_Search, URI, [artifact], predicate)
