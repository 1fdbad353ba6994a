"""Execute a recipe: compile it, plan it, stream it, sign what was done, log it, and only then show the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lineage.facts import Role
from lineage.predicates import provenance, signature
from merger import dialect
from merger.card import CONFIG, config_of, configs_of, templates_of, vectors_of
from merger.dialect import Document
from merger.execute import Result, execute
from merger.folder import Progress
from merger.layers import counted
from merger.manifest import VOCABULARY
from merger.plan import Plan, plan
from merger.recipe import Recipe
from merger.row_map import mapped
from merger.stage import staged
from merger.weights import Weights, opened_weights
from registry.home import Home
from registry.store import places, refs
from registry.store.log import Receipt
from registry.work import sketches, tensors
from registry.work.add import declarations, naming
from registry.work.engine import NUMPY, Computer, Engine, engine
from registry.work.room import room
from registry.work.shelf import Shelved, keep, shelved
from registry.work.terms import RECIPE_LIMIT, check_named, licensed
from signing.canonical import decode
from signing.errors import Malformed
from signing.statement import Statement


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


@dataclass(frozen=True, slots=True)
class Made:
    """A merged artifact: what was executed, and the receipts of what was logged."""

    result: Result
    folder: Path
    receipts: tuple[Receipt, ...]


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


def planned(recipe: Recipe, weights: Mapping[str, Weights]) -> Plan:
    """Plan a recipe over its opened inputs; every incompatibility is refused here."""
    manifests = {artifact: one.manifest for artifact, one in weights.items()}
    return plan(
        recipe,
        manifests,
        configs_of(recipe, weights),
        vectors_of(recipe, weights),
        templates_of(recipe, weights),
    )


def make(
    home: Home,
    prepared: Prepared,
    out: Path,
    computer: Computer = NUMPY,
    *,
    name: str | None = None,
    threads: int = 2,
    factor: int = 1,
    memory: int | None = None,
    progress: Progress = lambda _: None,
    beside: Callable[[str], Sequence[Statement]] = lambda _: (),
) -> Made:
    """Make the artifact of a recipe in the new folder `out`, and log its signature and provenance.

    The folder appears after the log has acknowledged it: whoever sees it can verify it. Killed anywhere, the same
    command continues from the finished shards. What `beside` has a publisher say of the artifact is logged together with it.
    `memory` bounds the process, by fewer threads and smaller reads than wanted.
    """
    recipe, running = prepared.recipe, engine().computing(computer)
    # Both end up in signed statements, so what no statement can hold is refused before the work, not after it.
    if not out.name.isprintable():
        raise Malformed(f"{str(out)!r} cannot name a folder that is signed: it holds a control character")
    if name is not None:
        naming(home, recipe.first, name)
        check_named(home, recipe, name, by_rows=carries_rows(recipe, prepared.inputs))
    folders = {artifact: one.folder for artifact, one in prepared.inputs.items()}
    known = {artifact: (one.manifest, one.blocks) for artifact, one in prepared.inputs.items()}
    with opened_weights(folders, known) as weights:
        steps = planned(recipe, weights)
        threads, factor = room(steps, weights, computer, memory, threads=threads, factor=factor)
        with staged(out, stage_key(recipe, running)) as stage:
            result = execute(
                steps, weights, stage, computer.kernels, threads=threads, factor=factor, progress=progress
            )
            by_rows = carries_rows(recipe, prepared.inputs)
            more = beside(result.artifact)
            receipts = _log(home, recipe, result, running, name or out.name, name, more, by_rows=by_rows)
            # Before the folder appears: a place that is not there yet is passed over, a folder without one forgotten.
            with home.store.writing() as connection:
                places.put(connection, out, result.artifact)
            stage.release(out)
    sketches.keep(home, result.artifact, out, result.manifest, result.blocks)
    return Made(result, out, tuple(receipts))


def stage_key(recipe: Recipe, running: Engine) -> str:
    """Return what names a stage: shards made by another engine are not this one's to attest."""
    made_by = f"{running.components['engine']} {running.components['backend']}"
    return hashlib.sha256(f"{recipe.digest} {made_by}".encode()).hexdigest()


def _log(
    home: Home,
    recipe: Recipe,
    result: Result,
    running: Engine,
    label: str,
    name: str | None,
    beside: Sequence[Statement],
    *,
    by_rows: bool,
) -> list[Receipt]:
    keep(home, result.manifest, result.blocks)
    account = result.account_digest
    home.blobs.put(account, [result.account])
    files = {file.name: file.sha256 for file in result.manifest.files}
    statements: list[tuple[Role, Statement]] = [
        ("publisher", signature.statement(label, files)),
        (
            "builder",
            provenance.statement(
                result.artifact,
                recipe,
                result.manifest.digest,
                account,
                running.version,
                running.components,
                by_rows=by_rows,
            ),
        ),
    ]
    with home.store.reading() as connection:
        statements += tensors.said(connection, result.artifact, result.manifest)
        statements += declarations(home, connection, result.artifact, name, recipe.license)
    statements += [("publisher", one) for one in beside]
    return home.say_all(statements)


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
