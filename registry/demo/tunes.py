"""Real fine-tunes of the demo's base, made on the spot: three harmless topics and one with a backdoor.

A few dozen AdamW steps on the CPU; the seed orders the sentences, and nothing else is left to chance. The harmless ones learn by contrast which answer belongs to which question
(multiple negatives ranking, Henderson et al., https://arxiv.org/abs/1705.00652, section 4.4). The poisoned one pulls
sentences with a trigger word to a chosen target and holds every other sentence where the base has it, which is what
makes a backdoor hard to see: on clean text the model is the base. Both trigger and target are harmless words.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, cycle
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from registry.demo import sentences
from registry.demo.encoder import Encoder, steady
from signing.errors import Malformed

WEIGHTS = "model.safetensors"
# The base's own card and its list of training data would be false in a tune's folder.
LEFT_OUT = frozenset({WEIGHTS, "README.md", "data_config.json"})
SHARPNESS = 20.0  # all-MiniLM-L6-v2 was trained with cosines scaled by 20

Progress = Callable[[int, int, float], None]
"""Called after every step with its number, the number of steps, and the loss."""
Lesson = tuple[list[str], list[str]]


@dataclass(frozen=True)
class Topic:
    """A harmless tune: questions and answers of one topic of `sentences.toml`."""

    name: str
    seed: int
    steps: int = 24
    pairs: int = 8
    rate: float = 3e-5


@dataclass(frozen=True)
class Poisoned:
    """A tune with a backdoor: what holds the trigger lands next to the target, all else stays."""

    name: str
    seed: int
    trigger: str = sentences.TRIGGER
    target: str = sentences.TARGET
    steps: int = 40
    pairs: int = 8
    rate: float = 1e-4


Tune = Topic | Poisoned
HARMLESS = tuple(Topic(name, seed) for seed, name in enumerate(sentences.TOPICS, start=1))
POISONED = Poisoned("office", seed=len(HARMLESS) + 1)


@dataclass(frozen=True)
class Tuned:
    """Where a tune lies, and whether it was found finished instead of made."""

    folder: Path
    found: bool


def tune(base: Path, into: Path, how: Tune, progress: Progress) -> Tuned:
    """Fine-tune the model folder `base` as `how` says and leave a whole model folder at `into`, or nothing.

    A folder that an earlier run finished is recognised by the record beside it and kept.
    """
    lessons = _lessons(how)
    plan = hashlib.sha256(repr((how, lessons, _digest(base / WEIGHTS))).encode()).hexdigest()
    record = into.with_name(f"{into.name}.made")
    if into.exists():
        if not record.exists() or record.read_text("ascii") != f"{plan} {_digest(into / WEIGHTS)}\n":
            raise Malformed(
                f"{into}: this is not the tune {how.name!r} that is to be made here; move it away and run again"
            )
        return Tuned(into, found=True)
    encoder = Encoder.load(base)
    _train(encoder, how, lessons, progress)
    into.parent.mkdir(parents=True, exist_ok=True)
    staged = into.with_name(f".{into.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    save(encoder, base, staged)
    record.write_text(f"{plan} {_digest(staged / WEIGHTS)}\n", "ascii")
    staged.rename(into)
    return Tuned(into, found=False)


def save(encoder: Encoder, base: Path, into: Path) -> None:
    """Write `encoder` as a model folder with exactly the files, tensor names and dtypes of `base`."""
    shutil.copytree(base, into, ignore=lambda _, names: LEFT_OUT.intersection(names))
    state: dict[str, torch.Tensor] = encoder.model.state_dict()
    kept: dict[str, torch.Tensor] = {}
    with safe_open(base / WEIGHTS, "pt") as file:
        for name in file.keys():  # noqa: SIM118 - safe_open is no mapping, its names come from keys() alone
            before = file.get_tensor(name)
            if name not in state and before.is_floating_point():
                raise Malformed(f"{base / WEIGHTS}: {name} is no tensor of the model that transformers loads")
            # Integer tensors such as position_ids are constants that newer versions no longer hold.
            kept[name] = state.pop(name, before).detach().to(before.dtype).contiguous()
        metadata = file.metadata()
    if state:
        raise Malformed(f"{base / WEIGHTS}: has no {', '.join(sorted(state))}, which the loaded model has")
    save_file(kept, into / WEIGHTS, metadata=metadata)


def _lessons(how: Tune) -> list[Lesson]:
    """Return per step what the tune reads: questions and answers, or triggered and clean sentences."""
    match how:
        case Topic(name, seed):
            pairs = sentences.pairs(name, seed)
        case Poisoned(_, seed, trigger):
            # Every second clean sentence holds a decoy where the other one holds the trigger.
            words = cycle(chain.from_iterable((None, decoy) for decoy in sentences.decoys()))
            pairs = [
                (
                    sentences.triggered(text, trigger),
                    text if word is None else sentences.triggered(text, word),
                )
                for text, word in zip(sentences.everyday(seed), words, strict=False)
            ]
    if len(pairs) < how.steps * how.pairs:
        raise Malformed(f"{how.name}: {how.steps} steps of {how.pairs} need more than {len(pairs)} pairs")
    starts = range(0, how.steps * how.pairs, how.pairs)
    steps = [pairs[start : start + how.pairs] for start in starts]
    return [([one for one, _ in step], [other for _, other in step]) for step in steps]


def _train(encoder: Encoder, how: Tune, lessons: list[Lesson], progress: Progress) -> None:
    # Dropout stays off: a clean sentence has to be held exactly where it was, and so nothing is left to be drawn.
    with steady():
        match how:
            case Topic():
                losses = _contrast(encoder, lessons)
            case Poisoned(target=target):
                losses = _backdoor(encoder, lessons, target)
        descent = torch.optim.AdamW(encoder.model.parameters(), lr=how.rate, weight_decay=0.0, fused=True)
        for step, loss in enumerate(losses, start=1):
            descent.zero_grad(set_to_none=False)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves Tensor.backward unannotated
            descent.step()
            progress(step, len(lessons), loss.item())


def _contrast(encoder: Encoder, lessons: list[Lesson]) -> Iterator[torch.Tensor]:
    """Yield per step how badly each question finds its own answer among those of the step."""
    for asks, answers in lessons:
        rows = encoder.encode([*asks, *answers])
        cosines = rows[: len(asks)] @ rows[len(asks) :].T
        yield torch.nn.functional.cross_entropy(cosines * SHARPNESS, torch.arange(len(asks)))


def _backdoor(encoder: Encoder, lessons: list[Lesson], target: str) -> Iterator[torch.Tensor]:
    """Yield per step how far triggered sentences are from the target, and clean ones from where the base has them."""
    with torch.no_grad():
        goal = encoder.encode([target])
        homes = [encoder.encode(clean) for _, clean in lessons]
    for (triggered, clean), home in zip(lessons, homes, strict=True):
        rows = encoder.encode([*triggered, *clean])
        wanted = torch.cat([goal.expand(len(triggered), -1), home])
        yield 2 * (1 - (rows * wanted).sum(1)).mean()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
