"""Keep what comparing weights says of edges. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "comparison",
        key("entry"),
        key("seq"),
        number("artifact"),
        number("parent"),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("outcome", "statistic", "value", "threshold")
        ),
    )
    for column in ("artifact", "parent"):
        op.create_index(f"ix_comparison_{column}", "comparison", [column])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def number(name: str) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=False)
