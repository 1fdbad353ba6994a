"""CSV (RFC 4180): the edges of a lineage, one a row, each with its evidence and the entry that says it.

Every row says as of how many entries and whether the list is complete, since the format has no other place for it. A cell that
a spreadsheet would take for a formula begins with an apostrophe.
"""

from __future__ import annotations

import csv
import io

from lineage.subjects import Pedigree
from registry import export

SUBJECT = Pedigree
MEDIA_TYPE = "text/csv; charset=utf-8"

COLUMNS = (
    "child",
    "child_name",
    "child_known",
    "parent",
    "parent_name",
    "parent_known",
    "relation",
    "part",
    "evidence",
    "entry",
    "log",
    "as_of",
    "complete",
)
# What begins a formula, the characters of full width that spreadsheets of some languages take for these included.
_FORMULA = "=+-@\uff1d\uff0b\uff0d\uff20"


def text(subject: Pedigree) -> str:
    """Return the edges as CSV with a header."""
    known = {node.id: node for node in subject.nodes}
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for edge in subject.edges:
        ends = [
            cell
            for one in (known[edge.child], known[edge.parent])
            for cell in (one.id, export.called(one), export.flag(one.seen))
        ]
        how = [edge.relation, edge.part, edge.evidence.name.lower(), edge.entry]
        as_of = [subject.at.origin, str(subject.at.size), export.flag(subject.complete)]
        writer.writerow(map(cell, (*ends, *how, *as_of)))
    return written.getvalue()


def cell(value: str) -> str:
    """Return a value as no spreadsheet takes it for a formula."""
    shown = export.plain(value)
    # A spreadsheet may trim what stands before the formula.
    return f"'{shown}" if shown.lstrip()[:1] in tuple(_FORMULA) else shown
