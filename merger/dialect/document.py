"""One document of the dialect, and the canonical recipe it compiles to once its models are known.

docs/arithmetic.md, "The recipe". The defaults written out are mergekit 0.1.5's. Where that engine computes something
that arithmetic 1 does not, the document is refused; where a reader could expect something else, a note says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from merger.dialect import layout, rules, switches
from merger.dialect.layout import Column, Models
from merger.dialect.schema import Choice, Setting, Slice
from merger.methods import Method, Parameter
from merger.recipe import ARITHMETIC, Recipe, Value
from signing.canonical import Json
from signing.errors import Malformed

# Rules times layers times parents: some hundred times what people write, and some seconds of work at most.
MOST_NUMBERS = 100_000


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
    tokenizer: str | None
    """A model as written, or `base`."""
    seed: str | None
    shard_bytes: str
    allow_nonfinite: bool
    license: str | None

    def references(self) -> tuple[str, ...]:
        """Return every model named, as written, each once: the base, models in order, the tokenizer's source."""
        named = [self.base, *(s.base for s in self.slices)]
        named += [source.model for s in self.slices for source in s.sources]
        named += [self.tokenizer if self.tokenizer != "base" else None]
        return tuple(dict.fromkeys(model for model in named if model is not None))

    def compile(
        self, artifacts: Mapping[str, str], layers: Mapping[str, int], seed: str | None = None
    ) -> Compiled:
        """Return the canonical recipe, and notes on what it holds beyond what was written.

        `artifacts` maps each of `references` to an artifact id, and `layers` artifact ids to their number of layers;
        `seed` is taken where the method draws masks and the document has none.
        """
        return _Compiling(self, Models(artifacts, layers)).compiled(seed)


