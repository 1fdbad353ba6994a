"""Types in and out: widening is exact, narrowing rounds once, to nearest even, with one NaN per type.

docs/arithmetic.md, "Tensors", 2 and 5. fp64 to bf16 or fp16 through fp32 would round twice, and libraries differ in
their NaN payloads; so the first step rounds to odd, which keeps what the second needs (Boldo and Melquiond, "When
double rounding is odd", 2005, theorem 3: 24 >= 8 + 2 and 24 >= 11 + 2 bits).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_PLAIN: dict[str, Any] = {"F64": np.dtype("<f8"), "F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
_NAN = {"F64": 0x7FF8000000000000, "F32": 0x7FC00000, "F16": 0x7E00, "BF16": 0x7FC0}
_BITS: dict[str, np.dtype[Any]] = {"F64": np.dtype("<u8"), "F32": np.dtype("<u4"), "F16": np.dtype("<u2")}


def widen(raw: memoryview | bytes, stored: str, through: str | None = None) -> NDArray[Any]:
    """Read little-endian elements of `stored` type exactly; where `through` is given, round each once to it.

    Returns fp64 if the result is of type F64, else fp32, as a new array.
    """
    values = _exact(raw, stored)
    if through is None or through == stored:
        return values
    return _exact(narrow(values, through).tobytes(), through)


def narrow(values: NDArray[Any], out: str) -> NDArray[Any]:
    """Round fp32 or fp64 `values` once to type `out`; BF16 comes back as its 16-bit patterns."""
    nan = np.isnan(values)
    if out == "BF16":
        narrowed = _bf16(_to_odd(values))
    elif out == "F16":
        with np.errstate(over="ignore", invalid="ignore"):
            narrowed = _to_odd(values).astype(_PLAIN["F16"])
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            narrowed = values.astype(_PLAIN[out])
    if nan.any():
        patterns = narrowed if out == "BF16" else narrowed.view(_BITS[out])
        patterns[nan] = _NAN[out]
    return narrowed


def _exact(raw: memoryview | bytes, stored: str) -> NDArray[Any]:
    if stored == "BF16":
        patterns = np.frombuffer(raw, dtype="<u2")
        shifted: NDArray[np.uint32] = np.left_shift(patterns, 16, dtype=np.uint32)
        return shifted.view(np.float32)
    values: NDArray[Any] = np.frombuffer(raw, dtype=_PLAIN[stored])
    wide: NDArray[Any] = values.astype(np.float64 if stored == "F64" else np.float32)
    return wide


def _to_odd(values: NDArray[Any]) -> NDArray[np.float32]:
    """Round fp64 to fp32 towards zero, with the last bit set where anything was lost; fp32 passes."""
    if values.dtype == np.float32:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        nearest = values.astype(np.float32)
    back = nearest.astype(np.float64)
    inexact = (back != values) & ~np.isnan(values)
    # The pattern below a magnitude is the next one towards zero; from infinity it is the largest finite one.
    further = inexact & (np.abs(back) > np.abs(values))
    bits = nearest.view(np.uint32)
    odd: NDArray[np.uint32] = np.bitwise_or(bits - further.astype(np.uint32), inexact.astype(np.uint32))
    return odd.view(np.float32)


def _bf16(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round fp32 to bf16, to nearest even, on the bit patterns; NaN is the caller's to set."""
    bits = values.view(np.uint32)
    bias = np.right_shift(bits, 16)
    np.bitwise_and(bias, 1, out=bias)
    np.add(bias, 0x7FFF, out=bias)
    np.add(bits, bias, out=bias)
    return np.right_shift(bias, 16, out=bias).astype("<u2")
