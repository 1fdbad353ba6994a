"""How the log grows: what one append, one proof, one tile and one offline check take, from a thousand entries to a million.

usage: python tests/benchmarks/leaves.py [--sizes 1000 10000 100000] [--million] [-n 200]
"""

import argparse
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from lineage.predicates import license as license_predicate
from lineage.predicates import signature
from registry.home import Home
from registry.store import log, tiles, tree
from registry.store.tail import Tail
from signing import merkle
from signing.bundle import Bundle, verify
from signing.digest import artifact_id, sha256_hex
from signing.log import Leaf
from signing.tiles import Tile

FILES = {"model.safetensors": "ab" * 32}
FLUSH = 20_000
COLUMNS = ("entries", "append ms", "prove ms", "hashes", "fold µs", "verify ms", "bundle B", "tile ms")


def fill(home: Home, size: int) -> None:
    """Let the log have `size` leaves, in bulk: nobody signed those, and nothing is folded from them."""
    key = home.keys("publisher").public.id
    with home.store.writing() as connection:
        tail = Tail(connection)
        for number in range(tail.size, size):
            tail.append(Leaf(sha256_hex(b"%d" % number), (key,), max(tail.time, home.now())), None)
            if number % FLUSH == 0:
                tail.flush()
        tail.flush()
        log.cover(connection, home.root().origin, home.keys("log"))


def each(times: int, work: Callable[[], object]) -> float:
    """Return the median seconds that `work` takes."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def measured(home: Home, times: int) -> tuple[float, ...]:
    """Return the row of the table for the log as it is."""
    artifact, root = artifact_id(FILES), home.root()
    issued = iter(range(10**9))
    append = each(
        times // 4,
        lambda: home.say(
            "publisher", license_predicate.statement(artifact, secrets.token_hex(8), next(issued))
        ),
    )
    keys, log_key = root.public("publisher"), root.log().public
    with home.store.reading() as connection:
        size = log.covered(connection)
        prove = each(times, lambda: tree.inclusion(connection, secrets.randbelow(size), size))
        # The registration, near the beginning: its way up is as long as any.
        index, entry = 1, log.read(connection, 1)
        proof = tree.inclusion(connection, index, size)
        leaf = merkle.leaf_hash(entry.leaf)
        fold = each(times, lambda: merkle.inclusion_root(leaf, index, size, proof))
        whole = Bundle(entry.envelope, Leaf.parse(entry.leaf), index, tuple(proof), log.newest(connection))
        line = whole.encode()
        check = each(times, lambda: verify(Bundle.parse(line), keys, root.origin, log_key))
        full = size // 256
        tile = each(times, lambda: tiles.read(connection, Tile(0, secrets.randbelow(full)).path))
    return size, 1e3 * append, 1e3 * prove, len(proof), 1e6 * fold, 1e3 * check, len(line), 1e3 * tile


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    ask.add_argument(
        "--million", action="store_true", help="a million entries, too: a minute, and 500 MB of disk"
    )
    ask.add_argument("-n", type=int, default=200, help="times that each is done; the median is shown")
    said = ask.parse_args()
    print(" ".join(f"{column:>9}" for column in COLUMNS))
    with tempfile.TemporaryDirectory() as folder:
        home = Home.create(Path(folder) / "home")
        home.say("publisher", signature.statement("model", FILES))
        for size in (*said.sizes, *([1_000_000] if said.million else [])):
            fill(home, size)
            row = measured(home, said.n)
            print(" ".join(f"{value:9.0f}" if value > 1000 else f"{value:9.3g}" for value in row), flush=True)


if __name__ == "__main__":
    main()
