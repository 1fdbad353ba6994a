"""What the log says of one execution: the recipe, and what was signed about the result. Nothing here executes anything."""

from __future__ import annotations

from dataclasses import dataclass

from lineage.predicates import provenance
from merger.claim import Claim
from merger.recipe import Recipe
from registry.home import Home
from registry.store import Absent, artifacts, log, refs
from registry.work.shelf import blob, described
from signing.canonical import decode
from signing.dsse import Envelope
from signing.statement import Statement


@dataclass(frozen=True, slots=True)
class Provenance:
    """One logged execution: the entry that says so, and the recipe it says was executed."""

    artifact: str
    entry: str
    recipe: Recipe
    account: str | None
    """SHA-256 of the account of the execution, if the entry names one."""
    by_rows: bool
    """Whether it says that the recipe's tokenizer carries a row map."""
    removed: tuple[int, ...] = ()
    """Newer entries that said how it was made and were removed by an order."""

    @classmethod
    def of(cls, artifact: str, entry: str, statement: Statement, removed: tuple[int, ...] = ()) -> Provenance:
        """Read the provenance of `artifact` that is logged as `entry`."""
        recipe, account = provenance.recipe(statement), provenance.account(statement)
        return cls(artifact, entry, recipe, account, provenance.by_rows(statement), removed)


def find(home: Home, ref: str) -> Provenance:
    """Return the newest logged provenance of an artifact that can be read; it says which newer ones were removed."""
    with home.store.reading() as connection:
        artifact = refs.resolve(connection, ref)
        builds = artifacts.builds(connection, artifact)
        if not builds:
            raise Absent(f"{artifact} was not made by a recipe that is logged, so it cannot be derived again")
        removed = list[int]()
        for index in reversed(builds):
            logged = log.read(connection, index)
            if logged.envelope is not None:
                statement = Statement.parse(Envelope.parse(logged.envelope).payload)
                return Provenance.of(artifact, logged.entry, statement, tuple(removed))
            removed.append(index)
    gone = ", ".join(map(str, reversed(removed)))
    raise Absent(
        f"every provenance of {artifact} was removed from the log by an order, entry {gone}: nothing says how it was made"
    )


def claimed(home: Home, found: Provenance) -> Claim:
    """Return what was signed about a merge: manifest, block digests, account."""
    with home.store.reading() as connection:
        manifest, blocks = described(home, connection, found.artifact)
    if found.account is None or found.account not in home.blobs:
        what = f"sha256:{found.account}" if found.account else "that its provenance should name"
        raise Absent(f"the account {what} of {found.artifact} is not stored here; a whole rebuild needs none")
    return Claim(manifest, blocks, decode(blob(home, found.account)))
