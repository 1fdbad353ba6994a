"""Merge recipes: mergekit YAML, of which only what was merged counts here, whether or not it could be executed.

So a recipe with a misspelt parameter, which mergekit passes over in silence, still tells its parents; that it is not executed as
it stands is a remark. The text is read as strictly as any recipe (`merger.dialect.text`). What a recipe makes it does not say
itself: its place, an index or whoever imports it does. Several documents in a file are one recipe if they lead to the last by
the names of those before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from lineage.facts import Relation
from merger import dialect
from merger.dialect import text
from merger.dialect.text import Plain
from registry.records import Document, Parents, Reason, Record, Unread, record
from signing import canonical
from signing.errors import Refused

ABOUT = "merge recipes: mergekit YAML"
_TOKENIZERS = frozenset({"base", "union"})
_BROKEN = "is no recipe"

Named: TypeAlias = tuple[object, Relation, str]
"""What is written, how it takes part, and its role."""


def wants(name: str) -> bool:
    """Tell whether a file's name is that of a recipe."""
    return name.lower().endswith((".yaml", ".yml"))


def tells(name: str) -> bool:  # noqa: ARG001 - every reader's signature
    """Return False: a recipe says what is merged, and not what it makes."""
    return False


def read(document: Document, target: str | None) -> Iterator[Record]:
    """Yield the one record of a recipe file."""
    yield _record(document, target)


def _record(document: Document, target: str | None) -> Record:
    if target is None:
        sentence = f"what {document.name} makes is said by nothing: name it with --target, in an --index, or put it in owner/name/"
        return Unread(document.name, Reason("makes nothing that is named", sentence))
    try:
        written = canonical.text(document.data.removeprefix(b"\xef\xbb\xbf"), "recipe")
        documents = text.documents(written)
    except Refused as error:
        return Unread(document.name, Reason("is no YAML", str(error)))
    named = _chained(documents)
    if isinstance(named, str):
        return Unread(document.name, Reason(_BROKEN, named))
    parents = Parents()
    for written_as, relation, role in named:
        parents.add(written_as, relation, {"role": role})
    if not named:
        return Unread(document.name, Reason(_BROKEN, "the recipe names no model"))
    return record(document.name, target, parents.all(), remarks=[*parents.remarks, *_odd(written)])


def _chained(documents: list[Plain]) -> list[Named] | str:
    """Return what the last document merges, those before it by what they merge themselves; or why that is not to be told."""
    earlier: dict[str, list[Named]] = {}
    used: set[str] = set()
    found: list[Named] = []
    if not documents:
        return "the file holds no document"
    for number, one in enumerate(documents, 1):
        if not isinstance(one, dict):
            return f"document {number} of {len(documents)} is {one!r:.80}, and a recipe is keys and values"
        found = []
        for written, relation, role in _models(one):
            if isinstance(written, str) and written in earlier:
                used.add(written)
                found += earlier[written]
            else:
                found.append((written, relation, role))
        if number < len(documents):
            name = one.get("name")
            if not isinstance(name, str) or name in earlier:
                return f"document {number} of {len(documents)} has no name of its own, so no later one builds on it"
            earlier[name] = found
    unused = earlier.keys() - used
    if unused:
        return f"no later document builds on {min(unused)!r:.80}, so which of {len(documents)} recipes is meant is not said"
    return found


def _models(one: Mapping[str, Plain]) -> Iterator[Named]:
    """Yield every model that a document names: the base first, so that a base that is a parent too keeps its role."""
    bodies = [one, *_mappings(one.get("modules"))]
    slices = [part for body in bodies for part in _mappings(body.get("slices"))]
    for body in (*bodies, *slices):
        if body.get("base_model") is not None:
            yield body["base_model"], "merge", "base"
    listed = [source for body in bodies for source in _mappings(body.get("models"))]
    listed += [source for part in slices for source in _mappings(part.get("sources"))]
    for source in listed:
        if source.get("model") is not None:
            yield source["model"], "merge", "parent"
    for expert in _mappings(one.get("experts")):
        if expert.get("source_model") is not None:
            yield expert["source_model"], "merge", "expert"
    tokenizer = one.get("tokenizer")
    donor = one.get("tokenizer_source")
    donor = tokenizer.get("source") if donor is None and isinstance(tokenizer, dict) else donor
    if isinstance(donor, str) and donor not in _TOKENIZERS:
        yield donor.removeprefix("model:"), "tokenizer", "tokenizer"


def _mappings(value: Plain) -> list[dict[str, Plain]]:
    """Return the mappings in a list, or among the values of a mapping."""
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
    return [one for one in inner if isinstance(one, dict)]


def _odd(written: str) -> list[Reason]:
    try:
        dialect.parse(written)
    except Refused as error:
        return [Reason("would not be merged here as it stands", str(error))]
    return []
