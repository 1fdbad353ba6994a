"""Keep how far each descendant is, and the nearest first; what is folded is emptied, and folded again by whoever called."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# All that is folded, but for what is made anew, and for `redaction`: what that removed cannot be read again.
EMPTIED = (
    "root",
    "node",
    "tenure",
    "registration",
    "file",
    "manifest",
    "name",
    "unbound",
    "edge",
    "incident",
    "target",
    "stage",
    "flag",
    "license",
    "build",
    "rebuild",
    "agreement",
    "evaluation",
    "attestation",
    "correction",
    "unknown",
)


def upgrade() -> None:
    for table in EMPTIED:
        op.execute(sa.delete(sa.table(table)))
    op.drop_table("closure")
    op.create_table(
        "closure",
        key("ancestor"),
        key("distance"),
        key("descendant"),
        number("first"),
        number("since"),
        sqlite_with_rowid=False,
    )
    op.create_index("closure_by_descendant", "closure", ["descendant", "ancestor"], unique=True)
    moved = sa.text("since > first")
    op.create_index(
        "closure_moved", "closure", ["ancestor", "since"], sqlite_where=moved, postgresql_where=moved
    )


def number(name: str) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=False)


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)
