"""Keep what anybody says of an artifact. Until now the log held no such statement, so nothing is folded again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "evaluation",
        *about(),
        words("result"),
        words("suite"),
        words("runner"),
        words("metric"),
        words("value"),
        number("n"),
        number("seed", nullable=True),
    )
    op.create_index("ix_evaluation_artifact", "evaluation", ["artifact"])
    op.create_table("attestation", *about(), words("type"), words("digest"))
    op.create_index("ix_attestation_artifact", "attestation", ["artifact"])


def about() -> tuple[sa.Column[int] | sa.Column[str], ...]:
    """Declare which fact of which entry a row came from, about what, and who says it."""
    return (key("entry"), key("seq"), number("artifact"), words("operators"))


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=nullable)


def words(name: str) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), nullable=False)
