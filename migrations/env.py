"""Alembic's entry: bring the database of one home to the schema of `registry.tables`.

`registry.home` hands in the connection, inside one transaction, so a migration that is killed leaves nothing behind.
Run by alembic's own command line it works on the home that `STUDBOOK_HOME` names.
"""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

from registry import tables
from registry.settings import Settings
from registry.store.engine import Database, place

# Never batch-altered: alembic copies such a table, and a copy of the log is not the log (1-architecture).
APPEND_ONLY = frozenset({tables.Entry.__tablename__, tables.Checkpoint.__tablename__})


def run(connection: Connection) -> None:
    """Run the migrations that `connection`'s database lacks, in the transaction it is in."""
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed = context.config.attributes.get("connection")
if handed is not None:
    run(handed)
else:
    settings = Settings()
    with Database(place(settings.home, settings), settings.busy_seconds).writing() as opened:
        run(opened)
