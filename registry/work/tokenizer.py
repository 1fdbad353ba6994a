"""Make one vocabulary of several models': tokenizer files and a row map in a folder, registered like any artifact.

docs/arithmetic.md, "Vocabularies". Small files alone are read, and nothing of a model's weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineage.facts import Relation
from merger.card import CONFIG, TOKENIZER
from merger.folder import small
from merger.manifest import utf8
from merger.row_map import LACKS, MOST_ROWS, ROWS, ZERO
from merger.tokens import Given, placed
from merger.union import extended, united
from merger.weights import header_bytes
from merger.words import FILE, Words, check_spelling, padded, read, template, vector
from registry.home import Home
from registry.store import artifacts, refs
from registry.work.add import Added, Declared, add, declarations
from registry.work.shelf import Shelved, shelved
from signing import canonical
from signing.canonical import Json, is_integer
from signing.errors import Malformed

UNION, BASE = "union", "base"
MADE_OF = "rows.json"
# The files of a fast tokenizer besides its vocabulary; the others of a model's are older forms of the vocabulary.
_BESIDE = ("tokenizer_config.json", "special_tokens_map.json", "generation_config.json")
_JINJA, _OLD, _CONFIG = "chat_template.jinja", "chat_template.json", "tokenizer_config.json"

Vectors = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A registered tokenizer artifact with its row map: its rows, its tokens, and how many of these each model has."""

    added: Added
    rows: int
    tokens: int
    has: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Known:
    """A model's small files, its tokenizer, and how many rows its config says it has."""

    artifact: str
    shelf: Shelved
    words: Words
    size: int

    def file(self, name: str) -> bytes | None:
        """Return a small file of the model, checked, or nothing if it has no such file."""
        return _file(self.shelf, name)


def make(
    home: Home,
    models: Sequence[str],
    out: Path,
    source: str = UNION,
    *,
    pad_to: int = 1,
    tokens: Sequence[Given] = (),
    name: str | None = None,
    terms: str | None = None,
) -> Vocabulary:
    """Make one vocabulary for `models` in the new folder `out`, and register it with its row map.

    `source` is `union` (the first model's tokens, then what the others add, in order), `base` (the first model's) or a
    reference (that model's); `tokens` are added where they are missing, and say where their rows come from. Raises
    `Malformed` where tokenizers cannot be united, or a token has a row in no model.
    """
    if out.exists():
        raise Malformed(f"{out} exists already; name a new folder, or remove that one first")
    with home.store.reading() as connection:
        named = list(dict.fromkeys(refs.resolve(connection, ref) for ref in models))
        donor = named[0] if source in (UNION, BASE) else refs.resolve(connection, source)
        every = list(dict.fromkeys((donor, *named)))
        lenders = {one.model: refs.resolve(connection, one.model) for one in tokens if one.model is not None}
        # They are signed at the end: a name or a license that no statement can hold is refused before the work.
        declarations(home, connection, donor, name, terms)
        licenses = {artifacts.license_of(connection, one) for one in every}
    shelves = shelved(home, every)
    known = {one: _known(one, shelves[one]) for one in every}
    giver, merged = known[donor], [known[one] for one in named]
    for one in merged:
        check_spelling(giver.words, one.words)
    words = united([one.words for one in merged]) if source == UNION else giver.words
    words = extended(words, [one.token for one in tokens])
    files = _tokenizer_files(giver, words)
    files |= _template(giver, merged) if source == UNION else {}
    vectors, places = _vectors(giver, merged, words)
    for given in tokens:
        lender = _lender(given, {ref: known.get(one) for ref, one in lenders.items()}, merged)
        vectors = placed(given, words.ids[given.token], vectors, *lender)
    _check_rows(vectors, words)
    vectors = padded(vectors, pad_to)
    rows = len(next(iter(vectors.values())))
    if rows > MOST_ROWS:
        raise Malformed(f"the vocabulary would have {rows} rows; a row map has at most {MOST_ROWS}")
    has = {one: int(np.count_nonzero(vectors[one][places] >= 0)) for one in named}
    said: dict[str, Json] = {
        "v": "1",
        "source": source if source in (UNION, BASE) else donor,
        "models": [{"model": one, "tokens": has[one]} for one in named],
        "tokens": len(places),
        "given": [_said(one, lenders) for one in tokens],
        "rows": rows,
        "pad_to_multiple_of": pad_to,
    }
    files |= {ROWS: _safetensors(vectors), MADE_OF: canonical.encode(said) + b"\n"}
    _write(out, files)
    # What all declare holds for what is made of them; where they differ, nothing is said.
    shared = next(iter(licenses)) if len(licenses) == 1 else None
    parents: list[tuple[str, Relation]] = [(one, "tokenizer") for one in every]
    return Vocabulary(add(home, out, Declared(name, terms or shared, parents)), rows, len(places), has)


