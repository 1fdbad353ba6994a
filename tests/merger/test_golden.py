"""Golden ids of our own: a change of any byte of any merge breaks the build, and is Merge Arithmetic 2."""

import pytest
from strategies import fixed, on_disk

from merger.methods import METHODS


def test_every_method_has_a_golden_id(golden):
    assert sorted(golden) == sorted(METHODS)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_small_merge_has_the_golden_id(method, golden):
    with on_disk() as disk:
        made = disk.make(fixed(method))
        assert made.result.artifact == golden[method]
        # Adapters are one file whatever its size, models three of these shards.
        shards = 3 if METHODS[method].merges == "models" else 0
        assert len([name for name in made.files if name.startswith("model-")]) == shards
        assert disk.outcome(fixed(method)) == disk.second(fixed(method))
