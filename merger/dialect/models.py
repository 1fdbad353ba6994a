"""What a caller knows of the models that a document names: their artifacts and their depths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from merger.dialect.schema import parts
from signing.errors import Malformed

# No model is deeper, and a gradient over more would only cost memory.
MOST_LAYERS = 1000


@dataclass(frozen=True, slots=True)
class Models:
    """The artifact that each reference stands for, and each artifact's number of layers."""

    artifacts: Mapping[str, str]
    layers: Mapping[str, int]

    def artifact(self, model: str) -> str:
        """Return the artifact that a reference stands for; where it names an adapter too, the model's."""
        return self.pair(model)[0]

    def pair(self, model: str) -> tuple[str, str | None]:
        """Return the artifacts of a reference's model and of its adapter, if it names one."""
        alone, adapter = parts(model)
        for one in (alone, adapter or alone):
            if one not in self.artifacts:
                raise Malformed(f"{one} is not resolved to an artifact")
        return self.artifacts[alone], None if adapter is None else self.artifacts[adapter]

    def depth(self, model: str) -> int:
        """Return a model's number of layers."""
        count = self.layers.get(self.artifact(model))
        if count is None:
            raise Malformed(f"{model}: its number of layers is not known; gradients and slices need it")
        if not 0 < count <= MOST_LAYERS:
            raise Malformed(f"{model} has {count} layers; 1 to {MOST_LAYERS} are supported")
        return count

    def common_depth(self, models: Sequence[str]) -> int:
        """Return the number of layers, on which all of `models` agree."""
        counts = {model: self.depth(model) for model in models}
        first = models[0]
        for model, count in counts.items():
            if count != counts[first]:
                raise Malformed(
                    f"{first} has {counts[first]} layers and {model} has {count}; write slices to merge some of them"
                )
        return counts[first]
