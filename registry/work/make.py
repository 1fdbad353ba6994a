"""Execute a recipe that is prepared: plan it, stream it, sign what was done, log it, and only then show the folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lineage.facts import Role
from lineage.predicates import provenance, signature
from merger.card import configs_of, templates_of, vectors_of
from merger.execute import Result, execute
from merger.folder import Progress
from merger.plan import Plan, plan
from merger.recipe import Recipe
from merger.stage import staged
from merger.weights import Weights, opened_weights
from registry.home import Home
from registry.store import places
from registry.store.log import Receipt
from registry.work import sketches, tensors
from registry.work.add import declarations, naming
from registry.work.engine import NUMPY, Computer, Engine, engine
from registry.work.prepared import Prepared, carries_rows
from registry.work.room import room
from registry.work.shelf import keep
from registry.work.terms import check_named
from signing.errors import Malformed
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Made:
    """A merged artifact: what was executed, and the receipts of what was logged."""

    result: Result
    folder: Path
    receipts: tuple[Receipt, ...]


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
