"""Questions to a graph of millions, and what it takes to let it grow, beside recursive SQL and networkx in the same run.

usage: python tests/benchmarks/hubs.py [--sizes 100000] [--on sqlite postgresql] [-n 20]

`--sizes 100000 500000 2000000` takes some minutes and 12 GB of memory, nearly all of it networkx's, which has a process of its own: its
millions of objects would slow down everything beside them. PostgreSQL is started here where it is installed, with the durability that
it has by default.
"""

import argparse
import http.client
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import numpy as np
import rivals
from admission import listening
from clusters import Cluster
from filled import artifact, filled, weighs
from hub import Hub, Numbers, drawn
from rivals import RECURSIVE, RECURSIVE_NEAREST
from running import ROUNDS, median, over, timed

from lineage.predicates import derivation, incident, signature
from registry.home import Home
from registry.serve import collect_rarely
from registry.store import descent
from registry.store.lists import Packed, packed
from signing.digest import artifact_id

SEED = 4
ADAPTER = 1_000
PARENTS = 5
# What PostgreSQL may keep of its tables in memory; its package has 128 MB, for machines of any size.
SHARED = "400MB"
# As pages read them, and as the rivals list the same.
CLOSURE = packed("SELECT descendant AS number FROM closure WHERE ancestor = :number", ["number"])
# As a page lists them: nearest first, with the length of the shortest way.
NEAREST = packed(
    "SELECT descendant AS number, distance FROM closure WHERE ancestor = :number ORDER BY distance, descendant",
    ["distance", "number"],
)


class Measured:
    """One home with one hub in it, and everything that is asked of it."""

    def __init__(self, home: Home, hub: Hub, n: int) -> None:
        self.home, self.n = home, n
        below = hub.descendants()
        self.hub, self.adapters = int(below.argmax()), _adapters(below, n + 1)
        self.counts = {one: int(below[one]) for one in (self.hub, *self.adapters)}
        self.deepest = int(hub.closure[:, 2][hub.closure[:, 1].argmax()])
        collect_rarely()
        # Any models at all, and those of the last generation, which have more above them than any others.
        self.any = np.random.default_rng(SEED).integers(0, hub.nodes, PARENTS * 15 * n)
        self.last = np.arange(hub.nodes - PARENTS * 100, hub.nodes)
        self.issued = 0

    def listed(self, number: int, most: int) -> Callable[[], object]:
        def ask() -> object:
            with self.home.store.reading() as connection:
                return descent.page(connection, artifact(number), "descendants", most)

        return ask

    def numbers(self, query: Packed, numbers: Sequence[int]) -> float:
        """Return the median milliseconds to list the numbers of all descendants of each, over one connection."""
        with self.home.store.reading() as connection:

            def ask(number: int) -> None:
                found = query(connection, {"number": number})
                assert len(found[0]) == self.counts[number]

            return over([partial(ask, number) for number in numbers] * ROUNDS)

    def above(self) -> object:
        with self.home.store.reading() as connection:
            return descent.page(connection, artifact(self.deepest), "ancestors", 10_000)

    def reports(self, number: int) -> Callable[[], object]:
        """Report an incident, signed, logged and with its flags; another one each time."""

        def ask() -> object:
            self.issued += 1
            said = incident.statement(
                [artifact(number)],
                "compromised",
                "high",
                "reported",
                "bench",
                contact="bench",
                issued=self.issued,
            )
            return self.home.say("security", said)

        return ask

    def inserts(self, among: Numbers) -> Callable[[], object]:
        """Register a child of five of these and say that it is; of five others each time."""

        def ask() -> object:
            self.issued += 1
            files = {"model.safetensors": f"{self.issued:064x}"}
            begin = PARENTS * self.issued % len(among)
            parents = [
                derivation.Parent(artifact=artifact(int(one)), relation="merge", part={})
                for one in among[begin : begin + PARENTS]
            ]
            said = [
                signature.statement(f"bench-{self.issued}", files),
                derivation.statement(artifact_id(files), parents),
            ]
            return self.home.say("publisher", *said)

        return ask


