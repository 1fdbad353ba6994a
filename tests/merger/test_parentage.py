"""Parentage: merges of made-up fine-tunes, of which every parent is known. Real ones are measured (docs/weight-evidence.md)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sketching import EACH, METHODS, N, changed, dare, linear, sketched, tasks, tunes

from merger.explained import Change, explained
from merger.parentage import alike, continued, likeness, merged, undeclared


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([0.1, 0.3, 0.5]))
@settings(max_examples=8, deadline=None)
def test_law_declared_parents_are_confirmed_and_nobody_else_is_named(method, seed, weight):
    base, models = tunes(seed, 6)
    child = METHODS[method](base, models[:2], [1 - weight, weight])
    known = tasks(base, models)
    parents = {name: known[name] for name in ("m0", "m1")}
    others = {name: one for name, one in known.items() if name not in parents}

    _, findings = merged(changed(child, base), parents)

    assert [(one.parent, one.outcome) for one in findings] == [("m0", "consistent"), ("m1", "consistent")]
    assert undeclared(changed(child, base), parents, others) == ()


@pytest.mark.parametrize("method", METHODS)
@given(seed=st.integers(0, 10**6), weight=st.sampled_from([0.1, 0.3, 0.5]))
@settings(max_examples=8, deadline=None)
def test_law_a_withheld_parent_is_found_and_no_sibling_of_it(method, seed, weight):
    base, models = tunes(seed, 6)
    child = METHODS[method](base, models[:2], [1 - weight, weight])
    known = tasks(base, models)
    own = known.pop("m0")

    (found,) = undeclared(changed(child, base), {"m0": own}, known)

    assert (found.parent, found.copied, found.instead) == ("m1", False, ())
    assert found.value >= found.threshold


@given(seed=st.integers(0, 10**6), together=st.sampled_from([0.0, 0.3, 0.5]))
@settings(max_examples=20, deadline=None)
def test_law_a_fine_tune_of_a_declared_base_is_no_copy_of_its_siblings(seed, together):
    base, (child, *siblings) = tunes(seed, 6, together)

    made, known = changed(child, base), tasks(base, siblings)
    assert undeclared(made, {}, known) == ()
    # Not one window of ratios is taken for more than chance.
    assert [explained(made, own[:, None]).exactly for own in known.values()] == [0.0] * 5


def test_who_is_not_here_is_not_replaced_by_who_resembles_them():
    base, models = tunes(3, 6, together=0.5)
    child = linear(base, models[:2], [0.5, 0.5])
    known = tasks(base, models)
    own, _ = known.pop("m0"), known.pop("m1")

    assert undeclared(changed(child, base), {"m0": own}, known) == ()


@pytest.mark.parametrize(
    "disguise",
    [
        lambda base, model: (base + 1.7 * (model - base)).astype("f4"),
        lambda base, model: np.where(np.arange(N) % 20 == 0, model, base),
        lambda _, model: (model + np.random.Generator(np.random.PCG64(1)).standard_normal(N) * 1e-4).astype(
            "f4"
        ),
        lambda _, model: model,
    ],
    ids=["scaled", "sparsified", "noise", "as it is"],
)
def test_what_is_published_once_more_in_disguise_is_suspected(disguise):
    base, models = tunes(4, 6)

    (found,) = undeclared(changed(disguise(base, models[2]), base), {}, tasks(base, models))

    assert (found.parent, found.copied) == ("m2", True)


def test_a_parent_that_is_no_part_of_a_whole_explanation_is_contradicted():
    base, models = tunes(5, 3)
    known = tasks(base, models)
    child = linear(base, models[:2], [0.6, 0.4])

    _, findings = merged(changed(child, base), known)

    assert [one.outcome for one in findings] == ["consistent", "consistent", "contradicted"]


def test_where_something_is_unexplained_nobody_is_contradicted():
    base, models = tunes(5, 4)
    known = tasks(base, models)
    hidden = known.pop("m3")
    child = linear(base, [models[0], models[3]], [0.6, 0.4])

    _, findings = merged(changed(child, base), known)

    assert [one.outcome for one in findings][1:] == ["undecided", "undecided"]
    assert hidden.any()


def test_of_two_parents_alike_neither_is_contradicted():
    base, models = tunes(5, 2)
    known = tasks(base, [models[0], models[0], models[1]])
    child = linear(base, models, [0.6, 0.4])

    _, findings = merged(changed(child, base), known)

    assert "contradicted" not in [one.outcome for one in findings]


def test_a_parent_that_is_the_base_itself_is_not_contradicted_by_having_no_part():
    base, models = tunes(5, 2)
    known = tasks(base, [*models, base])

    _, findings = merged(changed(linear(base, models, [0.6, 0.4]), base), known)

    assert [one.outcome for one in findings] == ["consistent", "consistent", "undecided"]


def test_candidates_that_explain_as_well_are_named_beside_the_best():
    base, models = tunes(6, 3)
    child = linear(base, models[:2], [0.5, 0.5])
    mixed = linear(base, models[:2], [0.2, 0.8])
    known = tasks(base, [*models, mixed])
    own = known.pop("m0")

    (found,) = undeclared(changed(child, base), {"m0": own}, known)

    assert {found.parent, *found.instead} == {"m1", "m3"}


def test_a_fine_tune_goes_on_from_its_parent_or_is_undecided_or_does_not():
    base, (parent, sibling) = tunes(7, 2, together=0.2)
    random = np.random.Generator(np.random.PCG64(8))
    tuned = (parent + 2e-4 * random.standard_normal(N)).astype("f4")
    half = (base + 0.5 * (parent - base)).astype("f4")
    own = tasks(base, [parent])["m0"]

    longer = (base + 1.8 * (parent - base)).astype("f4")

    outcomes = [continued("p", changed(one, base), own).outcome for one in (tuned, half, longer, sibling)]

    assert outcomes == ["consistent", "undecided", "undecided", "contradicted"]
    assert continued("p", changed(tuned, base), np.zeros(N)).outcome == "undecided"


def test_weights_of_one_training_are_alike_and_others_contradict_nothing():
    base, (tuned, _) = tunes(9, 2)
    other, _ = tunes(10, 0)

    assert alike("p", sketched(tuned), base.astype("f8")).outcome == "consistent"
    assert alike("p", sketched(other), base.astype("f8")).outcome == "undecided"
    assert likeness(sketched(np.zeros(N)), base.astype("f8")) == 0


def test_what_is_not_finite_counts_as_unchanged():
    base, models = tunes(11, 2)
    child = linear(base, models, [0.5, 0.5])
    child[:3] = [np.nan, np.inf, -np.inf]
    models[0][5] = np.inf
    parents = tasks(base, models)

    made = changed(child, base)
    found, findings = merged(made, parents)

    assert not made.values[:3].any()
    assert np.isfinite(found.r2)
    assert [one.outcome for one in findings] == ["consistent", "consistent"]


def test_where_storing_rounded_the_change_away_nothing_is_known_to_have_moved():
    base, models = tunes(12, 2)
    child = dare(base, models, [0.5, 0.5])
    coarse = (child.view("u4") & 0xFFFF0000).view("f4")

    found = explained(changed(coarse, base, "BF16"), np.column_stack(list(tasks(base, models).values())))

    assert found.moved < N / 10
    assert found.exactly == 0
    assert found.r2 > 0.2


@given(seed=st.integers(0, 10**6), method=st.sampled_from(sorted(METHODS)))
@settings(max_examples=8, deadline=None)
def test_law_where_rounding_is_coarse_nobody_is_named_for_resembling_who_is_not_here(seed, method):
    base, models = tunes(seed, 6, together=0.5)
    child = METHODS[method](base, models[:2], [0.5, 0.5])
    coarse = (child.view("u4") & 0xFFFF0000).view("f4")
    known = tasks(base, models)
    own, _ = known.pop("m0"), known.pop("m1")

    assert undeclared(changed(coarse, base, "BF16"), {"m0": own}, known) == ()


def test_a_window_in_one_tensor_alone_is_no_match():
    base, models = tunes(13, 2)
    child = models[0].copy()
    child[:EACH] = models[1][:EACH]

    made = changed(child, base)
    own = tasks(base, models)["m1"]

    assert explained(made, own[:, None]).exactly == 0
    assert (
        explained(
            Change(made.values[:EACH], made.tolerance[:EACH], made.places[:EACH]), own[:EACH, None]
        ).exactly
        == 1
    )


def test_nothing_is_explained_of_what_did_not_move():
    base, models = tunes(14, 1)

    found, (finding,) = merged(changed(base, base), tasks(base, models))

    assert (found.r2, found.moved, found.exactly, finding.outcome) == (0.0, 0, 0.0, "undecided")
