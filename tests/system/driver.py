"""Run one `studbook` command in this process and say, on standard error, what its processor was allowed to use."""

import json
import sys

from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

from registry.cli.main import main

said = {"on": [name for name in __cpu_dispatch__ if __cpu_features__[name]], "torch": None}
if "torch" in sys.argv:
    import torch

    said["torch"] = torch.backends.cpu.get_cpu_capability()
sys.stderr.write(json.dumps(said) + "\n")
main()
