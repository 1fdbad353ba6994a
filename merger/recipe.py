"""The canonical recipe: a closed schema whose digest names one merge and nothing else.

docs/arithmetic.md, "The recipe". Parents are artifact ids, numbers are decimal strings, every default is written out,
so that two recipes with one digest always make the same files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from merger.by_tensor import Number, Value, check_parameters, check_value
from merger.method import Method
from merger.methods import METHODS
from merger.parameters import CLIP
from merger.slices import Slice, Whole, check_slices
from signing import canonical
from signing.digest import parse_id
from signing.errors import Malformed, Refused

ARITHMETIC = "1"
DTYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
SHARD_BYTES = "5000000000"

Dtype = Literal["float64", "float32", "float16", "bfloat16"]


def _artifact(text: str) -> str:
    parse_id(text)
    return text


Artifact = Annotated[str, AfterValidator(_artifact)]
# Of one line, without what could rewrite the card around it.
Notice = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\p{C}\p{Zl}\p{Zp}]+$")]
_CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True)


class Parent(BaseModel):
    """One parent of a merge with its own parameters: a model, with an adapter at a scale or with statistics of it."""

    model_config = _CLOSED
    model: Artifact
    adapter: Artifact | None = None
    scale: Number | None = None
    statistics: Artifact | None = None
    parameters: dict[str, Value] = {}

    @model_validator(mode="after")
    def _scales_an_adapter(self) -> Parent:
        if (self.adapter is None) != (self.scale is None):
            has, lacks = ("adapter", "scale") if self.scale is None else ("scale", "adapter")
            raise Malformed(
                f"a parent with {has} needs {lacks}: an adapter is applied at a scale, usually '1'"
            )
        return self

    @property
    def reference(self) -> str:
        """Return what names this parent: its model, or `model+adapter@scale`."""
        return self.model if self.adapter is None else f"{self.model}+{self.adapter}@{self.scale}"


class Recipe(BaseModel):
    """What to merge, how, and with which seed; `digest` names it."""

    model_config = _CLOSED
    arithmetic: Literal["1"]
    method: str
    base: Artifact | None = None
    parents: tuple[Parent, ...] = Field(min_length=1, max_length=1000)
    slices: tuple[Slice, ...] | None = Field(default=None, min_length=1)
    parameters: dict[str, Value | bool] = {}
    dtype: Dtype | None = None
    out_dtype: Dtype | None = None
    seed: Whole | None = None
    tokenizer: Artifact | None = None
    clip: Value | None = None
    license: str | None = Field(default=None, min_length=1, max_length=200, pattern=r"^[A-Za-z0-9.+_-]+$")
    notices: tuple[Notice, ...] | None = Field(default=None, min_length=1, max_length=1000)
    """What the licenses of its inputs want the card to show."""
    shard_bytes: Whole = SHARD_BYTES
    allow_nonfinite: bool = False

    @model_validator(mode="after")
    def _holds_whatever_its_method(self) -> Recipe:
        rules = METHODS.get(self.method)
        if self.clip is not None and rules is not None and not rules.clips:
            raise Malformed(
                f"{self.method} makes elements of others than those in their places, which clip would compare them with; leave clip out"
            )
        if self.clip is not None:
            check_value("clip", CLIP, self.clip)
        if int(self.shard_bytes) < 1:
            raise Malformed("shard_bytes is 0; a shard holds at least one byte")
        return self

    @model_validator(mode="after")
    def _names_adapters_alone(self) -> Recipe:
        method = METHODS.get(self.method)
        if method is None or method.merges != "adapters":
            return self
        if self.slices is not None:
            raise Malformed(f"{self.method} merges adapters whole; slices are cut from models")
        for i, parent in enumerate(self.parents):
            if parent.adapter is not None:
                raise Malformed(
                    f"parents.{i}: {self.method} merges adapters themselves; name the adapter as the parent, without a model"
                )
            if parent.model == self.base:
                raise Malformed(
                    f"parents.{i} is the base; {self.method} merges adapters, and a base is a model"
                )
        return self

    @model_validator(mode="after")
    def _fits_its_method(self) -> Recipe:
        method = METHODS.get(self.method)
        if method is None:
            raise Malformed(f"method {self.method!r} is unknown; known are {', '.join(sorted(METHODS))}")
        if method.base != "either" and (method.base == "needed") != (self.base is not None):
            raise Malformed(f"{self.method} {'needs' if method.base == 'needed' else 'takes no'} base")
        if method.draws != (self.seed is not None):
            raise Malformed(f"{self.method} {'needs' if method.draws else 'takes no'} seed")
        few, many = method.parents
        if self.slices is not None:
            check_slices(self.slices, method, len(self.parents), based=self.base is not None)
            if self.parameters.get("scope") == "model":
                raise Malformed(
                    "scope: model compares all tensors of a parent; with slices write scope: tensor"
                )
        elif not few <= len(self.parents) <= (many or len(self.parents)):
            raise Malformed(f"{self.method} merges {method.wanted}, not {len(self.parents)}")
        _check_companions(method, self.base, self.parents)
        check_parameters(
            "parameters", method, [p for p in method.parameters if not p.per_parent], self.parameters
        )
        for i, parent in enumerate(self.parents):
            own = [p for p in method.parameters if p.per_parent]
            check_parameters(f"parents.{i}.parameters", method, own, parent.parameters)
        return self

    @classmethod
    def parse(cls, raw: bytes) -> Recipe:
        """Read a canonical recipe from JSON bytes, or say in a sentence what is wrong with it."""
        return cls.of(canonical.decode(raw))

    @classmethod
    def of(cls, value: canonical.Json) -> Recipe:
        """Build a recipe from a decoded JSON value."""
        _check_no_null("recipe", value)
        try:
            # Validating JSON text, not objects, lets arrays fill tuples in pydantic's strict mode.
            return cls.model_validate_json(canonical.encode(value))
        except ValidationError as error:
            raise Malformed(sentence("recipe", error)) from None

    def json_value(self) -> dict[str, canonical.Json]:
        """Return the recipe as the JSON value that is signed, without the members that do not apply."""
        return self.model_dump(mode="json", exclude_none=True)

    def encode(self) -> bytes:
        """Return the canonical bytes (RFC 8785)."""
        return canonical.encode(self.json_value())

    @property
    def digest(self) -> str:
        """Return SHA-256 over the canonical bytes, in hex."""
        return hashlib.sha256(self.encode()).hexdigest()

    @property
    def rules(self) -> Method:
        """Return the method this recipe names."""
        return METHODS[self.method]

    @property
    def first(self) -> str:
        """Return the artifact whose config and dtypes the result takes after: the base, else the first parent."""
        return self.base or self.parents[0].model

    def artifacts(self) -> tuple[str, ...]:
        """Return every artifact the merge reads, each once: base, parents with what stands beside them, tokenizer source."""
        parents = [artifact for p in self.parents for artifact in (p.model, p.adapter, p.statistics)]
        named = [self.base, *parents, self.tokenizer]
        return tuple(dict.fromkeys(a for a in named if a))


def _check_companions(method: Method, base: str | None, parents: Sequence[Parent]) -> None:
    """Refuse artifacts that cannot stand beside a parent's model, or are missing there."""
    models = {base, *(p.model for p in parents)}
    for word, found in (
        ("an adapter", {p.adapter for p in parents}),
        ("statistics", {p.statistics for p in parents}),
    ):
        both = [one for one in models & found if one is not None]
        if both:
            raise Malformed(f"{min(both)} is named as a model and as {word}; it is one of them")
    for i, parent in enumerate(parents):
        if method.statistics is None and parent.statistics is not None:
            raise Malformed(f"parents.{i}: {method.id} takes no statistics, and {parent.statistics} is named")
        if method.statistics is not None and parent.adapter is not None:
            raise Malformed(
                f"parents.{i}: {method.id} needs statistics of the model that is merged, and there are none of "
                f"{parent.reference}; merge the adapter into a model of its own first"
            )
        if method.statistics is not None and parent.statistics is None:
            raise Malformed(
                f"parents.{i}: {method.id} needs statistics of kind {method.statistics.kind} of {parent.model}"
            )


