"""Keep what owners of names accept about licenses, until when. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "waiver",
        key("entry"),
        key("seq"),
        number("artifact"),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("rule", "origin", "license", "namespace", "reason")
        ),
        number("expires"),
    )
    op.create_index("ix_waiver_artifact", "waiver", ["artifact"])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def number(name: str) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=False)
