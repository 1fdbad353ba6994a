"""What executing a plan takes: as many threads and as large reads as fit, and an estimate that says what it is made of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, big, on_disk

from merger.card import configs_of
from merger.cost import Cost, Rates, cost, estimate, fitted
from merger.folder import describe
from merger.methods import METHODS
from merger.plan import plan
from merger.recipe import Recipe
from merger.weights import opened_weights
from signing.errors import Malformed

LARGE = {"a": ((1 << 20) + 5,), "b": (3, 5), "none": (0,)}


@pytest.fixture(scope="module")
def planned():
    """A plan of every method, with the manifests of its models."""
    found = {}
    with on_disk() as disk:
        for method in sorted(METHODS):
            case = big(method, LARGE, ("BF16", "BF16", "BF16"))
            recipe = Recipe.of(disk.recipe(case))
            folders = {one: disk.folders[one] for one in recipe.artifacts()}
            known = {one: describe(folder) for one, folder in folders.items()}
            described = {one: (d.manifest, d.blocks) for one, d in known.items()}
            with opened_weights(folders, described) as weights:
                manifests = {one: w.manifest for one, w in weights.items()}
                found[method] = plan(recipe, manifests, configs_of(recipe, weights)), manifests
    return found


@pytest.mark.parametrize("method", sorted(METHODS))
@given(threads=st.integers(1, 8), factor=st.integers(1, 8), more=st.integers(0, 400_000_000))
@settings(LAW, max_examples=10)
def test_what_is_chosen_fits_and_one_thread_more_would_not(planned, method, threads, factor, more):
    steps, manifests = planned[method]
    program = 100_000_000
    least = program + cost(steps, manifests, threads=1, factor=1).memory
    memory = least + more

    many, large = fitted(steps, manifests, memory, program, threads=threads, factor=factor)

    assert 1 <= many <= threads
    assert 1 <= large <= factor
    assert program + cost(steps, manifests, threads=many, factor=large).memory <= memory
    beyond = [(many + 1, 1)] if many < threads else []
    beyond += [(many, large + 1)] if large < factor else []
    for wider, longer in beyond:
        assert program + cost(steps, manifests, threads=wider, factor=longer).memory > memory


@pytest.mark.parametrize("method", sorted(METHODS))
def test_too_little_is_refused_with_the_smallest_that_would_do(planned, method):
    steps, manifests = planned[method]
    program = 50_000_000
    with pytest.raises(Malformed, match="51 MB of memory are too little") as refused:
        fitted(steps, manifests, 51_000_000, program, threads=4, factor=4)
    least = int(str(refused.value).split("it takes ")[1].split("M,")[0]) * 10**6
    assert fitted(steps, manifests, least, program, threads=1, factor=1) == (1, 1)
    assert "the program itself has 50 MB" in str(refused.value)


def test_an_estimate_is_made_of_its_parts():
    takes = Cost(reads=(1000, 2000), passes=(1, 2), moves=(400, 800), writes=300, memory=0)
    rates = Rates(sha256=100, blake3=200, copy=1000)

    found = estimate(takes, rates, threads=4, cores=2)

    assert found.parts == {
        "read": (1, 2),
        "check": (6.5, 11.5),
        "compute": (0.4, 0.8),
        "hash": (3.0, 3.0),
        "write": (0.3, 0.3),
    }
    assert found.seconds == pytest.approx((11.2 / 2, 17.6 / 2))
    # However many work, one writes.
    assert estimate(takes, rates, threads=64, cores=64).seconds == pytest.approx((3.3, 3.3))


def test_a_pass_more_reads_and_moves_everything_once_more(planned):
    once, manifests = planned["task_arithmetic"]
    twice, _ = planned["slerp"]
    one, two = cost(once, manifests), cost(twice, planned["slerp"][1])
    assert (one.passes, two.passes) == ((1, 1), (2, 2))
    size = (1 << 20) + 5 + 15
    assert one.reads == (size * 2 * 3,) * 2
    assert one.moves == (size * 4 * 4,) * 2
    assert two.reads == (size * 2 * 2 * 2,) * 2
    assert two.moves == (size * 4 * 3 * 2,) * 2
    assert one.writes == size * 2
