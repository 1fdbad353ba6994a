"""Rebuild verdict: a rebuilder executed a merge's provenance again and compared the result bit for bit.

predicateType `https://slsa.dev/verification_summary/v1` (SLSA Verification Summary Attestation, read as of 1.2), said by a rebuilder
about one artifact. Unknown fields are ignored, as its parsing rules demand; what is read must be:

    verifier.id           https://studbook.dev/rebuilder/<operator>; the signer must be that operator, for a VSA is
                          good only for specific pairs of signer and verifier
    timeVerified          RFC 3339, UTC, if it is there: it may be left out since 1.1
    resourceUri           studbook:sha256:<64 hex>, the subject again: a verdict is not replayed for another artifact
    policy.uri            https://studbook.dev/rebuild/v1: same bytes in every file
    inputAttestations     the one provenance that was executed: {"uri": "studbook:entry:<id>", "digest": {"sha256": "<id>"}},
                          where a studbook:entry is the DSSE pre-authentication encoding that its id hashes
    verificationResult    PASSED, with verifiedLevels ["MERGE_REBUILD_BITWISE"]; or FAILED, with ["FAILED"]
    https://studbook.dev/rebuild/differs/v1   which tensors or files differ: none if PASSED, at least one if FAILED
                          (an extension field, whose name is a URI)

Establishes `Rebuilt`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from lineage import schema
from lineage.facts import Rebuilt, Role
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement

URI = "https://slsa.dev/verification_summary/v1"
ROLES: tuple[Role, ...] = ("rebuilder",)
POLICY = schema.BASE + "rebuild/v1"
BITWISE = "MERGE_REBUILD_BITWISE"
DIFFERS = schema.BASE + "rebuild/differs/v1"
_ENTRY = "studbook:entry:"


class _Verifier(schema.Open):
    id: str = Field(pattern=f"^{schema.BASE}rebuilder/{schema.WORD}$")


class _Policy(schema.Open):
    uri: str


class _Summary(schema.Open):
    verifier: _Verifier
    time_verified: schema.Timestamp | None = Field(alias="timeVerified", default=None)
    resource_uri: str = Field(alias="resourceUri")
    policy: _Policy
    inputs: tuple[schema.Descriptor, ...] = Field(alias="inputAttestations", min_length=1, max_length=1)
    result: Literal["PASSED", "FAILED"] = Field(alias="verificationResult")
    levels: tuple[str, ...] = Field(alias="verifiedLevels")
    differs: tuple[schema.Line, ...] = Field(alias=DIFFERS, default=())


def verifier(operator: str) -> str:
    """Return the verifier id under which `operator` publishes rebuild verdicts."""
    return f"{schema.BASE}rebuilder/{operator}"


def facts(statement: Statement, entry: str) -> tuple[Rebuilt]:  # noqa: ARG001 - every predicate's signature
    """Return the verdict on the artifact."""
    artifact = schema.artifact(statement)
    said = schema.read(_Summary, URI, statement.predicate)
    passed = said.result == "PASSED"
    if said.resource_uri != f"studbook:{artifact}":
        raise Malformed(f"{URI}: resourceUri is {said.resource_uri!r}, but the subject is {artifact}")
    if said.policy.uri != POLICY:
        raise Malformed(f"{URI}: only the policy {POLICY} is understood here, not {said.policy.uri!r}")
    if (BITWISE if passed else "FAILED") not in said.levels:
        raise Malformed(f"{URI}: {said.result} does not go with verifiedLevels {list(said.levels)}")
    if passed == bool(said.differs):
        raise Malformed(f"{URI}: {said.result}, and {len(said.differs)} tensors or files differ")
    (ran,) = said.inputs
    build = ran.sha256
    if build is None or ran.uri != _ENTRY + build:
        raise Malformed(f"{URI}: the input attestation {ran.uri!r} is not entry {build}")
    return (Rebuilt(artifact, build, passed, said.verifier.id, said.differs),)


def statement(artifact: str, build: str, operator: str, time: int, differs: Sequence[str]) -> Statement:
    """Say what `operator` found at `time` (unix seconds) on executing the provenance `build` (an entry id) again.

    It passed if nothing differs; otherwise `differs` names the tensors or files.
    """
    when = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    predicate: dict[str, Json] = {
        "verifier": {"id": verifier(operator)},
        "timeVerified": when,
        "resourceUri": f"studbook:{artifact}",
        "policy": {"uri": POLICY},
        "inputAttestations": [{"uri": _ENTRY + build, "digest": {"sha256": build}}],
        "verificationResult": "FAILED" if differs else "PASSED",
        "verifiedLevels": ["FAILED" if differs else BITWISE],
        DIFFERS: list(differs),
    }
    return schema.claim(_Summary, URI, [artifact], predicate)
