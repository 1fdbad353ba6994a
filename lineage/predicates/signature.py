"""Model signature: an artifact is exactly these files.

predicateType `https://model_signing/signature/v1.0` (OpenSSF Model Signing v1.0, method `files`, sha256) in the strict
admission profile of 3-trust, which `signing.oms` reads and writes. Said by a publisher. The artifact is named by the
`sha256sum` listing of the files; the subject's digest, the OMS root, hashes digests without names and names nothing.
Establishes `Registered`. The operators that sign the first registration of an artifact are its publishers: they alone may
declare its license, manifest and parents. Who registers it or signs the registration again later is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping

from lineage.facts import Registered, Role
from signing import oms
from signing.digest import artifact_id
from signing.statement import Statement

URI = oms.URI
ROLES: tuple[Role, ...] = ("publisher",)


def facts(statement: Statement, entry: str) -> tuple[Registered]:  # noqa: ARG001 - every predicate's signature
    """Return the registration of the artifact that these files are."""
    files = oms.files(statement)
    return (Registered(artifact_id(files), tuple(sorted(files.items()))),)


def statement(name: str, files: Mapping[str, str]) -> Statement:
    """Return the signature statement of a model: `name` for people, `files` from file name to SHA-256 hex."""
    return oms.statement(name, files)
