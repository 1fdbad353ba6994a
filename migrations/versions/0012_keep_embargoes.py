"""Keep which incidents were written down before they were told. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "embargo",
        key("entry"),
        key("seq"),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
    )
    op.create_index("ix_embargo_incident", "embargo", ["incident"])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)
