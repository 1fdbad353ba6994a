"""Compute statistics of a registered model over a data file, write them as an artifact, and register that."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from merger.folder import Changed, describe
from merger.manifest import utf8
from merger.statistics import CONFIG, VERSION
from merger.weights import Shard
from registry.home import Home
from registry.stats import gather
from registry.stats.gather import Advance, Gathered
from registry.stats.model import load
from registry.stats.samples import Data
from registry.store import refs
from registry.work.add import Added, Declared, add, declarations
from registry.work.shelf import shelved
from signing import canonical
from signing.canonical import Json
from signing.errors import Malformed

FILE = "statistics.safetensors"
_LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors")

Kind = Literal["fisher", "gram"]


@dataclass(frozen=True, slots=True)
class Produced:
    """Statistics that are registered: of which model, over how much, and what to tell about them."""

    artifact: str
    model: str
    samples: int
    gathered: Gathered
    added: Added


def produce(
    home: Home,
    kind: Kind,
    ref: str,
    data: Data,
    out: Path,
    declared: Declared,
    *,
    longest: int,
    batch: int = 1,
    advance: Advance = lambda _: None,
) -> Produced:
    """Compute statistics of the model that `ref` names, into the new folder `out`, and register it.

    The model is checked against its signed manifest before it is loaded. Raises `Malformed` for a model or data that
    have no such statistics.
    """
    if out.exists():
        raise Malformed(f"{out} exists already; name a new folder, or remove that one first")
    with home.store.reading() as connection:
        artifact = refs.resolve(connection, ref)
        # They are signed at the end: a name or a license that no statement can hold is refused before the work.
        declarations(home, connection, artifact, declared.name, declared.license)
    held = shelved(home, [artifact])[artifact]
    found = describe(held.folder).artifact
    if found != artifact:
        raise Changed(f"{held.folder} holds {found} and not {artifact}, which was registered")
    model = load(held.folder, held.manifest)
    gathered = (
        gather.fisher(model, data.samples, longest, advance)
        if kind == "fisher"
        else gather.gram(model, data.samples, longest, batch, advance)
    )
    said: Json = {
        "v": VERSION,
        "kind": kind,
        "model": artifact,
        "data": {"sha256": data.sha256, "samples": len(data.samples), "tokens": gathered.tokens},
        "how": {"architecture": model.architecture, "likelihood": model.likelihood, "max_length": longest},
        "libraries": {name: metadata.version(name) for name in _LIBRARIES},
    }
    _write(out, gathered.tensors, canonical.encode(said) + b"\n")
    added = add(home, out, Declared(declared.name, declared.license, [(artifact, "extract")]))
    return Produced(added.description.artifact, artifact, len(data.samples), gathered, added)


def _write(out: Path, tensors: Mapping[str, torch.Tensor], said: bytes) -> None:
    """Write an artifact beside its place and show it whole, or not at all."""
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
    try:
        names = utf8(tensors)
        shard = Shard(partial / FILE, [(name, "F32", tuple(tensors[name].shape)) for name in names])
        for name in names:
            shard.write(name, tensors[name].numpy().astype(np.dtype("<f4")).tobytes())
        shard.finish()
        (partial / CONFIG).write_bytes(said)
        partial.chmod(0o755)
        partial.rename(out)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
