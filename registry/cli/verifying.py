"""The command that proves: a folder or a file of bundles by a log, or a folder by a signature file alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lineage.authority import TrustedRoot
from merger import folder as folders
from registry.answers import Answers
from registry.cli import dossiers, evidence, signatures, tables
from registry.cli.answering import asked
from registry.cli.session import (
    Fails,
    HomeOption,
    JsonOption,
    RegistryOption,
    RootOption,
    ThreadsOption,
    home_at,
    out,
    pinned,
    progress,
    say,
)
from registry.home import Home
from registry.store import Absent, places
from registry.work import evidence as together
from registry.work import verify as proving
from registry.work.dossier import BEGINNING
from registry.work.lines import Broken
from registry.work.verify import Holds
from signing import proof as logged
from signing.canonical import Json
from signing.digest import SIGNATURE, parse_id
from signing.errors import Malformed, Untrusted
from signing.log import Leaf

app = typer.Typer()
_ID = re.compile("sha256:[0-9a-f]{64}")


@app.command()
def verify(
    what: Annotated[
        Path, typer.Argument(help="Folder of an artifact, file of bundles, signed dossier, or tlog-proof.")
    ],
    expected: Annotated[
        str | None,
        typer.Option(
            "--as",
            help="The artifact it should be; what is registered there otherwise. With --registry, its full id.",
        ),
    ] = None,
    root: RootOption = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="PEM", help="Public key that made the signature in model.sig; no log."),
    ] = None,
    chain: Annotated[
        list[Path] | None,
        typer.Option(
            "--certificate-chain",
            metavar="PEM",
            help="Instead of --key: the root that the signer's certificate leads to, and what stands between. May be repeated.",
        ),
    ] = None,
    identity: Annotated[
        str | None,
        typer.Option(help="With --certificate-chain: the certificate's subject, or a name or address in it."),
    ] = None,
    signature: Annotated[
        Path | None,
        typer.Option(
            help="With --key or --certificate-chain: the signature file, if it is not DIR/model.sig."
        ),
    ] = None,
    threads: ThreadsOption = 2,
    home: HomeOption = None,
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Are these the signed bytes? Says what was proven, by whom, when. Exit 1 if they are not.

    The log of a home or a registry proves it; with --key or --certificate-chain, a signature file alone.
    Such a file proves no time, so a certificate is judged as of now.
    """
    if key is None and not chain:
        alone = {"--signature": signature, "--identity": identity}
        _refuse(alone, "says nothing without --key, or --certificate-chain, of whoever should have signed")
        _by_log(what, expected, root, threads, home, registry, as_json=as_json)
        return
    options = {"--as": expected, "--root": root, "--home": home, "--registry": registry}
    _refuse(options, "is about a log, and --key or --certificate-chain ask a signature file alone")
    if key is not None and chain:
        raise Malformed(f"--key {key} and --certificate-chain name two signers: give one of them")
    if key is not None:
        _refuse({"--identity": identity}, "is a certificate's, and --key names no certificate")
    if what.is_file():
        raise Malformed(f"{what} is a file: name the folder that was signed, and the file with --signature")
    found = signatures.held(what, signature, key, chain or [], identity, threads, quiet=as_json)
    if isinstance(found, proving.Fails):
        _fails(what, found, as_json=as_json)
    else:
        say(as_json, signatures.plain(found), lambda: signatures.show(what, found))


