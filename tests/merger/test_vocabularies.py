"""Vocabularies that differ are merged by a row map: what is taken, what is lent, and what is refused."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applying import write_adapter
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from making import CONFIG, add_all, make, safetensors, write_model
from strategies import LAW, tensors
from vocabularies import BIAS, EMBEDDING, HEAD, Worded, worded, write_map

from merger.card import configs_of, vectors_of
from merger.execute import execute
from merger.folder import Changed, describe
from merger.gathering import Gathering, reads
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.plan import plan
from merger.recipe import Recipe
from merger.sources import Gather, Source
from merger.stage import staged
from merger.weights import Weights, opened_weights
from signing import canonical
from signing.errors import Malformed, Refused

METHOD = pytest.mark.parametrize("method", sorted(METHODS))
LINEAR: dict[str, Any] = {
    "arithmetic": "1",
    "method": "linear",
    "parameters": {"normalize": False},
    "shard_bytes": "5000000000",
    "allow_nonfinite": False,
}


def parents(*weights: str, first: int = 0) -> list[dict[str, Any]]:
    return [{"model": str(i), "parameters": {"weight": w}} for i, w in enumerate(weights, first)]


def table(*rows: list[float]) -> tuple[str, tuple[int, ...], bytes]:
    return packed(np.array(rows), "F32")


# Two models that both know "a" and "b", in other places; "c" is the first one's and "d" the second's alone.
A, B = table([1, 1], [2, 2], [3, 3]), table([40, 40], [10, 10], [20, 20], [0, 0])
VECTORS = {"0": [0, 1, 2, -1, -2], "1": [1, 2, -1, 0, -2]}
TWO = Worded(({EMBEDDING: A}, {EMBEDDING: B}), VECTORS, LINEAR | {"parents": parents("1", "1")})


def test_rows_merge_by_what_they_stand_for(tmp_path: Path) -> None:
    found = TWO.tensors(tmp_path)[EMBEDDING]
    # a: 1 + 10; b: 2 + 20; c: 3, and 3 lent to the second; d: 40 lent to the first, and 40; nobody's: +0.
    assert found[:2] == ("F32", (5, 2))
    assert values(found).tolist() == [11, 11, 22, 22, 6, 6, 80, 80, 0, 0]


def test_a_token_that_a_parent_lacks_is_the_base_s_and_adds_nothing(tmp_path: Path) -> None:
    tuned = {**TWO.vectors, "2": [0, -1, -1, 1, -2]}
    recipe = {**LINEAR, "method": "task_arithmetic", "base": "0", "parents": parents("1", "1", first=1)}
    recipe["parameters"] = {"normalize": False, "lambda": "1"}
    case = Worded((*TWO.models, {EMBEDDING: table([5, 5], [44, 44])}), tuned, recipe)
    found = values(case.tensors(tmp_path)[EMBEDDING]).reshape(5, 2)[:, 0]
    # a: 1 + 9 + 4; b: 2 + 18 + 0; c: 3 + 0 + 0; d: the base takes 40 of the first parent that has it: 40 + 0 + 4.
    assert found.tolist() == [14, 20, 3, 44, 0]


def test_the_config_counts_the_rows_and_finds_its_tokens_again(tmp_path: Path) -> None:
    ids = {"bos_token_id": 2, "eos_token_id": [0, 1], "pad_token_id": -1, "sep_token_id": None}
    case = replace(TWO, configs={1: ids, 0: ids}, vectors={"0": [2, 1, 0], "1": [0, 1, 1]})
    said = canonical.decode(case.files(tmp_path)["config.json"])
    assert said == CONFIG | {
        "vocab_size": 3, "_name_or_path": "0", "bos_token_id": 0, "eos_token_id": [2, 1], "pad_token_id": -1, "sep_token_id": None
    }  # fmt: skip


@pytest.mark.parametrize("method", sorted(m for m in METHODS if not METHODS[m].draws))
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_a_merge_by_a_row_map_is_one_of_models_that_have_these_rows(method: str, data: st.DataObject) -> None:
    case = data.draw(worded(method))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        by_map = case.files(Path(one))
        taken = case.gathered().files(Path(other), mapped=False)
    assert by_map == taken


@METHOD
@pytest.mark.system
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_neither_threads_nor_backends_are_seen_in_gathered_rows(method: str, data: st.DataObject) -> None:
    device = pytest.importorskip("merger.kernels.device")
    case = data.draw(worded(method, free=data.draw(st.booleans())))
    ways = [
        {"kernels": NumpyKernels, "threads": 1},
        {"kernels": CompiledKernels, "factor": 2},
        {"kernels": device.TorchKernels, "threads": 3},
    ]
    found = []
    for how in ways:
        with tempfile.TemporaryDirectory() as root:
            found.append(case.files(Path(root), **how))
    assert all(one == found[0] for one in found)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_the_map_that_changes_nothing_changes_nothing(method: str, data: st.DataObject) -> None:
    case = data.draw(worded(method))
    names = [n for n in (EMBEDDING, HEAD, BIAS) if n in case.models[0]]
    same = tuple(
        {**m, **{n: case.models[0][n] for n in names}} if data.draw(st.booleans()) else m for m in case.models
    )
    size = case.size(0)
    same = tuple(
        m if m[EMBEDDING][1][0] == size else {**m, **{n: case.models[0][n] for n in names}} for m in same
    )
    straight = replace(case, models=same, vectors={place: list(range(size)) for place in case.vectors})
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        assert straight.files(Path(one)) == straight.files(Path(other), mapped=False)


@given(st.randoms(use_true_random=False), st.sampled_from(["linear", "ties", "slerp", "task_arithmetic"]))
@settings(LAW, max_examples=10)
def test_models_whose_rows_were_shuffled_merge_to_the_same(random: Any, method: str) -> None:
    size, width = 37, 5
    models = [
        {
            EMBEDDING: packed(
                np.array([[random.gauss(0, 1) for _ in range(width)] for _ in range(size)]), "BF16"
            )
        }
        for _ in range(3)
    ]
    orders = [random.sample(range(size), size) for _ in models]
    shuffled = []
    for model, order in zip(models, orders, strict=True):
        dtype, shape, raw = model[EMBEDDING]
        shuffled.append(
            {EMBEDDING: (dtype, shape, np.frombuffer(raw, "<u2").reshape(shape)[order].tobytes())}
        )
    places = {str(i): np.argsort(order).tolist() for i, order in enumerate(orders)}
    how = METHODS[method]
    own = {p.name: "0.5" for p in how.parameters if p.per_parent}
    shared = {
        p.name: p.default if p.default is not None else "0.3" for p in how.parameters if not p.per_parent
    }
    recipe = LINEAR | {"method": method, "parents": [{"model": p, "parameters": own} for p in ("1", "2")]}
    recipe |= {"parameters": shared} | ({"base": "0"} if how.base == "needed" else {})
    plain = Worded(tuple(models), {}, recipe)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        mapped = Worded(tuple(shuffled), places, recipe).files(Path(one))
        assert mapped == plain.files(Path(other), mapped=False)


def test_vocabularies_of_several_chunks_in_any_order(tmp_path: Path) -> None:
    device = pytest.importorskip("merger.kernels.device")
    random = np.random.Generator(np.random.PCG64(5))
    sizes, width, rows = (5003, 4099), 333, 4507
    models = tuple(
        {
            EMBEDDING: packed(random.normal(size=(size, width)), "BF16"),
            BIAS: packed(random.normal(size=size), "F32"),
        }
        for size in sizes
    )
    vectors = {"0": [*range(4000), *random.integers(-2, 5003, 507)], "1": [*random.integers(0, 4099, 4507)]}
    vectors["0"] = [int(e) for e in vectors["0"]]
    recipe = LINEAR | {"parents": parents("0.25", "-1.5"), "out_dtype": "float32", "shard_bytes": "100000"}
    case = Worded(models, vectors, recipe)
    want = case.gathered().files(tmp_path / "taken", mapped=False)
    assert want != "refused"
    assert {n: t[1] for n, t in tensors(want).items()} == {EMBEDDING: (rows, width), BIAS: (rows,)}
    ways = [(1, 1, NumpyKernels), (2, 3, CompiledKernels), (4, 1, device.TorchKernels)]
    for at, (threads, factor, kernels) in enumerate(ways):
        assert case.files(tmp_path / str(at), threads=threads, factor=factor, kernels=kernels) == want


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Weights, Weights]]:
    """Two models with tables of several blocks, opened."""
    random = np.random.Generator(np.random.PCG64(11))
    root = tmp_path_factory.mktemp("shelf")
    known = {}
    for name, rows in (("one", 3001), ("two", 1777)):
        table = random.integers(0, 1 << 16, (rows, 701), np.uint16)
        folder = write_model(root / name, {"t": ("BF16", table.shape, table.tobytes())})
        (artifact,) = add_all([folder])
        known[artifact] = (folder, describe(folder))
    places = {artifact: folder for artifact, (folder, _) in known.items()}
    with opened_weights(places, {a: (d.manifest, d.blocks) for a, (_, d) in known.items()}) as weights:
        yield tuple(weights.values())


@given(st.integers(0, 1 << 32), st.integers(1, 900), st.sampled_from(["any", "runs"]), st.data())
@settings(LAW, max_examples=60)
def test_gathered_reading_is_numpy_s_take(
    shelf: tuple[Weights, Weights], seed: int, rows: int, kind: str, data: st.DataObject
) -> None:
    random = np.random.Generator(np.random.PCG64(seed))
    tables = [
        np.frombuffer(w.read("t", 0, w.tensors["t"].blocks, bytearray(w.tensors["t"].size)), "<u2")
        for w in shelf
    ]
    tables = [table.reshape(-1, 701) for table in tables]
    whose = random.integers(-1, 2, rows).astype(np.int16)
    places = random.integers(0, 1777, rows)
    if kind == "runs":
        whose = np.sort(whose)
        places = (int(random.integers(0, 1777 - 900)) + np.arange(rows)).astype(np.int64)
    gather = Gather((("0", "t"), ("1", "t")), whose, places)
    wanted = np.where(whose[:, None] < 0, 0, np.stack(tables_at(tables, whose, places)))
    reading = Gathering({"0": shelf[0], "1": shelf[1]})
    source = Source("0", "t", rows=gather)
    raw = wanted.astype("<u2").tobytes()
    for _ in range(3):
        first, last = sorted(data.draw(st.tuples(st.integers(0, len(raw)), st.integers(0, len(raw) + 99))))
        assert bytes(reading.read(source, first, last)) == raw[first:last]
    tensors_of = {(str(i), "t"): w.tensors["t"] for i, w in enumerate(shelf)}
    once, again = reads(gather, tensors_of, 1 << 19)
    assert 0 <= once <= again
    assert once <= sum(t.size for t in tensors_of.values())
    assert (once == 0) == (not (whose >= 0).any())


def tables_at(tables: list[np.ndarray], whose: np.ndarray, places: np.ndarray) -> list[np.ndarray]:
    return [tables[max(w, 0)][p] for w, p in zip(whose.tolist(), places.tolist(), strict=True)]


BROKEN = [
    ({"vectors": {"0": [0], "1": [4]}}, r"row 0 is row 4 of sha256:\w+, which has rows 0 to 3"),
    ({"vectors": {"0": [-3], "1": [0]}}, r"row 0 is row -3 of sha256:\w+, which has rows 0 to 2"),
    ({"vectors": {"0": [0]}}, r"rows\.safetensors of sha256:\w+ has no rows of sha256:\w+; make one for all"),
    ({"vectors": {"0": [0, -1], "1": [1, -1]}}, r"embed_tokens\.weight: row 1 of sha256:\w+ is in none of the models"),
    ({"vectors": {"0": [0, 1], "1": [1]}}, r"holds vectors of \[\(1,\), \(2,\)\] entries"),
    ({"configs": {0: {"vocab_size": 4}}}, r"embed_tokens\.weight of sha256:\w+ is F32 \[3, 2\]; with a row map it holds floats, \[4, …\] by vocab_size"),
    ({"configs": {1: {"vocab_size": None}}}, r"says vocab_size None; a row map needs the number"),
    ({"configs": {0: {"eos_token_id": 7}}}, r"eos_token_id is 7, and no row of sha256:\w+ is that row"),
    ({"configs": {0: {"hidden_size": 9}}}, r"config\.json: hidden_size differs"),
    ({"models": ({"a": A}, {"a": A})}, r"a of sha256:\w+ is \[3, 2\], as if it had rows for its 3 tokens"),
    ({"models": ({"n": table([1])}, {"n": table([1])})}, r"has no tensor that is known to have rows for tokens"),
    ({"models": ({EMBEDDING: A}, {EMBEDDING: packed(np.ones((4, 2)), "F16")})}, r"stored as F32 in .* and F16 in .* lends"),
    ({"models": ({EMBEDDING: A}, {EMBEDDING: packed(np.ones((4, 3)), "F32")})}, r"parents disagree on shape, \(3, 2\) in "),
    ({"models": ({EMBEDDING: A}, {EMBEDDING: ("I8", (4, 2), bytes(8))})}, r"is I8 \[4, 2\]; with a row map it holds floats"),
    ({"models": ({EMBEDDING: A, BIAS: A}, {EMBEDDING: B, BIAS: B})}, r"lm_head\.bias of .* is F32 \[3, 2\]; .* floats, \[3\] by"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "why"), BROKEN)
def test_what_a_row_map_leaves_open_is_refused_by_name(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    sizes = {i: {"vocab_size": n} for i, n in enumerate((3, 4))}
    case = replace(TWO, configs=sizes)
    configs = {i: sizes[i] | change.get("configs", {}).get(i, {}) for i in sizes}
    said, folders = replace(case, **change | {"configs": configs}).write(tmp_path)
    with pytest.raises(Malformed, match=why):
        make(Recipe.of(said), folders)


def test_a_row_map_stands_beside_no_weights_and_holds_whole_numbers_of_models(tmp_path: Path) -> None:
    said, folders = TWO.write(tmp_path)
    (one, two) = (parent["model"] for parent in said["parents"])
    beside = write_map(tmp_path / "beside", {one: [0], two: [0]})
    (beside / "model.safetensors").write_bytes(safetensors({"x": table([1])}))
    strange = write_map(tmp_path / "strange", {one: [0], two: [0], "kennel/one": [0]})
    real = write_map(tmp_path / "real", {})
    (real / "rows.safetensors").write_bytes(safetensors({m: table([1.0]) for m in (one, two)}))
    for folder, why in (
        (beside, r"has rows\.safetensors and x in model\.safetensors"),
        (strange, r"'kennel/one'"),
        (real, r"is F32 \[1, 1\], not I64 of one dimension"),
        (write_map(tmp_path / "empty", {}), r"holds vectors of \[\] entries"),
    ):
        ((artifact, _),) = add_all([folder]).items()
        with pytest.raises(Refused, match=why):
            make(Recipe.of(said | {"tokenizer": artifact}), folders | {artifact: folder})


def test_what_an_adapter_replaces_is_gathered_and_what_it_adds_to_rows_is_refused(tmp_path: Path) -> None:
    said, folders = TWO.write(tmp_path)
    trained = packed(np.array([[100.0, 0], [200, 0], [300, 0], [400, 0]]), "F32")
    replacing = write_adapter(tmp_path / "r", {EMBEDDING: trained}, modules_to_save=["embed_tokens"])
    factors = {"model.embed_tokens.lora_embedding_A": packed(np.ones((2, 4)), "F32")}
    factors |= {"model.embed_tokens.lora_embedding_B": packed(np.ones((2, 2)), "F32")}
    adding = write_adapter(tmp_path / "a", factors)
    ids = {}
    for folder in (replacing, adding):
        ((ids[folder], _),) = add_all([folder]).items()
        folders[ids[folder]] = folder
    first, second = said["parents"]

    made = make(
        Recipe.of(said | {"parents": [first, second | {"adapter": ids[replacing], "scale": "1"}]}), folders
    )

    # As in the first example, with what the adapter holds in the place of the second model's rows.
    table_of = values(tensors(made.files)[EMBEDDING]).reshape(5, 2)[:, 0]
    assert table_of.tolist() == [201, 302, 6, 200, 0]
    with pytest.raises(Malformed, match=r"adds to it, and its rows are gathered by"):
        make(Recipe.of(said | {"parents": [first, second | {"adapter": ids[adding], "scale": "1"}]}), folders)


def test_slices_take_rows_from_the_models_they_are_made_of(tmp_path: Path) -> None:
    layered = {f"model.layers.{i}.mlp.weight": packed(np.full(2, i), "F32") for i in range(2)}
    models = ({EMBEDDING: A, HEAD: A, **layered}, {EMBEDDING: B, HEAD: B, **layered})
    one = {"count": "1", "sources": [{"parent": "0", "first": "0"}]}
    two = {"count": "2", "sources": [{"parent": "1", "first": "0"}]}
    case = Worded(models, {"0": [2, 0, 1], "1": [0, 1, 2]}, TWO.recipe | {"slices": [one, two]})
    found = case.tensors(tmp_path / "all")
    assert values(found[EMBEDDING]).reshape(3, 2)[:, 0].tolist() == [3, 1, 2]
    assert values(found[HEAD]).reshape(3, 2)[:, 0].tolist() == [40, 10, 20]
    assert replace(case, vectors={"0": [-1], "1": [0]}).files(tmp_path / "lacked") == "refused"


def test_changed_rows_are_never_merged(tmp_path: Path) -> None:
    said, folders = TWO.write(tmp_path)
    known = {artifact: describe(folder) for artifact, folder in folders.items()}
    victim = folders[said["parents"][1]["model"]] / "model.safetensors"
    raw = bytearray(victim.read_bytes())
    raw[-3] ^= 1
    victim.write_bytes(raw)
    with pytest.raises(Changed, match=r"differs from what was signed in block 0"):
        make(Recipe.of(said), folders, described=known)


def test_a_merge_by_a_row_map_goes_on_from_its_finished_shards(tmp_path: Path) -> None:
    both = tuple({EMBEDDING: model[EMBEDDING], HEAD: model[EMBEDDING]} for model in TWO.models)
    said, folders = replace(TWO, models=both, recipe=TWO.recipe | {"shard_bytes": "1"}).write(tmp_path)
    recipe = Recipe.of(said)
    known = {artifact: describe(folder) for artifact, folder in folders.items()}
    pairs = {artifact: (one.manifest, one.blocks) for artifact, one in known.items()}
    resumed = []
    for killed in (True, False):
        with opened_weights(folders, pairs) as weights, staged(tmp_path / "out", recipe.digest) as stage:
            manifests = {artifact: one.manifest for artifact, one in weights.items()}
            steps = plan(recipe, manifests, configs_of(recipe, weights), vectors_of(recipe, weights))
            if killed:
                partly = replace(steps, shards=steps.shards[:1])
                execute(partly, weights, stage, NumpyKernels)
                continue
            resumed.append(execute(steps, weights, stage, NumpyKernels))
    (result,) = resumed
    assert result.resumed == ("model-00001-of-00002.safetensors",)
    assert result == replace(make(recipe, folders).result, resumed=result.resumed)
