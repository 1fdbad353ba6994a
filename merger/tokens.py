"""Single tokens and where their rows come from: mergekit's `tokenizer: {tokens: …}`, as far as a row map can say it.

A map says which of its own rows a model has for a token. So a row can be +0, or one model's for all; but models that
lack a token are lent the row of the first that has it, and of no later one. Pure: vectors in, vectors out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from merger.row_map import LACKS, ZERO
from merger.words import Words
from signing.canonical import Json, is_integer
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Given:
    """A token, and the row that models without it take: +0, or that of a token (its own, or by id) of one model.

    With `force` all models take it, whether they have the token or not.
    """

    token: str
    model: str | None = None
    other: str | int | None = None
    force: bool = False


def read(value: Json) -> tuple[Given, ...]:
    """Read mergekit's mapping from tokens to `{source, force}`, a source being a model, or of kind zero or model_token."""
    if not isinstance(value, Mapping):
        raise Malformed(f"tokens is {value!r:.40}; write an object of tokens")
    return tuple(_given(token, said) for token, said in value.items())


def placed(
    given: Given,
    row: int,
    vectors: Mapping[str, NDArray[np.int64]],
    lender: Words | None,
    size: int,
) -> dict[str, NDArray[np.int64]]:
    """Return the vectors with one token's row where it is said to be; `lender` is the model named, of `size` rows."""
    found = {model: vector.copy() for model, vector in vectors.items()}
    lacking = [model for model, vector in found.items() if given.force or vector[row] == LACKS]
    if lender is None:
        for model in lacking:
            found[model][row] = ZERO
        return found
    own = given.token if given.other is None else given.other
    place = lender.ids.get(own) if isinstance(own, str) else own
    if place is None or place >= size:
        raise Malformed(f"tokens.{given.token}: {lender.owner} has no row {own!r:.60} to give")
    for model in lacking:
        found[model][row] = LACKS
    if lender.owner in lacking:
        found[lender.owner][row] = place
    having = [model for model, vector in found.items() if vector[row] != LACKS]
    lent = len(having) < len(found)
    if lent and (having != [lender.owner] or found[lender.owner][row] != place):
        raise Malformed(
            f"tokens.{given.token}: models that lack it are lent the row of the first that has it, and {', '.join(having)} has; "
            f"with force: true all take that of {lender.owner}"
        )
    return found


def _given(token: str, said: Json) -> Given:
    where = f"tokens.{token}"
    if not isinstance(said, Mapping) or not set(said) <= {"source", "force"}:
        raise Malformed(f"{where} is {said!r:.80}; write source, and force where all models are to take it")
    force = said.get("force", False)
    if not isinstance(force, bool):
        raise Malformed(f"{where}.force is {force!r:.40}; write true or false")
    match said.get("source"):
        case str(model):
            return Given(token, model, None, force)
        case {"kind": "zero", **rest} if not rest:
            return Given(token, force=force)
        case {"kind": "model_token", "model": str(model), "token": str(other), **rest} if not rest:
            return Given(token, model, other, force)
        case {"kind": "model_token", "model": str(model), "token_id": other, **rest} if not rest:
            if is_integer(other) and other >= 0:
                return Given(token, model, other, force)
    raise Malformed(
        f"{where}.source is {said.get('source')!r:.80}; write a model, {{kind: zero}}, or {{kind: model_token, model, token or token_id}}"
    )
