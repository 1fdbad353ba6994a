"""OMS model signatures: every file of a model with its SHA-256, as one statement (OpenSSF Model Signing v1.0).

Written so that `model_signing verify` accepts it unmodified. Read by a stricter profile than the specification's
(3-trust, Signatures): the reference tool accepts a signature with `ignore_paths: ["."]` and no resources for any
folder whatever, so a signer could grant itself a hole.
"""

import hashlib
from collections.abc import Iterable, Mapping

from signing.canonical import Json
from signing.digest import IGNORED, check_hex, check_names
from signing.errors import Malformed
from signing.statement import Statement, Subject

URI = "https://model_signing/signature/v1.0"
_HOW: Mapping[str, Json] = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}


def statement(name: str, files: Mapping[str, str]) -> Statement:
    """Return the statement that the model `name` consists of exactly `files` (name to SHA-256 hex)."""
    if not name:
        raise Malformed("a model signature names the model, and the name given is empty")
    _check(files)
    names = sorted(files)
    resources = [{"name": one, "algorithm": "sha256", "digest": files[one]} for one in names]
    predicate: dict[str, Json] = {
        "serialization": {**_HOW, "ignore_paths": sorted(IGNORED)},
        "resources": resources,
    }
    return Statement((Subject(name, _root(files[one] for one in names)),), URI, predicate)


def files(statement: Statement) -> dict[str, str]:
    """Return the files (name to SHA-256 hex) that a model signature lists, if it passes the strict profile."""
    if statement.predicate_type != URI:
        raise Malformed(f"a statement of type {statement.predicate_type!r} is no model signature, {URI!r}")
    match statement.predicate:
        case {"serialization": Mapping() as how, "resources": [*resources]}:
            _check_how(how)
        case _:
            raise Malformed("a model signature has a serialization and a list of resources")
    listed = [_resource(one) for one in resources]
    found = dict(listed)
    names = [name for name, _ in listed]
    # The specification orders by code point, the reference tool by path component: "a-b/x" and "a/x" swap.
    if len(found) < len(names) or names not in (
        sorted(names),
        sorted(names, key=lambda name: name.split("/")),
    ):
        raise Malformed("the resources of a model signature are sorted by name, each once")
    _check(found)
    digest = _root(found[name] for name in names)
    if [subject.sha256 for subject in statement.subjects] != [digest]:
        given = ", ".join(subject.sha256 for subject in statement.subjects)
        raise Malformed(f"the resources hash to {digest}, and the signature is about {given}")
    return found


def _check(found: Mapping[str, str]) -> None:
    if not found:
        raise Malformed("a model signature lists at least one file, and this one lists none")
    check_names(found)
    for name, digest in found.items():
        check_hex(digest, f"the digest of {name!r}")


def _check_how(how: Mapping[str, Json]) -> None:
    """Refuse every way of listing files but the one that leaves out nothing else."""
    skipped = how.get("ignore_paths", [])
    if {key: value for key, value in how.items() if key != "ignore_paths"} != _HOW:
        raise Malformed(f"the serialization of a model signature is {dict(_HOW)}, not {dict(how)}")
    if not isinstance(skipped, list) or not all(path in IGNORED for path in skipped):
        raise Malformed(f"a model signature may ignore only {', '.join(IGNORED)}, not {skipped}")


def _resource(value: Json) -> tuple[str, str]:
    match value:
        case {"name": str(name), "algorithm": "sha256", "digest": str(digest)}:
            return name, digest
        case _:
            raise Malformed(f"a resource has a name, the algorithm sha256 and a digest, unlike {value}")


def _root(digests: Iterable[str]) -> str:
    """Return the OMS root digest: SHA-256 over the digests alone. It is no identity, for it knows no names."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, digests))).hexdigest()
