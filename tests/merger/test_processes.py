"""The same ids in every process: whatever its hash seed, its processor's features or its backend."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PATHS = os.pathsep.join(str(p) for p in (HERE.parents[1], HERE.parent))  # the product, and tests/
LEVELS = ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR")
PLAIN = {"NPY_DISABLE_CPU_FEATURES": " ".join(LEVELS)}


def fresh(backend="numpy", **settings):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": PATHS} | settings
    done = subprocess.run(
        [sys.executable, HERE / "fresh.py", backend],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_process_without_vector_instructions_makes_the_golden_ids(golden):
    said = fresh(**PLAIN, PYTHONHASHSEED="1")
    assert not set(LEVELS) & set(said["numpy"])
    assert said["ids"] == golden


@pytest.mark.system
@pytest.mark.parametrize("backend", ["numpy", "compiled"])
@pytest.mark.parametrize("seed", ["0", "1"])
def test_hash_seeds_leave_no_trace(seed, backend, golden):
    assert fresh(backend, PYTHONHASHSEED=seed)["ids"] == golden


@pytest.mark.system
@pytest.mark.parametrize("level", LEVELS)
def test_no_level_of_the_processor_leaves_a_trace(level, golden):
    higher = LEVELS[LEVELS.index(level) :]
    said = fresh(NPY_DISABLE_CPU_FEATURES=" ".join(higher))
    assert not set(higher) & set(said["numpy"])
    assert said["ids"] == golden


@pytest.mark.system
@pytest.mark.parametrize("capability", ["default", "avx2", None])
def test_torch_leaves_no_trace_of_the_processor(capability, golden):
    pytest.importorskip("torch")
    settings = PLAIN | ({"ATEN_CPU_CAPABILITY": capability} if capability else {})
    said = fresh("torch", **settings)
    if capability == "default":
        assert said["torch"] in ("DEFAULT", "NO AVX")
    elif capability == "avx2":
        assert said["torch"] in ("AVX2", "DEFAULT", "NO AVX")
    assert said["ids"] == golden
