"""`kill -9` at random moments, of a merge and of a publisher at once: nothing acknowledged is lost, nothing half is seen.

`STUDBOOK_KILLS` says how many kills there are in all, `STUDBOOK_KILL_SEED` which moments they hit.
"""

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

from merger.folder import describe
from registry.fsck import fsck
from registry.home import Home
from registry.local import Local
from registry.settings import now
from registry.store import log
from registry.work.verify import Holds, verify_folder
from signing import canonical
from signing.bundle import Bundle, verify
from signing.digest import sha256_hex

KILLS = int(os.environ.get("STUDBOOK_KILLS", "50"))
SEED = int(os.environ.get("STUDBOOK_KILL_SEED", "20261121"))
SHARDS, ELEMENTS = 10, 900_000
RECIPE = """\
merge_method: dare_ties
base_model: kennel/base
models:
  - {model: kennel/one, parameters: {weight: 0.6, density: 0.5}}
  - {model: kennel/two, parameters: {weight: 0.4, density: 0.5}}
dtype: float32
seed: 9
shard_bytes: 3600000
"""


class Yard:
    """A home under fire: what it acknowledged, and what has to be true of it after every kill."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        self.acknowledged: dict[int, str] = {}
        self.settled = 0

    def studbook(self, *words: str) -> subprocess.Popen[str]:
        return self.process("-m", "registry", *words, "--home", str(self.home))

    def process(self, *words: str) -> subprocess.Popen[str]:
        # A group of its own and its own pipes: killed, it takes nobody with it and leaves what it said.
        return subprocess.Popen(
            [sys.executable, *words], cwd=self.folder, env=environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def done(self, *words: str) -> dict[str, object]:
        process = self.studbook(*words, "--json")
        out, err = process.communicate()
        assert process.returncode == 0, err
        value = canonical.decode(out.encode())
        assert isinstance(value, dict)
        return value

    def merge(self, target: str) -> tuple[str, ...]:
        return ("merge", "recipe.yaml", "--out", target, "--name", f"kennel/{target}")

    def check(self, target: str, artifact: str, *, folds: bool = True) -> None:
        """The log folds, every acknowledged entry is there and proven, and a folder is whole or absent."""
        home = Home.open(self.home)
        if folds:
            report = fsck(home)
            assert report.findings == ()
        root = home.root()
        (log_key,) = root.public("log")
        speakers = root.public("root", "publisher", "builder", "rebuilder", "security")
        with home.store.reading() as connection:
            for index in sorted(self.acknowledged)[self.settled :]:
                bundle = Bundle.parse(log.bundle(connection, index).encode())
                proven = verify(bundle, speakers, root.origin, log_key)
                assert (proven.index, proven.entry) == (index, self.acknowledged[index])
            entries = [one.entry for one in log.scan(connection)]
        assert all(entries[index] == entry for index, entry in self.acknowledged.items())
        assert len(set(entries)) == len(entries)
        self.settled = max(0, len(self.acknowledged) - 50)
        for blob in (self.home / "blobs" / "sha256").glob("??/*"):
            assert sha256_hex(blob.read_bytes()) == blob.name
        if (self.folder / target).exists():
            assert describe(self.folder / target).artifact == artifact
            held = verify_folder(self.folder / target, None, Local(home.store, now), root)
            assert isinstance(held, Holds)
        home.store.close()


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    made = Yard(tmp_path_factory.mktemp("yard"))
    made.done("init", "--operator", "kennel")
    draw = np.random.Generator(np.random.PCG64(1))
    base = [draw.standard_normal(ELEMENTS).astype("<f4") for _ in range(SHARDS)]
    for name in ("base", "one", "two"):
        moved = [x if name == "base" else x + draw.standard_normal(ELEMENTS).astype("<f4") / 64 for x in base]
        tensors = {
            f"layers.{i}.weight": ("F32", (ELEMENTS // 900, 900), floats(x)) for i, x in enumerate(moved)
        }
        write_model(made.folder / name, tensors)
        made.done("add", name, "--name", f"kennel/{name}", "--license", "mit")
    (made.folder / "recipe.yaml").write_text(RECIPE)
    return made


@pytest.mark.system
def test_kills_lose_nothing_that_was_acknowledged_and_show_nothing_half(yard: Yard) -> None:
    moments = random.Random(SEED)
    started = time.monotonic()
    reference = str(yard.done(*yard.merge("reference"))["artifact"])
    whole = time.monotonic() - started
    assert len(list((yard.folder / "reference").glob("*.safetensors"))) >= 8
    finished = 0
    for kill in range(0, KILLS, 2):
        target = f"merged-{finished}"
        delays = (moments.uniform(0.2, 1.6) * whole, moments.uniform(0.2, 1.6) * whole)
        try:
            value = killed(yard, target, f"litters/{kill}", delays)
            # Folding a log again takes the longer the longer it is: hundreds of kills fold it now and then.
            yard.check(target, reference, folds=kill < 50 or kill % 20 == 0)
            assert value is None or value["artifact"] == reference
        except BaseException:
            where = f"seed {SEED}, kills {kill} and {kill + 1}, {delays[0]:.3f} and {delays[1]:.3f} s after the start"
            print(where)  # noqa: T201 - how to see it again
            raise
        # A merge that was killed after its folder appeared is a finished one that could not say so.
        finished += (yard.folder / target).exists()

    target = f"merged-{finished}"
    killed_between_shards(yard, target)
    yard.check(target, reference)
    value = yard.done(*yard.merge(target))

    assert value["artifact"] == reference
    yard.check(target, reference)
    assert value["resumed"], "the run to completion found no finished shard of the killed one"
    assert yard.acknowledged, "no publisher was acknowledged before it was killed"
    home = Home.open(yard.home)
    home.writer()
    assert fsck(home).waiting == 0
    assert [path.name for path in yard.folder.iterdir() if path.name.startswith(f".{target}.")] == []
    print(f"{KILLS} kills, {finished} merges finished, {len(yard.acknowledged)} entries acknowledged")  # noqa: T201


def killed(yard: Yard, target: str, litter: str, delays: tuple[float, float]) -> dict[str, Any] | None:
    """Merge and publish at once, kill both, each after its delay; return what the merge could still say."""
    merging = yard.studbook(*yard.merge(target), "--json")
    publishing = yard.process(str(Path(__file__).with_name("publisher.py")), str(yard.home), litter)
    begun = time.monotonic()
    for delay, process in sorted(zip(delays, (merging, publishing), strict=True), key=lambda pair: pair[0]):
        # Not a sleep for something to happen: the moment of the kill is what the test varies.
        time.sleep(max(0.0, begun + delay - time.monotonic()))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    said, complaint = merging.communicate()
    told, wrong = publishing.communicate()
    assert merging.returncode in {0, -signal.SIGKILL}, complaint
    assert publishing.returncode == -signal.SIGKILL, wrong
    # A line that was cut by the kill acknowledges nothing.
    for line in told.splitlines(keepends=True):
        if line.endswith("\n") and line != "ready\n":
            index, entry = line.split()
            yard.acknowledged[int(index)] = entry
    value = canonical.decode(said.encode()) if said.endswith("\n") else None
    assert value is None or isinstance(value, dict)
    return value


def killed_between_shards(yard: Yard, target: str) -> None:
    """Kill a merge once its stage holds finished shards, whatever the random moments hit."""
    merging = yard.studbook(*yard.merge(target))
    while len(list(yard.folder.glob(f".{target}.studbook-*/records/*.json"))) < 2:
        assert merging.poll() is None, merging.communicate()
        time.sleep(0.002)
    os.killpg(merging.pid, signal.SIGKILL)
    merging.communicate()
    assert not (yard.folder / target).exists()
