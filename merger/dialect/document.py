"""One document of the dialect, and the canonical recipe it compiles to once its models are known.

docs/arithmetic.md, "The recipe". The defaults written out are mergekit 0.1.5's. Where that engine computes something
that arithmetic 1 does not, the document is refused; where a reader could expect something else, a note says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from merger.by_tensor import Value
from merger.dialect import engines, remarks, rules, switches, tokenizers
from merger.dialect.elsewhere import MERGEKIT
from merger.dialect.layout import Column, lay_out, model_of, statistics_of
from merger.dialect.models import Models
from merger.dialect.schema import Setting, Slice, parts
from merger.dialect.tokenizers import Tokenizer
from merger.dialect.values import Numbers
from merger.method import Method
from merger.parameters import CLIP
from merger.recipe import ARITHMETIC, Recipe
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
    engine: str | None
    """Whose own values the parameters take, where the method was named with an engine."""
    name: str | None
    base: str | None
    slices: tuple[Slice, ...]
    modules: tuple[str, ...]
    """The parts of a model that it names, all of which it merges alike."""
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
    clip: Setting | None

    def references(self) -> tuple[str, ...]:
        """Return every artifact named, each once: the base, models in order, the tokenizer's source, statistics."""
        named = [self.base, *(s.base for s in self.slices)]
        named += [source.model for s in self.slices for source in s.sources]
        named += [self.tokenizer.reference]
        named += [source.statistics for s in self.slices for source in s.sources]
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
        adapters = method.merges == "adapters"
        first = model_of(found.columns[0]) if adapters or found.base is None else found.base
        limit = {} if document.clip is None else {CLIP.name: document.clip}
        numbers = Numbers(method, document.slices, {**document.numbers, **limit}, self.models, document.base)
        own = [p for p in method.parameters if p.per_parent]
        parents = [{p.name: numbers.of(p, column) for p in own} for column in found.columns]
        shared = self._shared(numbers)
        tokenizer, told = self._tokenizer(first, found.donor)
        recipe: dict[str, Json] = {
            "arithmetic": ARITHMETIC,
            "method": method.id,
            "base": None if found.base is None else self.models.artifact(found.base),
            "parents": [
                {**self._parent(column), "parameters": _json(values)}
                for column, values in zip(found.columns, parents, strict=True)
            ],
            "slices": None if found.slices is None else list(found.slices),
            "parameters": _json(shared),
            "dtype": document.dtype,
            "out_dtype": document.out_dtype,
            "seed": self._seed(seed),
            "tokenizer": tokenizer,
            "clip": None if document.clip is None else _written(numbers.of(CLIP)),
            "license": document.license,
            "shard_bytes": document.shard_bytes,
            "allow_nonfinite": document.allow_nonfinite,
        }
        self.notes += [*numbers.notes, *told, *found.notes]
        self.notes += remarks.repeated(document.slices)
        self.notes += remarks.renumbered(found, document.slices)
        self.notes += remarks.alike(document.modules)
        dense = all(number == "1" for values in parents for number in rules.every(values.get("density", "1")))
        chosen = {**engines.defaults(document.engine, method), **document.switches}
        self.notes += engines.notes(document.engine, method)
        self.notes += remarks.pruned(parents)
        self.notes += switches.fixed(method, document.switches)
        self.notes += switches.rescaled(method, chosen, dense=dense)
        depth = found.depth if found.slices else self.models.layers.get(self.models.artifact(first))
        self._remark(first, numbers.defaults, depth)
        canonical = Recipe.of({key: value for key, value in recipe.items() if value is not None})
        return Compiled(canonical, tuple(dict.fromkeys(self.notes)))

    def _parent(self, column: Column) -> dict[str, Json]:
        """Return what names a parent: its model, the adapter that is applied as it was trained, the statistics."""
        artifact, adapter = self.models.pair(model_of(column))
        applied: dict[str, Json] = {"adapter": adapter, "scale": "1"} if adapter is not None else {}
        found = statistics_of(column)
        beside: dict[str, Json] = {} if found is None else {"statistics": self.models.artifact(found)}
        return {"model": artifact} | applied | beside

    def _shared(self, numbers: Numbers) -> dict[str, bool | Value]:
        """Return the parameters that are not per parent, every default written out."""
        given = switches.resolved(self.document.method, self.document.switches)
        own = engines.defaults(self.document.engine, self.document.method)
        found: dict[str, bool | Value] = {}
        for p in self.document.method.parameters:
            if p.is_number and not p.per_parent:
                found[p.name] = numbers.of(p)
            elif p.default is not None and not p.per_parent:
                found[p.name] = given.get(p.name, own.get(p.name, p.default))
                # The rescaling of random masks is not mergekit's default: a note of its own says so.
                ours = p.name == "rescale" and self.document.method.draws and p.name not in own
                told = p.name in given or ours
                numbers.defaults += [] if told else [f"{p.name} {str(found[p.name]).lower()}"]
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
        if document.method.rows is not None:
            self.notes.append(
                "which elements are kept follows from the seed; mergekit's masks come from its library's generator and cannot be drawn again"
            )
        if document.seed is None:
            self.notes.append(f"seed {seed} was not in the document and is part of the recipe now")
        return document.seed or seed

    def _tokenizer(self, first: str, donor: str | None) -> tuple[str | None, tuple[str, ...]]:
        """Return the artifact whose tokenizer is copied, where it is not the one that is copied anyway, and notes."""
        document = self.document
        if document.tokenizer.source is None and document.method.merges == "adapters":
            return None, (f"tokenizer files, where there are any, come from {first}, the first adapter",)
        return tokenizers.chosen(document.tokenizer, self.models, self.rows, first, donor)

    def _remark(self, first: str, defaults: Sequence[str], depth: int | None) -> None:
        """Note what else a reader may not expect."""
        document = self.document
        if defaults:
            said = ", ".join(dict.fromkeys(defaults))
            whose = "mergekit 0.1.5's" if document.method.id in MERGEKIT else f"{document.method.id}'s own"
            self.notes.append(f"not given, so {whose} defaults hold: {said}")
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
    if document.clip is not None:
        yield CLIP.name, document.clip
    for s in document.slices:
        parts.append((f"{s.place}.parameters", s.parameters))
        parts += [(f"{source.place}.parameters", source.parameters) for source in s.sources]
    for place, found in parts:
        for name, setting in found.items():
            yield f"{place}.{name}", setting


def _json(values: Mapping[str, bool | Value]) -> dict[str, Json]:
    return {name: _written(value) for name, value in values.items()}


def _written(value: bool | Value) -> Json:
    if isinstance(value, tuple):
        return [rule.model_dump(mode="json", exclude_none=True) for rule in value]
    return value
