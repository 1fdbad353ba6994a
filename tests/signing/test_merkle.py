import base64
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import merkle
from signing.errors import Malformed, Refused, Untrusted

# The leaves of the reference tree of Certificate Transparency, and its roots at sizes 1 to 8.
LEAVES = [bytes.fromhex(leaf) for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def tree(leaves):
    """Return the hashes of all complete subtrees, as a log builds them: one leaf after the other."""
    nodes = {}
    for index, leaf in enumerate(leaves):
        nodes[0, index] = merkle.leaf_hash(leaf)
        for level, i in merkle.completed(index):
            nodes[level, i] = merkle.node_hash(nodes[level - 1, 2 * i], nodes[level - 1, 2 * i + 1])
    return nodes


def root_of(leaves):
    """Return the root by its definition (RFC 9162, 2.1.1)."""
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return merkle.leaf_hash(leaves[0])
    half = 1
    while 2 * half < len(leaves):
        half *= 2
    return merkle.node_hash(root_of(leaves[:half]), root_of(leaves[half:]))


BIG = [str(i).encode() for i in range(67)]
NODES = tree(BIG)
ROOT = [root_of(BIG[:size]) for size in range(len(BIG) + 1)]
SIZES = st.integers(1, len(BIG))


def included(index, size):
    return merkle.inclusion_proof(index, size, [NODES[node] for node in merkle.inclusion_nodes(index, size)])


def consistent(old, new):
    return merkle.consistency_proof(old, new, [NODES[node] for node in merkle.consistency_nodes(old, new)])


def test_all_proofs_of_the_transparency_dev_suite(shared):
    cases = json.JSONDecoder().decode((shared / "vectors/rfc6962/proofs.json").read_text())
    assert len(cases) == 100
    for case in cases:
        proof = [base64.b64decode(one) for one in case["proof"] or []]
        try:
            if case["kind"] == "inclusion":
                leaf, root = base64.b64decode(case["leafHash"]), base64.b64decode(case["root"])
                found = merkle.inclusion_root(leaf, case["leafIdx"], case["treeSize"], proof)
                holds = found == root
            else:
                roots = base64.b64decode(case["root1"]), base64.b64decode(case["root2"])
                merkle.check_consistency(case["size1"], case["size2"], *roots, proof)
                holds = True
        except Refused:
            holds = False
        assert holds != case["wantErr"], case["case"]


def test_the_roots_of_the_reference_tree():
    nodes = tree(LEAVES)
    assert merkle.root(0, []) == merkle.EMPTY
    for size, expected in enumerate(ROOTS, start=1):
        found = [nodes[node] for node in merkle.root_nodes(size)]
        assert merkle.root(size, found).hex() == expected == root_of(LEAVES[:size]).hex()


def test_the_empty_root_is_the_hash_of_nothing():
    assert merkle.EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root_nodes(0) == []


@given(SIZES)
def test_a_root_is_what_its_definition_says(size):
    assert merkle.root(size, [NODES[node] for node in merkle.root_nodes(size)]) == ROOT[size]


def test_every_leaf_of_every_small_tree_is_proven():
    for size in range(1, len(BIG) + 1):
        for index in range(size):
            assert merkle.inclusion_root(NODES[0, index], index, size, included(index, size)) == ROOT[size]


def test_every_small_tree_continues_every_smaller_one():
    for new in range(1, len(BIG) + 1):
        for old in range(1, new + 1):
            merkle.check_consistency(old, new, ROOT[old], ROOT[new], consistent(old, new))


def holds(index, size, leaf, proof):
    try:
        return merkle.inclusion_root(NODES[0, leaf], index, size, proof) == ROOT[size]
    except Untrusted:
        return False


@given(st.data(), SIZES)
def test_an_inclusion_proof_holds_for_its_leaf_in_its_place_alone(data, size):
    index, other = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size - 1))
    proof = included(index, size)
    assert holds(other, size, index, proof) == (other == index)
    assert holds(index, size, other, proof) == (other == index)
    for bent in bend(proof):
        assert not holds(index, size, index, bent)


@given(st.data(), SIZES, SIZES)
def test_a_bent_consistency_proof_does_not_hold(data, one, other):
    old, new = min(one, other), max(one, other)
    bent = data.draw(st.sampled_from(list(bend(consistent(old, new)))))
    with pytest.raises(Untrusted, match=f"{new} leaves is not shown to continue the tree of {old}"):
        merkle.check_consistency(old, new, ROOT[old], ROOT[new], bent)
    with pytest.raises(Untrusted, match="is not shown"):
        merkle.check_consistency(old, new, merkle.leaf_hash(b"forked"), ROOT[new], consistent(old, new))
    with pytest.raises(Untrusted, match="is not shown"):
        merkle.check_consistency(old, new, ROOT[old], merkle.leaf_hash(b"forked"), consistent(old, new))


