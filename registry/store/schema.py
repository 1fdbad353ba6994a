"""The schema of a home's database: brought up to date by migrations, and folded again where one changes what is folded."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL

from registry.store import Absent, log, trust
from registry.store.engine import Database
from registry.store.refold import refold


def migrate(at: Path | URL, busy_seconds: int) -> None:
    """Bring the database that is `at` there to the current schema, in one transaction, folding the log again where that asks for it."""
    # Imported here: alembic takes a third of a second, and only `studbook init` needs it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations()).replace("%", "%%"))
    database = Database(at, busy_seconds, create=True)
    database.check_order()
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if not trust.root(connection) and log.size(connection):
            refold(connection)  # a migration that changes what is folded empties it
    database.close()


def migrations() -> Path:
    """Return the folder of the migrations: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parents[1]
    packed, beside = package / "migrations", package.parent / "migrations"
    for folder in (packed, beside):
        if (folder / "env.py").is_file():
            return folder
    raise Absent(f"the migrations are neither in {packed} nor in {beside}: this installation is not complete")
