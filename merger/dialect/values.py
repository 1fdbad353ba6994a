"""A parameter's value over all tensors, from what source, slice and document say of it, with every default written out.

Levels fall through to each other: source, slice, top level, mergekit's default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from merger.by_tensor import Rule, Value
from merger.dialect import rules
from merger.dialect.layout import Column, model_of
from merger.dialect.models import Models
from merger.dialect.schema import Choice, Setting, Slice, Source
from merger.method import Method
from merger.parameters import Parameter
from signing.errors import Malformed

# Rules times layers times parents, and what a gradient goes by: some hundred times what people write, and a second of work.
MOST_NUMBERS = 30_000


@dataclass
class Numbers:
    """Resolves number parameters one by one, and collects what to tell about them."""

    method: Method
    slices: Sequence[Slice]
    top: Mapping[str, Setting]
    models: Models
    base: str | None
    notes: list[str] = field(default_factory=list)
    defaults: list[str] = field(default_factory=list)
    """Which defaults were written out, in words."""
    _size: int = 0

    def of(self, p: Parameter, column: Column | None = None) -> Value:
        """Return a number over all layers: one parent's, or the merge's where there is no column."""
        sources = column if column is not None else [None] * len(self.slices)
        settings = [
            None if column is not None and source is None else self._setting(p, s, source)
            for s, source in zip(self.slices, sources, strict=True)
        ]
        given = [setting for setting in settings if setting is not None]
        lengths = [s.length for s in self.slices]
        if lengths == [0] and rules.has_gradient(given):
            lengths = [self.models.common_depth(self._layered())]
        rules_of_all = max(1, sum(lengths)) * max(len(setting) for setting in given)
        anchors = sum(len(choice.anchors) for setting in given for choice in setting)
        self._size += max(rules_of_all, anchors)
        if self._size > MOST_NUMBERS:
            raise Malformed(f"the recipe would hold more than {MOST_NUMBERS} numbers; use fewer rules")
        value = rules.value(p.name, list(zip(settings, lengths, strict=True)))
        if 1 in lengths and rules.has_gradient(given):
            self.notes.append(f"{p.name}: a slice of one layer takes the last value of a gradient")
        if isinstance(value, tuple) and any(rule.by_layer for rule in value):
            whose = f" of {model_of(column)}" if column else ""
            self.notes.append(f"{p.name}{whose}: {_outside(value)}")
        return value

    def _layered(self) -> list[str]:
        """Return the models whose layers a gradient follows: adapters have those of the model they are for."""
        if self.method.merges == "models":
            return [source.model for source in self.slices[0].sources]
        if self.base is None:
            raise Malformed(
                f"a gradient follows the layers of a model: name the base_model that {self.method.id}'s adapters are for"
            )
        return [self.base]

    def _setting(self, p: Parameter, s: Slice, own: Source | None) -> Setting:
        """Return the complete setting of one slice, or of one source of it, down to the default."""
        default = (Choice(None, (p.default,)),) if isinstance(p.default, str) else None
        place = own.place if own else s.place if s.span else "parameters"
        written = [own.parameters.get(p.name)] if own else []
        written += [s.parameters.get(p.name), self.top.get(p.name)]
        setting = rules.chained([*written, default])
        if not setting:
            raise Malformed(f"{place}: {p.name} is missing, and {self.method.id} needs it")
        if setting[-1].contains is not None:
            raise Malformed(
                f"{place}: {p.name} has no value for tensors that no filter matches; add a rule without filter"
            )
        if not any(written):
            self.defaults.append(f"{p.name} {p.default}{f' for {own.model}' if own else ''}")
        return setting


def _outside(value: Sequence[Rule]) -> str:
    """Say what tensors outside the layers take, since they have no place on a gradient."""
    ruled = [rule for rule in value if rule.by_layer]
    before = " or ".join(dict.fromkeys(rule.before or rule.value for rule in ruled))
    after = " or ".join(dict.fromkeys(rule.value for rule in ruled))
    if before == after:
        return f"where it differs by layer, embeddings, final norm and head take its first value, {after}"
    return f"where it differs by layer, embeddings take {before}, the first slice's first value, and final norm and head {after}, the last's"
