r"""What an artifact is called: the SHA-256 of its `sha256sum` listing, and which file names may stand in one.

The id of a folder is what this line prints (in-toto `dirHash`), so nobody needs this package to check one:

    find . -type f ! -name model.sig ! -path './.git*' ! -path './.cache/*' -printf '%P\0' \
        | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum

A name that the line, a shell, Windows or a case-insensitive disk would read differently is refused, never escaped.
The root digest of an OMS signature is no identity: it hashes digests without names, so a renamed file keeps it.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from signing.errors import Malformed

SIGNATURE = "model.sig"
_TOP = (".git", ".gitattributes", ".github", ".gitignore", ".cache")
IGNORED: tuple[str, ...] = (SIGNATURE, *_TOP)

_HEX = re.compile(r"[0-9a-f]{64}")
_PREFIX = "sha256:"
_LONGEST = 1024
# Reserved by Windows with any extension: `aux.safetensors` opens a serial port there. Folded case.
_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"}
)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def check_hex(text: object, what: str) -> str:
    """Return `text` if it is a SHA-256 as 64 lower-case hex digits; `what` names it in the refusal."""
    if not isinstance(text, str) or _HEX.fullmatch(text) is None:
        raise Malformed(f"{what} must be a SHA-256 as 64 lower-case hex digits, not {text!r}")
    return text


def parse_id(text: str) -> str:
    """Return the 64 hex digits of the artifact id `sha256:<64 hex>`."""
    if not text.startswith(_PREFIX):
        raise Malformed(f"an artifact id is sha256:<64 hex>, not {text!r}")
    return check_hex(text.removeprefix(_PREFIX), f"the artifact id {text!r}")


def ignored(name: str) -> bool:
    """Tell whether the file `name` is no part of an artifact: a signature file, or a repository's own bookkeeping."""
    first, slash, _ = name.partition("/")
    # The line above drops what lies in the folder .cache, and would list a plain file of that name.
    if first == ".cache":
        return bool(slash)
    return first in _TOP or name.rpartition("/")[2] == SIGNATURE


def check_names(names: Iterable[str]) -> None:
    """Refuse a set of file names that some system would not store, or not store apart (3-trust, Ids)."""
    seen: dict[str, str] = {}
    for name in names:
        fault = _fault(name)
        if fault:
            raise Malformed(f"the file name {name!r:.1100} {fault}")
        folded = _folded(name)
        if folded in seen:
            raise Malformed(f"the file names {seen[folded]!r} and {name!r} are equal under case folding")
        seen[folded] = name
    # Sorted by their parts, a name stands right before those below it. To ask for every folder above every name would
    # take a time that grows with the square of its depth.
    by_parts = sorted(seen, key=lambda folded: folded.replace("/", "\0"))
    for above, below in pairwise(by_parts):
        if below.startswith(f"{above}/"):
            raise Malformed(f"{seen[above]!r} cannot be a file and hold the file {seen[below]!r}")


def artifact_id(files: Mapping[str, str]) -> str:
    """Return the id, `sha256:<64 hex>`, of the artifact with these files (name to SHA-256 hex)."""
    if not files:
        raise Malformed("an artifact has at least one file, and none is given")
    check_names(files)
    # Code point order is UTF-8 byte order, which is what `LC_ALL=C sort` sorts by.
    lines = (f"{check_hex(files[name], f'the digest of {name!r}')}  {name}\n" for name in sorted(files))
    return _PREFIX + sha256_hex("".join(lines).encode())


def _folded(name: str) -> str:
    """Return what a case-insensitive, normalising file system compares of `name`."""
    return unicodedata.normalize("NFC", name.casefold())


def _fault(name: str) -> str:
    """Say what is wrong with one file name, or nothing."""
    return next((fault for breaks, fault in _RULES if breaks(name)), "")


def _hides(name: str) -> bool:
    # C*: control, invisible, private and unassigned characters; Zl and Zp: line and paragraph separators.
    return not name.isprintable() and any(
        unicodedata.category(char)[0] == "C" or unicodedata.category(char) in {"Zl", "Zp"} for char in name
    )


_RULES: tuple[tuple[Callable[[str], bool], str], ...] = (
    # The longest path of macOS; PostgreSQL would index a name of up to 2,704 bytes.
    (lambda name: len(name.encode(errors="surrogatepass")) > _LONGEST, f"is longer than {_LONGEST} bytes"),
    (lambda name: not {"", ".", ".."}.isdisjoint(name.split("/")), "is not a relative path of plain parts"),
    (
        lambda name: "\\" in name or ":" in name,
        "holds a backslash or a colon, which separate paths, drives and streams on Windows",
    ),
    (_hides, "holds a control, invisible or unassigned character"),
    (lambda name: not unicodedata.is_normalized("NFC", name), "is not in Unicode normalisation form C"),
    (lambda name: name.startswith("-"), "would be read as an option by sha256sum"),
    (
        lambda name: any(part.endswith((".", " ")) for part in name.split("/")),
        "has a part that ends in a dot or a space, which Windows drops",
    ),
    (
        lambda name: any(part.partition(".")[0].rstrip().casefold() in _DEVICES for part in name.split("/")),
        "has a part that is a device on Windows",
    ),
    # On a case-insensitive disk `.GIT/config` is `.git/config`.
    (lambda name: ignored(name) or ignored(name.casefold()), "is no part of an artifact"),
    (
        lambda name: (
            name.casefold().startswith(".git") or name == ".cache" or SIGNATURE in name.casefold().split("/")
        ),
        "is close to a name that is no part of an artifact, and tools disagree about it",
    ),
)
