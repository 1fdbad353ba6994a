"""`kill -9` of a remedy at random moments, as it is typed: what was acknowledged stays, and the next run goes on from there."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import floats, write_model
from processes import environment

from registry.fsck import fsck
from registry.home import Home
from signing import canonical

SEED = int(os.environ.get("STUDBOOK_KILL_SEED", "20261126"))
KILLS, SHARDS, ELEMENTS = 6, 4, 400_000
FIRST = """\
merge_method: dare_ties
base_model: kennel/base
models:
{bad}  - {{model: kennel/good, parameters: {{weight: 0.4, density: 0.5}}}}
dtype: float32
seed: 9
shard_bytes: 1600000
"""
BAD = "  - {model: kennel/bad, parameters: {weight: 0.6, density: 0.5}}\n"
SECOND = """\
merge_method: linear
models:
  - {model: kennel/first, parameters: {weight: 0.5}}
  - {model: kennel/good, parameters: {weight: 0.5}}
dtype: float32
shard_bytes: 1600000
"""


class Yard:
    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"

    def started(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "registry", *words, "--home", str(self.home), "--json"],
            cwd=self.folder, env=environment(), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip

    def done(self, *words: str) -> Any:
        process = self.started(*words)
        out, err = process.communicate()
        assert process.returncode == 0, err
        return canonical.decode(out.encode())

    def merge(self, recipe: str, name: str) -> str:
        (self.folder / f"{name}.yaml").write_text(recipe)
        return str(self.done("merge", f"{name}.yaml", "--out", name, "--name", f"kennel/{name}")["artifact"])

    def corrections(self) -> list[tuple[str, str]]:
        """Every word in the log that one supersedes another, once the log was folded again."""
        home = Home.open(self.home)
        try:
            assert fsck(home).findings == ()
            with home.store.reading() as connection:
                rows = connection.exec_driver_sql(
                    "SELECT new.id, old.id FROM correction JOIN node AS new ON new.number = correction.artifact"
                    " JOIN node AS old ON old.number = correction.earlier ORDER BY correction.entry"
                ).all()
            return [(row[0], row[1]) for row in rows]
        finally:
            home.store.close()


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    made = Yard(tmp_path)
    made.done("init", "--operator", "kennel")
    draw = np.random.Generator(np.random.PCG64(1))
    base = [draw.standard_normal(ELEMENTS).astype("<f4") for _ in range(SHARDS)]
    for name in ("base", "good", "bad"):
        moved = [x if name == "base" else x + draw.standard_normal(ELEMENTS).astype("<f4") / 64 for x in base]
        tensors = {
            f"layers.{i}.weight": ("F32", (ELEMENTS // 400, 400), floats(x)) for i, x in enumerate(moved)
        }
        write_model(made.folder / name, tensors)
        made.done("add", name, "--name", f"kennel/{name}", "--license", "mit")
    return made


@pytest.mark.system
def test_a_remedy_that_is_killed_goes_on_and_comes_to_the_same(yard: Yard) -> None:
    first, second = yard.merge(FIRST.format(bad=BAD), "first"), yard.merge(SECOND, "second")
    incident = yard.done("incident", "report", "kennel/bad", "--summary", "bad")["incident"]
    started = time.monotonic()
    control = yard.merge(FIRST.format(bad=""), "control")
    whole = 2 * (time.monotonic() - started)
    moments, told = random.Random(SEED), list[tuple[str, str]]()
    for kill in range(KILLS):
        process, delay = (
            yard.started("remedy", "run", incident, "--out", "healed"),
            moments.uniform(0.2, 1) * whole,
        )
        # Not a sleep for something to happen: the moment of the kill is what the test varies.
        time.sleep(delay)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        assert process.returncode in {0, -signal.SIGKILL}, (SEED, kill, delay, said)
        known = yard.corrections()
        assert known[: len(told)] == told, "what the log said before it says still"
        told = known

    value = yard.done("remedy", "run", incident, "--out", "healed")

    corrected = {one["earlier"]: one["artifact"] for one in value["corrected"]}
    assert corrected.keys() == {first, second}
    assert corrected[first] == control
    assert yard.corrections() == [(corrected[first], first), (corrected[second], second)]
    assert sorted(path.name for path in (yard.folder / "healed").iterdir()) == sorted(
        one.removeprefix("sha256:")[:16] for one in (first, second)
    )
    assert yard.done("status", corrected[second])["standing"]["state"] == "clean"
    print(f"{KILLS} kills, {len(told)} of 2 corrected before the last run")  # noqa: T201
