"""Keep decisions about the license gate. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gate",
        *(
            sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)
            for name in ("entry", "seq")
        ),
        sa.Column("shut", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
    )
