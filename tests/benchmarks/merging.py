"""Merging against its floor and, where one is named, against another engine: wall time and peak memory, in one run.

The floor is what checking and writing cost without any arithmetic: `sha256sum` of every input by two processes, then
a synced copy of a file as large as the output. Runs alternate; the medians and the ratios count.

usage: python tests/benchmarks/merging.py [--megabytes 150] [-n 3] [--rival 'mergekit-yaml {recipe} {out}']
"""

import argparse
import json
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from making import CONFIG, floats, write_model

NAMES = ("base", "code", "math", "chat")
WEIGHTS = (0.4, 0.35, 0.25)
METHODS = ("linear", "task_arithmetic", "slerp", "dare_linear", "dare_ties", "ties")
ROWS = 2048


def write_models(folder: Path, megabytes: int) -> None:
    """Write a bf16 base and three fine-tunes of it, seeded, some layers of one large tensor each."""
    columns = megabytes * (1 << 20) // (2 * ROWS * 4)
    drawn = np.random.Generator(np.random.PCG64(7))
    base = [drawn.standard_normal((ROWS, columns), dtype=np.float32) * 0.02 for _ in range(4)]
    for which, name in enumerate(NAMES):
        tensors = {}
        for layer, values in enumerate(base):
            moved = (
                values
                if which == 0
                else values + drawn.standard_normal(values.shape, dtype=np.float32) * 0.002
            )
            tensors[f"model.layers.{layer}.weight"] = ("BF16", values.shape, floats(moved, "BF16"))
        write_model(folder / name, tensors, CONFIG | {"num_hidden_layers": 4})


def recipe(method: str, models: Path) -> str:
    """Return a mergekit recipe of the three fine-tunes by one method."""
    chosen = NAMES[1:3] if method == "slerp" else NAMES[1:]
    dense = {"density": 0.5} if method in {"ties", "dare_ties", "dare_linear"} else {}
    listed = [
        {"model": str(models / name), "parameters": {} if method == "slerp" else {"weight": weight, **dense}}
        for name, weight in zip(chosen, WEIGHTS, strict=False)
    ]
    document = {"merge_method": method, "models": listed, "dtype": "float32", "out_dtype": "bfloat16"}
    if method == "slerp":
        document |= {"base_model": str(models / chosen[0]), "parameters": {"t": 0.4}}
    elif method != "linear":
        document["base_model"] = str(models / "base")
    return json.dumps(document)


def timed(command: str | list[str]) -> tuple[float, float]:
    """Return wall seconds and peak resident MB of a command and its children."""
    words = shlex.split(command) if isinstance(command, str) else command
    probe = (
        "import resource,subprocess,sys;c=subprocess.run(sys.argv[1:],capture_output=True,text=True);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss);c.returncode and sys.exit(c.stderr[-2000:])"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", probe, *words], stdout=subprocess.PIPE, text=True, check=True
    )
    return time.perf_counter() - start, int(done.stdout) / 1024


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--megabytes", type=int, default=150, help="size of each model")
    ask.add_argument("-n", type=int, default=3, help="runs of each")
    ask.add_argument("--rival", help="another engine's command, with {recipe} and {out}")
    said = ask.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_models(folder / "models", said.megabytes)
        studbook = [sys.executable, "-m", "registry"]
        home = ["--home", str(folder / "home")]
        subprocess.run([*studbook, "init", *home], check=True, stdout=subprocess.DEVNULL)
        for name in NAMES:
            words = [*studbook, "add", str(folder / "models" / name), *home]
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        inputs = " ".join(shlex.quote(str(folder / "models" / n / "model.safetensors")) for n in NAMES)
        one = shlex.quote(str(folder / "models" / "base" / "model.safetensors"))
        copy = folder / "copy"
        floor = [
            "sh",
            "-c",
            f"echo {inputs} | xargs -n1 -P2 sha256sum && dd if={one} of={copy} bs=1M conv=fsync",
        ]
        print(
            f"{said.megabytes} MB a model, bf16; floor: sha256sum of 4 inputs by 2 processes + synced copy of 1"
        )
        print(
            f"{'method':16} {'wall s':>7} {'floor s':>8} {'of floor':>8} {'peak MB':>8} {'rival s':>8} {'times':>6}"
        )
        for method in METHODS:
            path = folder / f"{method}.yaml"
            seed = {"seed": 1} if "dare" in method else {}
            path.write_text(json.dumps(json.loads(recipe(method, folder / "models")) | seed))
            plain = folder / f"{method}.plain.yaml"
            plain.write_text(recipe(method, folder / "models"))
            rows: list[tuple[float, float, float, float]] = []
            for run in range(said.n):
                out = str(folder / f"{method}-{run}")
                ours, peak = timed([*studbook, "merge", str(path), "--out", out, *home])
                under, _ = timed(floor)
                theirs = 0.0
                if said.rival:
                    theirs, _ = timed(said.rival.format(recipe=plain, out=f"{out}-rival"))
                rows.append((ours, under, peak, theirs))
            ours, under, peak, theirs = (statistics.median(column) for column in zip(*rows, strict=True))
            times = f"{statistics.median(r[3] / r[0] for r in rows):6.1f}" if said.rival else "     -"
            share = statistics.median(r[1] / r[0] for r in rows)
            print(
                f"{method:16} {ours:7.2f} {under:8.2f} {share:8.0%} {peak:8.0f} {theirs:8.2f} {times}",
                flush=True,
            )
    print(f"this process peaked at {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
