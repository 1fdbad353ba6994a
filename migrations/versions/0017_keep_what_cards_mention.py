"""Keep what cards mention of their own artifacts. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "mention",
        key("entry"),
        key("seq"),
        sa.Column("artifact", WHOLE, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("file", "what", "value")),
    )
    op.create_index("ix_mention_artifact", "mention", ["artifact"])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)
