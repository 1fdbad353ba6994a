"""Compiled blocks: whole passes over a tensor's bytes as machine code, and NumPy for what they leave to it.

A pass is traced from the method once for each combination of stored types (`trace`, `loops`), compiled in this process
(`jit`), and gives the reference's bits; it hands back blocks that hold NaN or infinity, which the reference then works.
"""

from merger.kernels import Compiler, jit
from merger.kernels.blocks import NumpyKernels


class CompiledKernels(NumpyKernels):
    """The operations of `Kernels` in NumPy, with a compiler for the passes that are composed of them."""

    compiler: Compiler | None = jit