def _by_log(
    what: Path,
    expected: str | None,
    root: Path | None,
    threads: int,
    home: Path | None,
    registry: str | None,
    *,
    as_json: bool,
) -> None:
    trusted = pinned(root, home)
    if what.is_file() and what.name == SIGNATURE:
        raise Malformed(
            f"{what} is the signature of a folder: `studbook verify {what.parent} --key PEM` checks it, with the signer's key"
        )
    if what.is_file():
        raw = what.read_bytes()
        if raw.startswith(logged.HEADER.encode()):
            _logged(what, expected, trusted, as_json=as_json)
            return
        if raw.startswith(BEGINNING):
            dossiers.check(what, _meant(expected, home, registry, trusted), trusted, as_json=as_json)
            return
        _verify_file(what, _meant(expected, home, registry, trusted), trusted, as_json=as_json)
        return
    answers = asked(home, registry, trusted)
    wanted = _expected(what, expected, answers, None if registry else home_at(home))
    with progress(f"hashing {what.name}", folders.size(what), quiet=as_json) as advance:
        found = proving.verify_folder(what, wanted, answers, trusted, threads=threads, progress=advance)
    if isinstance(found, Holds):
        value: Json = {
            "holds": True,
            "artifact": found.artifact,
            "proven": [evidence.proof(one) for one in found.proofs],
        }
        say(as_json, value, lambda: tables.holds(what, found))
        return
    _fails(what, found, as_json=as_json)


def _logged(file: Path, expected: str | None, trusted: TrustedRoot, *, as_json: bool) -> None:
    """Check a tlog-proof, which shows that a leaf is logged; what was signed is not in it."""
    if expected is not None:
        raise Malformed(f"{file} does not hold what was signed, so it is about no artifact: leave out --as")
    proof = logged.Proof.parse(file.read_bytes())
    if proof.extra is None:
        raise Malformed(f"{file} does not hold the leaf that it is about, as its extra data")
    seen = logged.verify(proof, proof.extra, trusted.origin, trusted.log().public)
    leaf = Leaf.parse(proof.extra)
    value: dict[str, Json] = {
        "entry": leaf.pae,
        "keys": list(leaf.keys),
        "time": leaf.time,
        "index": proof.index,
        "log_size": seen.size,
    }
    say(as_json, {"logged": value}, lambda: tables.logged(leaf, proof.index, seen.size))


def _fails(folder: Path, found: proving.Fails, *, as_json: bool) -> None:
    value: Json = {
        "holds": False,
        "artifact": found.artifact,
        "changed": list(found.changed),
        "missing": list(found.missing),
        "extra": list(found.extra),
    }
    say(
        as_json,
        value,
        lambda: out.print(f"[bold red]no:[/] {escape(found.sentence(folder))}", soft_wrap=True),
    )
    raise Fails


def _refuse(options: Mapping[str, object], why: str) -> None:
    """Refuse options that would change nothing."""
    for option, value in options.items():
        if value is not None:
            raise Malformed(f"{option} {value} {why}")


def _expected(folder: Path, expected: str | None, answers: Answers, home: Home | None) -> str | None:
    if home is None:
        # What a registry says that a name means is its word alone; an id needs nobody's.
        return None if expected is None else f"sha256:{parse_id(expected)}"
    if expected is not None:
        return answers.resolve(expected)
    with home.store.reading() as connection:
        return places.at(connection, folder)


def _meant(expected: str | None, home: Path | None, registry: str | None, trusted: TrustedRoot) -> str | None:
    # An id needs nobody to say what it means, so neither a home nor a registry.
    if expected is None or _ID.fullmatch(expected):
        return expected
    return asked(home, registry, trusted).resolve(expected)


def _verify_file(file: Path, expected: str | None, trusted: TrustedRoot, *, as_json: bool) -> None:
    raws = file.read_bytes().removesuffix(b"\n").split(b"\n")
    if raws == [b""]:
        raise Absent(f"{file} holds no bundle")
    with progress(f"verifying {file.name}", len(raws), quiet=as_json, in_bytes=False) as advance:
        found = together.read(raws, trusted, advance)
    broken = [line.why for line in found.lines if isinstance(line, Broken)]
    if len(broken) == len(found.lines):
        raise Untrusted(f"{file} proves nothing: line 1: {broken[0]}")
    if expected is not None:
        together.check_about(found, expected)
    say(as_json, evidence.value(found, trusted), lambda: evidence.show(found, trusted))
    if len(found.held) < len(found.lines):
        raise Fails
