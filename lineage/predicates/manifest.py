"""Manifest: the tensors of an artifact, with their digests, are listed in the file with this SHA-256.

predicateType `https://studbook.dev/manifest/v1`, said by a publisher about one registered artifact. One of the
operators that sign it must have signed the artifact's first registration (model signature): nobody describes another's artifact.

    {"manifest": {"sha256": "<64 hex>"}}

The manifest itself (2-arithmetic, "Manifest") is stored beside the artifact's files under that digest; block digests in
it are what a merge checks its inputs against while it reads them. Establishes `Described`.
"""

from __future__ import annotations

from lineage import schema
from lineage.facts import Described, Role
from signing.statement import Statement

URI = schema.BASE + "manifest/v1"
ROLES: tuple[Role, ...] = ("publisher",)


class _Digest(schema.Closed):
    sha256: schema.Hex


class _Manifest(schema.Closed):
    manifest: _Digest


def facts(statement: Statement, entry: str) -> tuple[Described]:  # noqa: ARG001 - every predicate's signature
    """Return where the artifact's tensors are described."""
    said = schema.read(_Manifest, URI, statement.predicate)
    return (Described(schema.artifact(statement), said.manifest.sha256),)


def statement(artifact: str, manifest: str) -> Statement:
    """Say that the manifest with the SHA-256 `manifest` (hex) describes `artifact`."""
    return schema.claim(_Manifest, URI, [artifact], {"manifest": {"sha256": manifest}})
