"""Amendments of incidents: of one incident, and never of nothing."""

from fuzz.typed import made_again, typed
from fuzz.words import JSON, members, texts

from lineage.incidents import SEVERITIES, Amended
from lineage.predicates import incident_amendment

MINUTES, LONGEST = 3, 65536
WORDS = (
    *members("_type subject predicateType predicate name digest sha256"),
    *members("severity summary contact reason issued"),
    *texts((incident_amendment.URI, *SEVERITIES)),
    *JSON,
)


def read(data: bytes) -> None:
    _, (found,) = typed(data, incident_amendment.URI)
    assert isinstance(found, Amended)
    again = made_again(
        lambda: incident_amendment.statement(
            found.incident,
            found.reason,
            severity=found.severity,
            summary=found.summary,
            contact=found.contact,
            issued=1,
        ),
        "",
    )
    assert again == (found,)
