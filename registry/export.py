"""What every export says in the same words: ids, times, addresses, licenses, and text that acts on nobody who reads it.

Ids are derived from the log, its size and what is exported: the same log gives the same bytes on every machine.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, UUID, uuid5

from lineage.around import Incident, Node
from lineage.schema import BASE
from lineage.standing import Affected, Clean, Standing, Unknown
from lineage.subjects import AsOf, Pedigree
from signing import canonical
from signing.canonical import Json

NOASSERTION = "NOASSERTION"
UNSEEN = "named upstream and never seen here: nothing is known about it"
_HUB = "hf:"
# SPDX's spelling of ids that publishers of models declare, often in lower case; whatever is not here is nobody's SPDX id.
_SPDX = (
    "AFL-3.0 AGPL-3.0 Apache-2.0 Artistic-2.0 BSD-2-Clause BSD-3-Clause BSD-3-Clause-Clear BSL-1.0 CC-BY-2.0 CC-BY-2.5 "
    "CC-BY-3.0 CC-BY-4.0 CC-BY-NC-2.0 CC-BY-NC-3.0 CC-BY-NC-4.0 CC-BY-NC-ND-3.0 CC-BY-NC-ND-4.0 CC-BY-NC-SA-2.0 "
    "CC-BY-NC-SA-3.0 CC-BY-NC-SA-4.0 CC-BY-ND-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0 CC0-1.0 CDLA-Permissive-1.0 "
    "CDLA-Permissive-2.0 CDLA-Sharing-1.0 ECL-2.0 EPL-1.0 EPL-2.0 EUPL-1.1 EUPL-1.2 GFDL-1.3 GPL-2.0 GPL-3.0 ISC "
    "LGPL-2.1 LGPL-3.0 MIT MPL-2.0 MS-PL NCSA ODbL-1.0 OFL-1.1 OSL-3.0 PDDL-1.0 PostgreSQL Unlicense WTFPL Zlib"
)
_SPELLED = {one.lower(): one for one in _SPDX.split()}
_NOT_IN_REFS = re.compile("[^A-Za-z0-9.-]")


def encode(document: Json) -> str:
    """Return a JSON document as one line of canonical text."""
    return canonical.encode(document).decode() + "\n"


def moment(time: int) -> str:
    """Return unix seconds as RFC 3339 in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(at: AsOf, about: str, kind: str) -> UUID:
    """Return the id of the document of this kind about something in a log of this size."""
    return uuid5(NAMESPACE_URL, f"{BASE}{kind}/{at.origin}/{at.size}/{about}")


def address(what: str, which: str) -> str:
    """Return the URI of an artifact, an entry or an incident: a name under the base of our statement types."""
    return f"{BASE}{what}/{which}"


def called(node: Node) -> str:
    """Return the newest name of an artifact, or its id where it has none."""
    return node.names[0] if node.names else node.id


def advisory(incident: Incident) -> str:
    """Return the id of an incident in other people's databases: `x_` marks those that nobody registered."""
    return f"x_studbook-{incident.id}"


def disputed(incident: Incident) -> str:
    """Return in one sentence how many disputes stand against an incident, and the newest of them; nothing where none does."""
    if not incident.disputes:
        return ""
    newest = incident.disputes[-1]
    whose = f"{' '.join(newest.operators) or 'nobody'} in entry {newest.entry}"
    count = len(incident.disputes)
    about = f"the newest by {whose} for {newest.fact.artifact}"
    return f"{count} {'dispute' if count == 1 else 'disputes'}, {about}: {newest.fact.text}"


def purl(artifact: str) -> str | None:
    """Return the package URL of a stub, None for what is known by its content alone."""
    return f"pkg:huggingface/{artifact.removeprefix(_HUB)}" if artifact.startswith(_HUB) else None


def spdx(license_id: str) -> str:
    """Return a declared license id as an SPDX expression: its own spelling, or a reference where SPDX lists none."""
    return _SPELLED.get(license_id.lower()) or f"LicenseRef-{_NOT_IN_REFS.sub('-', license_id)}"


def word(standing: Standing) -> str:
    """Return a standing in one word."""
    match standing:
        case Clean():
            return "clean"
        case Affected():
            return "affected"
        case Unknown():
            return "unknown"


def flag(value: bool) -> str:
    """Return a truth value as text."""
    return "true" if value else "false"


def basis(subject: Pedigree) -> dict[str, str]:
    """Return what a document about an artifact rests on, and how the artifact stands."""
    verdict = subject.verdict
    missing = verdict.standing.missing if isinstance(verdict.standing, Affected | Unknown) else ()
    return {
        "artifact": verdict.artifact,
        "log": subject.at.origin,
        "as_of": str(subject.at.size),
        "scope": subject.scope,
        "complete": flag(subject.complete),
        "standing": word(verdict.standing),
        "missing": " ".join(missing),
        "evaluated": verdict.evaluated,
    }


def plain(text: str) -> str:
    """Return text in which nothing acts: control, format and unassigned characters are written as their escapes.

    XML could not hold some of them, and others turn the direction of what is shown around them.
    """
    return "".join(map(_shown, text))


def _shown(char: str) -> str:
    category = unicodedata.category(char)
    if category[0] != "C" and category not in {"Zl", "Zp"}:
        return char
    code = ord(char)
    return f"\\u{code:04x}" if code < 1 << 16 else f"\\U{code:08x}"
