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

Establishes `Rebuilt`. A quorum is stated in the same type, by the operator whose key signs the log:

    verifier.id           https://studbook.dev/registry/<operator>
    timeVerified          when the last of the verdicts was logged, so that the same quorum is the same statement
    policy.uri            https://studbook.dev/quorum/v1: two operators that neither built the artifact nor keep the log
                          have passed one provenance of it, and nobody's FAILED stands against it
    inputAttestations     the verdicts it rests on, the first two, in the order of the log
    verificationResult    PASSED, with verifiedLevels ["SLSA_BUILD_REPRODUCED"] (SLSA 1.2, Verified Properties)

Establishes `Agreed`, which is no vote: what an artifact is worth is read from the verdicts that count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from lineage import schema
from lineage.checks import Agreed, Rebuilt
from lineage.facts import Role
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement

URI = "https://slsa.dev/verification_summary/v1"
ROLES: tuple[Role, ...] = ("rebuilder",)
POLICY = schema.BASE + "rebuild/v1"
BITWISE = "MERGE_REBUILD_BITWISE"
DIFFERS = schema.BASE + "rebuild/differs/v1"
QUORUM = schema.BASE + "quorum/v1"
REPRODUCED = "SLSA_BUILD_REPRODUCED"
_ENTRY = "studbook:entry:"
_REBUILDER, _REGISTRY = schema.BASE + "rebuilder/", schema.BASE + "registry/"


class _Verifier(schema.Open):
    id: str = Field(pattern=f"^({_REBUILDER}|{_REGISTRY}){schema.WORD}$")


class _Policy(schema.Open):
    uri: str


class _Summary(schema.Open):
    verifier: _Verifier
    time_verified: schema.Timestamp | None = Field(alias="timeVerified", default=None)
    resource_uri: str = Field(alias="resourceUri")
    policy: _Policy
    inputs: tuple[schema.Descriptor, ...] = Field(alias="inputAttestations", min_length=1, max_length=64)
    result: Literal["PASSED", "FAILED"] = Field(alias="verificationResult")
    levels: tuple[str, ...] = Field(alias="verifiedLevels")
    differs: tuple[schema.Line, ...] = Field(alias=DIFFERS, default=())


def verifier(operator: str) -> str:
    """Return the verifier id under which `operator` publishes rebuild verdicts."""
    return _REBUILDER + operator


def registry(operator: str) -> str:
    """Return the verifier id under which `operator`, who keeps a log, states quorums."""
    return _REGISTRY + operator


def operator(verifier_id: str) -> str:
    """Return the operator of a verifier id."""
    return verifier_id.rpartition("/")[2]


def facts(statement: Statement, entry: str) -> tuple[Rebuilt | Agreed]:  # noqa: ARG001 - every predicate's signature
    """Return the verdict on the artifact, or the quorum that the registry finds in others' verdicts."""
    artifact = schema.artifact(statement)
    said = schema.read(_Summary, URI, statement.predicate)
    if said.resource_uri != f"studbook:{artifact}":
        raise Malformed(f"{URI}: resourceUri is {said.resource_uri!r}, but the subject is {artifact}")
    entries = tuple(_entry(one) for one in said.inputs)
    if said.policy.uri == POLICY:
        return (_verdict(artifact, said, entries),)
    if said.policy.uri == QUORUM:
        return (_quorum(artifact, said, entries),)
    raise Malformed(
        f"{URI}: only the policy {POLICY} or {QUORUM} is understood here, not {said.policy.uri!r}"
    )


def _verdict(artifact: str, said: _Summary, entries: Sequence[str]) -> Rebuilt:
    passed = said.result == "PASSED"
    _check_verifier(said, _REBUILDER)
    if (BITWISE if passed else "FAILED") not in said.levels:
        raise Malformed(f"{URI}: {said.result} does not go with verifiedLevels {list(said.levels)}")
    if passed == bool(said.differs):
        raise Malformed(f"{URI}: {said.result}, and {len(said.differs)} tensors or files differ")
    if len(entries) != 1:
        raise Malformed(f"{URI}: a rebuild executes one provenance, and inputAttestations has {len(entries)}")
    return Rebuilt(artifact, entries[0], passed, said.verifier.id, said.differs)


def _quorum(artifact: str, said: _Summary, entries: tuple[str, ...]) -> Agreed:
    _check_verifier(said, _REGISTRY)
    if said.result != "PASSED" or list(said.levels) != [REPRODUCED]:
        raise Malformed(
            f"{URI}: a quorum is PASSED with verifiedLevels ['{REPRODUCED}'], not {said.result} with"
            f" {list(said.levels)}"
        )
    if len(set(entries)) < max(2, len(entries)):
        raise Malformed(
            f"{URI}: a quorum rests on at least two verdicts, each named once, not on {list(entries)}"
        )
    return Agreed(artifact, entries, said.verifier.id)


def _check_verifier(said: _Summary, start: str) -> None:
    if not said.verifier.id.startswith(start):
        raise Malformed(
            f"{URI}: the verifier.id {said.verifier.id!r} is none of the policy {said.policy.uri}"
        )


def _entry(one: schema.Descriptor) -> str:
    if one.sha256 is None or one.uri != _ENTRY + one.sha256:
        raise Malformed(f"{URI}: the input attestation {one.uri!r} is not entry {one.sha256}")
    return one.sha256


def statement(artifact: str, build: str, operator: str, time: int, differs: Sequence[str]) -> Statement:
    """Say what `operator` found at `time` (unix seconds) on executing the provenance `build` (an entry id) again.

    It passed if nothing differs; otherwise `differs` names the tensors or files.
    """
    said: dict[str, Json] = {
        "verificationResult": "FAILED" if differs else "PASSED",
        "verifiedLevels": ["FAILED" if differs else BITWISE],
        DIFFERS: list(differs),
    }
    return _summary(artifact, verifier(operator), time, POLICY, [build], said)


def agreement(artifact: str, verdicts: Sequence[str], operator: str, time: int) -> Statement:
    """Say that `verdicts` (entry ids), the last of them logged at `time`, make a quorum; `operator` keeps the log."""
    said: dict[str, Json] = {"verificationResult": "PASSED", "verifiedLevels": [REPRODUCED]}
    return _summary(artifact, registry(operator), time, QUORUM, verdicts, said)


def _summary(
    artifact: str, verifier_id: str, time: int, policy: str, entries: Sequence[str], said: dict[str, Json]
) -> Statement:
    when = datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    predicate: dict[str, Json] = {
        "verifier": {"id": verifier_id},
        "timeVerified": when,
        "resourceUri": f"studbook:{artifact}",
        "policy": {"uri": policy},
        "inputAttestations": [{"uri": _ENTRY + one, "digest": {"sha256": one}} for one in entries],
        **said,
    }
    return schema.claim(_Summary, URI, [artifact], predicate)
