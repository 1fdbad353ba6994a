"""Merge a few small vectors by a method, and ask a method for its factors, in a line each."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from filling import packed, values
from strategies import Case, on_disk

from merger.method import Values
from merger.methods import METHODS


def gram(vectors: Sequence[Sequence[float]]) -> list[float]:
    """Return the inner products of vectors, i <= j, row by row."""
    rows = [np.asarray(v, np.float64) for v in vectors]
    with np.errstate(over="ignore"):
        return [float(x @ y) for i, x in enumerate(rows) for y in rows[i:]]


def factors(
    method: str,
    totals: Sequence[float],
    own: Sequence[Mapping[str, str]],
    shared: Mapping[str, str | bool] | None = None,
) -> list[float]:
    """Return the factor of each input that a method takes from Gram sums."""
    return list(METHODS[method].resolve(Values(own, _shared(method, shared)), totals))


def merged(
    method: str,
    parents: Sequence[Sequence[float] | np.ndarray],
    own: Sequence[Mapping[str, str]],
    shared: Mapping[str, Any] | None = None,
    base: Sequence[float] | np.ndarray | None = None,
    dtype: str = "F32",
) -> np.ndarray:
    """Return what a method makes of parents, each one tensor of one row, and of a base if there is one."""
    models = [{"w": packed(array, dtype)} for array in ([] if base is None else [base]) + list(parents)]
    first = len(models) - len(parents)
    recipe = {
        "arithmetic": "1",
        "method": method,
        "parents": [{"model": str(first + i), "parameters": dict(p)} for i, p in enumerate(own)],
        "parameters": _shared(method, shared),
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    } | ({} if base is None else {"base": "0"})
    with on_disk() as disk:
        return values(disk.tensors(Case(tuple(models), recipe))["w"])


def _shared(method: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what is given, and the words and flags that are not as they are by default."""
    words = [p for p in METHODS[method].parameters if not p.per_parent and not p.is_number]
    return {p.name: p.default for p in words} | dict(given or {})


def ulps(found: np.ndarray, wanted: np.ndarray, beside: np.ndarray | None = None) -> float:
    """Return the greatest distance, in ulps of what is wanted or of what it was computed beside, if that is larger."""
    size = np.abs(wanted) if beside is None else np.maximum(np.abs(wanted), np.abs(beside))
    return float(np.max(np.abs(found.astype(np.float64) - wanted) / np.spacing(size), initial=0))
