"""What `studbook log fsck` takes of time and memory as the log grows.

usage: python tests/benchmarks/checking.py [--sizes 5000 20000] [--million]

Models, merges of two earlier ones, licenses, names and evaluations, all signed, and an incident now and then. As many checkpoints
as entries are what a log has that was written one statement at a time; here there is one for each `TOGETHER` of them.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from running import timed

from lineage.facts import Role
from lineage.predicates import derivation, incident, name, signature
from lineage.predicates import license as license_predicate
from registry.home import Home
from registry.publish import publish_all
from registry.settings import Settings
from signing import dsse
from signing.digest import artifact_id
from signing.statement import Statement

TOGETHER = 100
PARENTS = 1000


def said(number: int, chance: random.Random) -> Iterator[tuple[Role, Statement]]:
    """Say a model, a merge of earlier ones or something about one: `number` counts them."""
    files = {"model.safetensors": f"{number:064x}"}
    mine = artifact_id(files)
    earlier = [
        artifact_id({"model.safetensors": f"{chance.randrange(min(number, PARENTS)):064x}"})
        for _ in range(2 if number else 0)
    ]
    yield "publisher", signature.statement(f"model-{number}", files)
    if number >= PARENTS:
        parents = [derivation.Parent(artifact=one, relation="merge") for one in sorted(set(earlier))]
        yield "publisher", derivation.statement(mine, parents)
    if number % 2:
        yield "publisher", license_predicate.statement(mine, "apache-2.0", number)
    if number % 3 == 0:
        yield "publisher", name.statement(mine, f"bench/model-{number}", None, number)
    if number % 1000 == 999:
        yield (
            "security",
            incident.statement(
                [earlier[0]],
                "compromised",
                "high",
                "reported",
                f"number {number}",
                contact="bench",
                issued=number,
            ),
        )


def fill(home: Home, size: int, numbers: Iterator[int]) -> int:
    """Let the log have at least `size` entries; return how many it has."""
    chance, keys = random.Random(size), {role: home.keys(role) for role in ("publisher", "security")}
    reached = 0
    while reached < size:
        raws: list[bytes] = []
        while len(raws) < TOGETHER:
            raws += [
                dsse.sign(one.encode(), [keys[role]]).encode() for role, one in said(next(numbers), chance)
            ]
        reached = publish_all(home.writer(), raws)[-1].size
    return reached


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--sizes", type=int, nargs="+", default=[5_000, 20_000])
    ask.add_argument(
        "--million", action="store_true", help="a million entries, too: half an hour, and 6 GB of disk"
    )
    given = ask.parse_args()
    numbers = iter(range(10**9))
    print("  entries  fill/s  fsck s  ms each  peak MB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "home"
        home = Home.create(path, settings=Settings(home=path, late_rows=10**9))
        before = 0
        for size in (*given.sizes, *([1_000_000] if given.million else [])):
            start = time.perf_counter()
            reached = fill(home, size, numbers)
            rate = (reached - before) / (time.perf_counter() - start)
            before = reached
            home.store.close()
            took, peak = timed([sys.executable, "-m", "registry", "log", "fsck", "--home", str(path)])
            print(f"{reached:9} {rate:7.0f} {took:7.1f} {1e3 * took / reached:8.2f} {peak:8.0f}", flush=True)


if __name__ == "__main__":
    main()
