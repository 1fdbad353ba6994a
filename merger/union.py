"""One tokenizer of several whose tokens differ, where that is lossless: more tokens, other ids.

Where two disagree on how text becomes tokens, no one tokenizer does what both did, and the union is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from merger.words import FILE, Object, Words, as_list, scored, vocabulary
from signing.canonical import Json, is_integer
from signing.errors import Malformed

# Of tokenizer.json: what is united, and what a program sets anew for each batch.
_APART = ("version", "added_tokens", "model", "truncation", "padding")


def united(every: Sequence[Words]) -> Words:
    """Return the first tokenizer with the tokens of all others after its own, in their order; or why there is none."""
    first = every[0]
    ids, added, pieces = dict(first.ids), dict(first.added), dict(vocabulary(first.owner, first.model))
    merges, top = _merges(first), max(first.ids.values(), default=-1) + 1
    for other in every[1:]:
        _check_alike(first, other)
        merges = _longer(first, merges, other)
        for token in sorted(other.ids, key=other.ids.__getitem__):
            row = ids.setdefault(token, top)
            top = max(top, row + 1)
            if token in other.added:
                mine = added.setdefault(token, {**other.added[token], "id": row})
                if {**mine, "id": 0} != {**other.added[token], "id": 0}:
                    raise Malformed(
                        f"{FILE}: the added token {token!r:.60} is {dict(mine)!r:.200} in {first.owner} and {dict(other.added[token])!r:.200} in {other.owner}"
                    )
            else:
                pieces.setdefault(token, row)
    if ids == first.ids and added == first.added and merges == _merges(first):
        return first
    return _written(every, ids, added, pieces, merges)


def extended(words: Words, tokens: Sequence[str]) -> Words:
    """Return a tokenizer with these tokens added after its own, as far as it has them not; each is cut out of text whole."""
    new = [token for token in dict.fromkeys(tokens) if token not in words.ids]
    if not new:
        return words
    top = max(words.ids.values(), default=-1) + 1
    ids = words.ids | {token: top + i for i, token in enumerate(new)}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": False}
    added = words.added | {token: {"id": ids[token], "content": token, **flags} for token in new}
    return _written([words], ids, added, dict(vocabulary(words.owner, words.model)), _merges(words))


def _written(
    every: Sequence[Words],
    ids: dict[str, int],
    added: dict[str, Object],
    pieces: Mapping[str, int],
    merges: Sequence[tuple[str, str]] | None,
) -> Words:
    """Return the first tokenizer with other tokens in its tokenizer.json."""
    first = every[0]
    model = dict(first.model)
    if model["type"] == "Unigram":
        model["vocab"] = _pieces(every, pieces, ids)
    else:
        # Libraries number added tokens by themselves where the model does not name them, and not always as the file says.
        model["vocab"] = {token: ids[token] for token in sorted(ids, key=ids.__getitem__)}
    if merges is not None:
        model["merges"] = [list(pair) for pair in merges]
    listed = sorted(added.values(), key=lambda one: ids[str(one["content"])])
    return Words(first.owner, {**first.said, "model": model, "added_tokens": listed}, ids, added)


def _check_alike(one: Words, other: Words) -> None:
    """Refuse two tokenizers that cut the same text differently for another reason than the tokens they know."""
    mine, theirs = (
        {f"model.{key}": value for key, value in words.model.items() if key not in ("vocab", "merges")}
        | {key: _unnumbered(value) for key, value in words.said.items() if key not in _APART}
        | {"model.unk_id": _unknown(words)}
        for words in (one, other)
    )
    for key in sorted({*mine, *theirs}):
        if (mine.get(key) or None) != (theirs.get(key) or None):
            raise Malformed(
                f"{FILE}: {key} is {mine.get(key)!r:.120} in {one.owner} and {theirs.get(key)!r:.120} in {other.owner}, and one tokenizer has one; take that of a model"
            )


def _longer(
    first: Words, mine: Sequence[tuple[str, str]] | None, other: Words
) -> Sequence[tuple[str, str]] | None:
    theirs = _merges(other)
    if mine is None or theirs is None:
        return mine
    for at, (one, two) in enumerate(zip(mine, theirs, strict=False)):
        if one != two:
            raise Malformed(
                f"{FILE}: merge {at} is {' '.join(one)!r:.60} in {first.owner} and {' '.join(two)!r:.60} in {other.owner}, and merges have one order; take the tokenizer of a model"
            )
    return mine if len(mine) >= len(theirs) else theirs


def _merges(words: Words) -> Sequence[tuple[str, str]] | None:
    if words.model["type"] != "BPE":
        return None
    found = []
    for one in as_list(words.owner, "model.merges", words.model.get("merges")):
        pair = one.split(" ") if isinstance(one, str) else one
        match pair:
            case [str(left), str(right)]:
                found.append((left, right))
            case _:
                raise Malformed(f"{FILE} of {words.owner}: {one!r:.60} is no pair of tokens to merge")
    return found


def _pieces(every: Sequence[Words], pieces: Mapping[str, int], ids: Mapping[str, int]) -> list[Json]:
    """Return the pieces of all, each where its row is, with the score that all give it."""
    scores: dict[str, tuple[str, Json]] = {}
    for words in every:
        for piece, score in scored(words.owner, words.model):
            owner, known = scores.setdefault(piece, (words.owner, score))
            if known != score:
                raise Malformed(
                    f"{FILE}: {piece!r:.60} has the score {known} in {owner} and {score} in {words.owner}, and one tokenizer has one; take that of a model"
                )
    listed = sorted(pieces, key=ids.__getitem__)
    if [ids[piece] for piece in listed] != list(range(len(listed))) or sorted(ids.values()) != list(
        range(len(ids))
    ):
        raise Malformed(
            f"{FILE}: pieces of a Unigram model are numbered from 0 on, which {every[0].owner} has added tokens between; take the tokenizer of a model"
        )
    return [[piece, scores[piece][1]] for piece in listed]


def _unknown(words: Words) -> Json:
    """Return the piece for what is unknown, which a Unigram model names by its row."""
    row = words.model.get("unk_id")
    return next((token for token, at in words.ids.items() if at == row), None) if is_integer(row) else None


def _unnumbered(value: Json) -> Json:
    """Return a part of a tokenizer without the ids in it: ["[SEP]", 102] and {"ids": [102]} say tokens too."""
    if isinstance(value, Mapping):
        return {key: _unnumbered(one) for key, one in value.items() if key != "ids"}
    if isinstance(value, list):
        pair = len(value) == 2 and isinstance(value[0], str) and is_integer(value[1])
        return value[:1] if pair else [_unnumbered(one) for one in value]
    return value
