"""`model.sig`: write the signature of a folder that strangers' tools check, and hold a folder to one that they wrote.

Neither needs a log, and neither proves when it was signed: that is what registering adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from merger.folder import Progress, digests
from registry.store import Absent
from registry.store.disk import replace
from registry.work.verify import Fails, apart
from signing import oms, sigstore
from signing.certificate import Certified
from signing.digest import SIGNATURE, artifact_id, ignored
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PrivateKey, PublicKey
from signing.sigstore import SigstoreBundle
from signing.statement import Statement

_MODE = 0o644


@dataclass(frozen=True, slots=True)
class Vouched:
    """These `files` (name to SHA-256 hex) are `artifact`, signed by `signer`; `entry` is what a log would call that."""

    artifact: str
    files: Mapping[str, str]
    signer: PublicKey | Certified
    entry: str


def sign(
    folder: Path,
    key: PrivateKey,
    target: Path,
    *,
    force: bool = False,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Vouched:
    """Sign what is in `folder` with `key`, and write that to `target`."""
    check_target(folder, target, force=force)
    found = digests(folder, threads, progress)
    bundle = write(target, oms.statement(folder.resolve().name, found), key, force=force)
    return Vouched(artifact_id(found), found, key.public, bundle.envelope.entry)


def check_target(folder: Path, target: Path, *, force: bool) -> None:
    """Refuse to sign `folder` into `target` where the signature would be lost, be part of the model, or not hold."""
    _check_free(target, force=force)
    place = target.parent.resolve()
    if not place.is_dir():
        raise Absent(f"{target.parent} is no folder to write {target.name} in")
    if place.is_relative_to(folder.resolve()) and (place, target.name) != (folder.resolve(), SIGNATURE):
        raise Malformed(
            f"{target} lies in the folder that it signs and would be one of its files: call it {folder / SIGNATURE}, or put"
            " it elsewhere"
        )
    for below in _signatures(folder):
        raise Malformed(
            f"{below} is a signature below the top: it is no part of the artifact here, and `model_signing` counts it as a"
            " file, so no signature would hold for both; move it out of the folder"
        )


def write(target: Path, statement: Statement, key: PrivateKey, *, force: bool = False) -> SigstoreBundle:
    """Sign the model signature `statement` and put it at `target`, whole or not at all."""
    bundle = sigstore.sign(statement, key)
    _check_free(target, force=force)
    # In a folder of its own: what a crash leaves in a model's folder is then called like a signature, and is no file of it.
    with TemporaryDirectory(prefix=".signing-", dir=target.parent) as stage:
        replace(target, bundle.encode(), _MODE, Path(stage) / SIGNATURE)
    return bundle


def read(folder: Path, file: Path | None) -> SigstoreBundle:
    """Return the signature in `file`, or else the one that lies in `folder`."""
    path = file or folder / SIGNATURE
    if not path.is_file():
        raise Absent(f"{path} is no file; name the signature of {folder} with --signature")
    with path.open("rb") as opened:
        return SigstoreBundle.parse(opened.read(sigstore.MAX_BYTES + 1))


def hold(
    folder: Path,
    bundle: SigstoreBundle,
    signer: PublicKey | Certified,
    *,
    threads: int = 2,
    progress: Progress = lambda _: None,
) -> Vouched | Fails:
    """Compare `folder` with the files that `signer` signed.

    Raises `Untrusted` if somebody else signed, `Malformed` if the signature is wider than the strict profile.
    """
    signed = sigstore.files(bundle, signer.key if isinstance(signer, Certified) else signer)
    artifact = artifact_id(signed)
    found = digests(folder, threads, progress)
    return apart(artifact, signed, found) or Vouched(artifact, signed, signer, bundle.envelope.entry)


def check_identity(signer: Certified, wanted: str) -> None:
    """Refuse a certificate of somebody else: `wanted` is its whole subject, or one of the names beside it."""
    names = (signer.subject, *signer.names)
    if wanted not in names:
        raise Untrusted(f"the certificate is of {', '.join(names)}, not of {wanted}")


def _check_free(target: Path, *, force: bool) -> None:
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise Refused(f"{target} is no regular file, so no signature is written over it")
    if target.exists() and not force:
        raise Refused(
            f"{target} exists, and a signature is not replaced unasked: add --force, or name another file"
        )


def _signatures(folder: Path) -> Iterator[Path]:
    """Return the files below the top of `folder` that are called like a signature."""
    for path in sorted(folder.rglob(SIGNATURE)):
        name = path.relative_to(folder)
        if len(name.parts) > 1 and not ignored(f"{name.parts[0]}/x"):
            yield path
