"""Plans: every incompatibility is found from manifests and configs, before a byte of weights is read."""

import pytest
from making import CONFIG, add_all, floats, make, write_model

from merger.fit import MUST_AGREE
from merger.folder import describe
from merger.method import Cut
from merger.plan import plan
from merger.recipe import Recipe
from merger.steps import Compute, Convert, Copy
from signing.errors import Malformed

W = {"a": ("F32", (2,), floats([1, 2])), "layers.0.w": ("F32", (1,), floats([3]))}


@pytest.fixture
def planned(tmp_path):
    """Plan a merge of models given as tensors, with configs where given."""

    def run(method, *models, parents=None, parameters=None, base=True, configs=None, **members):
        folders = [
            write_model(tmp_path / f"{len(list(tmp_path.iterdir()))}-{i}", m) for i, m in enumerate(models)
        ]
        ids = [describe(folder).artifact for folder in folders]
        used = ids[1:] if base else ids
        default = {"weight": "1"} | ({"density": "0.5"} if method == "ties" else {})
        said = {
            "arithmetic": "1",
            "method": method,
            "parents": [
                {"model": i, "parameters": p}
                for i, p in zip(used, parents or [default] * len(used), strict=True)
            ],
            "parameters": parameters or {"lambda": "1", "normalize": False},
            "allow_nonfinite": False,
        } | ({"base": ids[0]} if base else {})
        manifests = {i: describe(f).manifest for i, f in zip(ids, folders, strict=True)}
        described = dict(zip(ids, configs or [CONFIG] * len(ids), strict=True))
        return plan(Recipe.of(said | members), manifests, described)

    return run


def but(**changed):
    return {k: v for k, v in (W | changed).items() if v is not None}


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        (but(a=None), "a: sha256:.* has it, sha256:.* has not$"),
        (but(b=W["a"]), "b: sha256:.* has it, sha256:.* has not$"),
        (but(**{"lm_head.weight": W["a"]}), r"lm_head\.weight: .* has not; its embeddings may be tied"),
        (
            but(a=("F32", (1, 2), floats([1, 2]))),
            r"a: parents disagree on shape, \(2,\) in .* and \(1, 2\) in ",
        ),
        (but(a=("I32", (2,), bytes(8))), "a: holds F32, which only copies where all agree, but .* differ"),
    ],
)
def test_models_that_do_not_fit_are_refused_by_name(planned, other, sentence):
    with pytest.raises(Malformed, match=sentence):
        planned("task_arithmetic", W, other)


@pytest.mark.parametrize("key", MUST_AGREE)
def test_configs_that_do_not_fit_are_refused_by_key(planned, key):
    with pytest.raises(
        Malformed, match=rf"config\.json: {key} differs, .* in sha256:.* and 'odd' in sha256:"
    ):
        planned("task_arithmetic", W, but(a=("F32", (2,), bytes(8))), configs=[CONFIG, CONFIG | {key: "odd"}])


def test_a_model_without_tensors_is_refused(planned):
    with pytest.raises(Malformed, match="holds no tensors"):
        planned("task_arithmetic", {}, {})


def test_a_merge_of_nothing_is_refused(planned):
    with pytest.raises(
        Malformed, match="a: every parent has weight 0, and linear has no base to fall back on"
    ):
        planned("linear", W, base=False, parents=[{"weight": "0"}], parameters={"normalize": False})
    cancelling = {"parents": [{"weight": "1"}, {"weight": "-1"}], "parameters": {"normalize": True}}
    with pytest.raises(Malformed, match="weights 1, -1 sum to 0 and cannot be normalized"):
        planned("linear", W, but(a=("F32", (2,), bytes(8))), base=False, **cancelling)


def test_layers_beyond_a_rule_are_refused_even_where_nothing_is_computed(planned):
    deep = {"layers.7.w": ("I64", (1,), bytes(8))}
    rules = [{"by_layer": ["1", "2"], "value": "1"}]
    with pytest.raises(Malformed, match=r"layers\.7\.w: layer 7, but the recipe gives values for 2 layers"):
        planned("task_arithmetic", deep, deep, parents=[{"weight": rules}])


