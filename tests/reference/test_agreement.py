"""Recipes with adapters and slices: the product and the second implementation make the same files, or both refuse."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filling import Stored, filled
from hypothesis import given, settings
from hypothesis import strategies as st
from making import CONFIG, add_all, make, safetensors, write_model, write_statistics
from measuring import measured
from reference import second
from reference.form import FORMS
from strategies import LAW, MODELS, given_parameters

from merger.methods import METHODS
from merger.recipe import Recipe
from signing.errors import Refused

METHOD = pytest.mark.parametrize("method", MODELS)
PREFIX = "base_model.model."
FLOATS = ("F32", "BF16", "F16", "F64")
FORMATS = ("float64", "float32", "float16", "bfloat16")
OUTER = {"model.embed_tokens.weight": (4, 3), "model.norm.weight": (3,), "lm_head.weight": (4, 3)}
INNER = {"q.weight": (3, 2), "square.weight": (2, 2), "conv.weight": (2, 3, 1, 2), "bias": (5,)}
LORA = {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "bias": "none", "target_modules": ["q"]}

seeds = st.integers(0, 1 << 32)
Held = dict[str, Stored]


@dataclass
class Case:
    """Models and adapters with their configs, and a recipe that names them by place: `0` a model, `a0` an adapter."""

    models: list[tuple[Held, dict[str, Any]]]
    adapters: list[tuple[Held, dict[str, Any]]]
    recipe: dict[str, Any]

    def write(self, root: Path) -> tuple[dict[str, Any], dict[str, Path]]:
        """Write everything, and return the recipe with artifact ids and the folder of each."""
        named = {}
        for place, (held, config) in enumerate(self.models):
            named[str(place)] = write_model(root / str(place), held, config)
        for place, (held, config) in enumerate(self.adapters):
            folder = named[f"a{place}"] = root / f"a{place}"
            folder.mkdir()
            (folder / "adapter_model.safetensors").write_bytes(safetensors(held))
            (folder / "adapter_config.json").write_text(json.dumps(config))
        ids: dict[str, str] = {}
        folders: dict[str, Path] = {}

        def know(place: str, folder: Path) -> None:
            ((ids[place], _),) = add_all([folder]).items()
            folders[ids[place]] = folder

        for place, folder in named.items():
            know(place, folder)
        said = dict(self.recipe)
        kind = FORMS[said["method"]].statistics
        for place in sorted({p["model"] for p in said["parents"] if kind is not None}):
            held = measured(kind, self.models[int(place)][0])
            know(f"s{place}", write_statistics(root / f"s{place}", kind, ids[place], held))
        parts = ("model", "adapter", "statistics")
        said["parents"] = [p | {key: ids[p[key]] for key in parts if key in p} for p in said["parents"]]
        if "base" in said:
            said["base"] = ids[said["base"]]
        return said, folders


def outcomes(case: Case) -> tuple[Any, Any]:
    """What the product and the second implementation make of a case, or why they refuse it."""
    with tempfile.TemporaryDirectory() as root:
        said, folders = case.write(Path(root))
        try:
            product: Any = make(Recipe.of(said), folders).files
            product.pop("README.md")
        except Refused as refused:
            product = str(refused)
        try:
            other: Any = second.files(said, folders)
        except ValueError as refused:
            other = str(refused)
    return product, other


def agree(case: Case) -> bool:
    """Whether both make the same files, or both refuse."""
    product, other = outcomes(case)
    return product == other or (isinstance(product, str) and isinstance(other, str))


@st.composite
def models(draw: st.DrawFn, count: int, layers: list[int], odd: bool) -> list[Held]:
    """Models with the same tensors but for their numbers of layers."""
    outer = draw(st.sets(st.sampled_from(sorted(OUTER)), min_size=1))
    inner = draw(st.sets(st.sampled_from(sorted(INNER)), min_size=1))
    one = draw(st.sampled_from([*FLOATS, None]))
    types = st.just(one) if one else st.sampled_from(FLOATS)
    found: list[Held] = []
    for place in range(count):
        shapes = {name: OUTER[name] for name in OUTER if name in outer}
        for layer in range(layers[place]):
            shapes |= {f"model.layers.{layer}.{name}": INNER[name] for name in INNER if name in inner}
        held: Held = {}
        for name, shape in shapes.items():
            near = found[0].get(name) if found else None
            same = near is not None and draw(st.integers(0, 4)) == 0
            held[name] = near if same else filled(draw(seeds), draw(types), shape, odd, near)
        found.append(held)
    return found


@st.composite
def adapters(draw: st.DrawFn, model: Held) -> tuple[Held, dict[str, Any]]:
    """An adapter that fits a model."""
    fan = draw(st.integers(0, 3)) == 0
    config = LORA | {"fan_in_fan_out": fan, "use_rslora": draw(st.booleans())}
    config["lora_alpha"] = draw(st.sampled_from([3, 1, 0, 0.3, 16]))
    keys = st.sampled_from(["q", "^model", "layers.0.q", r"1\.square", "em.ed_tokens", "^q", "conv"])
    config["rank_pattern"] = draw(st.dictionaries(keys, st.integers(1, 3), max_size=2))
    config["alpha_pattern"] = draw(st.dictionaries(keys, st.sampled_from([2, 0.7]), max_size=2))
    config["modules_to_save"] = draw(st.sampled_from([None, ["lm_head"], ["norm", "head"]]))
    factors: Held = {}
    types = st.sampled_from(FLOATS)
    for name, (_, shape, _) in model.items():
        module = name.removesuffix(".weight")
        kind = draw(st.sampled_from(["lora", "saved", "kept", "none"]))
        if kind == "kept":
            factors[f"{PREFIX}{module}.base_layer.weight" if module != name else PREFIX + name] = model[name]
        saved = config["modules_to_save"] or []
        if kind == "saved" and any(module.endswith(entry) for entry in saved):
            factors[PREFIX + name] = filled(draw(seeds), draw(types), shape)
        if kind == "lora" and len(shape) > 1 and module != name and not (fan and len(shape) > 2):
            rank = second_rank(config, module)
            embedding = "embed" in name and draw(st.booleans())
            outer, *inner = (*shape[1:], shape[0]) if embedding or fan else shape
            a = filled(draw(seeds), draw(types), (rank, *inner))
            b = filled(draw(seeds), draw(types), (outer, rank, *[1] * (len(inner) - 1)))
            names = ("embedding_A", "embedding_B") if embedding else ("A.weight", "B.weight")
            factors |= {f"{PREFIX}{module}.lora_{n}": t for n, t in zip(names, (a, b), strict=True)}
    if not factors:  # the page does not say what an adapter without tensors is
        name = min(model)
        factors = {PREFIX + name: model[name]}
    return factors, config


def second_rank(config: dict[str, Any], module: str) -> int:
    """The rank that fits, so that most cases are merged: what the page says of it has tests of its own."""
    from reference.adapters import pattern

    return int(pattern(config["rank_pattern"], module, config["r"]))


@st.composite
def slices(draw: st.DrawFn, counts: list[int], base: int | None, few: int, many: int) -> list[dict[str, Any]]:
    """Slices that fit the parents' numbers of layers, and name each parent."""
    places = draw(st.permutations(range(len(counts))))
    groups: list[list[int]] = []
    while places:
        take = min(len(places), draw(st.integers(few, many)))
        group, places = list(places[:take]), places[take:]
        groups.append(group + [p for p in range(len(counts)) if p not in group][: max(0, few - len(group))])
    made = []
    for group in groups + ([draw(st.sampled_from(groups))] if draw(st.booleans()) else []):
        holders = [counts[p] for p in group] + ([base] if base is not None else [])
        count = draw(st.integers(1, min(holders)))
        firsts = [str(draw(st.integers(0, held - count))) for held in holders]
        piece: dict[str, Any] = {
            "count": str(count),
            "sources": [{"parent": str(p), "first": f} for p, f in zip(group, firsts, strict=False)],
        }
        made.append(piece | ({"base_first": firsts[-1]} if base is not None else {}))
    return made


