"""Write to a home what a seed draws, beside other processes; say how many things the log took."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from sharing import Shared, draw

from registry.settings import Settings

folder, url, began, seed, count = sys.argv[1:]
settings = Settings(home=Path(folder) / "home", **({"database": url} if url else {}))
world = Shared(Path(folder), settings, float(began), int(seed))
print("ready", flush=True)  # noqa: T201 - the test listens
sys.stdin.readline()
print(draw(world, int(seed), int(count)), os.getpid(), flush=True)  # noqa: T201 - the test listens
