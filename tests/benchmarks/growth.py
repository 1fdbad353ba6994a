"""How a merge grows with its models: time in proportion to bytes, memory not at all; and what a sample takes of a rebuild.

usage: python tests/benchmarks/growth.py [--layers 2 11 54] [--method dare_ties] [-n 1]      (54 layers are 5 GB a model)
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from merging import METHODS, recipe
from models import NAMES, write_models
from running import Home, timed


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--layers", type=int, nargs="+", default=[2, 11], help="one size for each number")
    ask.add_argument("--method", choices=METHODS, default="dare_ties")
    ask.add_argument("-n", type=int, default=1, help="runs of each")
    said = ask.parse_args()
    print(f"{said.method}, {said.n} runs of each")
    columns = ("GB", "merge s", "s per GB", "peak MB", "rebuild s", "sample s", "of it")
    print(" ".join(f"{column:>9}" for column in columns))
    for layers in said.layers:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            write_models(folder / "models", layers)
            home = Home(folder / "home")
            for name in NAMES:
                home.run("add", str(folder / "models" / name))
            path = folder / "recipe.yaml"
            seed = {"seed": 1} if "dare" in said.method else {}
            path.write_text(json.dumps(recipe(said.method, folder / "models", layers) | seed))
            size = sum(file.stat().st_size for file in (folder / "models" / "base").iterdir()) / 1e9
            found = []
            out = folder / "out"
            for _ in range(said.n):
                shutil.rmtree(out, ignore_errors=True)
                wall, peak = timed(home.words("merge", str(path), "--out", str(out)))
                whole, _ = timed(home.words("rebuild", str(out)))
                part, _ = timed(home.words("rebuild", str(out), "--sample", "64"))
                found.append((wall, wall / size, peak, whole, part, part / whole))
            wall, rate, peak, whole, part, share = map(statistics.median, zip(*found, strict=True))
            print(
                f"{size:9.2f} {wall:9.2f} {rate:9.2f} {peak:9.0f} {whole:9.2f} {part:9.2f} {share:9.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
