"""Proving a folder against two rivals that prove nothing: `sha256sum`, and `openssl dgst`, in two processes on its two shards.

A registered folder of two shards is verified by the log and by its model.sig, with nothing but start-up, database and signatures
on top of the hashing. Runs alternate; medians of the ratios count. At most 1.15 times `sha256sum` is the aim.

usage: python tests/benchmarks/verifying.py [--mb 615] [-n 7]
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import numpy as np
from making import safetensors
from running import Home, timed

RIVALS = {"sha256sum": ["sha256sum"], "openssl dgst": ["openssl", "dgst", "-sha256"]}


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--mb", type=int, default=615, help="size of each of the two shards, in 10^6 bytes")
    ask.add_argument("-n", type=int, default=7, help="runs of each")
    said = ask.parse_args()
    rivals = {name: words for name, words in RIVALS.items() if shutil.which(words[0])}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = folder / "model"
        shards = write_model(model, said.mb * 10**6)
        home = Home(folder / "home")
        home.run("add", str(model), "--sign")
        home.run("keys", "export", "publisher", "--public", "--out", str(folder / "publisher.pem"))
        # The signature alone needs no home, so `words` cannot name one.
        ours = {
            "verify DIR": home.words("verify", str(model)),
            "verify DIR --key": [
                *(sys.executable, "-m", "registry", "verify", str(model)),
                *("--key", str(folder / "publisher.pem")),
            ],
        }
        size = sum(path.stat().st_size for path in shards)
        print(f"{size / 1e9:.2f} GB in two shards, two threads or processes each, {said.n} runs")
        print(f"{'':18} {'wall s':>7} {'times ' + ' and '.join(rivals):>34}")
        found: dict[str, list[float]] = {name: [] for name in (*ours, *rivals)}
        for _ in range(said.n):
            for name, words in ours.items():
                found[name].append(timed(words)[0])
            for name, words in rivals.items():
                found[name].append(beside([*words, str(path)] for path in shards))
        for name, took in found.items():
            ratios = [
                f"{statistics.median(mine / theirs for mine, theirs in zip(took, found[rival], strict=True)):17.2f}"
                for rival in rivals
            ]
            print(f"{name:18} {statistics.median(took):7.2f} {''.join(ratios)}", flush=True)


def write_model(folder: Path, size: int) -> list[Path]:
    """Write two shards of one large tensor each; what is in them does not matter to a hash."""
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    drawn = np.random.Generator(np.random.PCG64(1))
    paths = [folder / f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for n, path in enumerate(paths):
        path.write_bytes(safetensors({f"w{n}": ("BF16", (size // 2,), drawn.bytes(size // 2 * 2))}))
    return paths


def beside(commands: Sequence[list[str]]) -> float:
    """Return the seconds that these commands take at the same time."""
    start = time.perf_counter()
    running = [subprocess.Popen(words, stdout=subprocess.DEVNULL) for words in commands]
    for one in running:
        if one.wait() != 0:
            raise SystemExit(f"{one.args} ended with {one.returncode}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
