"""Let entries count for a time only: what is folded is emptied, and folded again by whoever called for the migration."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

EMPTIED = (
    "root",
    "file",
    "manifest",
    "edge",
    "closure",
    "target",
    "flag",
    "name",
    "license",
    "build",
    "rebuild",
)
CHANGED = ("node", "incident", "stage")


def upgrade() -> None:
    for table in CHANGED:
        op.drop_table(table)
    for table in EMPTIED:
        op.execute(sa.delete(sa.table(table)))
    op.create_table(
        "node",
        key("number"),
        words("id"),
        number("first"),
        number("ancestors"),
        number("depth"),
        sa.UniqueConstraint("id"),
    )
    op.create_table("tenure", key("entry"), number("first"), number("until", nullable=True))
    op.create_table(
        "redaction", key("entry"), words("id"), words("reason"), words("kept"), sa.UniqueConstraint("id")
    )
    op.create_table("unknown", key("artifact"), key("entry"), sqlite_with_rowid=False)
    op.create_table("registration", key("entry"), key("seq"), number("artifact"), words("publishers"))
    op.create_index("ix_registration_artifact", "registration", ["artifact"])
    op.create_table(
        "incident",
        key("entry"),
        words("id"),
        words("what"),
        words("severity"),
        words("stage"),
        words("summary"),
        words("contact"),
    )
    op.create_index("ix_incident_id", "incident", ["id"])
    op.create_table("stage", key("entry"), key("seq"), words("incident"), words("stage"), words("reason"))
    op.create_index("ix_stage_incident", "stage", ["incident"])


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=nullable)


def words(name: str) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=False)
