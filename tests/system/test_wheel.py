"""The wheel, in an environment that already holds PyPI's `lineage`: it installs, says so, and works all the same."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from making import floats, write_model
from processes import ROOT, environment

NEIGHBOUR = "lineage==4.5.0"
RECIPE = """\
merge_method: linear
models:
  - {model: kennel/one, parameters: {weight: 0.5}}
  - {model: kennel/two, parameters: {weight: 0.5}}
dtype: float32
"""


def run(*words: object, code: int = 0, cwd: Path | None = None) -> str:
    settings = environment()
    del settings["PYTHONPATH"]  # the wheel has to stand on its own
    done = subprocess.run(
        [*map(str, words)], cwd=cwd, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, (words, done.stdout[-4000:], done.stderr[-4000:])
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT)
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment where the neighbour was first."""
    place = tmp_path_factory.mktemp("wheel") / "environment"
    run(sys.executable, "-m", "venv", place)
    pip = (place / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--no-deps", NEIGHBOUR)
    run(*pip, "-c", ROOT / "constraints.txt", wheel)
    return place / "bin"


@pytest.mark.system
def test_the_wheel_carries_everything_that_is_read_at_run_time(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for path in (ROOT / "migrations").rglob("*.py"):
        assert f"registry/{path.relative_to(ROOT).as_posix()}" in names
    for package in ("signing", "merger", "lineage", "registry"):
        shipped = {p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob("*") if p.is_file()}
        assert {one for one in shipped if "__pycache__" not in one} <= names
    assert "registry/demo/sentences.toml" in names
    assert not {name for name in names if name.startswith("tests")}


@pytest.mark.system
def test_doctor_names_the_neighbour_and_finds_every_file_as_shipped(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "studbook", "doctor", "--home", tmp_path / "home", code=1)
    assert "lineage 4.5.0 ships the package lineage too" in said
    assert "are as shipped" in said
    assert "bad  neighbours" in said
    assert said.count("bad ") == 1


@pytest.mark.system
def test_a_story_is_told_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    def studbook(*words: str, code: int = 0) -> str:
        return run(installed / "studbook", *words, "--home", "home", code=code, cwd=tmp_path)

    for shift, name in enumerate(("one", "two")):
        write_model(
            tmp_path / name, {"layers.0.w": ("F32", (64,), floats([shift + i / 7 for i in range(64)]))}
        )
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    studbook("init")
    for name in ("one", "two"):
        studbook("add", name, "--name", f"kennel/{name}", "--license", "mit")
    studbook("merge", "recipe.yaml", "--out", "both", "--name", "kennel/both")
    assert "the same bytes" in studbook("rebuild", "kennel/both")
    assert "byte for byte" in studbook("verify", "both")
    assert "kennel/one" in studbook("ancestors", "kennel/both")
    studbook("incident", "report", "kennel/one", "--summary", "bad")
    studbook("status", "both", code=1)
    assert "intact" in studbook("log", "fsck")
    assert "pip install 'studbook[demo]'" in run(
        installed / "studbook", "demo", "--dir", "story", code=2, cwd=tmp_path
    )


@pytest.mark.system
def test_a_neighbour_that_is_installed_later_is_found_out(
    installed: Path, wheel: Path, tmp_path: Path
) -> None:
    python = installed / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", NEIGHBOUR)
    try:
        done = subprocess.run(
            [installed / "studbook", "doctor", "--home", tmp_path / "home"],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        assert "lineage" in done.stdout + done.stderr
    finally:
        run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
    assert "bad  record" not in run(installed / "studbook", "doctor", "--home", tmp_path / "home", code=1)


@pytest.mark.system
def test_the_whole_demo_runs_from_the_wheel(installed: Path, wheel: Path, tmp_path: Path) -> None:
    pip = (installed / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "-c", ROOT / "constraints.txt", f"{wheel}[demo]")

    said = run(installed / "studbook", "demo", "--dir", tmp_path / "story", cwd=tmp_path)

    assert "the story took" in said
    assert "intact" in said
