"""What the files of a folder say that it was made from, and under which license: its card, its merge recipe, its adapter config.

They are read by the readers of imports, and what they say is signed as what they say (`lineage.predicates.card`), so that it can be held against
what is declared. A file that is none of these, or that names no repository and no license, says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lineage.facts import Role, is_stub
from lineage.predicates import card
from lineage.predicates.claims import Claim
from merger.manifest import Manifest
from registry import ingest
from registry.records import Document, Read
from signing.errors import Untrusted
from signing.statement import Statement

CARD = "README.md"
# A card of a hub has some kilobytes; what is longer is data.
MOST_BYTES = 1 << 20


def statements(
    folder: Path, artifact: str, manifest: Manifest
) -> tuple[list[tuple[Role, Statement]], tuple[str, ...]]:
    """Return a statement for each file of the folder that says what the artifact was made from, or its license.

    With them come remarks, a sentence each, on files that name more parents than a statement holds: of such a file nothing is said.
    """
    said: list[tuple[Role, Statement]] = []
    remarks: list[str] = []
    for name, claim in read(folder, artifact, manifest):
        parents = _parents(claim)
        if len(parents) > card.MOST:
            # Signed in part, it would be held against the parents that were left out.
            remarks.append(
                f"{name} names {len(parents)} parents, more than the {card.MOST} that are signed of one file, so nothing of it is"
            )
        elif parents or claim.license is not None:
            said.append(("publisher", card.statement(artifact, name, parents, claim.license)))
    return said, tuple(remarks)


def read(folder: Path, artifact: str, manifest: Manifest) -> Iterator[tuple[str, Claim]]:
    """Go through the files at the top of a folder that say something of its artifact, in the order of their names.

    Raises `Untrusted` for a file that is not the one which was hashed.
    """
    for file in manifest.files:
        kinds = [one for one in ingest.kinds().values() if one.wants(file.name) and not one.tells(file.name)]
        if not kinds or "/" in file.name or file.size > MOST_BYTES:
            continue
        if file.name.endswith(".md") and file.name != CARD:
            continue
        document = Document(file.name, (folder / file.name).read_bytes())
        if document.sha256 != file.sha256:
            raise Untrusted(
                f"{folder / file.name} was changed while it was read: it was sha256:{file.sha256}, and is sha256:{document.sha256}"
            )
        for kind in kinds:
            yield from (
                (file.name, one.claim) for one in kind.read(document, artifact) if isinstance(one, Read)
            )


def _parents(said: Claim) -> list[str]:
    return list(dict.fromkeys(one.artifact for one in said.parents if is_stub(one.artifact)))
