"""Merging against its floor and, where one is named, against another engine: wall time and peak memory, in one run.

The floor is what checking and writing cost without any arithmetic: `b3sum`'s and `sha256sum`'s work on the same bytes, which
is BLAKE3 of every input byte by two threads, then SHA-256 and BLAKE3 of as many bytes as the output has and a synced copy
of them. Runs alternate; medians of the ratios count.

usage: python tests/benchmarks/merging.py [--layers 2] [-n 3] [--only ties linear] [--rival 'mergekit-yaml {recipe} {out}']
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from models import ADAPTERS, NAMES, write_adapters, write_models
from running import Home, floor, timed

WEIGHTS = (0.4, 0.35, 0.25)
METHODS = ("linear", "task_arithmetic", "slerp", "dare_linear", "dare_ties", "ties")
# What a merge reads, as a share of one model: a frankenmerge takes half of its layers from each of two models.
ROWS = (*METHODS, "two adapters", "frankenmerge")


def recipe(row: str, models: Path, layers: int) -> dict[str, object]:
    """Return the mergekit document of one row of the table."""
    types = {"dtype": "float32", "out_dtype": "bfloat16"}
    base = str(models / "base")
    if row == "frankenmerge":
        half = max(1, layers // 2)
        ranges = [("code", [0, half]), ("math", [layers - half, layers])]
        slices = [{"sources": [{"model": str(models / name), "layer_range": span}]} for name, span in ranges]
        return {"merge_method": "passthrough", "slices": slices, "dtype": "bfloat16"}
    if row == "two adapters":
        listed = [{"model": f"{base}+{models / name}", "parameters": {"weight": 0.5}} for name in ADAPTERS]
        return {"merge_method": "task_arithmetic", "base_model": base, "models": listed} | types
    if row == "slerp":
        listed = [{"model": str(models / name)} for name in NAMES[1:3]]
        return (
            {"merge_method": row, "base_model": str(models / NAMES[1]), "models": listed}
            | types
            | {"parameters": {"t": 0.4}}
        )
    dense = {"density": 0.5} if row in {"ties", "dare_ties", "dare_linear"} else {}
    listed = [
        {"model": str(models / name), "parameters": {"weight": weight, **dense}}
        for name, weight in zip(NAMES[1:], WEIGHTS, strict=True)
    ]
    found = {"merge_method": row, "models": listed} | types
    return found if row == "linear" else found | {"base_model": base}


def inputs(row: str) -> list[str]:
    """Return whose files a row reads."""
    if row == "two adapters":
        return ["base", *ADAPTERS]
    if row in ("slerp", "frankenmerge"):
        return list(NAMES[1:3])
    return list(NAMES[1:] if row == "linear" else NAMES)


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--layers", type=int, default=2, help="11 make models of 1.23 GB, 2 of 0.43 GB")
    ask.add_argument("-n", type=int, default=3, help="runs of each")
    ask.add_argument("--only", nargs="+", choices=ROWS, default=ROWS)
    ask.add_argument("--rival", help="another engine's command, with {recipe} and {out}")
    said = ask.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_models(folder / "models", said.layers)
        write_adapters(folder / "models", said.layers)
        home = Home(folder / "home")
        for name in (*NAMES, *ADAPTERS):
            home.run("add", str(folder / "models" / name))
        size = sum(file.stat().st_size for file in (folder / "models" / "base").iterdir())
        print(f"{size / 1e9:.2f} GB a model, bf16, {said.n} runs of each")
        print(
            f"{'':16} {'wall s':>7} {'floor s':>8} {'of floor':>8} {'peak MB':>8} {'rival s':>8} {'times':>6} {'MB':>6}"
        )
        for row in said.only:
            plain = recipe(row, folder / "models", said.layers)
            ours, theirs = folder / "ours.yaml", folder / "theirs.yaml"
            theirs.write_text(json.dumps(plain))
            ours.write_text(json.dumps(plain | ({"seed": 1} if "dare" in row else {})))
            read = [path for name in inputs(row) for path in (folder / "models" / name).glob("*.safetensors")]
            found: list[tuple[float, ...]] = []
            for _ in range(said.n):
                out = folder / "out"
                wall, peak = timed(home.words("merge", str(ours), "--out", str(out)))
                written = sorted(out.glob("*.safetensors"))
                under = floor(read if row != "frankenmerge" else written, written, folder / "copy")
                shutil.rmtree(out)
                other, heap = (0.0, 0.0)
                if said.rival:
                    other, heap = timed(said.rival.format(recipe=theirs, out=out).split())
                    shutil.rmtree(out)
                found.append((wall, under, under / wall, peak, other, other / wall, heap))
            wall, under, share, peak, other, times, heap = map(statistics.median, zip(*found, strict=True))
            against = (
                f"{other:8.1f} {times:6.1f} {heap:6.0f}" if said.rival else f"{'-':>8} {'-':>6} {'-':>6}"
            )
            print(f"{row:16} {wall:7.2f} {under:8.2f} {share:8.0%} {peak:8.0f} {against}", flush=True)


if __name__ == "__main__":
    main()
