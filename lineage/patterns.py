"""Patterns: which names a range of names means, and which names statements give to artifacts.

    acme/*          every name in the namespace             acme/merge-*    every name that begins so
    acme/one        that name                               hf:owner/*      every stub of an owner upstream; also hf:owner/base-*
    hf:owner/base   that stub, at whatever commit

Names here ignore case, so a pattern is written in lower case; upstream's are as the hub spells them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lineage.assessed import Assessed
from lineage.facts import Claimed, Derived, Fact, Named, is_stub
from lineage.incidents import Reported
from lineage.schema import NAME, UPSTREAM, WORD
from signing.errors import Malformed

ANY = "*"
_UPSTREAM = "hf:"
_OWN = re.compile(rf"{WORD}/[A-Za-z0-9._-]{{0,95}}\*|{NAME}", re.ASCII)
_STUB = re.compile(rf"hf:{UPSTREAM}/([A-Za-z0-9._-]{{0,95}}\*|{UPSTREAM})", re.ASCII)
# Sorts behind every character of a name.
_LAST = "~"


def check(pattern: str) -> str:
    """Return a pattern, or refuse what is none."""
    if (_STUB if pattern.startswith(_UPSTREAM) else _OWN).fullmatch(pattern) is None:
        raise Malformed(
            f"{pattern!r:.200} is no range of names: write acme/*, acme/merge-*, acme/one, hf:owner/* or hf:owner/base"
        )
    if pattern != folded(pattern):
        raise Malformed(f"{pattern!r} is written in lower case, {folded(pattern)!r}: names here ignore case")
    return pattern


def folded(name: str) -> str:
    """Return a name, or a pattern, as it is compared."""
    return name if name.startswith(_UPSTREAM) else name.casefold()


def upstream(pattern: str) -> bool:
    """Tell whether a pattern means stubs, and no names that are bound here."""
    return pattern.startswith(_UPSTREAM)


def patterns(name: str) -> frozenset[str]:
    """Return every pattern that means a name, or the id of a stub."""
    whole = folded(name).partition("@")[0]
    namespace, _, rest = whole.partition("/")
    return frozenset({whole, *(f"{namespace}/{rest[:length]}{ANY}" for length in range(len(rest) + 1))})


def bounds(pattern: str) -> tuple[str, str]:
    """Return between which names, folded, those that a pattern means besides the one it spells lie: from the first, and before the second."""
    if pattern.endswith(ANY):
        return pattern[:-1], pattern[:-1] + _LAST
    # A stub at a commit is called after the one without.
    return (f"{pattern}@", f"{pattern}@{_LAST}") if upstream(pattern) else ("", "")


def called(facts: Iterable[Fact]) -> dict[str, str]:
    """Return what facts call by a name that a pattern may mean, and which artifact that is: a stub is called by its id."""
    found: dict[str, str] = {}
    for fact in facts:
        match fact:
            case Named(name, _, artifact):
                found[name] = artifact
            case Derived(child, parent):
                found |= {one: one for one in (child, parent) if is_stub(one)}
            case Reported(artifacts=artifacts):
                found |= {one: one for one in artifacts if is_stub(one)}
            case Claimed(artifact) | Assessed(artifact) if is_stub(artifact):
                found[artifact] = artifact
            case _:
                pass
    return found
