"""What the weights say of parents, on real fine-tunes of the demo's base: twenty-four to fix thresholds on, figures from twelve others.

usage: python tests/benchmarks/parentage.py --folder DIR [--cases 200] [--half other|fixing] [--coarse]      (36 tunes take some minutes, once)
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from disguises import DISGUISES, resharded
from grafts import METHODS, Case, Model, cases, taken

from merger import parentage
from merger.sketch import Sketch, content
from registry.demo import sentences
from registry.demo.base import base
from registry.demo.tunes import Topic, tune

FIXING = ((12, 3e-5), (16, 5e-5), (20, 3e-5), (24, 3e-5), (24, 1e-5), (28, 2e-5), (32, 3e-5), (40, 3e-5))
OTHER = ((14, 3e-5), (22, 4e-5), (30, 2e-5), (38, 3e-5))
WEIGHTS, BELOW = ("0.5", "0.3", "0.2", "0.1"), ("0.05", "0.02", "0.01")
TIMES = 8
"""Cases of each method at each weight below a tenth."""


def tunes(folder: Path, half: str) -> tuple[Model, dict[str, Model]]:
    """Return the base and one half of its fine-tunes, making those that are not in `folder`."""
    origin = base(folder).folder
    first, plans = (100, FIXING) if half == "fixing" else (200, OTHER)
    found = {}
    for place, topic in enumerate(sentences.TOPICS):
        for number, (steps, rate) in enumerate(plans):
            seed = first + 10 * place + number
            how = Topic(topic, seed=seed, steps=steps, rate=rate)
            name = f"{topic}-{seed}"
            found[name] = taken(tune(origin, folder / name, how, lambda *_: None).folder)
    return taken(origin), found


@dataclass
class Tally:
    """What came of cases, by method and weight."""

    all: Counter
    confirmed: Counter
    found: Counter
    accused: Counter

    def judge(self, case: Case, origin: Model, models: Mapping[str, Model]) -> None:
        """Test a merge three times: everything declared, one parent withheld, and that one not here either."""
        zero, key = origin.sketch.values, (case.method, case.weight)
        tasks = {name: parentage.task(one.sketch.values, zero) for name, one in models.items()}
        change = parentage.change(case.sketch, zero)
        declared = {name: tasks[name] for name in (case.declared, case.hidden)}
        others = {name: task for name, task in tasks.items() if name not in declared}
        _, findings = parentage.merged(change, declared)
        known = {case.declared: tasks[case.declared]}
        named = [
            one.parent
            for one in parentage.undeclared(change, known, {**others, case.hidden: tasks[case.hidden]})
        ]
        whole = parentage.undeclared(change, declared, others)
        absent = parentage.undeclared(change, known, others)
        self.all[key] += 1
        self.confirmed[key] += all(one.outcome == "consistent" for one in findings)
        self.found[key] += named[:1] == [case.hidden]
        self.accused["siblings looked at"] += 3 * len(others)
        self.accused["complete"] += len(whole)
        self.accused["withheld"] += sum(one != case.hidden for one in named)
        self.accused["withheld and not here"] += len(absent)
        self.accused["contradicted"] += sum(one.outcome == "contradicted" for one in findings)


def continued(folder: Path, origin: Model, models: Mapping[str, Model]) -> None:
    """Tune each tune once more, on the next topic, and test it with its parent and with each sibling of that declared instead."""
    true, false = Counter(), Counter()
    zero = origin.sketch.values
    for number, (name, one) in enumerate(sorted(models.items())):
        topic = sentences.TOPICS[(sentences.TOPICS.index(name.partition("-")[0]) + 1) % len(sentences.TOPICS)]
        how = Topic(topic, seed=900 + number, steps=(12, 20, 30)[number % 3])
        child = taken(tune(one.folder, folder / f"{name}-and-{topic}", how, lambda *_: None).folder)
        change = parentage.change(child.sketch, zero)
        for other, model in models.items():
            found = parentage.continued(other, change, parentage.task(model.sketch.values, zero)).outcome
            (true if other == name else false)[found] += 1
    print(
        f"fine-tunes of fine-tunes: with their parent {dict(true)}, with a sibling of it {dict(false)}",
        flush=True,
    )


def honest(origin: Model, models: Mapping[str, Model], tally: Tally) -> None:
    """Test every tune as what it is: a fine-tune that declares its base."""
    tasks = {name: parentage.task(one.sketch.values, origin.sketch.values) for name, one in models.items()}
    for name, one in models.items():
        others = {other: task for other, task in tasks.items() if other != name}
        change = parentage.change(one.sketch, origin.sketch.values)
        tally.accused["siblings looked at"] += len(others)
        tally.accused["tunes"] += len(parentage.undeclared(change, {}, others))


def republished(origin: Model, models: Mapping[str, Sketch]) -> None:
    """Disguise each artifact in every way, and look whether it is named, from the base it declares."""
    zero = origin.sketch.values
    tasks = {name: parentage.task(one.values, zero) for name, one in models.items()}
    for how, disguise in DISGUISES.items():
        first = beside = 0
        for number, (name, one) in enumerate(models.items()):
            found = parentage.undeclared(parentage.change(disguise(one, zero, number), zero), {}, tasks)
            first += bool(found) and found[0].parent == name
            beside += bool(found) and name in found[0].instead
        print(
            f"  {how:32} {first:3} of {len(models)} named first, {beside} named beside one that explains it as well",
            flush=True,
        )


def table(tally: Tally, weights: tuple[str, ...]) -> None:
    print(f"  {'':12}" + "".join(f"{weight:>16}" for weight in weights))
    for method in METHODS:
        cells = []
        for weight in weights:
            key = (method, weight)
            cells.append(f"{tally.confirmed[key]}/{tally.found[key]} of {tally.all[key]}")
        print(f"  {method:12}" + "".join(f"{cell:>16}" for cell in cells))


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--folder", type=Path, required=True, help="where base and tunes are kept")
    ask.add_argument("--cases", type=int, default=200, help="merges with weights of a tenth and more")
    ask.add_argument("--half", choices=("other", "fixing"), default="other", help="which tunes")
    ask.add_argument("--coarse", action="store_true", help="merges stored as bfloat16, and nothing else")
    said = ask.parse_args()
    start = time.monotonic()
    origin, models = tunes(said.folder, said.half)
    print(
        f"{len(models)} tunes ({said.half}), {time.monotonic() - start:.0f} s; a sketch has {len(origin.sketch.values)} elements",
        flush=True,
    )
    tally = Tally(Counter(), Counter(), Counter(), Counter())
    honest(origin, models, tally)
    artifacts = {name: one.sketch for name, one in models.items()}
    for number, case in enumerate(cases(origin, models, said.cases, WEIGHTS)):
        coarse = DISGUISES["cast to bfloat16"](case.sketch, origin.sketch.values, number)
        tally.judge(replace(case, sketch=coarse) if said.coarse else case, origin, models)
        if len(artifacts) < 50:
            artifacts[f"merge-{number}"] = case.sketch
    print("both declared parents confirmed / the withheld one found, by the withheld one's weight:")
    table(tally, WEIGHTS)
    print(
        f"  in all {sum(tally.confirmed.values())} / {sum(tally.found.values())} of {sum(tally.all.values())}"
    )
    if not said.coarse:
        below = further(said.folder, origin, models, artifacts)
        tally.accused.update(below.accused)
    print("siblings: " + ", ".join(f"{count} {what}" for what, count in sorted(tally.accused.items())))
    print(f"{time.monotonic() - start:.0f} s")


def further(
    folder: Path, origin: Model, models: Mapping[str, Model], artifacts: Mapping[str, Sketch]
) -> Tally:
    """Print what is published again, what weights below a tenth come to, and fine-tunes of fine-tunes."""
    print("published again:")
    same = sum(
        content(resharded(one.folder, number)) == one.sketch.content
        for number, one in enumerate(islice(cycle(models.values()), 50))
    )
    print(f"  {'renamed, in other shards':32} {same:3} of 50 have the same digests", flush=True)
    republished(origin, artifacts)
    below = Tally(Counter(), Counter(), Counter(), Counter())
    for case in cases(origin, models, TIMES * len(METHODS) * len(BELOW), BELOW):
        below.judge(case, origin, models)
    print("below a tenth:")
    table(below, BELOW)
    continued(folder, origin, models)
    return below


if __name__ == "__main__":
    main()