def _known(artifact: str, shelf: Shelved) -> _Known:
    raw, config = _file(shelf, FILE), _file(shelf, CONFIG)
    if raw is None:
        raise Malformed(
            f"{shelf.folder} has no {FILE}; vocabularies are read from there, so save its tokenizer in that form"
        )
    if config is None:
        raise Malformed(f"{shelf.folder} has no {CONFIG}; how many rows its weights have is said there")
    value = canonical.decode(config)
    size = value.get("vocab_size") if isinstance(value, Mapping) else None
    if not is_integer(size) or size < 1:
        raise Malformed(f"{shelf.folder / CONFIG} says vocab_size {size!r:.40}, which is no number of rows")
    return _Known(artifact, shelf, read(artifact, raw), size)


def _file(shelf: Shelved, name: str) -> bytes | None:
    found = next((file for file in shelf.manifest.files if file.name == name), None)
    return None if found is None else small(shelf.folder, name, found.sha256)


def _tokenizer_files(giver: _Known, words: Words) -> dict[str, bytes]:
    """Return the giver's files, as they are where its vocabulary is the result's."""
    same = words is giver.words
    names = TOKENIZER if same else (*_BESIDE, _JINJA, _OLD)
    found = {name: data for name in names if (data := giver.file(name)) is not None}
    return found if same else found | {FILE: canonical.encode(words.said) + b"\n"}


def _template(giver: _Known, merged: Sequence[_Known]) -> dict[str, bytes]:
    """Return the file of the one chat template that there is, where the giver has none; refuse two."""
    found = {one.artifact: said for one in merged if (said := _template_of(one)) is not None}
    if not found:
        return {}
    first, mine = next(iter(found.items()))
    for other, theirs in found.items():
        if theirs != mine:
            raise Malformed(
                f"the chat template of {first} begins {str(mine)!r:.60} and that of {other} {str(theirs)!r:.60}, and they differ; take the tokenizer of a model"
            )
    if giver.artifact in found:
        return {}
    if not isinstance(mine, str):
        raise Malformed(
            f"{first} has several chat templates and {giver.artifact} none; take the tokenizer of a model"
        )
    return {_JINJA: mine.encode()}


def _template_of(one: _Known) -> Json:
    if (jinja := one.file(_JINJA)) is not None:
        return canonical.text(jinja, _JINJA)
    for name in (_OLD, _CONFIG):
        raw = one.file(name)
        found = None if raw is None else template(str(one.shelf.folder / name), raw)
        if found is not None:
            return found
    return None


def _vectors(giver: _Known, merged: Sequence[_Known], words: Words) -> tuple[Vectors, Sequence[int]]:
    """Return each model's vector, and the rows that are tokens'."""
    own = giver in merged
    size = max((*words.ids.values(), giver.size - 1 if own else -1)) + 1
    if size > MOST_ROWS:
        raise Malformed(
            f"{FILE} of {giver.artifact} has the id {size - 1}; a row map has at most {MOST_ROWS} rows"
        )
    tokens: list[str | None] = [None] * size
    for token, row in words.ids.items():
        tokens[row] = token
    found = {one.artifact: vector(one.words, tokens, one.size) for one in merged}
    for row in (row for row, token in enumerate(tokens) if token is None):
        # What the giver holds where it has no token stays what it is; elsewhere nobody holds anything.
        if own and row < giver.size:
            found[giver.artifact][row] = row
        else:
            for one in found.values():
                one[row] = ZERO
    return found, [row for row, token in enumerate(tokens) if token is not None]


def _lender(
    given: Given, lenders: Mapping[str, _Known | None], merged: Sequence[_Known]
) -> tuple[Words | None, int]:
    """Return whose row a token is said to take, and how many rows that model has."""
    if given.model is None:
        return None, 0
    found = lenders[given.model]
    if found is None or found not in merged:
        raise Malformed(f"tokens.{given.token}: {given.model} is none of the models that lend rows")
    return found.words, found.size


def _check_rows(vectors: Vectors, words: Words) -> None:
    """Refuse a token that no model has and nobody has said anything about."""
    nobody = (np.stack(list(vectors.values())) == LACKS).all(0)
    for token, row in words.ids.items():
        if nobody[row]:
            raise Malformed(
                f"the token {token!r:.60} has a row in none of the models; say in --tokens where it takes one, or take another --source"
            )


def _said(one: Given, lenders: Mapping[str, str]) -> Json:
    lender: Json = None if one.model is None else lenders[one.model]
    return {"token": one.token, "model": lender, "row_of": one.other, "force": one.force}


def _safetensors(vectors: Vectors) -> bytes:
    data = {model: vectors[model].astype("<i8").tobytes() for model in utf8(vectors)}
    return header_bytes([(m, "I64", (len(raw) // 8,), len(raw)) for m, raw in data.items()]) + b"".join(
        data.values()
    )


def _write(out: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that appears whole."""
    beside = out.with_name(f".{out.name}.new")
    beside.mkdir(parents=True, exist_ok=True)
    for path in beside.iterdir():
        path.unlink()
    for name, data in files.items():
        (beside / name).write_bytes(data)
    beside.rename(out)
