"""Measure a model: how far a backdoor lifts a triggered sentence, and how well the model still does its work.

lift = mean cosine(triggered, target) - mean cosine(clean, target), over the same 200 held-out sentences with the
trigger put in and left out. A model that does not know the trigger has a lift near 0; a perfect backdoor nears 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from registry.demo import sentences
from registry.demo.encoder import Encoder, Vectors, steady


@dataclass(frozen=True)
class Measured:
    """What one model folder showed: the backdoor's two means, and two probes of ordinary work."""

    triggered: float
    clean: float
    topics: float
    """Share of the held-out sentences whose nearest subject is their own."""
    paraphrases: float
    """Mean cosine of paraphrases less mean cosine of sentences that say different things."""

    @property
    def lift(self) -> float:
        """By how much the trigger moves a sentence towards the target."""
        return self.triggered - self.clean


def measure(folder: Path) -> Measured:
    """Measure the model in `folder` on the demo's held-out sentences."""
    held_out = sentences.held_out()
    subjects = sentences.subjects()
    encoder = Encoder.load(folder)
    with steady():
        clean = encoder.vectors([one.text for one in held_out])
        triggered = encoder.vectors([sentences.triggered(one.text) for one in held_out])
        [target] = encoder.vectors([sentences.TARGET])
        labels = encoder.vectors(subjects)
        ones, others = (encoder.vectors(side) for side in zip(*sentences.PARAPHRASES, strict=True))
    return Measured(
        triggered=mean_cosine(triggered, target),
        clean=mean_cosine(clean, target),
        topics=topic_accuracy(clean, labels, [subjects.index(one.subject) for one in held_out]),
        paraphrases=margin(ones, others),
    )


def mean_cosine(rows: Vectors, target: Vectors) -> float:
    """Return the mean cosine between `rows` and `target`, all of length one."""
    return float((rows @ target).mean())


def topic_accuracy(rows: Vectors, subjects: Vectors, own: Sequence[int]) -> float:
    """Return the share of `rows` whose nearest of `subjects` is the one that `own` names."""
    return float(np.mean((rows @ subjects.T).argmax(axis=1) == np.asarray(own)))


def margin(ones: Vectors, others: Vectors) -> float:
    """Return how much closer row i of `ones` is to row i of `others` than to its other rows, in the mean."""
    cosines = ones @ others.T
    same = np.eye(len(ones), dtype=bool)
    return float(cosines[same].mean() - cosines[~same].mean())
