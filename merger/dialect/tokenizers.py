"""Whose tokenizer a document gives its result: mergekit's `tokenizer_source` and `tokenizer`, as far as they can be meant.

docs/arithmetic.md, "Vocabularies". mergekit unites vocabularies while it merges; here the united one is an artifact of its
own, made by `studbook tokenizer` and named like a model, so that its rows are signed before they are merged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from merger.dialect import schema
from merger.dialect.models import Models
from merger.dialect.text import Plain
from signing.errors import Malformed

UNION, BASE = "union", "base"
# Beyond this a vocabulary would be rows of nothing.
_MOST_PADDING = 1 << 20


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """What a document says: a model as written, `base` or `union`, and of what number the rows are a multiple."""

    source: str | None
    pad_to: int = 1

    @property
    def reference(self) -> str | None:
        """Return the model that is named, if one is."""
        return None if self.source in (BASE, UNION) else self.source


def read(top: Mapping[str, Plain]) -> Tokenizer:
    """Read either of mergekit's two ways to say whose tokenizer the result takes."""
    place, value, pad_to = "tokenizer_source", top.get("tokenizer_source"), 1
    if "tokenizer" in top:
        if value is not None:
            raise Malformed("write either tokenizer or tokenizer_source, and not both")
        said = schema.mapping("tokenizer", top["tokenizer"], ("source", "tokens", "pad_to_multiple_of"))
        if said.get("tokens"):
            raise Malformed(
                "tokenizer.tokens is not supported in a recipe: what rows tokens have is said by a row map; put them into a JSON "
                "file, `studbook tokenizer MODEL... --tokens FILE --out DIR` makes the vocabulary, and write source: DIR instead"
            )
        # mergekit's own default.
        place, value, pad_to = "tokenizer.source", said.get("source", UNION), _padding(said)
    if value is None or value in (BASE, UNION):
        return Tokenizer(value if isinstance(value, str) else None, pad_to)
    if isinstance(value, str):
        # The spelling of mergekit's first versions.
        value = value.removeprefix("model:")
    model = schema.reference(place, value)
    if schema.parts(model)[1] is not None:
        raise Malformed(f"{place} is {model}; name the model or the adapter whose tokenizer files to copy")
    return Tokenizer(model, pad_to)


def chosen(
    said: Tokenizer, models: Models, rows: Mapping[str, int], first: str, base: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """Return the artifact whose tokenizer is copied, where it is not the one that is copied anyway, and notes.

    `rows` maps artifacts that carry a row map to its number of rows; `first` is the model whose config the result takes.
    """
    source = said.source
    if source == BASE and base is None:
        raise Malformed("tokenizer_source is 'base', but there is no base_model")
    named = None if said.reference is None else models.artifact(said.reference)
    mapped = None if named is None else rows.get(named)
    if said.pad_to != 1 and (mapped is None or mapped % said.pad_to):
        has = "no rows are added to the models' own" if mapped is None else f"{source} has {mapped} rows"
        raise Malformed(
            f"tokenizer.pad_to_multiple_of is {said.pad_to}, but {has}: `studbook tokenizer MODEL... --pad-to {said.pad_to} "
            "--out DIR` makes a vocabulary with them; write source: DIR"
        )
    if mapped is not None:
        return named, (
            (
                f"tokenizer_source: {source} carries a row map, so embedding rows are merged by token, into {mapped} rows; what a "
                "model lacks is the base's, or that of the first model that has it, where mergekit takes a mean"
            ),
        )
    if source == UNION:
        return None, (
            (
                "tokenizer_source is 'union': of equal vocabularies that is the vocabulary itself, so the merge is refused where "
                "vocabulary files differ; `studbook tokenizer` makes one of them to name here, or name a model to take its "
                "tokenizer all the same"
            ),
        )
    notes = []
    if source is not None:
        notes.append(
            f"tokenizer_source: the tokenizer files of {base if source == BASE else source} are copied and embedding rows are "
            "merged by position, so all models must have its vocabulary in its order"
        )
    donor = base if source in (None, BASE) else source
    if donor is None:
        notes.append(f"there is no base_model, so tokenizer files come from {first}, the first model")
        return None, tuple(notes)
    artifact = models.artifact(donor)
    if artifact == models.artifact(first):
        return None, tuple(notes)
    if source is None:
        notes.append(
            f"tokenizer files come from {donor}, the base model, but config.json from {first}, the first model"
        )
    return artifact, tuple(notes)


def _padding(said: Mapping[str, Plain]) -> int:
    wanted = said.get("pad_to_multiple_of", 1)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 1 <= wanted <= _MOST_PADDING:
        raise Malformed(
            f"tokenizer.pad_to_multiple_of is {schema.shown(wanted)}; write a whole number of 1 to {_MOST_PADDING}"
        )
    return wanted
