"""What a package loads: publishing and merging never pay for networkx, and the manual names what is there."""

import subprocess
import sys
from pathlib import Path

import lineage

HEAVY = {"networkx", "torch", "fastapi", "alembic", "sqlmodel", "sqlalchemy"}
PUBLISHING = "lineage.predicates, lineage.authority, lineage.admission, lineage.standing, lineage.verdict"


def test_publishing_and_judging_load_nothing_heavy():
    code = f"import sys, {PUBLISHING}; lineage.predicates.discovered(); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()

    assert not HEAVY.intersection(loaded)


def test_the_manual_names_every_module():
    modules = {path.stem for path in Path(lineage.__file__).parent.glob("*.py")} - {"__init__", "schema"}

    assert not [module for module in modules if f"`{module}" not in lineage.__doc__]
