"""Keep which names an order took a binding from. No redaction says so until now, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("unbound", key("entry"), key("seq"), words("name"), words("revision"))
    for column in ("name", "revision"):
        op.create_index(f"ix_unbound_{column}", "unbound", [column])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, sa.Integer(), primary_key=True, autoincrement=False, nullable=False)


def words(name: str) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=False)
