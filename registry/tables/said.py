"""What statements say of one artifact."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from registry.tables.columns import CLUSTERED, Args, key, perhaps, whole


class Registration(SQLModel, table=True):
    """A statement that lists an artifact's files; `publishers` are the operators that signed it, in order, spaces between.

    Those of the first one that counts speak for the artifact.
    """

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    publishers: str


class File(SQLModel, table=True):
    """One file of a registered artifact."""

    __table_args__: ClassVar[Args] = (Index("file_by_digest", "sha256"), CLUSTERED)
    artifact: int = key()
    name: str = Field(primary_key=True)
    sha256: str


class Manifest(SQLModel, table=True):
    """The manifest that lists an artifact's tensors."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    sha256: str = Field(index=True)


class Containment(SQLModel, table=True):
    """That an artifact's manifest lists the tensor with this digest."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    tensor: str = Field(index=True)


class Name(SQLModel, table=True):
    """A binding of a name to an artifact; the newest entry wins, older ones stay.

    `folded` ignores case; names with one `skeleton` look alike (`lineage.skeleton`).
    """

    __table_args__: ClassVar[Args] = (
        Index("name_by_folded", "folded", "revision", "entry"),
        Index("name_by_skeleton", "skeleton", "name"),
    )
    entry: int = key()
    seq: int = key()
    name: str
    folded: str
    skeleton: str
    revision: str | None
    artifact: int = whole(index=True)


class Unbound(SQLModel, table=True):
    """A binding of a name that an order had removed; `name` and `revision` are ids of entries that bind the same (`lineage.facts`)."""

    entry: int = key()
    seq: int = key()
    name: str = Field(index=True)
    revision: str = Field(index=True)


class License(SQLModel, table=True):
    """A license that an artifact's publisher declared; of a stub, which has none here, one that somebody else claims."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    license: str


class Waiver(SQLModel, table=True):
    """What the owner of a namespace accepts about an artifact until `expires`: what `rule` finds by `license` from `origin`, an id."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    rule: str
    origin: str
    license: str
    namespace: str
    reason: str
    expires: int = whole()


class Mention(SQLModel, table=True):
    """What a file of the artifact's own says of it: a `parent`, a stub, or a `license`."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    file: str
    what: str
    value: str


class Build(SQLModel, table=True):
    """A builder's word, in the statement with the entry id `id`, that executing `recipe` gave `artifact`."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    id: str = Field(index=True)
    recipe: str
    manifest: str
    builder: str


class Rebuild(SQLModel, table=True):
    """A rebuilder's verdict on the build of entry id `build`; `differs` is a canonical JSON list of tensors."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    build: str
    passed: bool
    verifier: str
    differs: str


class Agreement(SQLModel, table=True):
    """The registry's word that verdicts make a quorum; which ones still do is read from the verdicts."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)


class Correction(SQLModel, table=True):
    """That `artifact` supersedes `earlier`."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    earlier: int = whole(index=True)


class Comparison(SQLModel, table=True):
    """What comparing an artifact's weights with a parent's came to, by which statistic."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    parent: int = whole(index=True)
    outcome: str
    statistic: str
    value: str
    threshold: str


class Evaluation(SQLModel, table=True):
    """What somebody measured on an artifact."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    result: str
    suite: str
    runner: str
    metric: str
    value: str
    n: int = whole()
    seed: int | None = perhaps()


class Attestation(SQLModel, table=True):
    """That somebody said something about an artifact in a type of their own; `digest` is the SHA-256 of what."""

    entry: int = key()
    seq: int = key()
    artifact: int = whole(index=True)
    type: str
    digest: str
