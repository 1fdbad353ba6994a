"""Blocks in torch, on any device: the only module of the merger that imports torch.

Reading, writing and masks pass through the NumPy kernels, whose integer code is the definition; elementwise arithmetic
runs on the device, with separate mul, add, sub and div only (fused or in-place `alpha` forms round differently).
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from merger.kernels import Bits, Compiler, Wide
from merger.kernels.blocks import NumpyKernels

_FLOAT = {"F32": torch.float32, "F64": torch.float64}
_SIGNED = {"F32": torch.int32, "F64": torch.int64}


class TorchKernels:
    """The operations of `Kernels` on torch tensors of one device."""

    compiler: Compiler | None = None

    def __init__(self, wide: Wide, device: str = "cpu") -> None:
        self.wide: Wide = wide
        self._host = NumpyKernels(wide)
        self._device = torch.device(device)
        self._float, self._signed = _FLOAT[wide], _SIGNED[wide]

    def widen(self, raw: memoryview, stored: str, through: str | None) -> torch.Tensor:
        """Read little-endian elements of type `stored`, rounded once to `through` where given, as T."""
        return torch.from_numpy(self._host.widen(raw, stored, through)).to(self._device)

    def narrow(self, x: torch.Tensor, out: str) -> bytes:
        """Add +0.0, round once to type `out`, with that type's one NaN, as little-endian bytes."""
        return self._host.narrow(x.cpu().numpy(), out)

    def not_finite(self, x: torch.Tensor) -> list[int]:
        """Return the indices of elements that are NaN or infinite."""
        finite = torch.isfinite(x)
        return [] if bool(finite.all()) else torch.nonzero(~finite).flatten().tolist()

    def add(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return x + y."""
        return torch.add(x, y)

    def sub(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return x - y."""
        return torch.sub(x, y)

    def scale(self, x: torch.Tensor, s: float) -> torch.Tensor:
        """Return x · round_T(s)."""
        return torch.mul(x, self._scalar(s))

    def total(self, terms: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the terms' sum, left to right from the first."""
        result = terms[0]
        for term in terms[1:]:
            result = torch.add(result, term)
        return result

    def mul(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return x · y."""
        return torch.mul(x, y)

    def absolute(self, x: torch.Tensor) -> torch.Tensor:
        """Return |x|."""
        return torch.abs(x)

    def fill(self, x: torch.Tensor, s: float) -> torch.Tensor:
        """Return round_T(s) for every element of x."""
        return self._scalar(s).expand_as(x).contiguous()

    def choose(self, mask: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return x where `mask` is set, else y."""
        return torch.bitwise_or(
            torch.bitwise_and(x.view(self._signed), mask), torch.bitwise_and(y.view(self._signed), ~mask)
        ).view(self._float)

    def exceeds(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mask of elements x > y."""
        return -(x > y).to(self._signed)

    def both(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Return the mask of elements that both masks keep."""
        return torch.bitwise_and(one, other)

    def without(self, mask: torch.Tensor) -> torch.Tensor:
        """Return the mask of the elements that `mask` does not keep."""
        return torch.bitwise_not(mask)

    def keep(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return x where `mask` is set, else +0."""
        return torch.bitwise_and(x.view(self._signed), mask).view(self._float)

    def agree(self, v: torch.Tensor, vote: torch.Tensor) -> torch.Tensor:
        """Return the mask of elements v > 0 where vote >= 0, and v < 0 elsewhere."""
        positive = vote >= 0
        return -(((v > 0) & positive) | ((v < 0) & ~positive)).to(self._signed)

    def mass(self, masks: Sequence[torch.Tensor], weights: Sequence[float]) -> torch.Tensor:
        """Return the sum over i of round_T(weights[i]) where masks[i] is set, else +0."""
        pairs = zip(masks, weights, strict=True)
        return self.total([self.keep(self._scalar(w).expand_as(mask), mask) for mask, w in pairs])

    def ratio(self, n: torch.Tensor, m: torch.Tensor) -> torch.Tensor:
        """Return n / m, and +0 where m is 0."""
        return self.keep(torch.div(n, m), -(m != 0).to(self._signed))

    def below(self, lanes: NDArray[np.uint16], bound: int) -> torch.Tensor:
        """Return the mask of lanes that are smaller than `bound`, compared as unsigned 32-bit integers."""
        return torch.from_numpy(self._host.below(lanes, bound)).to(self._device)

    def mask(self, kept: NDArray[np.bool_]) -> torch.Tensor:
        """Return the mask of the elements that `kept` marks."""
        return torch.from_numpy(self._host.mask(kept)).to(self._device)

    def magnitude(self, x: torch.Tensor) -> Bits:
        """Return the bit patterns of |x| as unsigned integers, any NaN as T's one NaN."""
        return self._host.magnitude(x.cpu().numpy())

    def products(self, x: torch.Tensor, y: torch.Tensor) -> NDArray[np.float64]:
        """Return x · y, both widened to fp64 first."""
        product: NDArray[np.float64] = torch.mul(x.double(), y.double()).cpu().numpy()
        return product

    def sizes(self, x: torch.Tensor) -> NDArray[np.float64]:
        """Return |x|, widened to fp64."""
        size: NDArray[np.float64] = torch.abs(x).double().cpu().numpy()
        return size

    def ones(self, mask: torch.Tensor) -> NDArray[np.float64]:
        """Return 1 where `mask` is set, else 0, as fp64."""
        one: NDArray[np.float64] = (-mask).double().cpu().numpy()
        return one

    def _scalar(self, s: float) -> torch.Tensor:
        return torch.tensor(s, dtype=torch.float64).to(self._float).to(self._device)
