"""What a chain of 100,000 models, and a lattice of 65 parents and 16 levels, do to everybody else's questions.

usage: python tests/benchmarks/crowds.py [--size 100000] [--chains 5] [--on sqlite] [-n 300]

Both are claimed by statements of a thousand models each, as a flooder would. A statement that exceeds a limit of the home
is refused with the numbers, and what would have hung on it is tried on what was admitted. Whoever is refused begins another chain,
as often as `--chains` says: each is as deep as the home allows, and has half a million rows of closure. What is admitted must not slow down
others: 99th percentiles before and afterwards.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from filled import filled
from hub import drawn
from hubs import SEED, Measured, databases
from running import once

from lineage.predicates import claims
from lineage.predicates.claims import Claim, Parent
from signing.errors import Refused
from signing.statement import Statement

CHAIN, TOGETHER = 100_000, 1_000
WIDTH, LEVELS = 65, 16
ROUNDS = 9


Part = Callable[[bool], list[Claim]]
"""Some claims, given whether those before them were admitted."""


def chain(name: str, length: int) -> Iterator[Part]:
    """Claim models each made from the one before, a thousand in a statement, on the last that was admitted."""
    last = 0

    def some(start: int, *, admitted: bool) -> list[Claim]:
        nonlocal last
        last = start if admitted else last
        above = [last, *range(start + 1, start + TOGETHER)]
        return [
            Claim(f"hf:{name}/m{start + n + 1}", (Parent(f"hf:{name}/m{one}", "finetune"),), None)
            for n, one in enumerate(above)
        ]

    for start in range(0, length, TOGETHER):
        yield lambda admitted, start=start: some(start, admitted=admitted)


def chains(count: int) -> Iterator[Part]:
    """Claim so many chains, each as long as one statement."""
    for number in range(count):
        yield from chain(f"chain{number}", TOGETHER)


def lattice() -> Iterator[Part]:
    """Claim levels of models each merged from all those of the level before, one level in a statement."""
    for level in range(1, LEVELS):
        above = tuple(Parent(f"hf:lattice/m{level - 1}-{n}", "merge") for n in range(WIDTH))
        claimed = [Claim(f"hf:lattice/m{level}-{n}", above, None) for n in range(WIDTH)]
        yield lambda _, claimed=claimed: claimed


def said(one: Measured, what: str, statements: Iterable[Part]) -> None:
    """Publish all of it; tell how much was admitted, how long the longest took, and the first refusal."""
    admitted, refused, longest, words = 0, 0, 0.0, ""
    fits = True
    for number, part in enumerate(statements):
        some = part(fits)
        try:
            longest = max(longest, once(lambda: one.home.say("publisher", statement(what, some, number))))  # noqa: B023
            admitted, fits = admitted + len(some), True
        except Refused as error:
            refused, fits = refused + len(some), False
            words = words or str(error)
    print(
        f"  {what}: {admitted} models admitted, {refused} refused, the longest statement took {longest:.1f} s"
    )
    if words:
        print(f"    {words}")


def statement(what: str, some: list[Claim], number: int) -> Statement:
    return claims.statement(f"{what}.jsonl", f"{number:064x}", some, number)


def p99(ask: Callable[[], object], n: int) -> float:
    return 1e3 * statistics.quantiles((once(ask) for _ in range(n)), n=100)[98]


def asked(one: Measured) -> dict[str, Callable[[], object]]:
    """Return the questions and writes of others."""
    return {
        "list the adapter's descendants": one.listed(one.adapters[0], 10_000),
        "list a page of the hub's": one.listed(one.hub, 1_000),
        "list ancestors": one.above,
        "insert a child of 5": one.inserts(one.any),
    }


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--size", type=int, default=100_000)
    ask.add_argument("--chains", type=int, default=5)
    ask.add_argument("--on", choices=["sqlite", "postgresql"], default="sqlite")
    ask.add_argument("-n", type=int, default=300)
    given = ask.parse_args()
    with databases(given.on) as database, tempfile.TemporaryDirectory() as folder:
        hub = drawn(given.size, SEED)
        one = Measured(filled(Path(folder) / "home", hub, database), hub, given.n)
        questions = asked(one)
        before: dict[str, list[float]] = {what: [] for what in questions}
        after: dict[str, list[float]] = {what: [] for what in questions}
        for what, how in questions.items():
            once(how)
            before[what] = [p99(how, given.n) for _ in range(ROUNDS)]
        said(one, "chain", chain("chain", CHAIN))
        said(one, "more chains", chains(given.chains))
        said(one, "lattice", lattice())
        for what, how in questions.items():
            after[what] = [p99(how, given.n) for _ in range(ROUNDS)]
    for what in questions:
        was, now = statistics.median(before[what]), statistics.median(after[what])
        print(f"  {what:32} p99 {was:7.2f} ms before, {now:7.2f} ms after: {now / was - 1:+.0%}")


if __name__ == "__main__":
    main()
