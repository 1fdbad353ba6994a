"""Evaluation: somebody ran a suite of tests on an artifact, and this came of it.

predicateType `https://in-toto.io/attestation/test-result/v0.1` (in-toto Test Result 0.1.0), said by anybody who publishes,
builds or rebuilds, about anybody's registered artifact. Unknown fields are ignored, as in-toto's parsing rules demand. What
is read:

    result               PASSED, WARNED or FAILED, by the runner's own standard
    configuration        what was run: one descriptor with the name "suite" and its SHA-256; others are ignored
    url, passedTests,    a link to the run and the names of tests, where given; nothing is concluded from them
    warnedTests,
    failedTests
    studbook_evaluation  {"runner": "<one line>",       the program that ran the suite, with its version
                          "metric": "<one line>",
                          "value": "<decimal number>",  such as 0.731, -2 or 1.5e-7
                          "n": "<whole number>",        how many examples it was measured on, at least 1
                          "seed": "<whole number>" | null}

The last is an extension field; numbers in it are strings, so that no float is ever canonicalised. A result without it says
not what was measured, and is refused: a later reader could admit it, and none could refuse what was admitted once.

The subject is the artifact's id. An evaluation belongs to the bytes it was made on: neither a parent's nor that of one file
counts for an artifact (4-lineage, "Evaluation and gate"). That the number is right is the operator's word. Establishes `Evaluated`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lineage import schema
from lineage.checks import Evaluated, Result
from lineage.facts import Role
from signing.canonical import Json
from signing.errors import Malformed
from signing.statement import Statement

URI = "https://in-toto.io/attestation/test-result/v0.1"
ROLES: tuple[Role, ...] = ("publisher", "builder", "rebuilder")
MEASURED = "studbook_evaluation"
SUITE: Literal["suite"] = "suite"


class _Measured(schema.Open):
    runner: schema.Line
    metric: schema.Line
    value: schema.Decimal
    n: schema.Whole
    seed: schema.Whole | None


class _TestResult(schema.Open):
    result: Result
    configuration: tuple[schema.Descriptor, ...]
    url: schema.Text = ""
    passed: tuple[str, ...] | None = Field(alias="passedTests", default=None)
    warned: tuple[str, ...] | None = Field(alias="warnedTests", default=None)
    failed: tuple[str, ...] | None = Field(alias="failedTests", default=None)
    measured: _Measured = Field(alias=MEASURED)


def facts(statement: Statement, entry: str) -> tuple[Evaluated]:  # noqa: ARG001 - every predicate's signature
    """Return what was measured on the artifact."""
    artifact = schema.artifact(statement)
    said = schema.read(_TestResult, URI, statement.predicate)
    suites = [one.sha256 for one in said.configuration if one.name == SUITE]
    if len(suites) != 1 or suites[0] is None:
        raise Malformed(
            f"{URI}: the configuration holds one descriptor named {SUITE!r}, with its sha256, not {len(suites)}"
        )
    found = said.measured
    if found.n == 0:
        raise Malformed(f"{URI}: {found.metric} was measured on 0 examples, which is no measurement")
    return (
        Evaluated(
            artifact, said.result, suites[0], found.runner, found.metric, found.value, found.n, found.seed
        ),
    )


def statement(said: Evaluated) -> Statement:
    """Say what was measured on an artifact."""
    predicate: dict[str, Json] = {
        "result": said.result,
        "configuration": [{"name": SUITE, "digest": {"sha256": said.suite}}],
        MEASURED: {
            "runner": said.runner,
            "metric": said.metric,
            "value": said.value,
            "n": str(said.n),
            "seed": None if said.seed is None else str(said.seed),
        },
    }
    return schema.claim(_TestResult, URI, [said.artifact], predicate)
