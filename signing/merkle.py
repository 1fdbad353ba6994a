"""The Merkle tree of the log: RFC 6962 hashing, RFC 9162 proofs, as arithmetic.

Nothing here stores a tree. A node is `(level, index)`: the complete subtree over the leaves `index * 2^level` up to
`(index + 1) * 2^level - 1`; level 0 is the leaf hashes. Questions come in pairs: `*_nodes` says which nodes an
answer needs, and its partner folds their hashes, handed over in that order. All of it is logarithmic in the size.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from signing.errors import Malformed, Untrusted

Node: TypeAlias = tuple[int, int]
_Range: TypeAlias = tuple[int, int]

_SIZE = 32
EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    # Leaves and nodes hash under different prefixes (RFC 9162, 2.1.1), or an inner node could be passed off
    # as an entry.
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others."""
    # With other lengths, one preimage would have two readings.
    if len(left) != _SIZE or len(right) != _SIZE:
        raise Malformed(f"a hash in the tree has {_SIZE} bytes, not {len(left)} and {len(right)}")
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed(index: int) -> list[Node]:
    """Return the nodes that appending leaf `index` completes, bottom up.

    Each `(level, i)` is the `node_hash` of `(level - 1, 2 * i)` and `(level - 1, 2 * i + 1)`, both known by then.
    """
    # One level for every one bit that `index` ends in.
    levels = (index ^ (index + 1)).bit_length() - 1
    return [(level, index >> level) for level in range(1, levels + 1)]


def root_nodes(size: int) -> list[Node]:
    """Return the complete subtrees that a tree of `size` leaves consists of, left to right."""
    return _cover((0, size))


def root(size: int, found: Sequence[bytes]) -> bytes:
    """Return the root of a tree of `size` leaves, from the hashes of its `root_nodes`."""
    tops = _fold([(0, size)] if size else [], found)
    return tops[0] if tops else EMPTY


def inclusion_nodes(index: int, size: int) -> list[Node]:
    """Return the nodes that prove leaf `index` of a tree of `size` leaves."""
    return [node for span in _audit_path(index, size) for node in _cover(span)]


def inclusion_proof(index: int, size: int, found: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of RFC 9162, 2.1.3.1, from the hashes of the `inclusion_nodes`."""
    return _fold(_audit_path(index, size), found)


def inclusion_root(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that `proof` leads to from the leaf hash at `index` (RFC 9162, 2.1.3.2).

    The proof holds if that is the root of a checkpoint of this size; nothing else says that it does.
    """
    _check_hashes([leaf, *proof])
    _check_index(index, size)
    at, last, top = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Untrusted(
                f"an inclusion proof of {len(proof)} hashes is too long for leaf {index} of {size}"
            )
        if at & 1 or at == last:
            top = node_hash(sibling, top)
            at, last = _climb(at, last)
        else:
            top = node_hash(top, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Untrusted(f"an inclusion proof of {len(proof)} hashes is too short for leaf {index} of {size}")
    return top


def consistency_nodes(old: int, new: int) -> list[Node]:
    """Return the nodes that prove that the tree of `new` leaves continues the one of `old` leaves."""
    return [node for span in _change_path(old, new) for node in _cover(span)]


def consistency_proof(old: int, new: int, found: Sequence[bytes]) -> list[bytes]:
    """Return the consistency proof of RFC 9162, 2.1.4.1, from the hashes of the `consistency_nodes`."""
    return _fold(_change_path(old, new), found)


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Refuse a log whose tree of `new` leaves is not the tree of `old` leaves continued (RFC 9162, 2.1.4.2)."""
    _check_growth(old, new)
    claim = f"the tree of {new} leaves is not shown to continue the tree of {old}"
    if old == new:
        if proof or old_root != new_root:
            raise Untrusted(f"{claim}: trees of one size have one root and an empty proof")
        return
    _check_hashes([old_root, new_root, *proof])
    # A complete old tree is itself the first node, and is left out of the proof.
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = path[0] if path else b""
    for sibling in path[1:]:
        if last == 0:
            raise Untrusted(f"{claim}: the proof of {len(proof)} hashes is too long")
        if at & 1 or at == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            at, last = _climb(at, last)
        else:
            now = node_hash(now, sibling)
        at, last = at >> 1, last >> 1
    if last or (was, now) != (old_root, new_root):
        raise Untrusted(f"{claim}: its proof of {len(proof)} hashes does not lead to both roots")


def _climb(at: int, last: int) -> tuple[int, int]:
    """Skip the levels on which a node at the right edge stands alone and is promoted unhashed."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _audit_path(index: int, size: int) -> list[_Range]:
    """Return the leaves under each hash of an inclusion proof, from the leaf upwards."""
    _check_index(index, size)
    siblings: list[_Range] = []
    start, end = 0, size
    while end - start > 1:
        start, end, sibling = _descend(index, start, end)
        siblings.append(sibling)
    return siblings[::-1]


def _change_path(old: int, new: int) -> list[_Range]:
    """Return the leaves under each hash of a consistency proof, from the edge of the old tree upwards."""
    _check_growth(old, new)
    siblings: list[_Range] = []
    start, end = 0, new
    while end != old:
        start, end, sibling = _descend(old - 1, start, end)
        siblings.append(sibling)
    # Where the old tree's edge is not the old tree itself, the proof starts with it.
    return ([(start, end)] if start else []) + siblings[::-1]


def _descend(index: int, start: int, end: int) -> tuple[int, int, _Range]:
    """Return the half of a subtree that holds leaf `index`, and the other half."""
    middle = start + (1 << ((end - start - 1).bit_length() - 1))
    return (start, middle, (middle, end)) if index < middle else (middle, end, (start, middle))


def _cover(span: _Range) -> list[Node]:
    """Return the complete subtrees that a span of leaves consists of, largest first."""
    start, end = span
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _fold(spans: Sequence[_Range], found: Sequence[bytes]) -> list[bytes]:
    """Return the hash above each span, from the hashes of all nodes of all spans."""
    _check_hashes(found)
    counts = [(end - start).bit_count() for start, end in spans]
    if sum(counts) != len(found):
        raise Malformed(f"{sum(counts)} nodes were asked for, and {len(found)} hashes given")
    rest = iter(found)
    return [_join([next(rest) for _ in range(count)]) for count in counts]


def _join(hashes: list[bytes]) -> bytes:
    top = hashes[-1]
    for left in reversed(hashes[:-1]):
        top = node_hash(left, top)
    return top


def _check_hashes(hashes: Iterable[bytes]) -> None:
    for one in hashes:
        if len(one) != _SIZE:
            raise Malformed(f"a hash in the tree has {_SIZE} bytes, not {len(one)}")


def _check_index(index: int, size: int) -> None:
    if not 0 <= index < size:
        raise Malformed(f"a tree of {size} leaves has no leaf {index}")


def _check_growth(old: int, new: int) -> None:
    # Every tree continues the empty one, so a proof from 0 leaves would prove nothing (RFC 9162: 0 < m < n).
    if not 0 < old <= new:
        raise Malformed(f"there is no consistency proof from {old} leaves to {new}")
