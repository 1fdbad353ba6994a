"""Cat: adapters side by side are one adapter, which adds what they add; what does not fit is refused by name."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adapting import PREFIX, Adapter, factors
from applying import ints, matrix, planned
from filling import Model, packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from joined import BASE, NORM, ONE, TWO, Q, cat, made, pair
from making import add_all, make
from strategies import LAW, Case, big, cases, on_disk, tensors

from merger.cost import cost
from merger.explain import groups
from merger.folder import describe
from merger.recipe import Recipe
from signing.errors import Refused


def config(case: Case) -> dict[str, Any]:
    return json.loads(made(case).files["adapter_config.json"])


def test_two_adapters_by_hand() -> None:
    """Rows of c_i·A_i below each other, c = 0.5·2/1 and -1·4/√2; columns of B side by side."""
    files = made(cat(ONE, TWO, weights=["0.5", "-1"])).files
    found = tensors(files)
    c = np.float32(-4 / np.sqrt(2.0))
    assert files.keys() == {"adapter_model.safetensors", "adapter_config.json", "README.md"}
    assert found == pair([[1, 2, 3], [0, c, 0], [c, 0, 0]], [[1, 5, 6], [-1, 7, 8]])
    assert files["adapter_config.json"] == (
        b'{"alpha_pattern":{},"base_model_name_or_path":"a/base","bias":"none","fan_in_fan_out":false,"inference_mode":true,'
        b'"init_lora_weights":true,"lora_alpha":3,"peft_type":"LORA","r":3,"rank_pattern":{},"target_modules":["q"],'
        b'"use_rslora":false}\n'
    )
    assert b"library_name: peft" in files["README.md"]


def test_the_usual_rank_is_the_config_s_and_others_have_patterns() -> None:
    held = pair([[1, 2]], [[3]], "l.0.v") | pair([[1, 2]], [[3]], "l.1.v")
    case = cat(
        Adapter(held | pair([[1, 2]], [[4]]), r=1), Adapter(pair([[1, 2], [3, 4]], [[5, 6]], "l.1.v"), r=2)
    )
    said = config(case)
    assert (said["r"], said["lora_alpha"]) == (1, 1)
    assert said["rank_pattern"] == said["alpha_pattern"] == {r"^l\.1\.v": 3}
    assert said["target_modules"] == ["l.0.v", "l.1.v", "q"]
    # Of ranks that are equally frequent the largest is the usual one.
    assert (
        config(
            cat(Adapter(pair([[1]], [[1]]) | pair([[1], [2]], [[1, 2]], "v"), r=1, rank_pattern={"v": 2}))
        )["r"]
        == 2
    )


@given(data=st.data())
@settings(LAW, max_examples=40)
def test_the_result_adds_what_the_adapters_add(data: st.DataObject) -> None:
    """Applied at 1 it adds Σ w·s·B·A, but for one rounding of each c·A to fp32, and each scaled row has its own."""
    case = data.draw(cases("cat", odd=False, dtype="F32", rules=False, converting=False))
    with on_disk() as disk:
        try:
            files = disk.make(case).files
        except Refused:
            return
        said, found = json.loads(files["adapter_config.json"]), tensors(files)
    want: dict[str, Any] = {}
    size: dict[str, Any] = {}
    for parent in case.parents:
        model, weight = case.models[int(parent["model"])], float(parent["parameters"]["weight"])
        assert isinstance(model, Adapter)
        for module, a, b in products(model) if weight else ():
            config = model.config
            alpha = next(
                (v for k, v in config["alpha_pattern"].items() if module.endswith(k)), config["lora_alpha"]
            )
            scale = weight * alpha / (np.sqrt(len(a)) if config["use_rslora"] else len(a))
            want[module] = want.get(module, 0) + scale * (b @ a)
            size[module] = size.get(module, 0) + abs(scale) * (abs(b) @ abs(a))
    assert set(want) == set(said["target_modules"]) == {module for module, _, _ in products(found)}
    for module, a, b in products(found):
        # Two roundings to fp32, of c and of c·x, and what is below the smallest number of that type.
        assert (abs(b @ a - want[module]) <= 2.0**-22 * size[module] + 1e-40).all()


def products(model: Model) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """The pairs of factors of an adapter as matrices."""
    found = []
    for name in model:
        if "lora_A" in name or "lora_embedding_A" in name:
            a, b = matrix(model[name]), matrix(model[name.replace("_A", "_B")])
            module = name.removeprefix(PREFIX).partition(".lora_")[0]
            found.append((module, a.reshape(len(a), -1), b.reshape(b.shape[:2])))
    return found


def test_weights_follow_the_names_of_the_model_s_tensors() -> None:
    held = pair([[1, 1]], [[1]], "l.0.q") | pair([[1, 1]], [[1]], "l.1.q")
    one = Adapter(held, r=1, lora_alpha=1)
    ruled = [{"contains": "l.1.q.weight", "value": "0"}, {"by_layer": ["2", "3"], "value": "1"}]
    found = tensors(made(cat(one, weights=[ruled])).files)
    assert found == pair([[2, 2]], [[1]], "l.0.q")
    # A name of the adapter's own is no name of the model's.
    found = tensors(made(cat(one, weights=[[{"contains": "lora_A", "value": "0"}, {"value": "1"}]])).files)
    assert set(found) == set(held)


def test_one_type_is_chosen_for_each_tensor_by_its_own_factors() -> None:
    first = pair([[1.0009765625, 2]], [[1]], dtype="F16")
    second = {f"{Q}.lora_A.weight": packed([[1, 1]], "F64"), f"{Q}.lora_B.weight": packed([[-0.0]], "BF16")}
    found = tensors(made(cat(Adapter(first, r=1, lora_alpha=1), Adapter(second, r=1, lora_alpha=1))).files)
    assert found == {
        f"{Q}.lora_A.weight": packed([[1.0009765625, 2], [1, 1]], "F16"),
        # No computed zero is negative.
        f"{Q}.lora_B.weight": packed([[1, 0.0]], "F16"),
    }


def test_a_module_that_all_save_alike_is_kept_whatever_the_weights() -> None:
    norm = {NORM: packed([np.nan, -0.0, 3], "F32")}
    case = cat(
        Adapter(ONE | norm, r=1, modules_to_save=["norm", "head"]),
        Adapter(TWO | norm, modules_to_save=["norm"]),
        weights=["7", "1"],
    )
    files = made(case).files
    assert tensors(files)[NORM] == norm[NORM]
    assert json.loads(files["adapter_config.json"])["modules_to_save"] == ["norm"]


def test_a_base_settles_what_adapters_leave_open() -> None:
    other = Adapter(TWO, base_model_name_or_path="b/mirror")
    own = {f"{PREFIX}emb.base_layer.weight": BASE["emb.weight"]}
    found = made(cat(Adapter(ONE | own, r=1), other, base=BASE)).files
    assert set(tensors(found)) == set(ONE)
    assert json.loads(found["adapter_config.json"])["base_model_name_or_path"] == "a/base"
    with pytest.raises(
        Refused, match=r"base_layer.weight of .* is neither a factor .*; if it is the base's own, name"
    ):
        made(cat(Adapter(ONE | own, r=1)))
    with pytest.raises(Refused, match=r"x.weight: the adapter .* is for it, and .* has no such tensor"):
        made(cat(Adapter(pair([[1]], [[1]], "x"), r=1), base=BASE))


def test_a_tokenizer_comes_from_the_first_adapter_and_all_agree_on_it(tmp_path: Path) -> None:
    with on_disk() as disk:
        said = disk.recipe(cat(ONE, TWO))
        folders = []
        for i, parent in enumerate(said["parents"]):
            folder = tmp_path / str(i)
            folder.mkdir()
            for file in disk.folders[parent["model"]].iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            (folder / "tokenizer.json").write_text(f'{{"version": "{i}"}}')
            folders.append(folder)
        ids = add_all(folders)
        said["parents"] = [p | {"model": one} for p, one in zip(said["parents"], ids, strict=True)]
        with pytest.raises(Refused, match=r"tokenizer.json differs between .* say whose tokenizer"):
            make(Recipe.of(said), ids)
        assert (
            make(Recipe.of(said | {"tokenizer": list(ids)[1]}), ids).files["tokenizer.json"]
            == b'{"version": "1"}'
        )


@pytest.mark.parametrize("factor", [1, 2])
def test_rows_that_are_cut_by_chunks_are_put_together_again(factor: int) -> None:
    """Of several chunks and of rows of odd lengths: what whole matrices give, concatenated."""
    case = big("cat", {"w": ((1 << 19) + 77,)}, ("F32", "BF16", "F16"), out_dtype="float32")
    with on_disk() as disk:
        found = disk.tensors(case, factor=factor)
    one, two = case.models[1:]
    scales = (np.float32(0.7 * 3), np.float32(-0.25 * 3 / 2))
    for name, (_, shape, _) in found.items():
        axis = 0 if "lora_A" in name else 1
        sides = [values(model[name]).reshape(model[name][1]) for model in (one, two)]
        sides = sides if axis else [c * side for c, side in zip(scales, sides, strict=True)]
        whole = np.concatenate(sides, axis)
        assert shape == whole.shape
        assert (values(found[name]).reshape(shape) == whole).all()


def test_what_it_takes_is_to_read_each_factor_once() -> None:
    with on_disk() as disk:
        recipe = Recipe.of(disk.recipe(cat(ONE, TWO)))
        made = planned(recipe, disk.folders)
        manifests = {one: describe(disk.folders[one]).manifest for one in recipe.artifacts()}
    takes = cost(made, manifests)
    size = sum(len(data) for model in (ONE, TWO) for _, _, data in model.values())
    assert (takes.reads, takes.passes, takes.writes) == ((size, size), (1, 1), size)
    a, b = groups(made)
    assert (a.tensors, a.operation, a.dtype) == (f"{Q}.lora_A.weight", "cat", "F32")
    assert [one.role for one in b.inputs] == ["parent 1", "parent 2"]
    assert a.parameters == {"parent 1 weight": "1", "parent 2 weight": "1"}


@pytest.mark.parametrize("fans", [False, True])
def test_applied_at_1_it_changes_a_model_by_the_sum_of_the_changes(fans: bool, tmp_path: Path) -> None:
    """Of whole numbers scaled by powers of two every step is exact, so that the two ways give equal bytes."""
    shapes = {"m.q": ((6, 4), False), "m.emb": ((9, 3), True)} | (
        {} if fans else {"m.c": ((4, 2, 3, 1), False)}
    )
    base = {f"{module}.weight": ints(shape, i) for i, (module, (shape, _)) in enumerate(shapes.items())}
    parents = []
    for i, rank in enumerate((2, 4)):
        held: Model = {}
        for module, (shape, embeds) in list(shapes.items())[i:]:
            made_up = factors(module, shape, rank, [1, 2], ["F32", "F32"], embeds=embeds, fans=fans)
            held |= {name: ints(sides, 10 * i + len(name)) for name, (_, sides, _) in made_up.items()}
        parents.append(Adapter(held, r=rank, lora_alpha=4, fan_in_fan_out=fans))
    with on_disk() as disk:
        case = cat(*parents, weights=["0.5", "-2"], base=base)
        both = tmp_path / "both"
        both.mkdir()
        for name, data in disk.make(case).files.items():
            (both / name).write_bytes(data)
        (adapter,) = add_all([both])
        model, one, two = (disk.add(held) for held in case.models)
        folders = disk.folders | {adapter: both}

        def merged(method: str, shared: dict[str, Any], *given: tuple[str, str], **members: Any) -> Model:
            named = [
                {"model": model, "adapter": one, "scale": "1", "parameters": {"weight": weight}}
                for one, weight in given
            ]
            said = {"arithmetic": "1", "method": method, "parents": named, "parameters": shared}
            return tensors(make(Recipe.of(said | members), folders).files)

        once = merged("linear", {"normalize": False}, (adapter, "1"))
        apart = {"lambda": "1", "normalize": False}
        assert once == merged("task_arithmetic", apart, (one, "0.5"), (two, "-2"), base=model)
    assert all(once[name] != base[name] for name in base)
