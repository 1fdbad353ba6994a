"""Model cards: the front matter of a README, or cards as JSON lines {"model_id": …, "front_matter": {…}}.

https://huggingface.co/docs/hub/model-cards. Where `base_model_relation` is missing, it is told from library and tags as the hub
tells it, and the claim says that it was inferred. Several licenses do not say which of them holds, so none is claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from lineage.facts import Relation
from merger.dialect import text
from registry.records import Document, Parents, Reason, Record, Unread, record
from registry.stubs import Nameless, stub
from signing import canonical
from signing.errors import Refused

ABOUT = "model cards: READMEs with front matter, or JSON lines"
WORDS: Mapping[str, Relation] = {
    "adapter": "adapter_of",
    "finetune": "finetune",
    "merge": "merge",
    "quantized": "quantize",
}
_ADAPTERS = frozenset({"peft", "lora"})
_QUANTIZED = frozenset({"gguf", "gptq", "awq", "exl2"})
_MERGED = frozenset({"merge", "mergekit", "lazymergekit"})
_LICENSE = re.compile(r"[A-Za-z0-9.+_-]{1,200}", re.ASCII)
_FENCE = re.compile(r"---[ \t]*\r?\n(.*?)(?<=\n)---[ \t]*\r?(?:\n|\Z)", re.DOTALL)
_MATTER = "has front matter that is no YAML"


def wants(name: str) -> bool:
    """Tell whether a file's name is that of a card, or of a list of cards."""
    last = name.rpartition("/")[2].lower()
    return last.endswith((".md", ".jsonl"))


def tells(name: str) -> bool:
    """Tell whether these are cards as JSON lines: each names its model, and a README does not."""
    return name.lower().endswith(".jsonl")


def read(document: Document, target: str | None) -> Iterator[Record]:
    """Yield a record a card."""
    if not tells(document.name):
        yield _readme(document, target)
        return
    for number, line in enumerate(document.data.split(b"\n"), 1):
        if line.strip():
            yield _line(f"{document.name}:{number}", line)


def _readme(document: Document, target: str | None) -> Record:
    try:
        written = canonical.text(document.data.removeprefix(b"\xef\xbb\xbf"), "card")
    except Refused as error:
        return Unread(document.name, Reason("is no text", str(error)))
    fenced = _FENCE.match(written)
    if fenced is None:
        sentence = "the card does not begin with front matter between two lines of ---"
        return Unread(document.name, Reason("has no front matter", sentence))
    if target is None:
        sentence = f"which model {document.name} is about is said by nothing: name it with --target, or put it in owner/name/"
        return Unread(document.name, Reason("is of nothing that is named", sentence))
    try:
        matter = text.documents(fenced[1])
    except Refused as error:
        return Unread(document.name, Reason(_MATTER, str(error)))
    if len(matter) != 1:
        sentence = f"the front matter holds {len(matter)} YAML documents, and a card has one"
        return Unread(document.name, Reason(_MATTER, sentence))
    return _card(document.name, target, matter[0])


def _line(place: str, line: bytes) -> Record:
    try:
        card = canonical.decode(line)
    except Refused as error:
        return Unread(place, Reason("is no JSON", str(error)))
    match card:
        case {"model_id": str(model), "front_matter": matter}:
            pass
        case _:
            sentence = f"the line is no card with model_id and front_matter: {card!r:.120}"
            return Unread(place, Reason("is no card", sentence))
    try:
        target = stub(model)
    except Nameless as error:
        return Unread(place, Reason(f"is a card of what {error.gist}", str(error)))
    return _card(place, target.artifact, matter)


def _card(place: str, target: str, matter: object) -> Record:
    if not isinstance(matter, Mapping):
        sentence = f"the front matter holds no keys and values: {matter!r:.120}"
        return Unread(place, Reason(_MATTER, sentence))
    parents, named = Parents(), _named(matter.get("base_model"))
    distinct = {one for one in named if isinstance(one, str)}
    relation, part = _relation(matter, several=len(distinct) > 1)
    if relation is None:
        sentence = (
            f"base_model_relation is {matter['base_model_relation']!r:.120}; the hub knows {', '.join(WORDS)}"
        )
        return Unread(place, Reason("has a relation that is none", sentence))
    for one in named:
        parents.add(one, relation, part)
    terms, odd = _license(matter.get("license"))
    return record(place, target, parents.all(), terms, [*parents.remarks, *odd])


def _named(said: object) -> Sequence[object]:
    """Return what is named as base models, without what names nothing."""
    listed = said if isinstance(said, list) else [said]
    return [one for one in listed if one is not None and not (isinstance(one, str) and not one.strip())]


def _relation(matter: Mapping[str, object], *, several: bool) -> tuple[Relation | None, dict[str, str]]:
    """Return how the model was made from its base, None for a word that is no relation, and that it was inferred where it was."""
    said = matter.get("base_model_relation")
    if said is not None:
        return WORDS.get(said.strip().casefold()) if isinstance(said, str) else None, {}
    tags = matter.get("tags")
    words = {one.casefold() for one in tags if isinstance(one, str)} if isinstance(tags, list) else set()
    library = matter.get("library_name")
    words |= {library.casefold()} if isinstance(library, str) else set()
    inferred = {"relation": "inferred"}
    if words & _ADAPTERS:
        return "adapter_of", inferred
    if words & _QUANTIZED:
        return "quantize", inferred
    return "merge" if several or words & _MERGED else "finetune", inferred


def _license(said: object) -> tuple[str | None, list[Reason]]:
    """Return the license that a card gives, in its own spelling, and what of it is not claimed."""
    listed = (
        [one for at, one in enumerate(said) if one not in said[:at]] if isinstance(said, list) else [said]
    )
    match listed:
        case [] | [None]:
            return None, []
        case [str(only)] if _LICENSE.fullmatch(only.strip()):
            return only.strip(), []
        case [only]:
            return None, [
                Reason("has a license that is no id", f"license is {only!r:.120}, which is no license id")
            ]
        case _:
            sentence = f"license lists {listed!r:.200}, and does not say which of them holds"
            return None, [Reason("lists several licenses", sentence)]
