"""A recipe as somebody wrote it, made ready to execute: read, its references resolved, compiled, its inputs found on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from merger import dialect
from merger.card import CONFIG, config_of
from merger.dialect import Document
from merger.layers import counted
from merger.manifest import VOCABULARY
from merger.recipe import Recipe
from merger.row_map import mapped
from merger.weights import opened_weights
from registry.home import Home
from registry.store import refs
from registry.work.shelf import Shelved, shelved
from registry.work.terms import RECIPE_LIMIT, licensed
from signing.canonical import decode
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Prepared:
    """A recipe ready to execute: where its inputs are, and what was decided while reading it."""

    recipe: Recipe
    inputs: Mapping[str, Shelved]
    notes: tuple[str, ...]
    named: Mapping[str, str] = field(default_factory=dict)
    """Which artifact each reference of the document resolved to."""
    declares: str | None = None
    """The license that the document or recipe names itself."""


def prepare(home: Home, raw: bytes, seed: str | None = None) -> Prepared:
    """Read a recipe, canonical JSON or mergekit YAML, and find its inputs on this machine.

    `seed` is used where the recipe needs one and has none; without it one is taken from the recipe's text, and a note says so.
    """
    found = read(raw)
    if isinstance(found, Recipe):
        _check_seed(found, seed)
        with home.store.reading() as connection:
            for artifact in found.artifacts():
                refs.resolve(connection, artifact)
        return Prepared(found, shelved(home, found.artifacts()), (), declares=found.license)
    if len(found) != 1:
        raise Malformed(
            f"the recipe file holds {len(found)} documents, which are merged one after another by `studbook merge`; here it takes one"
        )
    return compiled(home, found[0], raw, seed)


def read(raw: bytes) -> Recipe | tuple[Document, ...]:
    """Read what a recipe file says: a canonical recipe, or the documents of a mergekit configuration."""
    if len(raw) > RECIPE_LIMIT:
        raise Malformed(f"the recipe is longer than {RECIPE_LIMIT} bytes; no recipe is")
    canonical = _canonical(raw)
    if canonical is not None:
        return canonical
    try:
        return dialect.parse(raw.decode())
    except UnicodeDecodeError as error:
        raise Malformed(
            f"the recipe is no UTF-8 text: byte {error.start} is {raw[error.start]:#04x}"
        ) from None


def compiled(
    home: Home, document: Document, raw: bytes, seed: str | None, earlier: Mapping[str, str] | None = None
) -> Prepared:
    """Compile one document, and find its inputs on this machine.

    A seed that nobody wrote is taken from `raw`; `earlier` maps the names of documents that are merged already to the artifacts.
    """
    known = earlier or {}
    with home.store.reading() as connection:
        named = {ref: known.get(ref) or refs.resolve(connection, ref) for ref in document.references()}
    inputs = shelved(home, dict.fromkeys(named.values()))
    found = document.compile(named, _layers(inputs), drawn(raw) if seed is None else seed, _rows(inputs))
    _check_seed(found.recipe, seed)
    if found.recipe.tokenizer is not None:
        _check_tokenizer(inputs[found.recipe.tokenizer])
    recipe, notes = licensed(home, found.recipe, by_rows=carries_rows(found.recipe, inputs))
    own = found.recipe.license
    return Prepared(recipe, {one: inputs[one] for one in recipe.artifacts()}, found.notes + notes, named, own)


def drawn(raw: bytes) -> str:
    """Return the seed of a recipe's text that names none: not from chance, so that the same command after a crash finds the same stage."""
    return str(int.from_bytes(hashlib.sha256(raw).digest()[:7], "big"))


def _canonical(raw: bytes) -> Recipe | None:
    """Return a canonical recipe, or None for what is no JSON object or one in the words of mergekit."""
    if not raw.lstrip().startswith(b"{"):
        return None
    try:
        value = decode(raw)
    except Malformed:
        # Braces may begin YAML too; what speaks of a merge_method is that, and says what is wrong with it there.
        if b"merge_method" in raw:
            return None
        raise
    return Recipe.of(value) if isinstance(value, Mapping) and "merge_method" not in value else None


def _check_tokenizer(named: Shelved) -> None:
    if not {file.name for file in named.manifest.files} & set(VOCABULARY):
        raise Malformed(
            f"{named.folder} is named for its tokenizer and has none: none of {', '.join(VOCABULARY)}"
        )


def _check_seed(recipe: Recipe, seed: str | None) -> None:
    if seed is not None and recipe.seed != seed:
        has = (
            f"the recipe's own seed is {recipe.seed}"
            if recipe.seed
            else f"{recipe.method} draws no random masks"
        )
        raise Malformed(f"--seed {seed} would change nothing: {has}")


def carries_rows(recipe: Recipe, inputs: Mapping[str, Shelved]) -> bool:
    """Tell whether the tokenizer that a recipe names carries a row map."""
    named = recipe.tokenizer
    return named is not None and bool(mapped(named, inputs[named].manifest))


def _rows(inputs: Mapping[str, Shelved]) -> dict[str, int]:
    """Return how many rows the output has by the row map of each artifact that carries one."""
    maps = {artifact: mapped(artifact, one.manifest) for artifact, one in inputs.items()}
    return {artifact: next(iter(found.values())).elements for artifact, found in maps.items() if found}


def _layers(inputs: Mapping[str, Shelved]) -> dict[str, int]:
    """Return how many layers each model with a config says it has; an adapter has none."""
    found = {}
    with opened_weights(
        {artifact: one.folder for artifact, one in inputs.items()},
        {artifact: (one.manifest, one.blocks) for artifact, one in inputs.items()},
    ) as weights:
        for artifact, one in weights.items():
            if not one.tensors or one.small(CONFIG) is None:
                continue
            layers = counted(config_of(one))
            if layers is not None:
                found[artifact] = layers
    return found
