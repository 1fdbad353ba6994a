"""What a command loads before it does anything: the heavy libraries only where they are asked for."""

import subprocess
import sys

import pytest
from making import floats, write_model
from processes import environment
from rings import here

HEAVY = (
    "torch",
    "transformers",
    "safetensors",
    "fastapi",
    "starlette",
    "granian",
    "networkx",
    "alembic",
    "httpx",
    "mergekit",
    "scipy",
)
PRINT = "import sys\nfrom registry.cli.main import main\ntry:\n    main()\nfinally:\n    sys.stderr.write('LOADED ' + ' '.join(sys.modules))"
RECIPE = "merge_method: linear\nmodels:\n  - {model: ./one, parameters: {weight: 1}}\ndtype: float32\n"


def loaded(folder, *words: str) -> set[str]:
    """Type a command in a fresh process and return the modules it loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PRINT, *words], cwd=folder, capture_output=True, text=True, check=False,
        env=environment(STUDBOOK_HOME=str(folder / "home")),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("LOADED ")[2].split())


def test_help_loads_no_heavy_library(tmp_path) -> None:
    assert loaded(tmp_path, "--help").isdisjoint(HEAVY)


MERGE = ("merge", "recipe.yaml", "--out", "out")
OTHERS = [
    ("add", "one"),
    ("log", "fsck"),
    ("verify", "one", "--as", "./one"),
    ("import", "edges", "edges.csv"),
]


@pytest.mark.parametrize("words", here([MERGE], [MERGE, *OTHERS]))
def test_what_works_on_a_home_loads_no_heavy_library(terminal, words) -> None:
    terminal.holds("init")
    write_model(terminal.folder / "one", {"w": ("F32", (2,), floats([1, 2]))})
    terminal.holds("add", "one")
    (terminal.folder / "recipe.yaml").write_text(RECIPE)
    (terminal.folder / "edges.csv").write_text("parent,child,relation\nacme/base,acme/tuned,finetune\n")

    found = loaded(terminal.folder, *words)

    allowed = (
        {"networkx"} if words[0] == "verify" else set()
    )  # it asks whoever answers, who can also tell a lineage
    assert found.isdisjoint(set(HEAVY) - allowed)
    assert "numpy" in found
    assert "sqlalchemy" in found
