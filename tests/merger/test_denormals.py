"""A processor that reads small numbers as zero computes other bytes: a merge in such a process is refused."""

import pytest

from merger.execute import _check_denormals
from merger.kernels.blocks import NumpyKernels
from signing.errors import Refused


def test_an_ordinary_process_keeps_denormal_numbers():
    _check_denormals(NumpyKernels)


def test_a_process_that_flushes_them_is_refused():
    torch = pytest.importorskip("torch")
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot be told to flush denormal numbers")
    try:
        with pytest.raises(Refused, match="a library has switched denormal numbers off"):
            _check_denormals(NumpyKernels)
    finally:
        torch.set_flush_denormal(False)
