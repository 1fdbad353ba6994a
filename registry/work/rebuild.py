"""Derive an artifact again from its logged provenance, compare bit for bit, and sign the verdict either way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lineage.predicates import rebuild
from merger.execute import Result, execute
from merger.folder import Changed, Progress
from merger.manifest import utf8
from merger.replay import Differs, Same, compare
from merger.stage import staged
from merger.weights import opened_weights
from registry.home import Home
from registry.store import Absent, artifacts
from registry.store.log import Receipt
from registry.work.engine import NUMPY, Computer, engine
from registry.work.logged import Provenance
from registry.work.make import planned, stage_key
from registry.work.prepared import carries_rows
from registry.work.room import room
from registry.work.shelf import Shelved, described, shelved
from signing.errors import Malformed, Refused, Untrusted


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild found, and the receipt of the signed verdict."""

    provenance: Provenance
    outcome: Same | Differs
    receipt: Receipt
    accounted: bool | None
    """Whether the signed account, which says what was kept of whom, came out the same; None where there is none."""


def rederive(
    home: Home,
    found: Provenance,
    computer: Computer = NUMPY,
    *,
    threads: int = 2,
    factor: int = 1,
    memory: int | None = None,
    progress: Progress = lambda _: None,
) -> Rebuilt:
    """Execute a provenance again, compare with what was logged, and log the signed verdict.

    Killed anywhere, the next rebuild continues from the finished shards. `memory` bounds the process, as in a merge.
    """
    outcome, accounted = derive(
        found,
        shelved(home, found.recipe.artifacts()),
        home.path / "rebuilds" / found.entry[:16],
        lambda again, folder: _differences(home, found.artifact, again, folder),
        computer,
        threads=threads,
        factor=factor,
        memory=memory,
        progress=progress,
    )
    names = () if isinstance(outcome, Same) else outcome.names()
    verdict = rebuild.statement(found.artifact, found.entry, home.operator("rebuilder"), home.now(), names)
    return Rebuilt(found, outcome, home.say("rebuilder", verdict)[0], accounted)


def derive(
    found: Provenance,
    inputs: Mapping[str, Shelved],
    target: Path,
    telling: Callable[[Result, Path], Same | Differs],
    computer: Computer,
    *,
    threads: int,
    factor: int,
    memory: int | None,
    progress: Progress,
) -> tuple[Same | Differs, bool | None]:
    """Execute a provenance on `inputs`, staged beside `target`; return what came of it, and whether its account did too.

    `telling` says what differs, of what was made and the folder it is in, where something does.
    """
    if carries_rows(found.recipe, inputs) != found.by_rows:
        # The bytes could come out right all the same; what would be wrong is how far an incident on the map reaches.
        raise Untrusted(
            f"the provenance of {found.artifact}, entry {found.entry}, says that {found.recipe.tokenizer} "
            f"{'carries a row map' if found.by_rows else 'carries no row map'}, and the opposite holds"
        )
    folders = {artifact: one.folder for artifact, one in inputs.items()}
    known = {artifact: (one.manifest, one.blocks) for artifact, one in inputs.items()}
    with opened_weights(folders, known) as weights:
        plan = planned(found.recipe, weights)
        threads, factor = room(plan, weights, computer, memory, threads=threads, factor=factor)
        with staged(target, stage_key(found.recipe, engine().computing(computer))) as stage:
            again = execute(
                plan, weights, stage, computer.kernels, threads=threads, factor=factor, progress=progress
            )
            # The id decides, not what somebody signed about the files.
            same = again.artifact == found.artifact
            outcome = Same() if same else telling(again, stage.files)
            stage.discard()
    if isinstance(outcome, Same) != same:
        raise Untrusted(f"{again.artifact} was derived for {found.artifact}, and their manifests are equal")
    return outcome, None if found.account is None else again.account_digest == found.account


def by_files(files: Mapping[str, str], again: Result) -> Differs:
    """Say which files of an artifact, SHA-256 by name, are others than those that were made."""
    made = {file.name: file.sha256 for file in again.manifest.files}
    return Differs((), tuple(utf8(name for name in {*files, *made} if files.get(name) != made.get(name))))


def _differences(home: Home, artifact: str, again: Result, folder: Path) -> Same | Differs:
    """Say what differs: by its list of files, by its tensors' digests, by elements, as far as each is at hand here.

    Without its bytes an artifact is as little reproduced: who removes or changes them escapes no verdict.
    """
    with home.store.reading() as connection:
        mine = artifacts.files(connection, artifact)
        try:
            signed, _ = described(home, connection, artifact)
        except Refused:
            return by_files(mine, again)
    outcome = compare(signed, again.manifest)
    try:
        original = shelved(home, [artifact])[artifact]
        both = {artifact: (signed, original.blocks), again.artifact: (again.manifest, again.blocks)}
        with opened_weights({artifact: original.folder, again.artifact: folder}, both) as weights:
            outcome = compare(signed, again.manifest, (weights[artifact], weights[again.artifact]))
    except (Absent, Changed, Malformed):
        pass
    return outcome


def size(home: Home, found: Provenance) -> int:
    """Return about how many bytes deriving it again will write: what its first input holds.

    Not what is signed for the result: that may be the lie, and must not keep anybody from finding it.
    """
    with home.store.reading() as connection:
        manifest, _ = described(home, connection, found.recipe.first)
    return sum(tensor.size for tensor in manifest.tensors)
