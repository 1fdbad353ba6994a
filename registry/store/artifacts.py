"""What the log holds about one artifact by itself: its files, its manifest, and the entries that say so."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, text

from registry.store import Absent
from registry.store.lists import asking, parts
from registry.store.tenure import standing

_FILES = text("""
    SELECT file.name, file.sha256 FROM file JOIN node ON node.number = file.artifact WHERE node.id = :artifact ORDER BY file.name
""")
_OF = "JOIN node ON node.number = {0}.artifact WHERE node.id = :artifact AND {1}"
_REGISTERED = text(
    f"SELECT min(entry) FROM registration {_OF.format('registration', standing('registration'))}"
)
_REGISTRATIONS = text(
    f"SELECT entry FROM registration {_OF.format('registration', standing('registration'))} ORDER BY entry"
)
_MANIFESTS = text(
    f"SELECT sha256 FROM manifest {_OF.format('manifest', standing('manifest'))} ORDER BY entry, seq"
)
_LICENSE = text(
    f"SELECT license FROM license {_OF.format('license', standing('license'))} ORDER BY entry DESC, seq DESC LIMIT 1"
)
_BUILDS = text(f"SELECT entry FROM build {_OF.format('build', standing('build'))} ORDER BY entry, seq")
_MADE = text(f"SELECT 1 FROM build WHERE recipe = :recipe AND {standing('build')} LIMIT 1")
# Ids of what is registered begin with `sha256:`; `;` comes after `:`.
_LISTED = text(f"""
    SELECT node.id FROM node WHERE node.id > :after AND node.id < 'sha256;' AND EXISTS (
        SELECT 1 FROM registration WHERE registration.artifact = node.number AND {standing("registration")})
    ORDER BY node.id LIMIT :most
""")
_DESCRIBED = text(f"""
    SELECT node.id, manifest.sha256 FROM manifest JOIN node ON node.number = manifest.artifact WHERE {standing("manifest")}
    UNION SELECT node.id, build.manifest FROM build JOIN node ON node.number = build.artifact WHERE {standing("build")}
""")
_NUMBERS = asking("SELECT id, number FROM node WHERE id IN :some")


def files(connection: Connection, artifact: str) -> dict[str, str]:
    """Return the SHA-256 (hex) of every file of a registered artifact by its name."""
    registered(connection, artifact)
    return listed(connection, artifact)


def listed(connection: Connection, artifact: str) -> dict[str, str]:
    """Return the files of an artifact that was registered, whether or not what registered it counts any longer."""
    return {row.name: row.sha256 for row in connection.execute(_FILES, {"artifact": artifact})}


def registered(connection: Connection, artifact: str) -> int:
    """Return the index of the entry that registered `artifact`: the statement that signs its files."""
    index: int | None = connection.scalar(_REGISTERED, {"artifact": artifact})
    if index is None:
        raise Absent(f"{artifact} is not registered here")
    return index


def registrations(connection: Connection, artifact: str) -> tuple[int, ...]:
    """Return the indexes of the entries that register `artifact`, oldest first."""
    return tuple(connection.scalars(_REGISTRATIONS, {"artifact": artifact}))


def registered_after(connection: Connection, after: str | None, most: int) -> tuple[str, ...]:
    """Return up to `most` registered artifacts that come after one, in the order of their ids."""
    return tuple(connection.scalars(_LISTED, {"after": after or "sha256:", "most": most}))


def manifests(connection: Connection, artifact: str) -> tuple[str, ...]:
    """Return the SHA-256 (hex) of every manifest that a statement about it names, in the order of the log."""
    return tuple(dict.fromkeys(connection.scalars(_MANIFESTS, {"artifact": artifact})))


def license_of(connection: Connection, artifact: str) -> str | None:
    """Return the license id declared last for `artifact`, None if none was."""
    found: str | None = connection.scalar(_LICENSE, {"artifact": artifact})
    return found


def builds(connection: Connection, artifact: str) -> tuple[int, ...]:
    """Return the indexes of the entries that say how `artifact` was built, oldest first."""
    return tuple(connection.scalars(_BUILDS, {"artifact": artifact}))


def made_by(connection: Connection, recipe: str) -> bool:
    """Tell whether an artifact is logged that the recipe with this digest (hex) made."""
    return connection.scalar(_MADE, {"recipe": recipe}) is not None


def described(connection: Connection) -> Iterator[tuple[str, str]]:
    """Go through every artifact with the SHA-256 (hex) of each manifest that a statement or a build of it names."""
    for row in connection.execute(_DESCRIBED).yield_per(256):
        yield row[0], row[1]


def numbered(connection: Connection, artifacts: Collection[str]) -> dict[str, int]:
    """Return the number under which the tables know each of these artifacts, of those that the log knows."""
    found = dict[str, int]()
    for part in parts(artifacts):
        found |= {row.id: row.number for row in connection.execute(_NUMBERS, {"some": part})}
    return found
