"""The second implementation's masks, sums, ranks, rules and scalars, against other people's vectors and arithmetic by hand."""

import json
import math

import numpy as np
import pytest
from reference.examples import BASE
from reference.form import resolve
from reference.second import slerp_scalars
from reference.sums import lanes, largest, mask_key, threshold, total


def test_masks_are_those_of_the_vectors(shared):
    for case in json.loads((shared / "vectors/mask.json").read_text()):
        key = mask_key(case["seed"], case["tensor"], case["parent"], case["occurrence"])
        assert f"{key:032x}" == case["key_hex"]
        stream = lanes(key, 1003).tolist()
        assert stream[:32] == case["lanes_0_31"]
        assert stream[1000:] == case["lanes_1000_1003"][:3]
        kept = [place for place in range(32) if stream[place] < threshold("0.3")]
        assert kept == case["kept_of_first_32_at_density_0.3"]


def test_philox_is_the_published_one():
    key, low = mask_key("7", "w", BASE, 0), (1 << 64) - 1
    words = []
    for count in (1, 2):  # NumPy steps the counter before the first block
        counter, keys = [count, 0, 0, 0], [key & low, key >> 64]
        for _ in range(10):
            first, second = 0xD2E7470EE14C6C93 * counter[0], 0xCA5A826395121157 * counter[2]
            counter = [
                (second >> 64) ^ counter[1] ^ keys[0],
                second & low,
                (first >> 64) ^ counter[3] ^ keys[1],
                first & low,
            ]
            keys = [(keys[0] + 0x9E3779B97F4A7C15) & low, (keys[1] + 0xBB67AE8584CAA73B) & low]
        words += counter
    assert lanes(key, 32).tolist() == [(word >> (16 * lane)) & 0xFFFF for word in words for lane in range(4)]


def test_sums():
    assert total(np.zeros(0)) == 0
    assert total(np.array([1e16, 1.0, -1e16])) == 1  # element 1 meets padding, 0 and 2 meet each other first
    values = np.zeros((1 << 16) + 3)
    values[[0, 1 << 15, 1, 65536, 65538]] = [1e16, -1e16, 3.0, 5.0, 0.25]
    assert total(values) == 8.25


def test_the_largest_k():
    assert largest(np.array([1.0, -3.0, 3.0, -0.0]), "0.25").tolist() == [False, True, False, False]
    assert largest(np.float32([1, math.nan, math.inf, 2]), "0.5").tolist() == [False, True, True, False]
    assert largest(np.ones(10), "0.29999999999999999999").sum() == 2
    assert largest(np.ones(10), "0.3").sum() == 3
    assert largest(np.ones(10), "0.01").tolist() == [True] + [False] * 9


def test_rules():
    rules = [{"contains": "mlp", "by_layer": ["1", "2"], "value": "9"}, {"value": "5"}]
    assert [resolve(rules, n) for n in ("a.mlp", "a.1.mlp.0", "a.01.mlp", "a.1x.attn")] == [
        "9",
        "2",
        "2",
        "5",
    ]
    with pytest.raises(ValueError, match="layer 2"):
        resolve(rules, "a.2.mlp")


def test_slerp_scalars():
    assert slerp_scalars(0.0, 1.0, 1.0, 0.5) == (math.sqrt(0.5), math.sqrt(0.5))
    assert slerp_scalars(-1.0, 1.0, 1.0, 0.25) == (0.75, 0.25)
    assert slerp_scalars(0.0, 0.0, 1.0, 0.25) == (0.75, 0.25)
    assert slerp_scalars(0.0, 1.0, 1.0, 5e-324) == (1.0, 1e-323)  # π/2 of the smallest number, to even
