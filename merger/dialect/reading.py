"""Reading a document: mergekit 0.1.5's configuration against a closed schema, place by place.

What the schema knows is mergekit's; `seed arithmetic shard_bytes allow_nonfinite license` at the top level are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from merger.dialect import schema, switches
from merger.dialect.document import Document
from merger.dialect.schema import Setting, Slice, Source
from merger.dialect.text import Plain
from merger.methods import METHODS, Method
from merger.recipe import ARITHMETIC, DTYPES, SHARD_BYTES
from signing.errors import Malformed

_TOP = (
    *(
        "merge_method",
        "base_model",
        "models",
        "slices",
        "parameters",
        "dtype",
        "out_dtype",
        "tokenizer_source",
        "name",
    ),
    *("seed", "arithmetic", "shard_bytes", "allow_nonfinite", "license"),
)
_REFUSED = {
    "modules": "parts of a model are not merged separately by this version; where 'default' is the only module, write its slices or models at the top level",
    "tokenizer": "vocabularies are not rebuilt by this version; write tokenizer_source with the model whose tokenizer files to copy",
    "chat_template": "chat templates are copied from the tokenizer's source and not written by a merge",
}


def document(place: str, value: Plain) -> Document:
    """Read one document's value, or say which place of it is wrong and why."""
    if not isinstance(value, dict):
        raise Malformed(f"{place} is {schema.shown(value)}; write keys and values")
    # First, because another method has other keys.
    method = _method(value.get("merge_method"))
    top = _top(place, value)
    numbers, words = _parameters(method, top.get("parameters", {}))
    if top.get("arithmetic", ARITHMETIC) not in (ARITHMETIC, int(ARITHMETIC)):
        raise Malformed(
            f"arithmetic is {schema.shown(top['arithmetic'])}; this version computes arithmetic {ARITHMETIC}"
        )
    base = top.get("base_model")
    return Document(
        method=method,
        name=_text("name", top.get("name")),
        base=None if base is None else schema.reference("base_model", base),
        slices=tuple(_slices(method, top)),
        numbers=numbers,
        switches=words,
        dtype=_dtype("dtype", top.get("dtype")),
        out_dtype=_dtype("out_dtype", top.get("out_dtype")),
        tokenizer=_tokenizer(top.get("tokenizer_source")),
        seed=_count("seed", top.get("seed")),
        shard_bytes=_count("shard_bytes", top.get("shard_bytes")) or SHARD_BYTES,
        allow_nonfinite=schema.flag("allow_nonfinite", top.get("allow_nonfinite", False)),
        license=_text("license", top.get("license")),
    )


def _top(place: str, value: dict[str, Plain]) -> dict[str, Plain]:
    numbers = {p.name for method in METHODS.values() for p in method.parameters}
    for key in value:
        if key in _REFUSED:
            raise Malformed(f"{place}: {key} is not supported: {_REFUSED[key]}")
        if key in numbers:
            raise Malformed(f"{place}: {key!r} stands at the top level; indent it under 'parameters'")
    return schema.mapping(place, value, _TOP)


def _method(value: Plain) -> Method:
    if value is None:
        raise Malformed(f"merge_method is missing; known are {', '.join(sorted(METHODS))}")
    method = METHODS.get(value) if isinstance(value, str) else None
    if method is None:
        raise Malformed(
            f"merge_method is {schema.shown(value)}, which this version does not merge; it merges {', '.join(sorted(METHODS))}"
        )
    return method


