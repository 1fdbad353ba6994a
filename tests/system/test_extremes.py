"""A tensor of half a billion elements: merged, rebuilt from a sample, and never held in memory."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from making import CONFIG
from processes import environment

from signing import canonical

pytestmark = pytest.mark.system

ELEMENTS = 500_000_000
MOST_MB = 200
RECIPE = """\
merge_method: ties
base_model: kennel/base
models:
  - {model: kennel/one, parameters: {weight: 1, density: 0.3}}
dtype: float32
out_dtype: bfloat16
"""
PROBE = (
    "import resource,subprocess,sys;c=subprocess.run(sys.argv[1:],capture_output=True,text=True);"
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);c.returncode and sys.exit(c.stderr[-2000:])"
)


def write(folder: Path, seed: int) -> None:
    """Write a model of one tensor: seeded bf16 numbers, the same sixteen million of them over and over."""
    folder.mkdir()
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal(16_000_000, dtype=np.float32)
    piece = (drawn.view("<u4") >> 16).astype("<u2").tobytes()
    head = canonical.encode({"w": {"dtype": "BF16", "shape": [ELEMENTS], "data_offsets": [0, 2 * ELEMENTS]}})
    with (folder / "model.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for left in range(2 * ELEMENTS, 0, -len(piece)):
            file.write(piece[:left])
    (folder / "config.json").write_bytes(canonical.encode(CONFIG))


def test_a_tensor_of_half_a_billion_elements_is_merged_in_bounded_memory(tmp_path: Path) -> None:
    def studbook(*words: str) -> int:
        command = [sys.executable, "-m", "registry", *words, "--home", "home"]
        done = subprocess.run(
            [sys.executable, "-c", PROBE, *command],
            check=False,
            cwd=tmp_path,
            env=environment(),
            text=True,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout) // 1024

    studbook("init")
    for seed, name in enumerate(("base", "one")):
        write(tmp_path / name, seed)
        studbook("add", name, "--name", f"kennel/{name}")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    assert studbook("merge", "recipe.yaml", "--out", "out", "--name", "kennel/out") <= MOST_MB
    assert (tmp_path / "out" / "model.safetensors").stat().st_size > 2 * ELEMENTS
    studbook("rebuild", "kennel/out", "--sample", "16")
