"""Keep what names look like, which lost their newest binding to an order, and which entries state a quorum; no longer who says what.

What is folded is emptied, and folded again by whoever called for the migration.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# All that is folded, but for what is made anew, and for `redaction`: what that removed cannot be read again.
EMPTIED = (
    "root",
    "node",
    "tenure",
    "registration",
    "file",
    "manifest",
    "edge",
    "closure",
    "incident",
    "target",
    "stage",
    "flag",
    "license",
    "build",
    "rebuild",
    "unknown",
)


def upgrade() -> None:
    for table in EMPTIED:
        op.execute(sa.delete(sa.table(table)))
    op.drop_table("name")
    op.create_table(
        "name",
        key("entry"),
        key("seq"),
        words("name"),
        words("folded"),
        words("skeleton"),
        words("revision", nullable=True),
        number("artifact"),
    )
    op.create_index("ix_name_artifact", "name", ["artifact"])
    op.create_index("name_by_folded", "name", ["folded", "revision", "entry"])
    op.create_index("name_by_skeleton", "name", ["skeleton", "name"])
    for table in ("evaluation", "attestation"):
        op.drop_table(table)
    op.create_table(
        "evaluation",
        *about(),
        *map(words, ("result", "suite", "runner", "metric", "value")),
        number("n"),
        number("seed", nullable=True),
    )
    op.create_table("attestation", *about(), words("type"), words("digest"))
    for table in ("evaluation", "attestation"):
        op.create_index(f"ix_{table}_artifact", table, ["artifact"])
    op.create_table("agreement", *about())
    op.create_index("ix_agreement_artifact", "agreement", ["artifact"])
    op.create_table("unbound", key("entry"), key("seq"), words("name"), words("revision"))
    for column in ("name", "revision"):
        op.create_index(f"ix_unbound_{column}", "unbound", [column])


def about() -> tuple[sa.Column[int], ...]:
    """Declare which fact of which entry a row came from, and about what."""
    return (key("entry"), key("seq"), number("artifact"))


def number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=nullable)


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def words(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=nullable)
