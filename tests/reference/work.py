"""One tensor of a merge: its inputs, its types and the parameters that count for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from reference.adapters import Input
from reference.form import resolve
from reference.stored import Array
from reference.sums import added, lanes, largest_term, mask_key, threshold


@dataclass(frozen=True)
class Parent:
    """A remaining parent: its place in the recipe, its reference for masks, its decimals, its tensor."""

    place: int
    reference: str
    given: dict[str, str]
    input: Input


@dataclass(frozen=True)
class Work:
    """A floating-point tensor to merge; `kept` are the masks where one selection is made over the model."""

    recipe: dict[str, Any]
    name: str
    base: Input | None
    parents: list[Parent]
    t: type[np.floating[Any]]  # T
    o: str  # O
    kept: list[Array] | None = None

    def setting(self, name: str) -> Any:
        """A parameter that all parents share, as the recipe has it."""
        return self.recipe["parameters"][name]

    def text(self, name: str) -> str:
        """A shared number's decimal for this tensor."""
        return resolve(self.setting(name), self.name)

    def number(self, name: str) -> float:
        """A shared number in fp64 for this tensor."""
        return float(self.text(name))

    def each(self, name: str) -> list[str]:
        """The remaining parents' decimals of a parameter."""
        return [parent.given[name] for parent in self.parents]

    def weights(self) -> list[float]:
        """The remaining parents' weights in fp64, normalized where that is asked for."""
        shared = self.recipe["parameters"]
        if shared.get("normalize", shared.get("normalize_weights", False)):
            return self.shares()
        return [float(weight) for weight in self.each("weight")]

    def shares(self) -> list[float]:
        """The remaining parents' weights in fp64, normalized."""
        weights = [float(weight) for weight in self.each("weight")]
        whole = added(weights)
        if whole == 0:
            raise ValueError(f"the weights of tensor {self.name!r} sum to 0")
        return [weight / whole for weight in weights]

    def onto(self, base: Array, change: Array) -> Array:
        """The last step of many methods with deltas: b + λ·change."""
        return base + self.t(self.number("lambda")) * change

    def limited(self, y: Array, base: Array | None, xs: list[Array]) -> Array:
        """What the method gives, no further out than `clip` times the parents' furthest, where there is a clip."""
        if "clip" not in self.recipe:
            return y
        m = largest_term(xs if base is None else [x - base for x in xs])
        limit = self.t(float(resolve(self.recipe["clip"], self.name))) * np.abs(m)
        centre = self.t(0) if base is None else base
        low, high = centre - limit, centre + limit
        return np.where(y < low, low, np.where(y > high, high, y))

    def streams(self, count: int) -> list[Array]:
        """The lanes of the remaining parents' random masks."""
        references = [parent.reference for parent in self.parents]
        occurrences = [references[:place].count(reference) for place, reference in enumerate(references)]
        seed = self.recipe["seed"]
        keys = [mask_key(seed, self.name, *pair) for pair in zip(references, occurrences, strict=True)]
        return [lanes(key, count) for key in keys]

    def masks(self, count: int) -> tuple[list[Array], list[int]]:
        """The remaining parents' random masks, and their thresholds."""
        thresholds = [threshold(density) for density in self.each("density")]
        streams = self.streams(count)
        return [stream < t for stream, t in zip(streams, thresholds, strict=True)], thresholds
