"""Keep by what incidents select artifacts, and which, what holds a tensor, and amendments of incidents.

Until now the log held no such statement, so nothing is folded again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "selector", key("entry"), key("seq"), words("incident"), words("attribute"), words("value")
    )
    op.create_index("ix_selector_incident", "selector", ["incident"])
    op.create_index("selector_by_value", "selector", ["value", "attribute"])
    op.create_table(
        "selected",
        sa.Column("incident", sa.String(), primary_key=True, nullable=False),
        key("artifact"),
        key("entry"),
        sqlite_with_rowid=False,
    )
    op.create_index("selected_by_artifact", "selected", ["artifact"])
    number = sa.Column("artifact", WHOLE, nullable=False)
    op.create_table(
        "amendment",
        key("entry"),
        key("seq"),
        words("incident"),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("severity", "summary", "contact")),
        words("reason"),
    )
    op.create_index("ix_amendment_incident", "amendment", ["incident"])
    op.create_table("containment", key("entry"), key("seq"), number, words("tensor"))
    for column in ("artifact", "tensor"):
        op.create_index(f"ix_containment_{column}", "containment", [column])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def words(name: str) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=False)
