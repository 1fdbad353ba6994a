"""Importing is light: a merge on a CPU loads no torch, and `import merger` loads next to nothing."""

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "safetensors",
    "fastapi",
    "sqlmodel",
    "sqlalchemy",
    "networkx",
    "alembic",
    "typer",
)


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("merger", (*HEAVY, "numpy", "pydantic", "mpmath", "blake3")),
        ("merger.execute, merger.replay, merger.folder", HEAVY),
    ],
)
def test_an_import_loads_no_more_than_it_needs(imported, absent):
    script = f"import sys, {imported}\nprint(*sorted(set({absent!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
