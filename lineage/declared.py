"""Declared: which licenses the words of a card or a statement mean, and where they leave it open.

Real cards declare lists, upper case, the name of a family (`gpl`), an SPDX expression (`mit OR apache-2.0`), or `other` with a
name and a link beside it. Each comes to one of three values: all of these licenses hold (`Resolved`), some of them may
(`Ambiguous`), or nothing is known (`Unresolved`). A word is never read as the license that it resembles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lineage.licenses import UNKNOWN, discovered

# The longest word of 2,196 real cards has 34 characters, the longest link 200.
_LONGEST = 1000
_DEEPEST = 32
_EXPRESSION = re.compile(r"[\s()]")


@dataclass(frozen=True, slots=True)
class Resolved:
    """All of these licenses hold."""

    licenses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Some of these licenses hold, or all of them; `why` is a sentence that ends the one that names the artifact."""

    licenses: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nothing is known of what holds; `license` says how: `missing`, `unknown` or `other`."""

    license: str
    why: str

    @property
    def licenses(self) -> tuple[str, ...]:
        """The one id under which nothing is known."""
        return (self.license,)


Declared = Resolved | Ambiguous | Unresolved


def declared(words: object, *, name: object = None, link: object = None, seen: bool = True) -> Declared:
    """Return which licenses a declaration means: the words of `license`, and `license_name` and `license_link` beside them.

    `seen` is False where the declaration could not be read, since nothing of the artifact was.
    """
    if not seen:
        return Unresolved("unknown", "was never seen here")
    if isinstance(words, list | tuple):
        return _list(words, name, link)
    if words is None or words == "":
        return _named(name, link) or Unresolved("missing", "declares no license")
    if not isinstance(words, str):
        return Unresolved("unknown", f"declares {words!r:.80}, which is no text")
    said = _word(words)
    if said.licenses == ("other",):
        return _named(name, link) or Unresolved("other", _other(name, link))
    return _with_name(said, words, name)


def _list(words: Sequence[object], name: object, link: object) -> Declared:
    each = [declared(word, name=name, link=link) for word in dict.fromkeys(map(_hashable, words))]
    if not each:
        return Unresolved("missing", "declares an empty list of licenses")
    found = tuple(dict.fromkeys(one for said in each for one in said.licenses))
    if len(each) == 1 or (len(found) == 1 and all(isinstance(said, Resolved) for said in each)):
        return each[0]
    return Ambiguous(found, f"lists {', '.join(found)} and does not say whether one of them holds or all")


def _hashable(word: object) -> object:
    return word if isinstance(word, str | None) else repr(word)


def _with_name(said: Declared, words: str, name: object) -> Declared:
    """Return what holds where a name stands beside a license that needs none."""
    if not isinstance(name, str) or not name.strip():
        return said
    named = _word(name)
    if isinstance(named, Resolved) and set(named.licenses) <= set(said.licenses):
        return said
    both = tuple(dict.fromkeys((*said.licenses, *named.licenses)))
    return Ambiguous(both, f"declares {words[:80]!r} and names its license {name[:80]!r}")


def _named(name: object, link: object) -> Declared | None:
    """Return what `license_name` and `license_link` resolve to, None where neither says anything."""
    found = [
        said
        for said in (_word(name) if isinstance(name, str) else None, _linked(link))
        if said is not None and not set(said.licenses) & set(UNKNOWN)
    ]
    if len({said.licenses for said in found}) > 1:
        both = tuple(dict.fromkeys(one for said in found for one in said.licenses))
        return Ambiguous(both, f"names its license {name!r:.80} and links to that of {found[-1].licenses[0]}")
    return found[0] if found else None


def _other(name: object, link: object) -> str:
    beside = " and ".join(f"{one!r:.120}" for one in (name, link) if one)
    if not beside:
        return "declares 'other' and neither license_name nor license_link"
    return f"declares 'other' with {beside}, which is no license known here"


def _linked(link: object) -> Declared | None:
    """Return the license whose text stands at a link."""
    if not isinstance(link, str):
        return None
    place = re.sub(r"^https?://(www\.)?", "", link.strip()).casefold()
    for one in discovered().values():
        if any(re.match(rf"{re.escape(known.casefold())}(\.?$|[/.?#])", place) for known in one.links):
            return Resolved((one.id,))
    return None


def _word(word: str) -> Declared:
    """Return what one text means: an id, another name, a family, or an expression of them."""
    text = word.strip()
    if not text or len(text) > _LONGEST:
        return Unresolved("unknown", f"declares a license of {len(text)} characters, of 1 to {_LONGEST}")
    found = _known().get(_plain(text)) or _known().get(re.sub(r"[\s_]+", "-", _plain(text)))
    if found is not None:
        if found in UNKNOWN:
            return Unresolved(found, f"declares {text!r}, which says nothing")
        return Resolved((found,))
    if family := _family(_plain(text)):
        return Ambiguous(family, f"declares {text!r}, the name of a family: {', '.join(family)}")
    return _expression(text)


def _plain(text: str) -> str:
    return text.casefold()


@cache
def _known() -> Mapping[str, str]:
    """Return every word that means one license: its id, what else it is called, and its id on SPDX's list."""
    found = {one.id: one.id for one in discovered().values()}
    for one in discovered().values():
        found |= dict.fromkeys([*one.aka, *([one.spdx.casefold()] if one.spdx else [])], one.id)
    return found


def _family(word: str) -> tuple[str, ...]:
    """Return the licenses of which `word` is the name without a version, such as `gpl` of gpl-2.0."""
    return tuple(one for one in discovered() if re.match(rf"{re.escape(word)}[-\d]", one))


def _expression(text: str) -> Declared:
    """Return what an SPDX license expression means, or any other text that is none."""
    # The library's index has 2,447 ids and takes half a second to load: only words that nothing here knows pay for it.
    from license_expression import ExpressionError, ExpressionParseError  # noqa: PLC0415

    if text.count("(") > _DEEPEST:
        return Unresolved("unknown", f"declares an expression with more than {_DEEPEST} brackets")
    try:
        parsed = _licensing().parse(text)
    except (ExpressionError, ExpressionParseError):
        return Unresolved("unknown", f"declares {text!r:.120}, which is no license known here")
    return _meaning(parsed, text)


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing  # noqa: PLC0415

    return get_spdx_licensing()


def _meaning(parsed: Any, text: str) -> Declared:
    """Return what a parsed expression means; what it joins by OR is a choice, and a choice is not ours to make."""
    kind = type(parsed).__name__
    if kind in {"AND", "OR"}:
        each = [_meaning(one, text) for one in parsed.args]
        found = tuple(dict.fromkeys(one for said in each for one in said.licenses))
        if kind == "AND" and all(isinstance(said, Resolved) for said in each):
            return Resolved(found)
        return Ambiguous(found, f"declares {text!r:.120}, of which one part or the other holds")
    key = str(parsed)
    found_id = _known().get(key.casefold())
    if found_id is not None and found_id not in UNKNOWN:
        return Resolved((found_id,))
    if kind == "LicenseSymbol" and key in _licensing().known_symbols:
        return Unresolved(
            "unknown", f"declares {key}, which is on SPDX's list, and nothing of it is recorded here"
        )
    return Unresolved("unknown", f"declares {text!r:.120}, which is no license known here")
