"""Reading what a document merges: its models, or its slices with their sources, or those of its modules.

Which tensors a module has, mergekit looks up in a table of architectures: by prefixes in some of them, name by name in others.
No document says it. So modules that are all defined alike are one merge of whole models, and others are refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merger.dialect import schema, switches
from merger.dialect.schema import Slice, Source
from merger.dialect.text import Plain
from merger.method import Method
from signing.errors import Malformed

# More than any architecture has.
_MOST_MODULES = 16
# As many parents as a recipe holds.
_MOST_MODELS = 1000


def modules(top: Mapping[str, Plain]) -> dict[str, tuple[dict[str, Plain], dict[str, Plain]]]:
    """Return, by the name of each module, its models or slices and its own parameters; one without name where there are none."""
    if "modules" not in top:
        return {"": ({key: top[key] for key in ("models", "slices") if key in top}, {})}
    named = top["modules"]
    if not isinstance(named, dict) or not named:
        raise Malformed(f"modules is {schema.shown(named or None)}; write keys and values")
    if len(named) > _MOST_MODULES:
        raise Malformed(f"modules names {len(named)} parts; a model has at most {_MOST_MODULES}")
    for key in ("models", "slices"):
        if key in top:
            raise Malformed(f"write either modules or {key}, and not both")
    return {name: _module(f"modules.{name}", value) for name, value in named.items()}


def _module(place: str, value: Plain) -> tuple[dict[str, Plain], dict[str, Plain]]:
    listed = schema.mapping(place, value, ("models", "slices", "parameters"))
    own = listed.pop("parameters", {})
    if not isinstance(own, dict):
        raise Malformed(f"{place}.parameters is {schema.shown(own)}; write keys and values")
    return listed, own


def alike(read: Mapping[str, object]) -> None:
    """Refuse modules that are not all defined alike, and say how to write what they mean."""
    first = next(iter(read))
    for name, found in read.items():
        if found != read[first]:
            raise Malformed(
                f"modules.{name} is merged in another way than modules.{first}, and which tensors a module has is said nowhere in the document; list the models once, and give their parameters by filters on tensors' names, such as weight: [{{filter: vision_tower., value: 0}}, {{value: 1}}]"
            )


def slices(method: Method, top: Mapping[str, Plain]) -> Iterator[Slice]:
    """Yield the slices of a document; one without layer ranges where it lists models."""
    if ("models" in top) == ("slices" in top):
        raise Malformed("write either models or slices, and not both")
    if "slices" in top and method.merges == "adapters":
        raise Malformed(
            f"slices are cut from models, and {method.id} merges adapters whole; list them under models"
        )
    if "models" in top:
        models = _models("models", top["models"])
        yield Slice("models", tuple(_source(method, f"models.{i}", m) for i, m in enumerate(models)))
        return
    for i, item in enumerate(schema.sequence("slices", top["slices"])):
        place = f"slices.{i}"
        found = schema.mapping(place, item, ("sources", "parameters", "base_model"))
        listed = _models(f"{place}.sources", found.get("sources"))
        spans = [_span(f"{place}.sources.{j}", source) for j, source in enumerate(listed)]
        for j, (start, end) in enumerate(spans):
            if end - start != spans[0][1] - spans[0][0]:
                raise Malformed(
                    f"{place}.sources.{j} takes the {end - start} layers {[start, end]} and its first source {list(spans[0])}; sources of a slice take equally many"
                )
        base = found.get("base_model")
        numbers = [p for p in method.parameters if p.is_number]
        flags = [p.name for p in method.parameters if not p.is_number] + list(switches.names(method))
        yield Slice(
            place,
            tuple(
                _source(method, f"{place}.sources.{j}", source, span)
                for j, (source, span) in enumerate(zip(listed, spans, strict=True))
            ),
            schema.parameters(f"{place}.parameters", method, found.get("parameters", {}), numbers, flags),
            None if base is None else schema.reference(f"{place}.base_model", base),
        )


def _models(place: str, value: Plain) -> list[Plain]:
    found = schema.sequence(place, value)
    if len(found) > _MOST_MODELS:
        raise Malformed(f"{place} lists {len(found)} models; a recipe has at most {_MOST_MODELS} parents")
    return found


def _source(method: Method, place: str, value: Plain, span: tuple[int, int] | None = None) -> Source:
    keys = ("model", "parameters", "statistics", *(() if span is None else ("layer_range",)))
    found = schema.mapping(place, value, keys)
    own = [p for p in method.parameters if p.per_parent]
    shared = [p.name for p in method.parameters if not p.per_parent]
    elsewhere = (*shared, *switches.names(method))
    model = schema.reference(f"{place}.model", found.get("model"))
    alone, adapter = schema.parts(model)
    if adapter is not None and method.merges == "adapters":
        raise Malformed(
            f"{place}.model is {model}; {method.id} merges adapters with each other: write {adapter}, and base_model: {alone} to say what they are for"
        )
    return Source(
        place,
        model,
        schema.parameters(f"{place}.parameters", method, found.get("parameters", {}), own, elsewhere),
        span,
        _statistics(method, place, found.get("statistics")),
    )


def _statistics(method: Method, place: str, value: Plain) -> str | None:
    """Return the statistics of a model, as written: for a method that needs them, and for no other."""
    if (method.statistics is None) != (value is None):
        raise Malformed(
            f"{place}: {method.id} takes no statistics"
            if method.statistics is None
            else f"{place}: statistics is missing, and {method.id} needs those of kind {method.statistics.kind}"
        )
    if value is None:
        return None
    found = schema.reference(f"{place}.statistics", value)
    if schema.parts(found)[1] is not None:
        raise Malformed(f"{place}.statistics is {found}; name one artifact, which takes no adapter")
    return found


def _span(place: str, value: Plain) -> tuple[int, int]:
    span = value.get("layer_range") if isinstance(value, dict) else None
    match span:
        case [start, end] if type(start) is int and type(end) is int and 0 <= start < end:
            return start, end
        case _:
            raise Malformed(f"{place}.layer_range is {span!r:.80}; write [first, end] with 0 <= first < end")
