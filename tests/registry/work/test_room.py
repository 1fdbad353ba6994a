"""A bound on memory holds for the process that merges, and rates are measured where they are used."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from making import floats, write_model

from registry.home import Home
from registry.work.add import Declared, add
from registry.work.engine import NUMPY
from registry.work.room import cores, program, rates

RUN = """
import sys
from registry.cli.main import main
try:
    main()
finally:
    status = open("/proc/self/status").read()
    print("HWM", status.split("VmHWM:")[1].split()[0], file=sys.stderr)
"""


def test_rates_are_those_of_this_machine() -> None:
    found = rates()
    assert min(found.sha256, found.blake3, found.copy) > 1e6
    assert found.copy > found.sha256
    assert cores() >= 1
    assert program(NUMPY) > 20_000_000


def studbook(folder: Path, *words: str) -> tuple[int, str, int]:
    """Type a command in a process of its own; return its exit code, what it said and its most memory in bytes."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words, "--home", "home"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    said, most = done.stderr.split("HWM ")
    return done.returncode, said + done.stdout, int(most) * 1024


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the most memory of a process is read from /proc"
)
@pytest.mark.system
def test_the_smallest_memory_that_is_named_is_enough_and_is_kept(tmp_path: Path) -> None:
    drawn = np.random.Generator(np.random.PCG64(3))
    home = Home.create(tmp_path / "home", None)
    for name in ("base", "one", "two"):
        values = drawn.standard_normal(1 << 21, dtype=np.float32)
        write_model(tmp_path / name, {"layers.0.w": ("BF16", (1 << 10, 1 << 11), floats(values, "BF16"))})
        add(home, tmp_path / name, Declared())
    models = "".join(
        f"  - {{model: {one}, parameters: {{weight: 0.5, density: 0.5}}}}\n" for one in ("one", "two")
    )
    (tmp_path / "recipe.yaml").write_text(
        f"merge_method: ties\nbase_model: base\nmodels:\n{models}dtype: float32\n"
    )
    files = []
    for backend in ("compiled", "numpy"):
        words = ("merge", "recipe.yaml", "--backend", backend, "--threads", "16", "--read", "16")
        code, said, _ = studbook(tmp_path, *words, "--out", "none", "--memory", "20M")
        assert code == 2
        least = re.search(r"it takes ([0-9]+M)", said)[1]

        code, said, most = studbook(tmp_path, *words, "--out", backend, "--memory", least)

        assert code == 0, said
        assert most <= int(least[:-1]) * 10**6
        files.append((tmp_path / backend / "model.safetensors").read_bytes())
    assert files[0] == files[1]
