"""A LoRA adapter is applied to its model in one order of additions, whatever reads, threads and backends there are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from applying import PREFIX, Applied, effective, ints, matrix, pair, write_adapter
from filling import Model, packed
from joined import ONE, TWO
from making import add_all, make
from strategies import MODELS, big, on_disk, tensors

from merger.adapters import Product
from merger.effective import IN_WORK, Held
from merger.folder import Changed, describe
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.recipe import Recipe
from merger.weights import opened_weights
from signing.errors import Refused

# Of several chunks, its rows across their borders; of one span; a tensor no adapter touches.
SHAPES = {"m.a.weight": (701, 907), "m.b.weight": (3, 5), "m.norm": (7,)}
# There are no statistics of a model that an adapter is applied to.
METHOD = pytest.mark.parametrize(
    "method", [m for m in MODELS if not METHODS[m].draws and METHODS[m].statistics is None]
)
MODEL = {"m.a.weight": ints((6, 4), 1), "m.b.weight": ints((4, 4), 2), "m.emb.weight": ints((9, 3), 3)}
A, B = ints((2, 4), 11), ints((6, 2), 12)
FACTORS = {"m.a.lora_A.weight": A, "m.a.lora_B.weight": B}


@METHOD
@pytest.mark.parametrize(
    ("types", "wide", "members"),
    [
        (("BF16", "BF16", "BF16"), np.float32, {"out_dtype": "float32"}),
        (
            ("F32", "F16", "BF16"),
            np.float32,
            {"out_dtype": "float16", "dtype": "bfloat16", "allow_nonfinite": True},
        ),
        (("F32", "F64", "BF16"), np.float64, {"out_dtype": "float64"}),
        (("F64", "F64", "BF16"), np.float32, {"out_dtype": "float64", "dtype": "float32"}),
    ],
)
def test_a_merge_of_applied_adapters_is_one_of_the_models_they_make(
    method: str, types: tuple[str, ...], wide: type, members: dict[str, Any], tmp_path: Path
) -> None:
    shapes = {"m.a.weight": (13, 5), "m.b.weight": (4, 9), "m.c.weight": (0, 3), "m.norm": (7,)}
    case = big(method, shapes, types, **members)
    with on_disk() as disk:
        applied, made = disk.recipe(case), disk.recipe(case)
        for i, parent in enumerate(applied["parents"]):
            model = case.models[int(case.parents[i]["model"])]
            factors = pair("m.a", (13, 5), 3, 100 + i) | pair("m.b", (4, 9), 1, 200 + i, "BF16")
            factors |= pair("m.c", (0, 3), 3, 300 + i)
            folder = write_adapter(tmp_path / str(i), factors, r=3, lora_alpha=5, rank_pattern={"b": 1})
            (adapter,) = add_all([folder])
            disk.folders[adapter] = folder
            parent |= {"adapter": adapter, "scale": "0.75"}
            made["parents"][i]["model"] = disk.add(effective(model, factors, 0.75 * 5, wide))
        one, other = (make(Recipe.of(recipe), disk.folders) for recipe in (applied, made))
        assert tensors(one.files) == tensors(other.files)


def test_factors_of_the_tensors_in_work_are_read_once_whatever_they_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("merger.effective.KEPT", 0)
    modules = [f"m.{letter}" for letter in "abcd"]
    factors = {name: one for m in modules for name, one in pair(m, (13, 5), 2, 1).items()}
    ((adapter, folder),) = add_all([write_adapter(tmp_path / "0", factors, r=2)]).items()
    known = describe(folder)
    stored = {tensor.name: tensor for tensor in known.manifest.tensors}
    ends = [f"{PREFIX}m.a.lora_{end}.weight" for end in "AB"]
    product = Product(adapter, stored[ends[0]], stored[ends[1]], 1.0, 2.0, 2.0, transposed=False)
    with opened_weights({adapter: folder}, {adapter: (known.manifest, known.blocks)}) as weights:
        held = Held(weights)
        first = [held.factors(module, product) for module in modules[:IN_WORK]]
        for _ in range(2):
            assert all(held.factors(m, product) is one for m, one in zip(modules, first, strict=False))
        # The tensor that was longest not asked for is done.
        held.factors(modules[IN_WORK], product)
        assert held.factors(modules[1], product) is first[1]
        assert held.factors(modules[0], product) is not first[0]


@pytest.mark.parametrize("method", ["dare_ties", "linear", "ties"])
def test_nothing_about_the_machine_is_seen_in_what_an_adapter_adds(method: str, tmp_path: Path) -> None:
    device = pytest.importorskip("merger.kernels.device")
    case = big(method, SHAPES, ("BF16", "F32", "BF16"), shard_bytes="1000000")
    with on_disk() as disk:
        recipe = disk.recipe(case)
        for i, parent in enumerate(recipe["parents"]):
            factors = pair("m.a", (701, 907), 5, 300 + i, "BF16") | pair("m.b", (3, 5), 5, 400 + i)
            folder = write_adapter(tmp_path / str(i), factors, r=5)
            (adapter,) = add_all([folder])
            disk.folders[adapter] = folder
            parent |= {"adapter": adapter, "scale": "1"}
        ways = [
            (1, 1, NumpyKernels),
            (2, 2, NumpyKernels),
            (4, 1, CompiledKernels),
            (2, 1, device.TorchKernels),
        ]
        made = [
            make(Recipe.of(recipe), disk.folders, threads=threads, factor=factor, kernels=kernels)
            for threads, factor, kernels in ways
        ]
        assert all(one.result == made[0].result for one in made)


def test_ties_of_two_adapters_is_ties_of_the_models_they_make() -> None:
    """Trimming and sign election work on whole deltas, so adapters are parents of the other methods with their base."""
    base: Model = {"q.weight": packed(np.arange(6).reshape(2, 3), "F32")}
    shared = {"lambda": "1", "scope": "tensor", "vote": "weighted", "divide": "weights", "rescale": "none"}
    with on_disk() as disk:
        model, one, two = (disk.add(held) for held in (base, ONE, TWO))
        own = {"weight": "1", "density": "0.5"}
        said = {"arithmetic": "1", "method": "ties", "base": model, "parameters": shared}
        with_adapters = [
            {"model": model, "adapter": adapter, "scale": "1", "parameters": own} for adapter in (one, two)
        ]
        found = tensors(make(Recipe.of(said | {"parents": with_adapters}), disk.folders).files)
        # B·A · alpha / r by hand: 2·[[1, 2, 3], [-1, -2, -3]], and 4/√2·[[6, 5, 0], [8, 7, 0]].
        deltas = [
            np.array([[2, 4, 6], [-2, -4, -6]], np.float32),
            (4 / np.sqrt(2.0) * np.array([[6, 5, 0], [8, 7, 0]])).astype(np.float32),
        ]
        models = [
            {"q.weight": packed(matrix(base["q.weight"]).astype(np.float32) + d, "F32")} for d in deltas
        ]
        parents = [{"model": disk.add(held), "parameters": own} for held in models]
        wanted = tensors(make(Recipe.of(said | {"parents": parents}), disk.folders).files)
    assert found == wanted != base


def test_a_scale_of_0_is_the_model_itself_to_the_byte(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS | {"m.b.weight": ints((4, 4), 5)}, modules_to_save=["b"])
    assert applied.files("0") == applied.files(None)
    assert applied.files("1") != applied.files(None)


def test_two_halves_are_the_whole(tmp_path: Path) -> None:
    """Half the scale of twice the alpha is the same number, so the bytes are the same; two halves added, up to rounding."""
    once = Applied(tmp_path / "once", MODEL, FACTORS, lora_alpha=3)
    twice = Applied(tmp_path / "twice", MODEL, FACTORS, lora_alpha=6)
    assert once.files("1") == twice.files("0.5")

    half = {"model": once.model, "adapter": once.adapter, "scale": "0.5", "parameters": {"weight": "1"}}
    said = {"method": "task_arithmetic", "base": once.model, "parents": [half, half]}
    shared = {"arithmetic": "1", "parameters": {"lambda": "1", "normalize": False}}
    made = tensors(make(Recipe.of(said | shared), once.folders).files)["m.a.weight"]
    assert np.allclose(matrix(made), once.matrix("m.a.weight"), rtol=1e-6)


def test_a_factor_that_was_changed_on_disk_is_noticed(tmp_path: Path) -> None:
    applied = Applied(tmp_path, MODEL, FACTORS)
    described = {artifact: describe(folder) for artifact, folder in applied.folders.items()}
    file = applied.folders[applied.adapter] / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:-1] + b"\x55")
    with pytest.raises(Changed, match=r"lora_B.weight differs from what was signed"):
        make(applied.recipe(), applied.folders, described=described)


def test_a_factor_that_is_not_finite_is_refused_by_tensor_and_element(tmp_path: Path) -> None:
    odd = packed([[np.nan, 0, 0, 0], [0, 0, 0, 0]], "F32")
    applied = Applied(tmp_path, MODEL, FACTORS | {"m.a.lora_A.weight": odd})
    with pytest.raises(Refused, match=r"m.a.weight of .* with .*: element 0 is NaN or infinite"):
        applied.files()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_that_peft_trained_agrees_with_merge_and_unload_to_rounding(
    dtype: str, tmp_path: Path
) -> None:
    """The two differ only in roundings, and by no more than these allow.

    PEFT multiplies the matrices in fp32, where a library chooses the order of the additions: each of r products and
    sums, the scaling and the addition to the weight W is rounded. Here everything up to the scaled product is fp64, and
    it and the sum are rounded once each. To first order they are no further apart than
    2^-24 · ((r + 3) · s · |B|·|A| + 2 · |W|). A bf16 weight is rounded in both, and PEFT rounds what it adds to a bf16
    embedding before, to which a rounding error is 2^-8: 2^-8 · (s · |B|·|A| + 2 · |W|) more.
    """
    torch = pytest.importorskip("torch")
    peft, transformers = pytest.importorskip("peft"), pytest.importorskip("transformers")
    torch.manual_seed(1)
    sizes = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
    base = transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads)).to(getattr(torch, dtype))
    base.save_pretrained(tmp_path / "base")
    config = peft.LoraConfig(
        r=4,
        lora_alpha=6,
        target_modules=["q_proj", "down_proj", "embed_tokens"],
        modules_to_save=["lm_head"],
        rank_pattern={"layers.1.mlp.down_proj": 8},
        alpha_pattern={"q_proj": 10},
        use_rslora=True,
        task_type="CAUSAL_LM",
    )
    model = peft.get_peft_model(base, config)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    words = torch.randint(0, 96, (4, 12))
    for _ in range(3):
        optimizer.zero_grad()
        model(input_ids=words, labels=words).loss.backward()
        optimizer.step()
    model.save_pretrained(tmp_path / "adapter")
    factors = {n: p.detach().double().numpy() for n, p in model.state_dict().items() if "lora_" in n}
    merged = {n: p.detach().double().numpy() for n, p in model.merge_and_unload().state_dict().items()}

    folders = add_all([tmp_path / "base", tmp_path / "adapter"])
    first, adapter = folders
    parent = {"model": first, "adapter": adapter, "scale": "1", "parameters": {"weight": "1"}}
    said = {"arithmetic": "1", "method": "linear", "parents": [parent], "parameters": {"normalize": True}}
    found = tensors(make(Recipe.of(said), folders).files)

    assert found.keys() == merged.keys()
    before = tensors({"model.safetensors": (tmp_path / "base" / "model.safetensors").read_bytes()})
    touched = 0
    for name, (stored, _, _) in found.items():
        assert stored == ("F32" if dtype == "float32" else "BF16")
        ours, theirs = matrix(found[name]), merged[name]
        prefix = f"{PREFIX}{name.removesuffix('.weight')}.lora_"
        sides = [one for n, one in sorted(factors.items()) if n.startswith(prefix)]
        if not sides:
            assert (ours == theirs).all()
            continue
        a, b = sides
        alpha = 10 if "q_proj" in name else 6
        added = alpha / len(a) ** 0.5 * (abs(b) @ abs(a))
        added = added.T if "embed" in name else added
        allowed = 2.0**-24 * ((len(a) + 3) * added + abs(ours) + abs(theirs))
        allowed += 0 if dtype == "float32" else 2.0**-8 * (added + abs(ours) + abs(theirs))
        assert (abs(ours - theirs) <= allowed).all()
        assert (ours != matrix(before[name])).any()
        touched += 1
    assert touched == 5
