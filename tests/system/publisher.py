"""Register one small model after another, stored too, until killed; say each receipt once it is acknowledged."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from making import floats, write_model

from registry.home import Home
from registry.work.add import Declared, add

home, scratch = Home.open(Path(sys.argv[1])), Path(sys.argv[2])
print("ready", flush=True)  # noqa: T201 - the test listens
for count in range(1_000_000):
    folder = write_model(scratch / str(count), {"w": ("F32", (2,), floats([float(scratch.name), count]))})
    declared = Declared(name=f"litter/pup-{scratch.name}-{count}", license="mit")
    for receipt in add(home, folder, declared, copy=True).receipts:
        print(receipt.index, receipt.entry, flush=True)  # noqa: T201 - the test listens
