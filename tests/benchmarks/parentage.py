"""What the weights say of parents, on real fine-tunes of the demo's base: twenty-four to fix thresholds on, figures from twelve others.

usage: python tests/benchmarks/parentage.py --folder DIR [--cases 200] [--below 96] [--half other|fixing] [--coarse 64]
(36 tunes take some minutes, once)
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

import numpy as np
from disguises import DISGUISES, HIDING, disguised, resharded
from grafts import METHODS, Case, Model, cases, taken

from merger import parentage
from merger.republished import suspected
from merger.sketch import Sketch, Values, content
from registry.demo import sentences
from registry.demo.base import base
from registry.demo.tunes import Topic, tune

FIXING = ((12, 3e-5), (16, 5e-5), (20, 3e-5), (24, 3e-5), (24, 1e-5), (28, 2e-5), (32, 3e-5), (40, 3e-5))
OTHER = ((14, 3e-5), (22, 4e-5), (30, 2e-5), (38, 3e-5))
WEIGHTS, BELOW = ("0.5", "0.3", "0.2", "0.1"), ("0.05", "0.02", "0.01")


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

    @classmethod
    def empty(cls) -> "Tally":
        """Return one of no cases."""
        return cls(Counter(), Counter(), Counter(), Counter())

    def judge(self, case: Case, origin: Model, models: Mapping[str, Model]) -> None:
        """Test a merge three times: everything declared, one parent withheld, and that one not here either."""
        zero, key = origin.sketch.values, (case.method, case.weight)
        values = {name: one.sketch.values for name, one in models.items()}
        declared = {name: values[name] for name in (case.declared, case.hidden)}
        others = {name: one for name, one in values.items() if name not in declared}
        tasks = {name: parentage.task(one, zero) for name, one in declared.items()}
        _, findings = parentage.merged(parentage.change(case.sketch, zero), tasks)
        known = {case.declared: values[case.declared]}
        hidden = {case.hidden: values[case.hidden]}
        named = [one.parent for one in suspected(case.sketch, zero, known, others | hidden)]
        whole = suspected(case.sketch, zero, declared, others)
        absent = suspected(case.sketch, zero, known, others)
        if len(others) > 1 and case.sketch.half is not None:
            self.swapped(case, zero, others, values)
        self.all[key] += 1
        self.confirmed[key] += all(one.outcome == "consistent" for one in findings)
        self.found[key] += named[:1] == [case.hidden]
        self.accused["siblings looked at"] += 3 * len(others)
        self.accused["complete"] += len(whole)
        self.accused["withheld"] += sum(one != case.hidden for one in named)
        self.accused["withheld and not here"] += len(absent)
        self.accused["contradicted"] += sum(one.outcome == "contradicted" for one in findings)

    def swapped(
        self, case: Case, zero: Values, others: Mapping[str, Values], values: Mapping[str, Values]
    ) -> None:
        """Declare, in place of the second parent, the sibling that is most like it."""
        hidden = parentage.task(values[case.hidden], zero)
        near = {name: parentage.task(one, zero) for name, one in others.items()}
        most = max(near, key=lambda name: abs(near[name] @ hidden) / np.linalg.norm(near[name]))
        tasks = {case.declared: parentage.task(values[case.declared], zero), most: near[most]}
        _, findings = parentage.merged(parentage.change(case.sketch, zero), tasks)
        self.accused["siblings declared in its place"] += 1
        self.accused["of which consistent"] += findings[1].outcome == "consistent"


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
    """Test every tune as what it is: a fine-tune that declares its base; and so once it is stored coarsely, or under noise."""
    zero = origin.sketch.values
    for name, one in models.items():
        others = {other: model.sketch.values for other, model in models.items() if other != name}
        for how, child in {"tunes": one.sketch, **disguised(one.sketch, zero, HIDING)}.items():
            tally.accused["siblings looked at"] += len(others)
            tally.accused[how] += len(suspected(child, zero, {}, others))


def republished(origin: Model, models: Mapping[str, Sketch]) -> None:
    """Disguise each artifact in every way, and look whether it is named, from the base it declares."""
    zero = origin.sketch.values
    values = {name: one.values for name, one in models.items()}
    for how, disguise in DISGUISES.items():
        first = beside = 0
        for number, (name, one) in enumerate(models.items()):
            found = suspected(disguise(one, zero, number), zero, {}, values)
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
    ask.add_argument("--below", type=int, default=96, help="merges with weights below that")
    ask.add_argument("--half", choices=("other", "fixing"), default="other", help="which tunes")
    ask.add_argument("--coarse", type=int, default=64, help="merges that are judged as bfloat16, too")
    said = ask.parse_args()
    start = time.monotonic()
    origin, models = tunes(said.folder, said.half)
    print(
        f"{len(models)} tunes ({said.half}), {time.monotonic() - start:.0f} s; a sketch has {len(origin.sketch.values)} elements",
        flush=True,
    )
    tally, rounded = Tally.empty(), Tally.empty()
    honest(origin, models, tally)
    artifacts = {name: one.sketch for name, one in models.items()}
    for number, case in enumerate(cases(origin, models, said.cases, WEIGHTS)):
        tally.judge(case, origin, models)
        if number < said.coarse:
            rounded.judge(coarse(case, origin), origin, models)
        if len(artifacts) < 50:
            artifacts[f"merge-{number}"] = case.sketch
    print("both declared parents confirmed / the withheld one found, by the withheld one's weight:")
    table(tally, WEIGHTS)
    print("stored as bfloat16:")
    table(rounded, WEIGHTS)
    further(said, origin, models, artifacts, (tally, rounded))
    for what, one in (("", tally), (", stored as bfloat16", rounded)):
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(one.accused.items()))
        print(
            f"{sum(one.confirmed.values())} / {sum(one.found.values())} of {sum(one.all.values())}{what}; siblings: {counted}"
        )
    print(f"{time.monotonic() - start:.0f} s")


def coarse(case: Case, origin: Model) -> Case:
    """Return a merge as it is stored as bfloat16."""
    return replace(case, sketch=DISGUISES["cast to bfloat16"](case.sketch, origin.sketch.values, 0))


def further(
    said: argparse.Namespace,
    origin: Model,
    models: Mapping[str, Model],
    artifacts: Mapping[str, Sketch],
    tallies: tuple[Tally, Tally],
) -> None:
    """Print what is published again, what weights below a tenth come to, and fine-tunes of fine-tunes."""
    print("published again:")
    republished(origin, artifacts)
    tally, rounded = tallies
    for number, case in enumerate(cases(origin, models, said.below, BELOW)):
        tally.judge(case, origin, models)
        if number < said.coarse:
            rounded.judge(coarse(case, origin), origin, models)
    print("below a tenth:")
    table(tally, BELOW)
    print("below a tenth, stored as bfloat16:")
    table(rounded, BELOW)
    continued(said.folder, origin, models)
    same = sum(
        content(resharded(one.folder, number)) == one.sketch.content
        for number, one in enumerate(islice(cycle(models.values()), 50))
    )
    print(f"renamed, in other shards: {same} of 50 have the same digests", flush=True)


if __name__ == "__main__":
    main()
