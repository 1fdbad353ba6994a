"""Succession: which document may follow the trusted root in force (3-trust, "Keys and trust root").

Keys are ended, never removed, and nothing else about one changes. So whoever pins the newest version can judge every entry
there ever was by it, and a key that was found stolen stays ended: from its end on nothing it signed counts, whatever a
later version would like to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lineage.predicates.root import Key, Period, TrustedRoot
from signing.errors import Forbidden, Malformed


def following(
    root: TrustedRoot,
    *,
    add: Sequence[Key] = (),
    end: Mapping[str, int] | None = None,
    threshold: int | None = None,
) -> TrustedRoot:
    """Return the next version: with more keys, with ends (unix seconds, by key id), or with another threshold."""
    ends = end or {}
    known = {key.public.id for key in root.keys}
    for key in ends:
        if key not in known:
            raise Malformed(
                f"the key {key} is not in version {root.version} of the trusted root, so it cannot be ended"
            )
    kept = (
        key.model_copy(update={"valid_for": Period(start=key.valid_for.start, end=ends[key.public.id])})
        if key.public.id in ends
        else key
        for key in root.keys
    )
    changes = {
        "version": root.version + 1,
        "threshold": root.threshold if threshold is None else threshold,
        "keys": (*kept, *add),
    }
    # Read again, because a copy is not validated.
    return TrustedRoot.parse(root.model_copy(update=changes).encode())


def check(root: TrustedRoot | None, following: TrustedRoot, time: int) -> None:
    """Refuse `following` where it may not follow `root` (None: nothing is in force) at `time`, in unix seconds."""
    due = 1 if root is None else root.version + 1
    if following.version != due:
        raise Forbidden(f"version {following.version} of the trusted root, where version {due} is due")
    holders = {key.operator for key in following.keys if "root" in key.roles and key.valid(time)}
    if len(holders) < following.threshold:
        raise Forbidden(
            f"version {following.version} of the trusted root needs {following.threshold} operators to change it, and"
            f" {len(holders)} hold a root key that is good at {time}: nobody could follow it"
        )
    if root is None:
        return
    _check_log(root, following)
    listed = {key.public.id: key for key in following.keys}
    for key in root.keys:
        _check_key(key, listed.get(key.public.id), following.version, time)


def check_leads(earlier: TrustedRoot, root: TrustedRoot) -> None:
    """Refuse `earlier` if `root` is not it and could not have followed it, over however many versions."""
    if earlier.version > root.version or (earlier.version == root.version and earlier != root):
        raise Forbidden(
            f"this version {earlier.version} of the trusted root leads to no version {root.version} that is known here"
        )
    _check_log(earlier, root)
    listed = {key.public.id: key for key in root.keys}
    for key in earlier.keys:
        # At time 0 no end has passed: which ends were taken back in time nobody can tell from the two.
        _check_key(key, listed.get(key.public.id), root.version, 0)


def ended(root: TrustedRoot | None, following: TrustedRoot, time: int) -> dict[str, int]:
    """Return the ends (unix seconds) before `time` that `following` sets anew, by key id: backdated ones void entries."""
    before = {} if root is None else {key.public.id: key.valid_for.end for key in root.keys}
    return {
        key.public.id: key.valid_for.end
        for key in following.keys
        if key.valid_for.end is not None
        and key.valid_for.end < time
        and before.get(key.public.id, 0) != key.valid_for.end
    }


def _check_log(root: TrustedRoot, following: TrustedRoot) -> None:
    """Refuse a version about another log: checkpoints are judged by one name and one key (C2SP tlog-checkpoint)."""
    if following.origin != root.origin:
        raise Forbidden(
            f"version {following.version} of the trusted root names the log {following.origin}; it is {root.origin}"
        )
    old, new = root.log(), following.log()
    if old.public.id != new.public.id:
        raise Forbidden(
            f"version {following.version} of the trusted root names the log key {new.public.id}; it is {old.public.id},"
            " and a log keeps its key"
        )
    if old.valid_for != new.valid_for:
        raise Forbidden(
            f"version {following.version} of the trusted root ends the log key {new.public.id}: a log keeps its key"
        )


def _check_key(key: Key, following: Key | None, version: int, time: int) -> None:
    """Refuse a version that removes or changes a key, or takes an end back that has passed."""
    which = f"the key {key.public.id} of {key.operator}"
    if following is None:
        raise Forbidden(
            f"version {version} of the trusted root leaves out {which}: a key is ended by validFor.end, never removed"
        )
    for what, was, said in (
        ("operator", key.operator, following.operator),
        ("roles", ", ".join(key.roles), ", ".join(following.roles)),
        ("namespaces", ", ".join(key.namespaces), ", ".join(following.namespaces)),
        ("start", str(key.valid_for.start), str(following.valid_for.start)),
    ):
        if was != said:
            raise Forbidden(
                f"version {version} of the trusted root changes the {what} of {which} from {was or 'none'} to"
                f" {said or 'none'}: end the key and name a new one"
            )
    end, later = key.valid_for.end, following.valid_for.end
    if end is not None and end < time and (later is None or later > end):
        raise Forbidden(
            f"version {version} of the trusted root takes back the end of {which}, {end}, which has passed: name a new key"
        )
