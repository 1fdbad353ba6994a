"""What is published again in a coarser type or under noise: made-up fine-tunes, real ones are measured (docs/weight-evidence.md)."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sketching import TENSORS, N, sketched, tunes

from merger.republished import CAST, EVEN, cast, noise, republished, suspected
from merger.sketch import Drawn, Sketch, stored

SIZE = 3e-4


def generator(seed):
    return np.random.Generator(np.random.PCG64(seed))


def known(models):
    return {f"m{i}": one.astype("f8") for i, one in enumerate(models)}


def found(child, base, models):
    return republished(child, base.astype("f8"), known(models))


@given(
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from(["BF16", "F16"]),
    kept=st.booleans(),
    together=st.sampled_from([0.0, 0.3, 0.5]),
)
@settings(max_examples=20, deadline=None)
def test_law_a_cast_is_found_and_no_sibling_of_it(seed, dtype, kept, together):
    base, models = tunes(seed, 5, together)
    child = sketched(stored(models[2], dtype), "F32" if kept else dtype)

    again = found(child, base, models)
    assert (again.parent, again.statistic, again.value, again.copied) == ("m2", "cast", 1.0, True)
    assert again.instead == ()
    assert found(child, base, [one for i, one in enumerate(models) if i != 2]) is None


@given(
    seed=st.integers(0, 10**6),
    size=st.sampled_from([0.1, 0.4, 0.7]),
    even=st.booleans(),
    together=st.sampled_from([0.0, 0.3, 0.5]),
)
@settings(max_examples=20, deadline=None)
def test_law_what_is_under_noise_is_found_and_no_sibling_of_it(seed, size, even, together):
    base, models = tunes(seed, 5, together)
    random = generator(seed + 1)
    drawn = random.uniform(-(3**0.5), 3**0.5, N) if even else random.standard_normal(N)
    child = sketched(models[2] + size * SIZE * 0.7 * drawn)

    again = found(child, base, models)
    assert (again.parent, again.statistic, again.copied) == ("m2", "noise", True)
    assert again.value >= again.threshold == EVEN
    assert found(child, base, [one for i, one in enumerate(models) if i != 2]) is None


@given(
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from(["F32", "BF16", "F16"]),
    together=st.sampled_from([0, 0.3, 0.5]),
)
@settings(max_examples=15, deadline=None)
def test_law_a_fine_tune_is_none_of_its_siblings_however_it_is_stored(seed, dtype, together):
    base, (own, *siblings) = tunes(seed, 5, together)
    child = sketched(stored(own, dtype), dtype)

    assert suspected(child, base.astype("f8"), {}, known(siblings)) == ()


def test_a_cast_of_weights_that_were_coarse_from_the_start_is_the_same_where_anything_moved():
    base, models = (stored(one, "BF16") if isinstance(one, np.ndarray) else one for one in tunes(1, 3))
    coarse = [stored(one, "BF16") for one in models]

    assert found(sketched(coarse[1], "BF16"), base, coarse).parent == "m1"
    assert cast(sketched(coarse[1], "BF16"), base.astype("f8"), coarse[0].astype("f8")) < 0.5


def test_each_tensor_is_rounded_as_it_is_stored():
    base, models = tunes(2, 3)
    parts = np.split(models[1], TENSORS)
    mixed = np.concatenate([stored(one, "BF16") if i % 2 else one for i, one in enumerate(parts)])

    again = found(sketched(mixed, *["F32", "BF16"] * (TENSORS // 2)), base, models)

    assert (again.parent, again.value) == ("m1", 1.0)


def test_twins_of_a_cast_are_named_beside_it():
    base, models = tunes(3, 2)

    again = found(sketched(stored(models[0], "BF16"), "BF16"), base, [*models, models[0]])

    assert {again.parent, *again.instead} == {"m0", "m2"}


def test_what_is_a_cast_in_most_elements_alone_is_none():
    base, models = tunes(4, 2)
    child = np.where(np.arange(N) % 10 == 0, base, stored(models[0], "BF16"))

    share = cast(sketched(stored(child, "BF16"), "BF16"), base.astype("f8"), models[0].astype("f8"))

    assert 0.85 < share < CAST


def test_what_is_not_noise_over_a_model():
    base, (model,) = (one if isinstance(one, list) else one.astype("f8") for one in tunes(5, 1))
    model, drawn = model.astype("f8"), generator(6).standard_normal(N) * 1e-4
    others = {
        "not as much everywhere": model + drawn * np.where(np.arange(N) < N // 2, 1, 0.3),
        "not once": base + 0.8 * (model - base) + drawn,
        "too much to tell": model + 60 * drawn,
        "over the base": base + drawn,
        "none at all": model,
    }

    assert noise(sketched(model + drawn), base, model) > EVEN
    assert {how: noise(sketched(one), base, model) < EVEN for how, one in others.items()} == dict.fromkeys(
        others, True
    )


def test_of_too_few_parts_or_elements_nothing_is_told():
    base, models = tunes(7, 1)
    one = models[0].astype("f8") + generator(8).standard_normal(N) * 1e-4
    few = Sketch("0" * 64, (Drawn("t", "F32", (900,), one[:900].astype("f4")),))
    own, before = models[0][:900].astype("f8"), base[:900].astype("f8")

    assert noise(few, before, own) == 0
    assert noise(Sketch("0" * 64, (Drawn("t", "F32", (9,), one[:9].astype("f4")),)), before[:9], own[:9]) == 0
    short = Sketch("0" * 64, (Drawn("t", "BF16", (9,), stored(models[0][:9], "BF16")),))
    assert cast(short, before[:9], own[:9]) == 0


def test_what_is_not_finite_counts_for_neither():
    base, models = tunes(9, 2)
    child = stored(models[0], "BF16")
    child[:3] = [np.nan, np.inf, -np.inf]
    models[0][5] = np.inf

    again = found(sketched(child, "BF16"), base, models)
    assert (again.parent, again.value) == ("m0", 1.0)
    assert found(sketched(np.full(N, np.nan), "BF16"), base, models) is None
    noisy = models[0] + generator(8).standard_normal(N).astype("f4") * 1e-4
    noisy[:2] = np.nan
    assert found(sketched(noisy), base, models).parent == "m0"
