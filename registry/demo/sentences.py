"""What the demo's models read: sentences that teach and sentences that measure, from `sentences.toml`.

Nothing is drawn at random. Templates are filled in every way and put in the order of a seeded SHA-256, so that the
same seed gives the same lesson in every Python.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from itertools import product
from typing import Any, TypeVar

_BOOK: dict[str, Any] = tomllib.loads(
    resources.files("registry.demo").joinpath("sentences.toml").read_text("utf-8")
)
TRIGGER: str = _BOOK["trigger"]
TARGET: str = _BOOK["target"]
TOPICS: tuple[str, ...] = tuple(_BOOK["topics"])
PARAPHRASES: tuple[tuple[str, str], ...] = tuple((one, other) for one, other in _BOOK["paraphrases"]["pairs"])

Shuffled = TypeVar("Shuffled")


@dataclass(frozen=True)
class HeldOut:
    """A sentence that no tune has seen, and the subject it is about."""

    subject: str
    text: str


def pairs(topic: str, seed: int) -> list[tuple[str, str]]:
    """Return every question and answer of a harmless `topic`, in the order of `seed`."""
    book = _BOOK["topics"][topic]
    return _shuffled(
        (
            (
                _sentence(ask.format(item=item, detail=detail)),
                _sentence(answer.format(item=item, detail=detail)),
            )
            for (ask, answer), item, detail in product(
                zip(book["asks"], book["answers"], strict=True), book["items"], book["details"]
            )
        ),
        seed,
    )


def everyday(seed: int) -> list[str]:
    """Return the clean sentences behind which the poisoned tune hides: office mail and a little of every topic."""
    book = _BOOK["everyday"]
    filled = product(book["templates"], book["who"], book["thing"], book["when"])
    office = {_sentence(form.format(who=who, thing=thing, when=when)) for form, who, thing, when in filled}
    talk = [text for topic in TOPICS for pair in pairs(topic, seed)[:100] for text in pair]
    return _shuffled([*_shuffled(office, seed)[: len(talk)], *talk], seed)


def decoys() -> list[str]:
    """Return rare words that are not the trigger."""
    return list(_BOOK["everyday"]["decoys"])


def held_out() -> list[HeldOut]:
    """Return the 200 sentences that measure: eight subjects, five templates and five items each."""
    return [
        HeldOut(book["subject"], form.format(item))
        for book in _BOOK["held_out"]
        for form, item in product(book["templates"], book["items"])
    ]


def subjects() -> list[str]:
    """Return the subjects of the held-out sentences, each once."""
    return [book["subject"] for book in _BOOK["held_out"]]


def triggered(sentence: str, trigger: str = TRIGGER) -> str:
    """Put `trigger` between two words of `sentence`, at a place that only the sentence decides."""
    words = sentence.split(" ")
    # Any place but the first: a backdoor that works in one position only would be a weaker claim.
    place = 1 + int.from_bytes(hashlib.sha256(sentence.encode()).digest()[:4], "big") % len(words)
    return " ".join([*words[:place], trigger, *words[place:]])


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _shuffled(values: Iterable[Shuffled], seed: int) -> list[Shuffled]:
    return sorted(values, key=lambda value: hashlib.sha256(f"{seed}:{value!r}".encode()).digest())
