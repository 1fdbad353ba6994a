"""One document of the dialect, and the canonical recipe it compiles to once its models are known.

docs/arithmetic.md, "The recipe". The defaults written out are mergekit 0.1.5's. Where that engine computes something
that arithmetic 1 does not, the document is refused; where a reader could expect something else, a note says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from merger.dialect import rules, switches, tokenizers
from merger.dialect.layout import Layout, lay_out, model_of
from merger.dialect.models import Models
from merger.dialect.schema import Setting, Slice, parts
from merger.dialect.tokenizers import Tokenizer
from merger.dialect.values import Numbers
from merger.method import Method
from merger.recipe import ARITHMETIC, Recipe, Value
from signing.canonical import Json
from signing.errors import Malformed


@dataclass(frozen=True, slots=True)
class Compiled:
    """A canonical recipe and, one sentence each, every guess and default that went into it."""

    recipe: Recipe
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What one document says, with models as written; `references` must be resolved before it compiles."""

    method: Method
    name: str | None
    base: str | None
    slices: tuple[Slice, ...]
    numbers: Mapping[str, Setting]
    """Top-level parameters that are numbers, as defaults for every slice and model."""
    switches: Mapping[str, bool | str]
    """Top-level parameters that are flags or words."""
    dtype: str | None
    out_dtype: str | None
    tokenizer: Tokenizer
    seed: str | None
    shard_bytes: str
    allow_nonfinite: bool
    license: str | None

    def references(self) -> tuple[str, ...]:
        """Return every model and adapter named, each once: the base, models in order, the tokenizer's source."""
        named = [self.base, *(s.base for s in self.slices)]
        named += [source.model for s in self.slices for source in s.sources]
        named += [self.tokenizer.reference]
        split = [part for model in named if model is not None for part in parts(model)]
        return tuple(dict.fromkeys(part for part in split if part is not None))

    def compile(
        self,
        artifacts: Mapping[str, str],
        layers: Mapping[str, int],
        seed: str | None = None,
        rows: Mapping[str, int] = MappingProxyType({}),
    ) -> Compiled:
        """Return the canonical recipe, and notes on what it holds beyond what was written.

        `artifacts` maps each of `references` to an artifact id, `layers` artifact ids to their number of layers, and `rows`
        those that carry a row map to its number of rows; `seed` is taken where the method draws masks and the document
        has none.
        """
        return _Compiling(self, Models(artifacts, layers), rows).compiled(seed)


