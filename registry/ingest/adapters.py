"""Adapter configs: PEFT's adapter_config.json, which names the model that an adapter was trained on.

Which adapter it is of, its place or whoever imports it says. `revision` pins the base where it is a commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from registry.records import Document, Parents, Reason, Record, Unread, record
from signing import canonical
from signing.errors import Refused

ABOUT = "PEFT adapter configs: adapter_config.json"
_NAME = "adapter_config.json"
_BASE = "base_model_name_or_path"
_COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)


def wants(name: str) -> bool:
    """Tell whether a file is an adapter's config."""
    return name.rpartition("/")[2] == _NAME


def tells(name: str) -> bool:  # noqa: ARG001 - every reader's signature
    """Return False: a config names the base, and not the adapter."""
    return False


def read(document: Document, target: str | None) -> Iterator[Record]:
    """Yield the one record of a config."""
    yield _record(document, target)


def _record(document: Document, target: str | None) -> Record:
    try:
        config = canonical.decode(document.data.removeprefix(b"\xef\xbb\xbf"))
    except Refused as error:
        return Unread(document.name, Reason("is no JSON", str(error)))
    if not isinstance(config, Mapping):
        return Unread(
            document.name, Reason("is no config", f"an adapter's config is an object, not {config!r:.80}")
        )
    base = config.get(_BASE)
    if target is None:
        sentence = f"which adapter {document.name} is of is said by nothing: name it with --target, or put it in owner/name/"
        return Unread(document.name, Reason("is of nothing that is named", sentence))
    if not isinstance(base, str) or not base.strip():
        return Unread(
            document.name, Reason("names no base model", f"{_BASE} is {base!r:.120}, and names no model")
        )
    revision = config.get("revision")
    pinned = isinstance(revision, str) and _COMMIT.fullmatch(revision) and "@" not in base
    parents = Parents()
    parents.add(f"{base}@{revision}" if pinned else base, "adapter_of", {})
    return record(document.name, target, parents.all(), remarks=parents.remarks)
