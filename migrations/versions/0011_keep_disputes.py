"""Keep what owners say against incidents. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dispute",
        key("entry"),
        key("seq"),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("artifact", WHOLE, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=True),
    )
    for column in ("incident", "artifact"):
        op.create_index(f"ix_dispute_{column}", "dispute", [column])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)
