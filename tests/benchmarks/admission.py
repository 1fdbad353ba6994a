"""Admission to the log: signed statements a second in batches, against the same server taking one at a time.

usage: python tests/benchmarks/admission.py [--statements 4000] [-n 3] [--direct]

A real server, sent to by as many connections as it takes statements at once; `--direct` leaves HTTP out, and asks the
writer of this process from as many threads.
"""

import argparse
import http.client
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import local

sys.path.insert(0, str(Path(__file__).parents[1]))
from processes import environment

from lineage.predicates import signature
from registry.deps import Limits
from registry.home import Home
from registry.publish import publish
from registry.settings import Settings
from signing import dsse

AT_ONCE = Limits().entries
Send = Callable[[bytes], None]


@contextmanager
def directly(home: Home) -> Iterator[Send]:
    """Publish by the writer of this process."""
    writer = home.writer()
    yield lambda raw: publish(writer, raw) and None


@contextmanager
def listening(given: Mapping[str, str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start a server in a process of its own, by these settings; give it and its port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "registry", "serve", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(**given), stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.1)
        yield process, port
    finally:
        process.terminate()
        process.wait()


@contextmanager
def served(home: Home) -> Iterator[Send]:
    """Publish by a server in a process of its own, each thread over a connection of its own."""
    mine = local()
    given = {"STUDBOOK_HOME": str(home.path), "STUDBOOK_BATCH": str(home.settings.batch)}
    with listening(given) as (_, port):

        def send(raw: bytes) -> None:
            if not hasattr(mine, "connection"):
                mine.connection = http.client.HTTPConnection("127.0.0.1", port)
            mine.connection.request("POST", "/entries", raw)
            answer = mine.connection.getresponse()
            words = answer.read()
            if answer.status != http.HTTPStatus.CREATED:
                raise SystemExit(f"{answer.status}: {words.decode()}")

        yield send


def admitted(
    way: Callable[[Home], "contextmanager[Send]"], batch: int, statements: int
) -> tuple[float, float]:
    """Return statements a second and the 99th percentile of their acknowledgement in milliseconds."""
    with tempfile.TemporaryDirectory() as temporary:
        settings = Settings(home=Path(temporary) / "home", batch=batch)
        home = Home.create(settings.home, "bench", settings=settings)
        key = home.keys("publisher")
        raws = [
            dsse.sign(
                signature.statement(f"model-{i}", {"model.safetensors": f"{i:064x}"}).encode(), [key]
            ).encode()
            for i in range(statements + AT_ONCE)
        ]
        with way(home) as send, ThreadPoolExecutor(AT_ONCE) as pool:

            def one(raw: bytes) -> float:
                start = time.perf_counter()
                send(raw)
                return time.perf_counter() - start

            list(pool.map(one, raws[:AT_ONCE]))
            start = time.perf_counter()
            waits = list(pool.map(one, raws[AT_ONCE:]))
            took = time.perf_counter() - start
    return statements / took, statistics.quantiles(waits, n=100)[98] * 1000


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--statements", type=int, default=4000)
    ask.add_argument("-n", type=int, default=3)
    ask.add_argument("--direct", action="store_true")
    said = ask.parse_args()
    batch, way = Settings().batch, directly if said.direct else served
    rows = []
    for _ in range(said.n):
        (fast, wait), (slow, _) = (
            admitted(way, batch, said.statements),
            admitted(way, 1, said.statements // 4),
        )
        rows.append((fast, wait, slow))
        print(
            f"batch {batch}: {fast:6.0f} a second, p99 {wait:5.0f} ms;  batch 1: {slow:6.0f} a second;  {fast / slow:.1f} times"
        )
    fast, wait = (statistics.median(row[at] for row in rows) for at in (0, 1))
    times = statistics.median(f / s for f, _, s in rows)
    print(f"median {fast:.0f} a second, {times:.1f} times batch 1, p99 {wait:.0f} ms, {AT_ONCE} at once")


if __name__ == "__main__":
    main()
