"""Merge configurations to write in a line, and compiling them with made-up artifacts."""

import hashlib
from collections.abc import Mapping

from merger.by_tensor import value_at
from merger.dialect import Compiled, Document, parse


def artifact(reference: str) -> str:
    return f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"


def compiled(
    document: Document | str, layers: int = 4, seed: str | None = None, rows: Mapping[str, int] | None = None
) -> Compiled:
    """Compile a document; `rows` says which references carry row maps, of how many rows."""
    if isinstance(document, str):
        (document,) = parse(document)
    ids = {reference: artifact(reference) for reference in document.references()}
    mapped = {artifact(reference): size for reference, size in (rows or {}).items()}
    return document.compile(ids, dict.fromkeys(ids.values(), layers), seed, mapped)


def at(found: Compiled, parent: int, parameter: str, tensor: str) -> str:
    return value_at(found.recipe.parents[parent].parameters[parameter], tensor)


def merge(method: str, parameters: str = "{}", first: str = "{weight: 1}", rest: str = "") -> str:
    return (
        f"merge_method: {method}\nbase_model: you/base\nmodels:\n  - {{model: you/a, parameters: {first}}}\n"
        f"  - {{model: you/b, parameters: {{weight: 1}}}}\nparameters: {parameters}\n{rest}"
    )


def slerp(t: str, rest: str = "") -> str:
    return f"merge_method: slerp\nbase_model: a\nmodels: [{{model: a}}, {{model: b}}]\nparameters:\n  t: {t}\n{rest}"


def sliced(*slices: str) -> str:
    listed = "".join(f"  - {{{s}}}\n" for s in slices)
    return f"merge_method: linear\nparameters: {{weight: 1}}\nslices:\n{listed}"
