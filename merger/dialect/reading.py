"""Reading a document: mergekit 0.1.5's configuration against a closed schema, place by place.

What the schema knows is mergekit's; `seed arithmetic shard_bytes allow_nonfinite license clip` at the top level are ours, and
so is `statistics` of a model.
"""

from __future__ import annotations

from merger.dialect import elsewhere, engines, listing, rules, schema, switches, tokenizers
from merger.dialect.document import Document
from merger.dialect.schema import Setting
from merger.dialect.text import Plain
from merger.method import Method
from merger.methods import METHODS
from merger.parameters import CLIP
from merger.recipe import ARITHMETIC, DTYPES, SHARD_BYTES
from signing.errors import Malformed

_TOP = (
    *(
        "merge_method",
        "base_model",
        "models",
        "slices",
        "modules",
        "parameters",
        "dtype",
        "out_dtype",
        "tokenizer_source",
        "tokenizer",
        "name",
    ),
    *("seed", "arithmetic", "shard_bytes", "allow_nonfinite", "license", "clip"),
)
_REFUSED = {
    "chat_template": "chat templates are copied from the tokenizer's source and not written by a merge",
}


def document(place: str, value: Plain) -> Document:
    """Read one document's value, or say which place of it is wrong and why."""
    if not isinstance(value, dict):
        raise Malformed(f"{place} is {schema.shown(value)}; write keys and values")
    for key, what in elsewhere.DOCUMENTS.items():
        if key in value:
            raise Malformed(f"{place}: {key!r} belongs to {what}")
    # First, because another method has other keys.
    method, engine = _method(value.get("merge_method"))
    top = _top(place, value)
    numbers, words = _parameters(method, top.get("parameters", {}))
    modules = {
        name: (*_parameters(method, own), tuple(listing.slices(method, listed)))
        for name, (listed, own) in listing.modules(top).items()
    }
    listing.alike(modules)
    own, flags, slices = next(iter(modules.values()))
    numbers |= {name: rules.chained([setting, numbers.get(name)]) for name, setting in own.items()}
    if top.get("arithmetic", ARITHMETIC) not in (ARITHMETIC, int(ARITHMETIC)):
        raise Malformed(
            f"arithmetic is {schema.shown(top['arithmetic'])}; this version computes arithmetic {ARITHMETIC}"
        )
    base = top.get("base_model")
    return Document(
        method=method,
        engine=engine,
        name=_text("name", top.get("name")),
        base=None if base is None else schema.reference("base_model", base),
        slices=slices,
        modules=tuple(name for name in modules if name),
        numbers=numbers,
        switches=engines.spelled(engine, {**words, **flags}),
        dtype=_dtype("dtype", top.get("dtype")),
        out_dtype=_dtype("out_dtype", top.get("out_dtype")),
        tokenizer=tokenizers.read(top),
        seed=_count("seed", top.get("seed")),
        shard_bytes=_count("shard_bytes", top.get("shard_bytes")) or SHARD_BYTES,
        allow_nonfinite=schema.flag("allow_nonfinite", top.get("allow_nonfinite", False)),
        license=_text("license", top.get("license")),
        clip=None if "clip" not in top else _clip(top["clip"]),
    )


def _top(place: str, value: dict[str, Plain]) -> dict[str, Plain]:
    numbers = {p.name for method in METHODS.values() for p in method.parameters}
    for key in value:
        if key in _REFUSED:
            raise Malformed(f"{place}: {key} is not supported: {_REFUSED[key]}")
        if key in numbers:
            raise Malformed(f"{place}: {key!r} stands at the top level; indent it under 'parameters'")
    return schema.mapping(place, value, _TOP)


def _method(value: Plain) -> tuple[Method, str | None]:
    if value is None:
        raise Malformed(f"merge_method is missing; known are {', '.join(sorted(METHODS))}")
    name, engine = engines.parted(str(value))
    method = METHODS.get(name) if isinstance(value, str) else None
    if method is None:
        raise Malformed(
            f"merge_method is {schema.shown(value)}, {elsewhere.reason(name)}; known are {', '.join(sorted(METHODS))}"
        )
    return method, engine


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
            # mergekit has a flag where arithmetic 1 has words.
            words[name] = inner if name in extra and isinstance(inner, bool) else _word(place, inner)
        else:
            words[name] = schema.flag(place, inner)
    return numbers, words


def _clip(value: Plain) -> Setting:
    found = schema.setting(CLIP.name, CLIP, value)
    if found[-1].contains is not None:
        raise Malformed("clip has no value for tensors that no filter matches; add a rule without filter")
    return found


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


def _count(place: str, value: Plain) -> str | None:
    if value is None:
        return None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 20 or (text != "0" and text[0] == "0"):
        raise Malformed(f"{place} is {schema.shown(value)}; write a whole number of at most 20 digits")
    return text
