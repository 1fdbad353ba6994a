"""Waiver: the owner of a namespace accepts, until a day, what a license rule finds about an artifact that is called by its names.

predicateType `https://studbook.dev/waiver/v1`, said by a publisher whose key covers the namespace, about one registered
artifact, whoever registered it: what somebody publishes under a name of their own is their risk.

    {"rule": "LIC-PERMISSIVE-OVER", "license": "gemma",
     "origin": "sha256:<64 hex>" | "hf:<owner>/<name>[@<commit>]",   the artifact that brings the license in
     "namespace": "acme", "reason": "<one line>", "expires": "<unix seconds>", "issued": "<unix seconds>"}

It covers findings of this rule that rest on this license from this origin, and neither another license that the origin declares
later nor anything made of the artifact. It ends at `expires`, at most two years after it was issued, and after it was logged; whoever reads judges that. The newest waiver of a
namespace about the same thing counts, so that an earlier end takes one back. Establishes `Waived`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lineage import schema
from lineage.facts import Role, Waived
from signing.errors import Malformed
from signing.statement import Statement

URI = schema.BASE + "waiver/v1"
ROLES: tuple[Role, ...] = ("publisher",)
LONGEST = 731 * 86_400
"""Seconds that a waiver may hold: two years, a leap day among them."""
_Rule = Annotated[str, Field(pattern="^LIC-[A-Z]{1,20}(-[A-Z]{1,20}){0,3}$")]


class _Waiver(schema.Closed):
    rule: _Rule
    license: schema.License
    origin: schema.Ref
    namespace: schema.Word
    reason: schema.Line
    expires: schema.Whole
    issued: schema.Whole


def facts(statement: Statement, entry: str) -> tuple[Waived]:  # noqa: ARG001 - every predicate's signature
    """Return what is accepted, and until when."""
    said = schema.read(_Waiver, URI, statement.predicate)
    if said.expires - said.issued > LONGEST:
        raise Malformed(
            f"{URI}: it is issued at {said.issued} and expires at {said.expires}, and a waiver holds for two years at most"
        )
    artifact = schema.artifact(statement)
    return (
        Waived(artifact, said.rule, said.origin, said.license, said.namespace, said.reason, said.expires),
    )


def statement(said: Waived, issued: int) -> Statement:
    """Accept, at `issued` in unix seconds, what `said` names."""
    predicate = {"rule": said.rule, "license": said.license, "origin": said.origin}
    predicate |= {"namespace": said.namespace, "reason": said.reason}
    when = {"expires": str(said.expires), "issued": str(issued)}
    made = schema.claim(_Waiver, URI, [said.artifact], predicate | when)
    facts(made, "")
    return made
