"""The tables of one home, for `registry.store` alone: storage, never validation.

`entry`, `payload`, `checkpoint` and `hash` are the log. `location`, `hook` and `delivery` are what this machine knows. Every other table is a
fold over the log (1-architecture, "The log is the truth"): `entry` and `seq` say which leaf, and which fact of it, a
row came from, so that the state at any log size N is the rows with `entry < N`. Artifacts are numbered in the order in
which the log first names them; the number is local to the database and leaves the store never.
"""

from __future__ import annotations

from registry.tables.graph import (
    Amendment,
    Assessment,
    Closure,
    Dispute,
    Edge,
    Embargo,
    Flag,
    Incident,
    Node,
    Selected,
    Selector,
    Stage,
    Target,
    Unknown,
)
from registry.tables.hooks import Delivery, Hook
from registry.tables.log import (
    Checkpoint,
    Entry,
    Gate,
    Hash,
    Location,
    Payload,
    Redaction,
    Root,
    Tenure,
)
from registry.tables.said import (
    Agreement,
    Attestation,
    Build,
    Comparison,
    Containment,
    Correction,
    Evaluation,
    File,
    License,
    Manifest,
    Mention,
    Name,
    Rebuild,
    Registration,
    Unbound,
    Waiver,
)

__all__ = [
    "SCHEMA",
    "Agreement",
    "Amendment",
    "Assessment",
    "Attestation",
    "Build",
    "Checkpoint",
    "Closure",
    "Comparison",
    "Containment",
    "Correction",
    "Delivery",
    "Dispute",
    "Edge",
    "Embargo",
    "Entry",
    "Evaluation",
    "File",
    "Flag",
    "Gate",
    "Hash",
    "Hook",
    "Incident",
    "License",
    "Location",
    "Manifest",
    "Mention",
    "Name",
    "Node",
    "Payload",
    "Rebuild",
    "Redaction",
    "Registration",
    "Root",
    "Selected",
    "Selector",
    "Stage",
    "Target",
    "Tenure",
    "Unbound",
    "Unknown",
    "Waiver",
]

SCHEMA = "0018"
"""The migration this code reads and writes; compared when a home is opened, without importing alembic."""
