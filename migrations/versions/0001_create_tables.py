"""Create the log, what is folded from it, and the triggers that keep the log append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

TRIGGERS = """
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry BEGIN SELECT RAISE(ABORT, 'the log is append-only: an entry is never changed'); END
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry BEGIN SELECT RAISE(ABORT, 'the log is append-only: an entry is never removed'); END
CREATE TRIGGER entry_no_replace BEFORE INSERT ON entry WHEN EXISTS (SELECT 1 FROM entry WHERE "index" = NEW."index") BEGIN SELECT RAISE(ABORT, 'the log is append-only: this index is taken'); END
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'a checkpoint is never changed'); END
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'a checkpoint is never removed'); END
CREATE TRIGGER checkpoint_only_grows BEFORE INSERT ON checkpoint WHEN NEW.size <= (SELECT max(size) FROM checkpoint) BEGIN SELECT RAISE(ABORT, 'a checkpoint is never signed for a smaller size'); END
"""

ON_POSTGRESQL = """
CREATE FUNCTION studbook_refuses() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END$$
CREATE FUNCTION studbook_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN IF NEW.size <= (SELECT max(size) FROM checkpoint) THEN RAISE EXCEPTION 'a checkpoint is never signed for a smaller size' USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN NEW; END$$
CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('the log is append-only: an entry is never changed')
CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('the log is append-only: an entry is never removed')
CREATE TRIGGER entry_no_truncate BEFORE TRUNCATE ON entry FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('the log is append-only: an entry is never removed')
CREATE TRIGGER checkpoint_no_update BEFORE UPDATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('a checkpoint is never changed')
CREATE TRIGGER checkpoint_no_delete BEFORE DELETE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('a checkpoint is never removed')
CREATE TRIGGER checkpoint_no_truncate BEFORE TRUNCATE ON checkpoint FOR EACH STATEMENT EXECUTE FUNCTION studbook_refuses('a checkpoint is never removed')
CREATE TRIGGER checkpoint_only_grows BEFORE INSERT ON checkpoint FOR EACH ROW EXECUTE FUNCTION studbook_only_grows()
"""


def key(name: str) -> sa.Column[int]:
    """Declare a part of a primary key that the store assigns."""
    return sa.Column(name, WHOLE, primary_key=True, autoincrement=False, nullable=False)


def number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """Declare an integer column."""
    return sa.Column(name, WHOLE, nullable=nullable)


def words(name: str, *, primary_key: bool = False, nullable: bool = False) -> sa.Column[str]:
    """Declare a text column."""
    return sa.Column(name, sa.String(), primary_key=primary_key, nullable=nullable)


def octets(name: str) -> sa.Column[bytes]:
    """Declare a column of bytes."""
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    create_log()
    create_artifacts()
    create_graph()
    create_incidents()
    create_claims()
    op.create_table("location", words("path", primary_key=True), words("artifact"))
    op.create_index("ix_location_artifact", "location", ["artifact"])
    own = op.get_bind().dialect.name == "postgresql"
    for statement in (ON_POSTGRESQL if own else TRIGGERS).strip().splitlines():
        op.execute(statement)


def create_log() -> None:
    op.create_table(
        "entry",
        key("index"),
        words("id"),
        words("keys"),
        number("time"),
        octets("leaf"),
        sa.UniqueConstraint("id", "keys"),
    )
    op.create_table(
        "payload", key("index"), octets("envelope"), sa.ForeignKeyConstraint(["index"], ["entry.index"])
    )
    op.create_table("checkpoint", key("size"), octets("note"))
    op.create_table("hash", key("level"), key("index"), octets("hash"), sqlite_with_rowid=False)
    op.create_table("root", key("version"), words("document"), number("entry"))


def create_artifacts() -> None:
    op.create_table(
        "node",
        key("number"),
        words("id"),
        number("first"),
        number("registered", nullable=True),
        words("publishers", nullable=True),
        number("ancestors"),
        number("depth"),
        sa.UniqueConstraint("id"),
    )
    op.create_table(
        "file", key("artifact"), words("name", primary_key=True), words("sha256"), sqlite_with_rowid=False
    )
    op.create_index("file_by_digest", "file", ["sha256"])
    op.create_table("manifest", key("entry"), key("seq"), number("artifact"), words("sha256"))
    op.create_index("ix_manifest_artifact", "manifest", ["artifact"])
    op.create_index("ix_manifest_sha256", "manifest", ["sha256"])


def create_graph() -> None:
    op.create_table(
        "edge",
        key("entry"),
        key("seq"),
        number("child"),
        number("parent"),
        words("relation"),
        words("part"),
        number("evidence"),
    )
    op.create_index("ix_edge_child", "edge", ["child"])
    op.create_index("ix_edge_parent", "edge", ["parent"])
    op.create_table("closure", key("ancestor"), key("descendant"), number("first"), sqlite_with_rowid=False)
    op.create_index("closure_by_descendant", "closure", ["descendant", "ancestor"])


def create_incidents() -> None:
    op.create_table(
        "incident",
        key("entry"),
        words("id"),
        words("what"),
        words("severity"),
        words("stage"),
        words("summary"),
        words("contact"),
        sa.UniqueConstraint("id"),
    )
    op.create_table("target", key("incident"), key("artifact"), sqlite_with_rowid=False)
    op.create_index("target_by_artifact", "target", ["artifact"])
    op.create_table("stage", key("entry"), key("seq"), number("incident"), words("stage"), words("reason"))
    op.create_index("ix_stage_incident", "stage", ["incident"])
    op.create_table("flag", key("incident"), key("artifact"), number("first"), sqlite_with_rowid=False)
    op.create_index("flag_by_artifact", "flag", ["artifact", "incident"])


def create_claims() -> None:
    op.create_table(
        "name",
        key("entry"),
        key("seq"),
        words("name"),
        words("folded"),
        words("revision", nullable=True),
        number("artifact"),
    )
    op.create_index("ix_name_artifact", "name", ["artifact"])
    op.create_index("name_by_folded", "name", ["folded", "revision", "entry"])
    op.create_table("license", key("entry"), key("seq"), number("artifact"), words("license"))
    op.create_index("ix_license_artifact", "license", ["artifact"])
    op.create_table(
        "build",
        key("entry"),
        key("seq"),
        number("artifact"),
        words("id"),
        words("recipe"),
        words("manifest"),
        words("builder"),
    )
    op.create_index("ix_build_artifact", "build", ["artifact"])
    op.create_index("ix_build_id", "build", ["id"])
    op.create_table(
        "rebuild",
        key("entry"),
        key("seq"),
        number("artifact"),
        words("build"),
        sa.Column("passed", sa.Boolean(), nullable=False),
        words("verifier"),
        words("differs"),
    )
    op.create_index("ix_rebuild_artifact", "rebuild", ["artifact"])
