"""Make models and merges on disk for tests, with the executor itself and nothing around it."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from merger.card import configs_of, templates_of, vectors_of
from merger.execute import Backend, Result, execute
from merger.folder import Description, describe
from merger.kernels.blocks import NumpyKernels
from merger.manifest import SIZES
from merger.plan import plan
from merger.recipe import Recipe
from merger.stage import staged
from merger.weights import opened_weights

# name -> (safetensors dtype, shape, little-endian bytes)
Tensors = Mapping[str, tuple[str, Sequence[int], bytes]]

CONFIG = {"architectures": ["TinyModel"], "model_type": "tiny", "hidden_size": 8, "num_hidden_layers": 2}


def safetensors(tensors: Tensors) -> bytes:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, (dtype, shape, data) in tensors.items():
        assert len(data) == int(np.prod(shape, dtype=int)) * SIZES[dtype], name
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"".join(data for _, _, data in tensors.values())


def write_model(folder: Path, tensors: Tensors, config: Mapping[str, object] = CONFIG) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(safetensors(tensors))
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    return folder


def write_statistics(folder: Path, kind: str, model: str, tensors: Tensors, /, **said: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "statistics.safetensors").write_bytes(safetensors(tensors))
    (folder / "statistics.json").write_text(json.dumps({"v": "1", "kind": kind, "model": model} | said))
    return folder


def write_lora(folder: Path, tensors: Tensors, config: Mapping[str, object]) -> Path:
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(safetensors(tensors))
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return folder


def floats(values: Sequence[float] | np.ndarray, dtype: str = "F32") -> bytes:
    array = np.asarray(values)
    if dtype == "BF16":
        return (array.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return array.astype({"F64": "<f8", "F32": "<f4", "F16": "<f2"}[dtype]).tobytes()


@dataclass(frozen=True)
class Made:
    result: Result
    files: dict[str, bytes]


def make(
    recipe: Recipe,
    folders: Mapping[str, Path],
    *,
    kernels: Backend = NumpyKernels,
    threads: int = 2,
    factor: int = 1,
    described: Mapping[str, Description] | None = None,
) -> Made:
    """Execute `recipe` on the folders (artifact id to folder) in a temporary place and return every file made."""
    known = described or {artifact: describe(folder) for artifact, folder in folders.items()}
    pairs = {artifact: (d.manifest, d.blocks) for artifact, d in known.items()}
    wanted = {artifact: folders[artifact] for artifact in recipe.artifacts()}
    with tempfile.TemporaryDirectory() as temporary, opened_weights(wanted, pairs) as weights:
        target = Path(temporary) / "out"
        manifests = {artifact: w.manifest for artifact, w in weights.items()}
        steps = plan(
            recipe,
            manifests,
            configs_of(recipe, weights),
            vectors_of(recipe, weights),
            templates_of(recipe, weights),
        )
        with staged(target, recipe.digest) as stage:
            result = execute(steps, weights, stage, kernels, threads=threads, factor=factor)
            stage.release(target)
        files = {p.relative_to(target).as_posix(): p.read_bytes() for p in target.rglob("*") if p.is_file()}
        assert describe(target).artifact == result.artifact
        assert describe(target).manifest == result.manifest
        return Made(result, files)


def add_all(folders: Sequence[Path]) -> dict[str, Path]:
    """Name folders by their artifact ids."""
    return {describe(folder).artifact: folder for folder in folders}
