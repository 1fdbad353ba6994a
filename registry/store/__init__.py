"""What a home keeps: the log, the tables folded from it, keys, blobs and places. Only these modules touch tables.

`engine` opens the database; `log` holds leaves, proofs and checkpoints; `judge` says whether a statement may become a
leaf and `fold` writes what it establishes; `lineage` answers questions about the result. Functions take a connection
of `Database.reading()` or `.writing()` first, so that one answer is about one state of the log.
"""

from signing.errors import Refused


class Absent(Refused):
    """What was asked for is not held here; the sentence says what is."""
