"""Evidence of a fork convicts whoever signed both checkpoints, and nobody else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import canonical, checkpoint, fork, merkle
from signing.checkpoint import Checkpoint
from signing.errors import Malformed, Refused, Untrusted
from signing.fork import Fork

ORIGIN = "studbook.example/log"


class Tree:
    """A log of leaves that say which history they are of."""

    def __init__(self, *leaves):
        self.nodes = {}
        for index, leaf in enumerate(leaves):
            self.nodes[0, index] = merkle.leaf_hash(leaf)
            for level, i in merkle.completed(index):
                below = self.nodes[level - 1, 2 * i], self.nodes[level - 1, 2 * i + 1]
                self.nodes[level, i] = merkle.node_hash(*below)

    def root(self, size):
        return merkle.root(size, [self.nodes[one] for one in merkle.root_nodes(size)])

    def note(self, size, key, origin=ORIGIN):
        return checkpoint.sign(Checkpoint(origin, size, self.root(size)), key)

    def consistency(self, old, new):
        found = [self.nodes[one] for one in merkle.consistency_nodes(old, new)]
        return tuple(merkle.consistency_proof(old, new, found))


HONEST = Tree(*(b"%d" % index for index in range(20)))
SECOND = Tree(*(b"%d" % index if index < 7 else b"other %d" % index for index in range(20)))


def forked(key, old, new):
    return Fork(HONEST.note(old, key), SECOND.note(new, key), SECOND.root(old), SECOND.consistency(old, new))


@settings(deadline=None)
@given(st.integers(8, 20), st.integers(8, 20))
def test_t14_two_histories_under_one_key_convict_it(log_key, one, other):
    old, new = sorted((one, other))
    evidence = Fork.parse(forked(log_key, old, new).encode())
    first, second = fork.check(evidence, ORIGIN, log_key.public)
    assert (first.size, second.size) == (old, new)
    assert first.root == HONEST.root(old)


@given(st.integers(1, 7), st.integers(1, 20))
def test_t14_a_log_that_only_grew_is_not_convicted(log_key, old, more):
    new = min(20, old + more)
    with pytest.raises(Untrusted, match="this is no fork"):
        fork.check(forked(log_key, old, new), ORIGIN, log_key.public)


@given(st.data())
def test_t14_bent_evidence_convicts_nobody(log_key, data):
    good = forked(log_key, 9, 20)
    bent = data.draw(
        st.sampled_from(
            [
                Fork(good.second, good.first, good.root, good.proof),
                Fork(good.first, good.second, HONEST.root(9), good.proof),
                Fork(good.first, good.second, merkle.EMPTY, good.proof),
                Fork(good.first, good.second, good.root, good.proof[1:]),
                Fork(good.first, good.second, good.root, (*good.proof, merkle.EMPTY)),
                Fork(good.first, HONEST.note(20, log_key), good.root, good.proof),
            ]
        )
    )
    with pytest.raises(Refused):
        fork.check(bent, ORIGIN, log_key.public)


def test_t14_a_checkpoint_of_another_key_or_log_convicts_nobody(log_key):
    other = checkpoint.PrivateKey.generate("ed25519")
    mine, theirs = HONEST.note(9, log_key), SECOND.note(9, other)
    with pytest.raises(Untrusted, match="is not signed by"):
        fork.check(Fork(mine, theirs, SECOND.root(9), ()), ORIGIN, log_key.public)
    elsewhere = SECOND.note(9, log_key, "other.example/log")
    with pytest.raises(Untrusted, match="is not signed by"):
        fork.check(Fork(mine, elsewhere, SECOND.root(9), ()), ORIGIN, log_key.public)


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"v": True}, {"more": 1}, {"proof": "x"}, {"proof": [1]}, {"root": "x"}, {"first": 1}],
)
def test_what_is_no_evidence_is_refused(log_key, change):
    said = canonical.decode(forked(log_key, 9, 20).encode())
    with pytest.raises(Malformed):
        Fork.parse(canonical.encode(dict(said) | change))


def test_evidence_without_end_is_refused():
    with pytest.raises(Malformed, match="at most"):
        Fork.parse(b" " * (fork.MAX_BYTES + 1))
