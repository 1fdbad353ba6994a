"""SCE and RAM, on numbers worked by hand: which elements count, what they are worth, where they agree."""

import numpy as np
import pytest
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, Case, cases, on_disk

from merger.method import Values
from merger.methods.ramplus_tl import resolve as stretch
from merger.methods.sce import resolve as share
from signing.errors import Malformed

EPSILON = {"epsilon": "0.5"}


def merged(method, deltas, shared):
    """Merge task vectors onto a base of zeros."""
    models = [{"w": packed(np.zeros(len(deltas[0])), "F32")}, *({"w": packed(d, "F32")} for d in deltas)]
    recipe = {
        "arithmetic": "1",
        "method": method,
        "base": "0",
        "parents": [{"model": str(i + 1), "parameters": {}} for i in range(len(deltas))],
        "parameters": shared,
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    with on_disk() as disk:
        return values(disk.tensors(Case(tuple(models), recipe))["w"]).tolist()


def test_sce_selects_weighs_and_erases():
    # Variances 4, 16, 0 and 1/4: half of the four are the first two. The signs differ at both; the sums -1 + 3 and
    # 1 - 7 elect the second, which stands alone there: whatever it weighs is divided by itself.
    found = merged("sce", [[-1, 1, 5, 1], [3, -7, 5, 2]], {"select_topk": "0.5"})
    assert found == [3, -7, 0, 0]


def test_sce_weighs_those_that_agree_by_their_energy():
    # All are selected: energies 9 and 1 + 1, weights 9/11 and 2/11.
    found = merged("sce", [[3, 0], [1, 1]], {"select_topk": "1"})
    assert found == pytest.approx([(9 * 3 + 2 * 1) / 11, 1])


def test_sce_shares_alike_where_nothing_changed():
    assert share(Values((), {}), [0.0, 0.0, 0.0, 0.0]).weights == [0.25] * 4
    assert share(Values((), {}), [1.0, 3.0]).weights == [0.25, 0.75]
    assert (
        share(Values((), {}), [np.nan, 1.0]).weights
        == share(Values((), {}), [np.inf, 1.0]).weights
        == [0.5, 0.5]
    )


def test_sce_of_one_is_refused():
    with pytest.raises(Malformed, match="sce merges at least 2 parents, not 1"):
        merged("sce", [[1, 2]], {"select_topk": "1"})


def test_ram_averages_what_several_change():
    # A half does not exceed epsilon.
    assert merged("ram", [[1, 2, 0.5, 0], [0, 4, 0.5, 3]], EPSILON) == [1, 3, 0, 3]


def test_ramplus_stretches_what_one_changes_alone():
    shared = EPSILON | {"r": "0.5", "alpha": "1"}
    # The first shares one of its two, 1 + 0.5 · 1/1; the second one of its three, 1 + 0.5 · 1/2.
    assert merged("ramplus_tl", [[1, 2, 0, 0], [0, 4, 2, -4]], shared) == [1.5, 3, 2.5, -5]


def test_the_stretch_is_bounded_and_counts_are_not_divided_by_0():
    words = Values((), {"r": "0.1", "alpha": "0.2"})
    assert stretch(words, [1.0, 10.0, 5.0, 5.0, 7.0, 0.0, 0.0, 0.0]) == [1 + 0.1 * 0.1, 1 + 0.1 * 0.2, 1, 1]


@given(data=st.data())
@settings(LAW, max_examples=15)
def test_ramplus_that_stretches_nothing_is_ram(data):
    case = data.draw(cases("ramplus_tl", rules=False)).shared(r="0")
    same = case.but(method="ram", parameters={"epsilon": case.recipe["parameters"]["epsilon"]})
    with on_disk() as disk:
        assert disk.outcome(case) == disk.outcome(same)


@given(data=st.data())
@settings(LAW, max_examples=15)
def test_ram_of_one_model_is_that_model_where_it_exceeds_epsilon(data):
    case = data.draw(cases("ram", rules=False, odd=False)).shared(epsilon="0")
    case = case.but(parents=case.parents[:1])
    same = case.but(method="task_arithmetic", parameters={"lambda": "1", "normalize": False})
    with on_disk() as disk:
        assert disk.outcome(case) == disk.outcome(same.each(weight="1"))