def _adapters(below: Numbers, n: int) -> list[int]:
    """Return `n` of the models with about 1,000 descendants: who asks, asks about another one each time."""
    near = np.flatnonzero(abs(below - ADAPTER) <= ADAPTER // 20)
    if not len(near):
        raise SystemExit(f"no model of this hub has about {ADAPTER} descendants: take a larger one")
    drawn_ = np.random.default_rng(SEED).permutation(near)
    return [int(one) for one in np.resize(drawn_, n)]


def rows(one: Measured, rival: Executor, port: int) -> Iterator[tuple[str, float]]:
    """Measure everything; yield what it is and the milliseconds it took, or the times it is faster."""
    n, few = one.n, max(3, one.n // 4)

    def each(ask: Callable[[int], Callable[[], object]]) -> float:
        return over([ask(number) for number in one.adapters] * ROUNDS)

    adapter = one.numbers(CLOSURE, one.adapters)
    yield f"{ADAPTER} descendants in the database", adapter
    yield "  by recursive SQL", (slow := one.numbers(RECURSIVE, one.adapters))
    yield "  times", slow / adapter
    yield "  by networkx", (slow := rival.submit(rivals.networkx, one.adapters).result())
    yield "  times", slow / adapter
    yield "  nearest first", (nearest := one.numbers(NEAREST, one.adapters))
    yield "    by recursive SQL", (slow := one.numbers(RECURSIVE_NEAREST, one.adapters))
    yield "    times", slow / nearest
    yield "    by networkx", (slow := rival.submit(rivals.networkx, one.adapters, nearest=True).result())
    yield "    times", slow / nearest
    yield "  as a page with ids and incidents", each(lambda number: one.listed(number, 10_000))
    yield "  over HTTP", each(lambda number: lambda: fetched(port, number, 10_000))
    yield "  a page of 1,000 of the hub's over HTTP", median(lambda: fetched(port, one.hub, 1_000), n)
    yield f"{one.counts[one.hub]} descendants' numbers", one.numbers(CLOSURE, [one.hub] * (few + 1))
    yield "  with their ids", median(one.listed(one.hub, 1 << 20), few)
    yield "  by recursive SQL", one.numbers(RECURSIVE, [one.hub] * 2)
    yield "  by networkx", rival.submit(rivals.networkx, [one.hub] * 2).result()
    yield "ancestors", median(one.above, n)
    yield f"insert a child of {PARENTS}", median(one.inserts(one.any), 15 * n)
    yield f"  of {PARENTS} of the last generation", median(one.inserts(one.last), 3 * n)
    yield f"report one with {ADAPTER} descendants", over(list(map(one.reports, one.adapters[: few + 1])))
    yield "report the hub", median(one.reports(one.hub), 3)


def fetched(port: int, number: int, limit: int) -> bytes:
    """Ask the server for a page of descendants."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/artifacts/{artifact(number)}/reach?limit={limit}")
    answer = connection.getresponse()
    said = answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{answer.status}: {said.decode()}")
    return said


@contextmanager
def databases(on: str) -> Iterator[str | None]:
    """Give a PostgreSQL database of a server that is started here, or none for SQLite."""
    if on == "sqlite":
        yield None
        return
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise SystemExit("PostgreSQL is not installed: Debian's package is called postgresql")
    cluster = Cluster(found[-1].parent, f"-c max_connections=100 -c shared_buffers={SHARED}")
    try:
        yield cluster.url(cluster.create())
    finally:
        cluster.stop()


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    ask.add_argument("--on", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite"])
    ask.add_argument("-n", type=int, default=20)
    said = ask.parse_args()
    for size in said.sizes:
        hub = drawn(size, SEED)
        with ProcessPoolExecutor(1, get_context("spawn")) as rival:
            built = rival.submit(rivals.build, hub.edges).result()
            counts = f"{size} models, {len(hub.edges)} edges, {len(hub.closure)} closure rows"
            print(f"\n{counts}; networkx is built in {built:.1f} s", flush=True)
            for on in said.on:
                with databases(on) as database, tempfile.TemporaryDirectory() as folder:
                    path = Path(folder) / "home"
                    start = time.perf_counter()
                    home = filled(path, hub, database)
                    took = time.perf_counter() - start
                    print(f"  {on}: filled in {took:.0f} s, {weighs(home):.0f} MB", flush=True)
                    measure(Measured(home, hub, said.n), rival, path, database)


def measure(one: Measured, rival: Executor, path: Path, database: str | None) -> None:
    given = {"STUDBOOK_HOME": str(path), **({} if database is None else {"STUDBOOK_DATABASE": database})}
    with listening(given) as (process, port):
        for what, took in rows(one, rival, port):
            print(f"    {what:40} {took:10.2f}{'' if 'times' in what else ' ms'}", flush=True)
        print(f"    {'peak of the server':40} {peak(process.pid):10.0f} MB")
    words = ["env", *(f"{name}={value}" for name, value in given.items()), sys.executable, "-m", "registry"]
    took, most = timed([*words, "reach", artifact(one.hub), "--all", "--json", "--limit", "10000"])
    print(f"    {'all pages of the hub by the command':40} {1e3 * took:10.0f} ms, peak {most:.0f} MB")


def peak(process: int) -> float:
    """Return the peak resident size of a process in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1e3


if __name__ == "__main__":
    main()
