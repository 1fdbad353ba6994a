"""Print, as JSON, the artifact id that every method makes in this process, and what its processor may use."""

import json
import sys
from pathlib import Path

from numpy._core._multiarray_umath import __cpu_features__
from strategies import fixed, on_disk

from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS


def main(backend: str) -> None:
    kernels, capability = CompiledKernels if backend == "compiled" else NumpyKernels, None
    if backend == "torch":
        import torch

        from merger.kernels.device import TorchKernels

        kernels, capability = TorchKernels, torch.backends.cpu.get_cpu_capability()
    with on_disk() as disk:
        ids = {
            method: disk.make(fixed(method), kernels=kernels).result.artifact for method in sorted(METHODS)
        }
    said = {"ids": ids, "numpy": [f for f, on in __cpu_features__.items() if on], "torch": capability}
    Path("/dev/stdout").write_text(json.dumps(said))


main(sys.argv[1])