@dataclass
class _Compiling:
    """One document with its models resolved, collecting notes and defaults on the way to the recipe."""

    document: Document
    models: Models
    notes: list[str] = field(default_factory=list)
    defaults: list[str] = field(default_factory=list)
    size: int = 0

    def compiled(self, seed: str | None) -> Compiled:
        """Return the recipe with its notes."""
        document, method = self.document, self.document.method
        base = layout.base_of(method, document.slices, document.base)
        columns, dropped = layout.columns(method, document.slices, base, self.models)
        layout.check_spans(document.slices, self.models)
        first = base if base is not None and method.needs_base else columns[0][0].model
        parents = [{p.name: self._number(p, c) for p in method.parameters if p.per_parent} for c in columns]
        shared = self._shared()
        recipe: dict[str, Json] = {
            "arithmetic": ARITHMETIC,
            "method": method.id,
            "base": self.models.artifact(first) if method.needs_base else None,
            "parents": [
                {"model": self.models.artifact(column[0].model), "parameters": _json(values)}
                for column, values in zip(columns, parents, strict=True)
            ],
            "parameters": _json(shared),
            "dtype": document.dtype,
            "out_dtype": document.out_dtype,
            "seed": self._seed(seed),
            "tokenizer": self._tokenizer(first, base),
            "license": document.license,
            "shard_bytes": document.shard_bytes,
            "allow_nonfinite": document.allow_nonfinite,
        }
        self.notes += dropped
        self.notes += _repeated(columns)
        dense = all(number == "1" for values in parents for number in rules.every(values.get("density", "1")))
        plain = (
            not shared.get("normalize")
            and shared.get("divide", "none") == "none"
            and shared.get("vote") != "unweighted"
        )
        self.notes += switches.rescaled(method, document.switches, dense=dense, plain=plain)
        self._remark(first)
        found = Recipe.of({key: value for key, value in recipe.items() if value is not None})
        return Compiled(found, tuple(dict.fromkeys(self.notes)))

    def _shared(self) -> dict[str, bool | Value]:
        """Return the parameters that are not per parent, every default written out."""
        given = switches.resolved(self.document.method, self.document.switches)
        found: dict[str, bool | Value] = {}
        for p in self.document.method.parameters:
            if p.is_number and not p.per_parent:
                found[p.name] = self._number(p, None)
            elif p.default is not None and not p.per_parent:
                found[p.name] = given.get(p.name, p.default)
                self.defaults += [f"{p.name} {str(p.default).lower()}"] if p.name not in given else []
        return found

    def _number(self, p: Parameter, column: Column | None) -> Value:
        """Return a number over all layers: one parent's, or the merge's where there is no column."""
        default = (Choice(None, (p.default,)),) if isinstance(p.default, str) else None
        settings: list[Setting] = []
        for i, s in enumerate(self.document.slices):
            place = column[i].place if column else s.place if s.span else "parameters"
            written = [column[i].parameters.get(p.name)] if column else []
            written += [s.parameters.get(p.name), self.document.numbers.get(p.name)]
            setting = rules.chained([*written, default])
            if not setting:
                raise Malformed(f"{place}: {p.name} is missing, and {self.document.method.id} needs it")
            if setting[-1].contains is not None:
                raise Malformed(
                    f"{place}: {p.name} has no value for tensors that no filter matches; add a rule without filter"
                )
            if not any(written):
                self.defaults.append(f"{p.name} {p.default}{f' for {column[i].model}' if column else ''}")
            settings.append(setting)
        lengths = [s.span[1] - s.span[0] if s.span else 0 for s in self.document.slices]
        if lengths == [0] and rules.has_gradient(settings):
            lengths = [self._depth()]
        self.size += max(1, sum(lengths)) * max(len(setting) for setting in settings)
        if self.size > MOST_NUMBERS:
            raise Malformed(f"the recipe would hold more than {MOST_NUMBERS} numbers; use fewer rules")
        value = rules.value(p.name, list(zip(settings, lengths, strict=True)))
        if 1 in lengths and rules.has_gradient(settings):
            self.notes.append(f"{p.name}: a slice of one layer takes the last value of a gradient")
        if isinstance(value, tuple) and any(rule.by_layer for rule in value):
            outside = " or ".join(dict.fromkeys(rule.value for rule in value if rule.by_layer))
            whose = f" of {column[0].model}" if column else ""
            self.notes.append(
                f"{p.name}{whose}: where a gradient counts, embeddings, final norm and head take its first value, {outside}"
            )
        return value

    def _depth(self) -> int:
        return self.models.depth([source.model for source in self.document.slices[0].sources])

    def _seed(self, seed: str | None) -> str | None:
        document = self.document
        if document.method.keeps != "random":
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

    def _tokenizer(self, first: str, base: str | None) -> str | None:
        """Return the artifact whose tokenizer is copied, where it is not the one that is copied anyway."""
        source = self.document.tokenizer
        if source == "base" and base is None:
            raise Malformed("tokenizer_source is 'base', but there is no base_model")
        if source is not None:
            self.notes.append(
                f"tokenizer_source: the tokenizer files of {base if source == 'base' else source} are copied and embedding rows are merged by position, so all models must have its vocabulary in its order"
            )
        chosen = base if source in (None, "base") else source
        if chosen is None:
            self.notes.append(
                f"there is no base_model, so tokenizer files come from {first}, the first model"
            )
            return None
        artifact = self.models.artifact(chosen)
        if artifact == self.models.artifact(first):
            return None
        if source is None:
            self.notes.append(
                f"tokenizer files come from {chosen}, the base model, but config.json from {first}, the first model"
            )
        return artifact

    def _remark(self, first: str) -> None:
        """Note what else a reader may not expect."""
        document = self.document
        if self.defaults:
            said = ", ".join(dict.fromkeys(self.defaults))
            self.notes.append(f"not given, so mergekit 0.1.5's defaults hold: {said}")
        if "int8_mask" in document.switches:
            self.notes.append("parameters.int8_mask changes nothing: votes are counted exactly either way")
        if document.dtype is None and document.out_dtype is None:
            self.notes.append(f"dtype is not given, so every tensor is written in the type it has in {first}")
        if document.name is not None:
            self.notes.append(f"name {document.name!r} is no part of the recipe")
        depth = self.models.layers.get(self.models.artifact(first))
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


def _repeated(columns: Sequence[Column]) -> Iterator[str]:
    for model, times in Counter(column[0].model for column in columns).items():
        if times > 1:
            yield f"{model} is listed {times} times and each counts; mergekit itself keeps only the first"


def _json(values: Mapping[str, bool | Value]) -> dict[str, Json]:
    return {
        name: [rule.model_dump(mode="json", exclude_none=True) for rule in value]
        if isinstance(value, tuple)
        else value
        for name, value in values.items()
    }
