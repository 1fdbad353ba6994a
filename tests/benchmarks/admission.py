"""Admission to the log: signed statements a second in batches, against the same writer taking one at a time.

usage: python tests/benchmarks/admission.py [--statements 2000] [-n 3]
"""

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from lineage.predicates import signature
from registry.home import Home
from registry.publish import publish
from registry.settings import Settings
from signing import dsse

AT_ONCE = 64


def admitted(batch: int, statements: int) -> tuple[float, float]:
    """Return statements a second and the 99th percentile of their acknowledgement in milliseconds."""
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(home=Path(temporary) / "home", batch=batch)
        home = Home.create(settings.home, "bench", settings=settings)
        key = home.keys("publisher")
        raws = [
            dsse.sign(
                signature.statement(f"model-{i}", {"model.safetensors": f"{i:064x}"}).encode(), [key]
            ).encode()
            for i in range(statements)
        ]
        writer = home.writer()

        def one(raw: bytes) -> float:
            start = time.perf_counter()
            publish(writer, raw)
            return time.perf_counter() - start

        start = time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waits = list(pool.map(one, raws))
        took = time.perf_counter() - start
    return statements / took, statistics.quantiles(waits, n=100)[98] * 1000


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--statements", type=int, default=2000)
    ask.add_argument("-n", type=int, default=3)
    said = ask.parse_args()
    batch = Settings().batch
    rows = []
    for _ in range(said.n):
        (fast, wait), (slow, _) = admitted(batch, said.statements), admitted(1, said.statements // 4)
        rows.append((fast, wait, slow))
        print(
            f"batch {batch}: {fast:6.0f} a second, p99 {wait:5.0f} ms;  batch 1: {slow:6.0f} a second;  {fast / slow:.1f} times"
        )
    print(
        f"median {statistics.median(f / s for f, _, s in rows):.1f} times, p99 {statistics.median(w for _, w, _ in rows):.0f} ms"
    )


if __name__ == "__main__":
    main()
