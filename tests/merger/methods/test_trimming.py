"""What trimming keeps of task vectors: the largest, or the largest after the outliers; and what rescaling restores."""

import numpy as np
import pytest
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, Case, cases, on_disk

from merger.deltas import below_outliers, stretched, stretches
from merger.method import Cut, Values
from merger.methods import METHODS
from signing.errors import Refused

SHARED = {"lambda": "1", "rescale": "none", "normalize": False}
PLAIN = SHARED | {"scope": "tensor"}
ELECTION = {"lambda": "1", "vote": "weighted", "divide": "weights", "rescale": "none"}


def merged(method, deltas, own, shared, **members):
    """Merge task vectors onto a base of zeros."""
    models = [{"w": packed(np.zeros(len(deltas[0])), "F32")}, *({"w": packed(d, "F32")} for d in deltas)]
    recipe = {
        "arithmetic": "1",
        "method": method,
        "base": "0",
        "parents": [{"model": str(i + 1), "parameters": p} for i, p in enumerate(own)],
        "parameters": shared,
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    with on_disk() as disk:
        return values(disk.tensors(Case(tuple(models), recipe | members))["w"]).tolist()


def outcome(disk, case):
    try:
        return disk.tensors(case)
    except Refused:
        return "refused"


def without(case, method, *names):
    """The same case for a method that does not know some parameters."""
    own = [
        p | {"parameters": {k: v for k, v in p["parameters"].items() if k not in names}} for p in case.parents
    ]
    shared = {k: v for k, v in case.recipe["parameters"].items() if k not in names}
    return case.but(method=method, parents=own, parameters=shared)


def test_magnitude_prune_adds_the_largest_of_each():
    own = [{"weight": "0.5", "density": "0.5"}, {"weight": "2", "density": "0.25"}]
    # Of the first 4 and -3 stay, of the second its one -8.
    found = merged("magnitude_prune", [[4, -3, 2, 1], [1, 2, -8, 3]], own, PLAIN)
    assert found == [2, -1.5, -16, 0]


def test_breadcrumbs_skip_the_outlier_and_drop_the_small():
    own = [{"weight": "1", "density": "0.4", "gamma": "0.2"}]
    # Of five, one is skipped (9) and the next two are kept (-5 and 4).
    assert merged("breadcrumbs", [[1, -5, 9, 4, 2]], own, SHARED) == [0, -5, 0, 4, 0]
    election = ELECTION | {"divide": "none"}
    own = [*own, {"weight": "1", "density": "0.4", "gamma": "0.2"}]
    # The second keeps 6 and -5: it outvotes the first at index 1 and stands alone at 0.
    found = merged("breadcrumbs_ties", [[1, -5, 9, 4, 2], [-5, 6, 1, 2, 9]], own, election)
    assert found == [-5, 6, 0, 4, 0]


@pytest.mark.parametrize(
    ("density", "gamma", "size", "cut"),
    [
        ("0.75", "0.05", 48, Cut(36, 2)),
        ("0.75", "0.01", 48, Cut(36, 0)),
        ("0.9", "0.5", 10, Cut(9, 1)),
        ("1", "1", 10, Cut(10, 0)),
        ("0.001", "1", 10, Cut(1, 9)),
        ("0.5", "0.01", 0, Cut(0, 0)),
        # In fp64 0.29 · 100 is a little less than 29.
        ("0.5", "0.29", 100, Cut(50, 29)),
    ],
)
def test_counts_are_exact_and_the_density_comes_first(density, gamma, size, cut):
    assert below_outliers(Values([{"density": density, "gamma": gamma}], {}), size) == [cut]


@given(data=st.data())
@settings(LAW, max_examples=15)
def test_magnitude_prune_at_density_1_is_task_arithmetic(data):
    case = data.draw(cases("magnitude_prune")).each(density="1").shared(scope="tensor", rescale="none")
    with on_disk() as disk:
        same = without(case, "task_arithmetic", "density", "scope", "rescale")
        assert outcome(disk, case) == outcome(disk, same)


@pytest.mark.parametrize(
    ("method", "plain"), [("breadcrumbs", "magnitude_prune"), ("breadcrumbs_ties", "ties")]
)
@given(data=st.data())
@settings(LAW, max_examples=15)
def test_breadcrumbs_that_skip_nothing_only_trim(method, plain, data):
    case = data.draw(cases(method)).each(gamma="0")
    with on_disk() as disk:
        assert outcome(disk, case) == outcome(disk, without(case, plain, "gamma").shared(scope="tensor"))


def test_l1_stretches_what_is_kept_to_the_whole():
    own = [{"weight": "1", "density": "0.5"}, {"weight": "0.5", "density": "0.25"}]
    # 10 of 8 are left of the first, 16 of 8 of the second: factors 1.25 and 2.
    deltas = [[5, -3, 1, 1], [2, -8, 3, 3]]
    assert merged("magnitude_prune", deltas, own, PLAIN | {"rescale": "l1"}) == [6.25, -3.75 - 8, 0, 0]
    election = ELECTION | {"scope": "tensor", "rescale": "l1"}
    assert merged("ties", deltas, own, election) == [6.25, pytest.approx((-3.75 - 8) / 1.5), 0, 0]


def test_nothing_kept_is_not_stretched():
    assert stretches([10.0, 8.0, 0.0, 0.0, 3.0, 0.0]) == [1.25, 1.0, 1.0]
    assert stretches([np.inf, 8.0, np.nan, np.nan]) == [1.0, 1.0]


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_random_masks_stretch_to_the_l1_norm_too(method):
    deltas = [[3.0, -1.0, 2.0, 0.5, -4.0, 1.0, 1.5, 2.5]]
    own = [{"weight": "1", "density": "0.5"}]
    names = [p.name for p in METHODS[method].parameters if not p.per_parent]
    shared = {n: v for n, v in (ELECTION | {"normalize": False}).items() if n in names}
    by_density = np.array(merged(method, deltas, own, shared | {"rescale": "density"}, seed="3"))
    by_length = np.array(merged(method, deltas, own, shared | {"rescale": "l1"}, seed="3"))
    as_it_is = np.array(merged(method, deltas, own, shared | {"rescale": "none"}, seed="3"))
    kept = by_density != 0
    # Half of the lanes are kept, so the density stretches exactly to the double.
    assert as_it_is.tolist() == (by_density / 2).tolist()
    assert as_it_is[kept].tolist() == np.array(deltas[0])[kept].tolist()
    assert 0 < kept.sum() < len(kept)
    assert by_length[~kept].tolist() == by_density[~kept].tolist()
    assert np.abs(by_length).sum() == pytest.approx(np.abs(deltas[0]).sum())
    assert by_length[kept] == pytest.approx(
        np.array(deltas[0])[kept] * by_length[kept][0] / np.array(deltas[0])[kept][0]
    )


@pytest.mark.parametrize(
    "method", ["dare_linear", "dare_ties", "della", "della_linear", "ties", "magnitude_prune", "breadcrumbs"]
)
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_rescaling_changes_nothing_where_nothing_is_dropped(method, data):
    case = data.draw(cases(method, odd=False)).each(density="1")
    (rescale,) = (p for p in METHODS[method].parameters if p.name == "rescale")
    with on_disk() as disk:
        outcomes = [outcome(disk, case.shared(rescale=word)) for word in rescale.choices]
        assert all(found == outcomes[0] for found in outcomes)


def test_sums_are_taken_only_where_they_are_asked_for():
    for method in METHODS.values():
        if method.summed is stretched:
            words = {p.name: p.default for p in method.parameters if p.choices}
            assert not method.summed(Values((), words))
            assert method.summed(Values((), words | {"rescale": "l1"}))


def test_a_vote_by_count_and_the_largest_agreeing_term():
    own = [{"weight": w, "density": "1"} for w in ("1", "1", "0.5")]
    deltas = [[1, 5, 2, 0], [1, -1, -2, 0], [-9, -1, 4, -3]]
    shared = ELECTION | {"scope": "tensor", "vote": "count", "divide": "none"}
    # Two of three are positive, two of three negative, two of three positive, one negative alone.
    assert merged("ties", deltas, own, shared) == [2, -1.5, 4, -1.5]
    # By sums the third outweighs the first two at index 0, the first the other two at index 1.
    assert merged("ties", deltas, own, shared | {"vote": "weighted"}) == [-4.5, 5, 4, -1.5]
    assert merged("ties", deltas, own, shared | {"divide": "max"}) == [1, -1, 2, -1.5]
