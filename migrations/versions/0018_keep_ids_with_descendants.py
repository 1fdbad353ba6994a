"""Keep the id of a descendant with every way to it. It follows from the number, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Made anew and not altered: in SQLite a column that is added has to have a default.
    op.execute(
        "CREATE TABLE closure_before AS SELECT ancestor, distance, descendant, first, since FROM closure"
    )
    op.drop_table("closure")
    op.create_table(
        "closure",
        key("ancestor"),
        key("distance"),
        key("descendant"),
        number("first"),
        number("since"),
        sa.Column("id", sa.String(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO closure (ancestor, distance, descendant, first, since, id)"
        " SELECT ancestor, distance, descendant, closure_before.first, since, node.id"
        " FROM closure_before JOIN node ON node.number = descendant ORDER BY ancestor, distance, descendant"
    )
    op.drop_table("closure_before")
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
