"""Fresh processes for tests: what they are given of this one's environment."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def environment(**settings: str) -> dict[str, str]:
    """Return a path to programs, the product, a home directory, and these settings; nothing else is inherited."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME"} or name.startswith("PIP_")
    }
    return kept | {"PYTHONPATH": str(ROOT)} | settings