@st.composite
def cases(draw: st.DrawFn, method: str, *, sliced: bool, adapted: bool) -> Case:
    """A case of a method, with slices, with adapters or with both."""
    how = METHODS[method]
    odd = draw(st.integers(0, 3)) == 0
    few, many = how.parents
    count = draw(st.integers(few, 4 if sliced else many or 3))
    based = how.base == "needed" or (how.base == "either" and draw(st.booleans()))
    layers = [draw(st.integers(1, 3)) if sliced else 2 for _ in range(count + 1)]
    held = draw(models(count + 1, layers, odd))
    kinds = draw(st.booleans())
    configs = [CONFIG | {"num_hidden_layers": n} for n in layers]
    if kinds:
        configs = [
            c | {"layer_types": ["full"] * n, "no_rope_layers": [1] * n}
            for c, n in zip(configs, layers, strict=True)
        ]
    chosen = [draw(st.integers(1, count)) for _ in range(count)] if not sliced else list(range(1, count + 1))
    parents: list[dict[str, Any]] = []
    tuned = []
    for place in chosen:
        parent = {"model": str(place), "parameters": draw(given_parameters(how, per_parent=True))}
        if FORMS[method].statistics is not None:
            parent["statistics"] = f"s{place}"
        elif adapted and draw(st.integers(0, 3)):
            parent |= {"adapter": f"a{len(tuned)}", "scale": draw(st.sampled_from(["1", "0.5", "-1.3", "0"]))}
            tuned.append(draw(adapters(held[place])))
        parents.append(parent)
    recipe = {
        "arithmetic": "1",
        "method": method,
        "parents": parents,
        "parameters": draw(given_parameters(how, per_parent=False)),
        "shard_bytes": draw(st.sampled_from(["5000000000", "100"])),
        "allow_nonfinite": odd,
    }
    recipe |= {"base": "0"} if based else {}
    recipe |= {"seed": str(draw(st.integers(0, 1 << 60)))} if how.draws else {}
    recipe |= draw(
        st.fixed_dictionaries({}, optional=dict.fromkeys(("dtype", "out_dtype"), st.sampled_from(FORMATS)))
    )
    if sliced:
        counts = [layers[place] for place in chosen]
        own = layers[0] if based else None
        recipe["slices"] = draw(slices(counts, own, few, min(count, many or count)))
        recipe["parameters"] |= {"scope": "tensor"} if "scope" in recipe["parameters"] else {}
    return Case(list(zip(held, configs, strict=True)), tuned, recipe)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_with_adapters(method: str, data: st.DataObject) -> None:
    assert agree(data.draw(cases(method, sliced=False, adapted=True)))


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_with_slices(method: str, data: st.DataObject) -> None:
    assert agree(data.draw(cases(method, sliced=True, adapted=False)))


@pytest.mark.system
@METHOD
@given(data=st.data())
@settings(LAW, max_examples=6)
def test_with_slices_of_parents_with_adapters(method: str, data: st.DataObject) -> None:
    assert agree(data.draw(cases(method, sliced=True, adapted=True)))
