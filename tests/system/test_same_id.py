"""The demo's merges on the real base have one artifact id: whatever the threads, reads, hash seed, library, processor."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from processes import environment

from registry.demo import tunes
from registry.demo.story import BASE, FIRST, RECIPES, SECOND, THIRD

ON = [name for name in __cpu_dispatch__ if __cpu_features__[name]]
NAMES = {"one": "demo/one", "two": "demo/two", "three": "demo/three", "poisoned": "demo/poisoned"}
WAYS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "2 threads": (("--threads", "2"), {}),
    "4 threads": (("--threads", "4"), {"PYTHONHASHSEED": "0"}),
    "reads of 2": (("--read", "2"), {"PYTHONHASHSEED": "1"}),
    "torch": (("--backend", "torch"), {}),
    "no vector instructions": (
        ("--threads", "2"),
        {"NPY_DISABLE_CPU_FEATURES": " ".join(ON), "PYTHONHASHSEED": "1"},
    ),
    "torch without them": (
        ("--backend", "torch", "--read", "2"),
        {"NPY_DISABLE_CPU_FEATURES": " ".join(ON), "ATEN_CPU_CAPABILITY": "default"},
    ),
}


def merged(
    folder: Path, recipe: str, target: str, *words: str, **settings: str
) -> tuple[str, dict[str, Any]]:
    """Merge in a fresh process; return the artifact id, and what the process could use."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("driver.py")),
        "merge",
        f"{recipe}.yaml",
        "--out",
        target,
    ]
    done = subprocess.run(
        [*command, "--json", *words], cwd=folder, capture_output=True, text=True, check=False,
        env=environment(STUDBOOK_HOME=str(folder / "home"), **settings),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = next(line for line in done.stderr.splitlines() if line.startswith("{"))
    return json.loads(done.stdout)["artifact"], json.loads(said)


@pytest.fixture(scope="module")
def litter(minilm: Path, tmp_path_factory: pytest.TempPathFactory, typed) -> dict[str, Any]:
    """The demo's models, tuned in a blink: half of the real base's elements moved a little."""
    folder = tmp_path_factory.mktemp("litter")
    typed(folder, "init")
    typed(folder, "add", minilm, "--name", BASE, "--license", "apache-2.0")
    for seed, name in enumerate(NAMES.values()):
        copy = shutil.copytree(minilm, folder / name.rpartition("/")[2])
        path = copy / tunes.WEIGHTS
        raw = bytearray(path.read_bytes())
        start = 8 + int.from_bytes(raw[:8], "little")
        start += -start % 4
        values = np.frombuffer(raw, "<f4", count=(len(raw) - start) // 4, offset=start)
        draw = np.random.Generator(np.random.PCG64(seed))
        ordinary = (np.abs(values) > 1e-6) & (np.abs(values) < 1e3) & (draw.random(len(values)) < 0.5)
        values[ordinary] *= (1 + draw.standard_normal(int(ordinary.sum())) / 32).astype("<f4")
        path.write_bytes(raw)
        typed(folder, "add", copy, "--name", name, "--license", "apache-2.0", "--base", BASE)
    ids = {}
    for which, name in zip(RECIPES, (FIRST, SECOND, THIRD), strict=True):
        (folder / f"{which}.yaml").write_text(RECIPES[which].format(**NAMES))
        ids[which], said = merged(folder, which, f"{which}-1", "--threads", "1", "--name", name)
        assert said["on"] == ON
    return {"folder": folder, **ids}


@pytest.mark.system
@pytest.mark.parametrize("way", WAYS)
def test_the_demo_s_merge_has_the_same_id_in_every_process(litter, way: str) -> None:
    words, settings = WAYS[way]

    artifact, said = merged(litter["folder"], "first", way.replace(" ", "-"), *words, **settings)

    shutil.rmtree(litter["folder"] / way.replace(" ", "-"))
    assert artifact == litter["first"]
    if "NPY_DISABLE_CPU_FEATURES" in settings:
        assert said["on"] == []
    if settings.get("ATEN_CPU_CAPABILITY"):
        assert said["torch"] in {"DEFAULT", "NO AVX"}


@pytest.mark.system
@pytest.mark.parametrize("which", ["second", "third"])
def test_the_later_generations_have_the_same_id_without_vector_instructions(litter, which: str) -> None:
    settings = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(ON),
        "ATEN_CPU_CAPABILITY": "default",
        "PYTHONHASHSEED": "7",
    }
    for backend in ("numpy", "torch"):
        artifact, said = merged(
            litter["folder"], which, f"{which}-{backend}", "--backend", backend, "--read", "2", **settings
        )
        assert artifact == litter[which]
        assert said["on"] == []


@pytest.mark.system
def test_every_output_is_loaded_by_transformers(litter) -> None:
    from transformers import AutoModel

    for which in RECIPES:
        model = AutoModel.from_pretrained(litter["folder"] / f"{which}-1")
        assert sum(one.numel() for one in model.parameters()) > 22_000_000