# Names that pydantic gives to the branches of a union, and faults whose message tells the value already.
_BRANCHES = frozenset({"str", "tuple[Rule, ...]", "bool"})
_TOLD = frozenset({"missing", "too_short", "too_long"})


def sentence(what: str, error: ValidationError) -> str:
    """Say the first fault of a validation in one sentence, with the place and the value."""
    # Where a value may be a text or a list of rules, the fault that lies deepest is the one that was meant.
    fault = max(error.errors(include_url=False), key=lambda e: len(e["loc"]))
    cause = fault.get("ctx", {}).get("error")
    where = ".".join(str(part) for part in fault["loc"] if part not in _BRANCHES)
    place = f"{what}: {where}" if where else what
    if isinstance(cause, Refused):
        return f"{place}: {cause}"
    if fault["type"] == "extra_forbidden":
        return f"{place}: unknown key"
    if fault["type"] == "string_pattern_mismatch":
        return f"{place}: {fault['input']!r:.80} is not of the form it must have"
    given = "" if fault["type"] in _TOLD else f", not {fault['input']!r:.80}"
    return f"{place}: {fault['msg'][0].lower()}{fault['msg'][1:]}{given}"


def _check_no_null(where: str, value: canonical.Json) -> None:
    # To leave a member out has one spelling, or one merge would have two signed recipes.
    if value is None:
        raise Malformed(f"{where} is null; leave out what does not apply")
    if isinstance(value, Mapping):
        for name, member in value.items():
            _check_no_null(f"{where}: {name}" if where == "recipe" else f"{where}.{name}", member)
    elif isinstance(value, list):
        for i, member in enumerate(value):
            _check_no_null(f"{where}.{i}", member)
