"""Keep what incidents mean for single artifacts. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "assessment",
        key("entry"),
        key("seq"),
        sa.Column("artifact", WHOLE, nullable=False),
        words("incident"),
        words("status"),
        sa.Column("justification", sa.String(), nullable=True),
        sa.Column("expires", WHOLE, nullable=True),
        sa.Column("corrected", WHOLE, nullable=True),
        words("note"),
    )
    for column in ("artifact", "incident"):
        op.create_index(f"ix_assessment_{column}", "assessment", [column])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def words(name: str) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=False)
