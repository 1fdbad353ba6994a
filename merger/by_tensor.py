"""Numbers by tensor: how a recipe gives a parameter one value, or rules by names and layers, and what is allowed of them.

docs/arithmetic.md, "The recipe".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from merger.method import Method
from merger.numbers import decimal
from merger.parameters import Parameter
from merger.slices import layer_of, stands_before
from signing.errors import Malformed

Number = Annotated[str, AfterValidator(decimal)]


class Rule(BaseModel):
    """One value of a parameter, for tensors whose name contains a text, layer by layer where it says so."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    contains: str | None = Field(default=None, min_length=1)
    by_layer: tuple[Number, ...] | None = Field(default=None, min_length=1)
    before: Number | None = None
    value: Number

    def at(self, tensor: str) -> str:
        """Return the decimal that holds for `tensor`."""
        layer = layer_of(tensor)
        if layer is None and self.before is not None and stands_before(tensor):
            return self.before
        if self.by_layer is None or layer is None:
            return self.value
        if layer >= len(self.by_layer):
            raise Malformed(
                f"{tensor}: layer {layer}, but the recipe gives values for {len(self.by_layer)} layers"
            )
        return self.by_layer[layer]

    def values(self) -> tuple[str, ...]:
        """Return every decimal this rule can give."""
        return (self.value, *(self.by_layer or ()), *((self.before,) if self.before is not None else ()))


# Whether a text is a decimal or a word is for the method to say: its parameters know.
Value = str | tuple[Rule, ...]


def value_at(value: Value, tensor: str) -> str:
    """Return the decimal that a parameter has for `tensor`."""
    if isinstance(value, str):
        return value
    # The schema makes the last rule catch all, so one always matches.
    return next(rule.at(tensor) for rule in value if rule.contains is None or rule.contains in tensor)


def check_parameters(
    where: str,
    method: Method,
    allowed: Sequence[Parameter],
    given: dict[str, Value] | dict[str, Value | bool],
) -> None:
    """Refuse parameters that a method does not have in this place, those that it lacks, and values that it does not allow."""
    by_name = {p.name: p for p in allowed}
    for name in given:
        if name not in by_name:
            known = ", ".join(by_name) or "none"
            raise Malformed(f"{where}: {method.id} has no parameter {name!r} there; it has {known}")
    for parameter in allowed:
        if parameter.name not in given:
            raise Malformed(f"{where}: {method.id} needs {parameter.name!r}")
        check_value(f"{where}.{parameter.name}", parameter, given[parameter.name])


def check_value(where: str, parameter: Parameter, value: Value | bool) -> None:
    """Refuse a value, or a rule's, that the parameter does not allow."""
    if isinstance(value, tuple):
        if any((rule.contains is None) != (rule is value[-1]) for rule in value) or not value:
            raise Malformed(f"{where}: every rule but the last, and no other, says what a name contains")
        if not parameter.is_number:
            raise Malformed(f"{where}: rules give numbers by tensor, and this takes one {parameter.kind}")
        for rule in value:
            for text in rule.values():
                parameter.check(where, text)
    else:
        parameter.check(where, value)
