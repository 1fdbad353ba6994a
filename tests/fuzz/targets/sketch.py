"""Sketches: one that is read is written in one way, fits itself, and can be compared whatever its values are."""

import numpy as np
from fuzz.words import JSON, members, texts

from merger import parentage
from merger.paired import fitted
from merger.sketch import Sketch

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("v content tensors name dtype shape values"),
    *texts(("1", "F64", "F32", "F16", "BF16", "AACAfw==", "AADAfw==", "")),
    *JSON,
)


def read(data: bytes) -> None:
    found = Sketch.parse(data)
    again = Sketch.parse(found.encode())
    assert again.encode() == found.encode()
    assert again.family == found.family
    own = fitted(found, again)
    assert own is not None
    assert np.array_equal(own, found.values, equal_nan=True)
    made = parentage.change(found, np.zeros_like(own))
    task = parentage.task(own, np.zeros_like(own))
    _, (finding,) = parentage.merged(made, {"a": task})
    assert np.isfinite(finding.value)
    assert finding.outcome != "contradicted"
    for suspect in parentage.undeclared(made, {}, {"a": task, "b": 2 * task}):
        assert np.isfinite(suspect.value)
    assert np.isfinite(parentage.likeness(found, own))