def bend(proof):
    """Yield proofs that are not `proof`: longer, shorter, changed, reordered."""
    yield [*proof, merkle.EMPTY]
    yield [merkle.EMPTY, *proof]
    if proof:
        yield proof[:-1]
        yield proof[1:]
        yield [merkle.EMPTY, *proof[1:]]
        yield [*proof[:-1], merkle.EMPTY]
    if proof != proof[::-1]:
        yield proof[::-1]


@given(st.integers(0, 2**40))
def test_appending_completes_each_node_once_and_after_its_children(index):
    nodes = merkle.completed(index)
    assert nodes == [(level, index >> level) for level in range(1, len(nodes) + 1)]
    assert all((i + 1) << level == index + 1 for level, i in nodes)
    assert index + 1 >> len(nodes) & 1


def test_appending_completes_exactly_the_complete_subtrees():
    completed = [node for index in range(67) for node in merkle.completed(index)]
    expected = {(level, i) for level in range(1, 7) for i in range(67 >> level)}
    assert len(completed) == len(set(completed))
    assert set(completed) == expected


@given(st.integers(1, 2**40), st.data())
def test_large_trees_need_few_nodes_and_their_proofs_hold(size, data):
    """With equal leaves a node's hash depends on its level alone, so any size can be proven without building it."""
    same = [merkle.leaf_hash(b"")]
    for _ in range(41):
        same.append(merkle.node_hash(same[-1], same[-1]))
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))

    def found(nodes):
        assert len(nodes) <= 2 * size.bit_length()
        return [same[level] for level, _ in nodes]

    top = merkle.root(size, found(merkle.root_nodes(size)))
    proof = merkle.inclusion_proof(index, size, found(merkle.inclusion_nodes(index, size)))
    assert merkle.inclusion_root(same[0], index, size, proof) == top
    before = merkle.root(old, found(merkle.root_nodes(old)))
    changes = merkle.consistency_proof(old, size, found(merkle.consistency_nodes(old, size)))
    merkle.check_consistency(old, size, before, top, changes)


@given(st.integers(1, 2**40))
def test_the_nodes_of_a_root_cover_its_leaves_once(size):
    spans = [(i << level, (i + 1) << level) for level, i in merkle.root_nodes(size)]
    assert spans[0][0] == 0
    assert spans[-1][1] == size
    assert all(end == start for (_, end), (start, _) in pairwise(spans))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_t24_a_node_is_never_a_leaf(left, right):
    node = merkle.node_hash(left, right)
    assert node not in {merkle.leaf_hash(left + right), merkle.leaf_hash(b"\x01" + left + right)}


@pytest.mark.parametrize("other", [b"", b"x" * 31, b"x" * 33, b"x" * 64])
def test_t24_a_hash_has_32_bytes_everywhere(other):
    good = merkle.EMPTY
    for call in (
        lambda: merkle.node_hash(good, other),
        lambda: merkle.node_hash(other, good),
        lambda: merkle.root(1, [other]),
        lambda: merkle.inclusion_root(other, 0, 1, []),
        lambda: merkle.inclusion_root(good, 0, 2, [other]),
        lambda: merkle.inclusion_proof(0, 2, [other]),
        lambda: merkle.consistency_proof(1, 2, [other]),
        lambda: merkle.check_consistency(1, 2, other, good, [good]),
        lambda: merkle.check_consistency(1, 2, good, other, [good]),
        lambda: merkle.check_consistency(1, 2, good, good, [other]),
    ):
        with pytest.raises(Malformed, match="32 bytes"):
            call()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 1), (7, 3)])
def test_a_tree_has_the_leaves_it_has(index, size):
    with pytest.raises(Malformed, match=f"{size} leaves has no leaf {index}"):
        merkle.inclusion_nodes(index, size)
    with pytest.raises(Malformed, match="has no leaf"):
        merkle.inclusion_root(merkle.EMPTY, index, size, [])


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (2, 1), (-1, 1)])
def test_consistency_is_with_an_earlier_tree_that_had_leaves(old, new):
    with pytest.raises(Malformed, match=f"from {old} leaves to {new}"):
        merkle.consistency_nodes(old, new)
    with pytest.raises(Malformed, match="no consistency proof"):
        merkle.check_consistency(old, new, merkle.EMPTY, merkle.EMPTY, [])


@pytest.mark.parametrize("found", [[], [merkle.EMPTY] * 2])
def test_as_many_hashes_are_needed_as_were_asked_for(found):
    with pytest.raises(Malformed, match="1 nodes were asked for"):
        merkle.root(4, found)
    with pytest.raises(Malformed, match="1 nodes were asked for"):
        merkle.inclusion_proof(0, 2, found)
    with pytest.raises(Malformed, match="0 nodes were asked for"):
        merkle.root(0, [merkle.EMPTY])