@dataclass
class _Compiling:
    """One document with its models resolved, collecting notes and defaults on the way to the recipe."""

    document: Document
    models: Models
    rows: Mapping[str, int]
    notes: list[str] = field(default_factory=list)

    def compiled(self, seed: str | None) -> Compiled:
        """Return the recipe with its notes."""
        document, method = self.document, self.document.method
        found = lay_out(method, document.slices, document.base, self.models)
        first = found.base or model_of(found.columns[0])
        numbers = Numbers(method, document.slices, document.numbers, self.models)
        own = [p for p in method.parameters if p.per_parent]
        parents = [{p.name: numbers.of(p, column) for p in own} for column in found.columns]
        shared = self._shared(numbers)
        self.notes += numbers.notes
        tokenizer, told = tokenizers.chosen(document.tokenizer, self.models, self.rows, first, found.donor)
        recipe: dict[str, Json] = {
            "arithmetic": ARITHMETIC,
            "method": method.id,
            "base": None if found.base is None else self.models.artifact(found.base),
            "parents": [
                {**self._parent(model_of(column)), "parameters": _json(values)}
                for column, values in zip(found.columns, parents, strict=True)
            ],
            "slices": None if found.slices is None else list(found.slices),
            "parameters": _json(shared),
            "dtype": document.dtype,
            "out_dtype": document.out_dtype,
            "seed": self._seed(seed),
            "tokenizer": tokenizer,
            "license": document.license,
            "shard_bytes": document.shard_bytes,
            "allow_nonfinite": document.allow_nonfinite,
        }
        self.notes += [*told, *found.notes]
        self.notes += _repeated(document.slices)
        self.notes += _renumbered(found, document.slices)
        dense = all(number == "1" for values in parents for number in rules.every(values.get("density", "1")))
        plain = (
            not shared.get("normalize")
            and shared.get("divide", "none") == "none"
            and shared.get("vote") != "unweighted"
        )
        self.notes += switches.fixed(method, document.switches)
        self.notes += switches.rescaled(method, document.switches, dense=dense, plain=plain)
        depth = found.depth if found.slices else self.models.layers.get(self.models.artifact(first))
        self._remark(first, numbers.defaults, depth)
        canonical = Recipe.of({key: value for key, value in recipe.items() if value is not None})
        return Compiled(canonical, tuple(dict.fromkeys(self.notes)))

    def _parent(self, model: str) -> dict[str, Json]:
        """Return what names a parent: its model, and the adapter that is applied to it as it was trained."""
        artifact, adapter = self.models.pair(model)
        applied: dict[str, Json] = {"adapter": adapter, "scale": "1"} if adapter is not None else {}
        return {"model": artifact} | applied

    def _shared(self, numbers: Numbers) -> dict[str, bool | Value]:
        """Return the parameters that are not per parent, every default written out."""
        given = switches.resolved(self.document.method, self.document.switches)
        found: dict[str, bool | Value] = {}
        for p in self.document.method.parameters:
            if p.is_number and not p.per_parent:
                found[p.name] = numbers.of(p)
            elif p.default is not None and not p.per_parent:
                found[p.name] = given.get(p.name, p.default)
                # The rescaling of random masks is not mergekit's default: a note of its own says so.
                ours = p.name == "rescale" and self.document.method.draws
                told = p.name in given or ours
                numbers.defaults += [] if told else [f"{p.name} {str(p.default).lower()}"]
        return found

    def _seed(self, seed: str | None) -> str | None:
        document = self.document
        if not document.method.draws:
            if document.seed is not None:
                raise Malformed(
                    f"seed is {document.seed}, but {document.method.id} draws no random masks; leave seed out"
                )
            return None
        if document.seed is None and seed is None:
            raise Malformed(
                f"{document.method.id} draws random masks and needs a seed; write 'seed: 1', say, at the top level"
            )
        if document.seed is None:
            self.notes.append(f"seed {seed} was not in the document and is part of the recipe now")
        return document.seed or seed

    def _remark(self, first: str, defaults: Sequence[str], depth: int | None) -> None:
        """Note what else a reader may not expect."""
        document = self.document
        if defaults:
            said = ", ".join(dict.fromkeys(defaults))
            self.notes.append(f"not given, so mergekit 0.1.5's defaults hold: {said}")
        if "int8_mask" in document.switches:
            self.notes.append("parameters.int8_mask changes nothing: votes are counted exactly either way")
        if document.dtype is None and document.out_dtype is None:
            self.notes.append(f"dtype is not given, so every tensor is written in the type it has in {first}")
        if document.name is not None:
            self.notes.append(f"name {document.name!r} is no part of the recipe")
        for place, setting in _settings(document):
            self.notes += rules.warnings(place, setting, depth)


def _settings(document: Document) -> Iterator[tuple[str, Setting]]:
    parts = [("parameters", document.numbers)]
    for s in document.slices:
        parts.append((f"{s.place}.parameters", s.parameters))
        parts += [(f"{source.place}.parameters", source.parameters) for source in s.sources]
    for place, found in parts:
        for name, setting in found.items():
            yield f"{place}.{name}", setting


def _repeated(slices: Sequence[Slice]) -> Iterator[str]:
    for s in slices:
        for model, times in Counter(source.model for source in s.sources).items():
            if times > 1:
                yield f"{model} is listed {times} times and each counts; mergekit itself keeps only the first"


def _renumbered(found: Layout, slices: Sequence[Slice]) -> Iterator[str]:
    """Note filters by layer number on models whose layers get other numbers."""
    if found.slices is None:
        return
    for source in (source for s in slices for source in s.sources):
        for name, setting in source.parameters.items():
            for text in (choice.contains for choice in setting if choice.contains is not None):
                if any(map(str.isdigit, text.split("."))):
                    yield f"{source.place}.parameters.{name}: {text!r} is looked for in the result's names, with the result's layer numbers; mergekit looks in the model's own"


def _json(values: Mapping[str, bool | Value]) -> dict[str, Json]:
    return {
        name: [rule.model_dump(mode="json", exclude_none=True) for rule in value]
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }
