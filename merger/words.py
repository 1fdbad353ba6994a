"""Tokenizers as vocabularies: which token has which row, read from `tokenizer.json`; nothing of the libraries is imported.

That is the form in which Hugging Face's fast tokenizers are saved. Pure: bytes in, tokens and rows out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from merger.row_map import LACKS, ZERO
from signing import canonical
from signing.canonical import Json, is_integer
from signing.errors import Malformed

FILE = "tokenizer.json"
_KINDS = ("BPE", "WordPiece", "WordLevel", "Unigram")
# What the spelling of a token means, such as `##ing`, depends on these.
_SPELLING = ("type", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")

Object: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Words:
    """One model's tokenizer: whose it is, what tokenizer.json says, the row of each token, and those added to its model."""

    owner: str
    said: Object
    ids: dict[str, int]
    added: dict[str, Object]

    @property
    def model(self) -> Object:
        """Return the part that turns text into tokens."""
        return as_object(self.owner, "model", self.said.get("model"))


def read(owner: str, raw: bytes) -> Words:
    """Read a tokenizer.json, or say what in it names no token or two."""
    said = as_object(owner, FILE, canonical.decode(raw))
    model = as_object(owner, "model", said.get("model"))
    kind = model.get("type")
    if kind not in _KINDS:
        raise Malformed(
            f"{FILE} of {owner}: its model has the type {kind!r:.40}; read are {', '.join(_KINDS)}"
        )
    pairs = vocabulary(owner, model)
    added: dict[str, Object] = {}
    for one in as_list(owner, "added_tokens", said.get("added_tokens") or []):
        entry = as_object(owner, "added_tokens", one)
        token, row = entry.get("content"), entry.get("id")
        if not isinstance(token, str) or not is_integer(row):
            raise Malformed(f"{FILE} of {owner}: {entry!r:.80} is no added token with content and id")
        added[token] = entry
        pairs.append((token, row))
    ids: dict[str, int] = {}
    tokens: dict[int, str] = {}
    for token, row in pairs:
        if row < 0 or ids.setdefault(token, row) != row or tokens.setdefault(row, token) != token:
            raise Malformed(
                f"{FILE} of {owner}: {token!r:.60} has the id {row}, which is {tokens.get(row)!r:.60} or not its only one"
            )
    return Words(owner, said, ids, added)


def check_spelling(one: Words, other: Words) -> None:
    """Refuse two tokenizers in which the same token stands for other text, so that their rows have nothing in common."""
    for key in _SPELLING:
        mine, theirs = one.model.get(key), other.model.get(key)
        if (mine or None) != (theirs or None):
            raise Malformed(
                f"{FILE}: model.{key} is {mine!r:.40} in {one.owner} and {theirs!r:.40} in {other.owner}, so equal tokens stand for other text"
            )
    mine, theirs = (_types(words.said.get("decoder")) for words in (one, other))
    if mine != theirs:
        raise Malformed(
            f"{FILE}: decoder is of {mine} in {one.owner} and of {theirs} in {other.owner}, so equal tokens stand for other text"
        )


def vector(words: Words, tokens: Sequence[str | None], size: int) -> NDArray[np.int64]:
    """Return a model's vector over the output's tokens; what lies beyond the `size` rows of its weights it lacks."""
    rows = [LACKS if token is None else words.ids.get(token, LACKS) for token in tokens]
    found = np.array(rows, np.int64)
    found[found >= size] = LACKS
    return found


def padded(vectors: Mapping[str, NDArray[np.int64]], multiple: int) -> dict[str, NDArray[np.int64]]:
    """Return the vectors with rows of +0 up to the next multiple."""
    return {
        model: np.concatenate([one, np.full(-len(one) % multiple, ZERO, np.int64)])
        for model, one in vectors.items()
    }


def template(where: str, raw: bytes) -> Json:
    """Return the chat template that a JSON file of a tokenizer's settings holds, None if it holds none."""
    try:
        # 10^30, the usual model_max_length, is beyond the numbers that are signed; the template is all that is taken.
        value = json.loads(raw.decode(), parse_constant=_no_number)  # noqa: TID251
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{where} is not JSON that can be read: {error}") from None
    found: Json = value.get("chat_template") if isinstance(value, dict) else None
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number in JSON")


def vocabulary(owner: str, model: Object) -> list[tuple[str, int]]:
    """Return the tokens of a tokenizer's model with their rows, without those added to it."""
    if model["type"] == "Unigram":
        return [(piece, row) for row, (piece, _) in enumerate(scored(owner, model))]
    found = []
    for token, row in as_object(owner, "model.vocab", model.get("vocab")).items():
        if not is_integer(row):
            raise Malformed(f"{FILE} of {owner}: {token!r:.60} has the id {row!r:.40}, which is no number")
        found.append((token, row))
    return found


def scored(owner: str, model: Object) -> list[tuple[str, Json]]:
    """Return the pieces of a Unigram model with their scores, in order of their rows."""
    found: list[tuple[str, Json]] = []
    for one in as_list(owner, "model.vocab", model.get("vocab")):
        match one:
            case [str(piece), int() | float() as score]:
                found.append((piece, score))
            case _:
                raise Malformed(f"{FILE} of {owner}: {one!r:.60} is no piece with a score")
    return found


def as_object(owner: str, what: str, value: Json) -> Object:
    """Return a part of a tokenizer that has to be an object."""
    if not isinstance(value, Mapping):
        raise Malformed(f"{FILE} of {owner}: {what} is {value!r:.40}, no object")
    return value


def as_list(owner: str, what: str, value: Json) -> Sequence[Json]:
    """Return a part of a tokenizer that has to be a list."""
    if not isinstance(value, list):
        raise Malformed(f"{FILE} of {owner}: {what} is {value!r:.40}, no list")
    return value


def _types(value: Json) -> list[str]:
    if isinstance(value, Mapping):
        own = [str(value["type"])] if "type" in value else []
        return own + [one for inner in value.values() for one in _types(inner)]
    return [one for inner in value for one in _types(inner)] if isinstance(value, list) else []
