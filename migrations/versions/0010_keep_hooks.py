"""Keep who is told of incidents by webhook, and what of it arrived. Nothing of this is folded."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hook",
        sa.Column("id", sa.String(), primary_key=True, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("url", "scope", "about", "secret")),
        number("planned"),
        sa.Column("ended", sa.String(), nullable=True),
    )
    op.create_table(
        "delivery",
        sa.Column("hook", sa.String(), primary_key=True, nullable=False),
        sa.Column("entry", WHOLE, primary_key=True, autoincrement=False, nullable=False),
        number("attempts"),
        sa.Column("due", WHOLE, nullable=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("state", "said")),
    )
    op.create_index("delivery_by_due", "delivery", ["due"])


def number(name: str) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=False)
