"""Key change: the next version of the trusted root comes into force with this leaf.

predicateType `https://studbook.dev/root/v1`, said by as many distinct operators with the role root as the version in force
asks for (the first version: as it asks itself). The one subject is the document: SHA-256 over its canonical JSON.

    {"trustedRoot": {
        "version": "<the version in force + 1>", "threshold": "<operators that must sign the next version>",
        "origin": "<name of the log on its checkpoints>",
        "keys": [{"operator": "<word>", "roles": ["root" | "publisher" | "builder" | "rebuilder" | "security" | "log" |
                  "witness", ...], "namespaces": ["<word>" | "hf:<owner>" | "*", ...], "contact": "<one line>", "pem": "<public key>",
                  "validFor": {"start": "<unix seconds>", "end": "<unix seconds>" | null}}, ...]}}

A namespace is one of names here, or the hub's of an owner whom the key speaks for (`same_as`).
A key stands once and is good from `start` to `end`, both included. Logs and witnesses sign with Ed25519 and nothing else;
everybody else signs with ECDSA P-256. A version names exactly one log key, the one that signs checkpoints under `origin`;
a later version keeps both.
Two operators whose names differ in case only are refused. Establishes `Rooted`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator, model_validator

from lineage import schema
from lineage.facts import Role, Rooted
from signing import canonical
from signing.canonical import Json
from signing.digest import sha256_hex
from signing.errors import Malformed
from signing.keys import PublicKey
from signing.statement import Statement

URI = schema.BASE + "root/v1"
ROLES: tuple[Role, ...] = ("root",)

_NOTARIES: frozenset[Role] = frozenset({"log", "witness"})


def _key(pem: object) -> PublicKey:
    if isinstance(pem, PublicKey):
        return pem
    key = PublicKey.parse(str(pem).encode())
    # Two spellings of one document would be two documents of one version.
    if key.pem().decode() != pem:
        raise Malformed(f"the key {key.id} is not written as its canonical PEM")
    return key


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(values)) < len(values):
        raise Malformed(f"{', '.join(values)}: each may stand once")
    return values


Pem = Annotated[PublicKey, PlainValidator(_key), PlainSerializer(lambda key: key.pem().decode())]
Roles = Annotated[tuple[Role, ...], Field(min_length=1), AfterValidator(_distinct)]
Namespaces = Annotated[
    tuple[Annotated[str, Field(pattern=rf"^(\*|{schema.WORD}|hf:{schema.UPSTREAM})$")], ...],
    AfterValidator(_distinct),
]


class Period(schema.Closed):
    """From when to when a key is good, in unix seconds, both included; without an end, still."""

    start: schema.Whole
    end: schema.Whole | None


class Key(schema.Closed):
    """A key, who holds it, and what it may say about which namespaces."""

    operator: schema.Word
    roles: Roles
    namespaces: Namespaces
    contact: schema.Line
    public: Pem = Field(alias="pem")
    valid_for: Period = Field(alias="validFor")

    @model_validator(mode="after")
    def _signs_as_its_roles_do(self) -> Key:
        notary = _NOTARIES.issuperset(self.roles)
        if not notary and not _NOTARIES.isdisjoint(self.roles):
            raise Malformed(
                f"the key {self.public.id} of {self.operator} signs a log and does something else too"
            )
        wanted = "ed25519" if notary else "ecdsa-p256"
        if self.public.kind != wanted:
            raise Malformed(
                f"the key {self.public.id} is {self.public.kind}; {', '.join(self.roles)} needs {wanted}"
            )
        return self

    @classmethod
    def read(cls, fields: Json) -> Key:
        """Read a key from the fields that a document lists for it."""
        return schema.read(cls, "key", fields)

    def valid(self, time: int) -> bool:
        """Tell whether the key is good at `time` (unix seconds)."""
        end = self.valid_for.end
        return self.valid_for.start <= time and (end is None or time <= end)


class TrustedRoot(schema.Closed):
    """One version of who may say what; clients pin one, and the log holds all of them."""

    version: schema.Whole
    threshold: schema.Whole
    # What a C2SP signed note accepts as the name of a key.
    origin: Annotated[str, Field(pattern=r"^[!-*,-~]{1,200}$")]
    keys: tuple[Key, ...] = Field(min_length=1, max_length=1000)

    @model_validator(mode="after")
    def _can_be_followed(self) -> TrustedRoot:
        ids = [key.public.id for key in self.keys]
        twice = next((one for one in ids if ids.count(one) > 1), None)
        if twice:
            raise Malformed(f"the key {twice} stands twice, and would count as two")
        operators = {key.operator for key in self.keys}
        if len({one.casefold() for one in operators}) < len(operators):
            raise Malformed(f"operators that differ in case only: {', '.join(sorted(operators))}")
        logs = [key for key in self.keys if "log" in key.roles]
        if len(logs) != 1:
            raise Malformed(f"the log {self.origin} has one key, not {len(logs)}")
        holders = {key.operator for key in self.keys if "root" in key.roles}
        if not 1 <= self.threshold <= len(holders):
            raise Malformed(
                f"threshold {self.threshold}, and root keys are held by {', '.join(sorted(holders)) or 'nobody'}: nobody"
                " could change it"
            )
        return self

    @classmethod
    def parse(cls, raw: bytes) -> TrustedRoot:
        """Read a trusted root from JSON."""
        return schema.read(cls, "trusted root", canonical.decode(raw))

    def encode(self) -> bytes:
        """Return the document as canonical JSON."""
        return canonical.encode(self.model_dump(mode="json", by_alias=True))

    def public(self, *roles: Role) -> tuple[PublicKey, ...]:
        """Return the keys that hold any of `roles`, all if none is given, whether or not they are still good."""
        return tuple(key.public for key in self.keys if not roles or not set(roles).isdisjoint(key.roles))

    def log(self) -> Key:
        """Return the key that signs the log's checkpoints."""
        return next(key for key in self.keys if "log" in key.roles)


class _Change(schema.Closed):
    root: TrustedRoot = Field(alias="trustedRoot")


def facts(statement: Statement, entry: str) -> tuple[Rooted]:  # noqa: ARG001 - every predicate's signature
    """Return the version that comes into force."""
    said = schema.read(_Change, URI, statement.predicate)
    document = said.root.encode()
    if schema.subject(statement).sha256 != sha256_hex(document):
        raise Malformed(
            f"{URI}: the document hashes to {sha256_hex(document)}, not {schema.subject(statement).sha256}"
        )
    return (Rooted(said.root.version, document.decode()),)


def statement(root: TrustedRoot) -> Statement:
    """Put `root` into force."""
    document = root.encode()
    return schema.claim(
        _Change, URI, [f"sha256:{sha256_hex(document)}"], {"trustedRoot": canonical.decode(document)}
    )