def test_steps_are_in_utf8_order_and_say_what_is_done(planned):
    zero = ("BF16", (2,), bytes(4))
    base = {"é": zero, "z": zero, "same": zero, "ids": ("U8", (1,), b"x")}
    done = planned(
        "task_arithmetic",
        base,
        base | {"é": ("F64", (2,), floats([1, 2], "F64")), "z": ("F32", (2,), bytes(8))},
    )
    assert [(s.name, type(s), s.dtype) for s in done.steps] == [
        ("ids", Copy, "U8"),
        ("same", Copy, "BF16"),
        ("z", Compute, "BF16"),
        ("é", Compute, "BF16"),
    ]
    assert [s.wide for s in done.steps if isinstance(s, Compute)] == ["F32", "F64"]
    done = planned("task_arithmetic", base, base, dtype="float16")
    assert [type(s) for s in done.steps] == [Copy, Convert, Convert, Convert]


def test_types_that_hold_each_other_are_copied(planned):
    twins = {"w": ("BF16", (2,), bytes(4))}
    for dtype, kind in [("float32", Copy), ("float64", Copy), ("bfloat16", Copy), ("float16", Convert)]:
        (step,) = planned("task_arithmetic", twins, twins, dtype=dtype, out_dtype="bfloat16").steps
        assert type(step) is kind


TIES = {"lambda": "1", "scope": "model", "vote": "weighted", "divide": "weights", "rescale": "none"}


def test_one_scope_over_the_model_takes_plain_numbers_and_one_type(planned):
    tuned = but(a=("F32", (2,), floats([5, 6])))
    rules = {"weight": [{"value": "1"}], "density": "0.5"}
    with pytest.raises(
        Malformed, match=r"parents\.0\.parameters\.weight: scope: model takes one number, not rules"
    ):
        planned("ties", W, tuned, parents=[rules], parameters=TIES)
    mixed = but(a=("F64", (2,), floats([5, 6], "F64")), **{"layers.0.w": ("F32", (1,), floats([4]))})
    with pytest.raises(Malformed, match="but a is computed in fp64 and others in fp32"):
        planned("ties", W, mixed, parameters=TIES)
    whole = planned("ties", W, tuned, parameters=TIES)
    assert whole.model_cuts(whole.steps[0]) == (Cut(1),)


def test_among_equals_of_a_model_the_first_name_and_the_lowest_index_are_kept(tmp_path):
    base = {n: ("F32", (3,), floats([0, 0, 0])) for n in "abc"}
    tuned = {n: ("F32", (3,), floats([1, 1, 1])) for n in "abc"} | {"b": ("F32", (3,), floats([1, 2, 1]))}
    (zero, b), (one, t) = add_all(
        [write_model(tmp_path / "b", base), write_model(tmp_path / "t", tuned)]
    ).items()
    own = {"weight": "1", "density": "0.67"}  # six of nine: the 2, and five of the eights ones
    said = {"arithmetic": "1", "method": "ties", "base": zero, "parents": [{"model": one, "parameters": own}]}
    said |= {"parameters": TIES, "shard_bytes": "12", "allow_nonfinite": False}
    made = make(Recipe.of(said), {zero: b, one: t}).files
    got = [made[f"model-0000{i}-of-00003.safetensors"][-12:] for i in (1, 2, 3)]
    assert got == [floats([1, 1, 1]), floats([1, 2, 1]), floats([0, 0, 0])]


def test_a_shard_closes_before_it_would_pass_its_size(planned):
    def shards(limit):
        sizes = {"a": 4, "b": 8, "c": 1, "d": 0, "e": 40, "f": 4}
        model = {n: ("U8", (size,), bytes(size)) for n, size in sizes.items()}
        done = planned("task_arithmetic", model, model, shard_bytes=str(limit)).shards
        return {name: "".join(s.name for s in steps) for name, steps in done}

    assert shards(57) == {"model.safetensors": "abcdef"}
    assert list(shards(56).values()) == ["abcde", "f"]
    assert list(shards(13).values()) == ["abcd", "e", "f"]
    assert list(shards(12).values()) == ["ab", "cd", "e", "f"]
    assert list(shards(1).values()) == ["a", "b", "cd", "e", "f"]
    assert "model-00003-of-00005.safetensors" in shards(1)