def _slices(method: Method, top: Mapping[str, Plain]) -> Iterator[Slice]:
    if ("models" in top) == ("slices" in top):
        raise Malformed("write either models or slices, and not both")
    if "models" in top:
        models = schema.sequence("models", top["models"])
        yield Slice(
            "models", tuple(_source(method, f"models.{i}", m, "models") for i, m in enumerate(models))
        )
        return
    for i, item in enumerate(schema.sequence("slices", top["slices"])):
        place = f"slices.{i}"
        found = schema.mapping(place, item, ("sources", "parameters", "base_model"))
        listed = schema.sequence(f"{place}.sources", found.get("sources"))
        spans = [_span(f"{place}.sources.{j}", source) for j, source in enumerate(listed)]
        for j, span in enumerate(spans):
            if span != spans[0]:
                raise Malformed(
                    f"{place}.sources.{j} takes layers {list(span)} and its first source {list(spans[0])}; merging layers of different depth is not supported by this version"
                )
        base = found.get("base_model")
        numbers = [p for p in method.parameters if p.is_number]
        flags = [p.name for p in method.parameters if not p.is_number]
        yield Slice(
            place,
            tuple(_source(method, f"{place}.sources.{j}", s, "slices") for j, s in enumerate(listed)),
            spans[0],
            schema.parameters(f"{place}.parameters", method, found.get("parameters", {}), numbers, flags),
            None if base is None else schema.reference(f"{place}.base_model", base),
        )


def _source(method: Method, place: str, value: Plain, kind: str) -> Source:
    keys = ("model", "parameters") if kind == "models" else ("model", "parameters", "layer_range")
    found = schema.mapping(place, value, keys)
    own = [p for p in method.parameters if p.per_parent]
    shared = [p.name for p in method.parameters if not p.per_parent]
    return Source(
        place,
        schema.reference(f"{place}.model", found.get("model")),
        schema.parameters(
            f"{place}.parameters",
            method,
            found.get("parameters", {}),
            own,
            (*shared, *switches.names(method)),
        ),
    )


def _span(place: str, value: Plain) -> tuple[int, int]:
    span = value.get("layer_range") if isinstance(value, dict) else None
    match span:
        case [start, end] if type(start) is int and type(end) is int and 0 <= start < end:
            return start, end
        case _:
            raise Malformed(f"{place}.layer_range is {span!r:.80}; write [first, end] with 0 <= first < end")


def _parameters(method: Method, value: Plain) -> tuple[dict[str, Setting], dict[str, bool | str]]:
    if not isinstance(value, dict):
        raise Malformed(f"parameters is {schema.shown(value)}; write keys and values")
    by_name = {p.name: p for p in method.parameters}
    extra = switches.names(method)
    numbers: dict[str, Setting] = {}
    words: dict[str, bool | str] = {}
    for name, inner in value.items():
        schema.check_name("parameters", method, name, dict.fromkeys((*by_name, *extra)))
        if inner is None:
            continue
        place = f"parameters.{name}"
        if name in by_name and by_name[name].is_number:
            numbers[name] = schema.setting(place, by_name[name], inner)
        elif name == "consensus_method" or (name in by_name and by_name[name].choices):
            words[name] = _word(place, inner)
        else:
            words[name] = schema.flag(place, inner)
    return numbers, words


def _word(place: str, value: Plain) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{place} is {schema.shown(value)}; write a word")
    return value


def _text(place: str, value: Plain) -> str | None:
    if value is None:
        return None
    text = _word(place, value)
    if not text or len(text) > 200 or not text.isprintable():
        raise Malformed(f"{place} is {schema.shown(text)}; write at most 200 printable characters")
    return text


def _dtype(place: str, value: Plain) -> str | None:
    if value is None:
        return None
    text = _word(place, value).removeprefix("torch.")
    if text not in DTYPES:
        raise Malformed(f"{place} is {schema.shown(value)}; choose {', '.join(DTYPES)}")
    return text


def _tokenizer(value: Plain) -> str | None:
    if value is None or value == "base":
        return value if isinstance(value, str) else None
    if value == "union":
        raise Malformed(
            "tokenizer_source is 'union', which makes a vocabulary and embedding rows that no model has; name the model whose tokenizer files to copy"
        )
    return schema.reference("tokenizer_source", value)


def _count(place: str, value: Plain) -> str | None:
    if value is None:
        return None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or (text != "0" and text[0] == "0"):
        raise Malformed(f"{place} is {schema.shown(value)}; write a whole number of at most 20 digits")
    return text
