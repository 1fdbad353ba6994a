"""Hypothesis strategies for models and recipes of every discovered method, tiny but with every odd value and type.

A `Case` names its models by place; `On` writes them to disk, where they get their artifact ids. Values come from a
seeded generator and a palette of awkward ones: Hypothesis draws the seed, so that thousands of elements cost nothing.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from making import Made, add_all, make, write_model, write_statistics
from reference import second

from merger.card import configs_of
from merger.chunks import Chunks
from merger.folder import describe
from merger.kernels import narrowing
from merger.kernels.blocks import NumpyKernels
from merger.manifest import FLOATS, SIZES
from merger.method import Method, Parameter
from merger.methods import METHODS
from merger.plan import Step, plan
from merger.recipe import DTYPES, Recipe
from merger.weights import opened_weights
from signing.errors import Refused

LAW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

Stored = tuple[str, tuple[int, ...], bytes]
Model = dict[str, Stored]

NAMES = (
    "lm_head.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.layers.1.mlp.up_proj.weight",
    "model.layers.1.self_attn.q_proj.weight",
    "model.norm.weight",
    "é.weight",
)
SHAPES = ((), (0,), (1,), (3,), (2, 0, 3), (5, 1, 2), (17,), (8, 9), (7, 3), (0, 4))
# What rounding, sign and order statistics can trip over; every one is a number of every floating type or rounds to one.
PALETTE = (
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0**-24,
    -(2.0**-133),
    1e-40,
    5e-324,
    1.0009765625,
    65504.0,
    -3.0,
)
ODD = (np.nan, np.inf, -np.inf, 3e38, -1e300)


@dataclass(frozen=True)
class Case:
    """Models by place, and a recipe whose artifact ids are those places in words, such as `"2"`."""

    models: tuple[Model, ...]
    recipe: dict[str, Any]

    def but(self, **members: Any) -> "Case":
        """Return the case with other members of the recipe; None takes one out."""
        recipe = {name: value for name, value in (self.recipe | members).items() if value is not None}
        return replace(self, recipe=recipe)

    @property
    def parents(self) -> list[dict[str, Any]]:
        return self.recipe["parents"]

    def shared(self, **parameters: Any) -> "Case":
        """Return the case with other parameters that all parents share."""
        return self.but(parameters=self.recipe["parameters"] | parameters)

    def each(self, **parameters: Any) -> "Case":
        """Return the case with other parameters of every parent."""
        own = [p | {"parameters": p["parameters"] | parameters} for p in self.parents]
        return self.but(parents=own)


@dataclass
class On:
    """Cases on this disk: every model written once, known by its artifact id."""

    root: Path
    ids: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)

    def add(self, model: Mapping[str, Stored]) -> str:
        """Write a model and return its artifact id."""
        written = repr(sorted(model.items()))
        if written not in self.ids:
            folder = write_model(self.root / str(len(self.ids)), model)
            (artifact,) = add_all([folder])
            self.ids[written] = artifact
            self.folders[artifact] = folder
        return self.ids[written]

    def measured(self, artifact: str, model: Model, kind: str) -> str:
        """Write statistics of a model, made up unless there are some, and return their artifact id."""
        if f"{kind} of {artifact}" not in self.ids:
            self.say(artifact, kind, measured(kind, model))
        return self.ids[f"{kind} of {artifact}"]

    def say(self, artifact: str, kind: str, found: Model) -> None:
        """Write statistics of a model, which every case with that model has from now on."""
        folder = self.root / str(len(self.ids))
        write_statistics(folder, kind, artifact, found)
        (named,) = add_all([folder])
        self.ids[f"{kind} of {artifact}"] = named
        self.folders[named] = folder

    def recipe(self, case: Case) -> dict[str, Any]:
        """Return the case's recipe with artifact ids in it."""
        ids = [self.add(model) for model in case.models]
        said = dict(case.recipe)
        said["parents"] = [p | {"model": ids[int(p["model"])]} for p in said["parents"]]
        needed = METHODS[said["method"]].statistics
        if needed is not None:
            by_id = dict(zip(ids, case.models, strict=True))
            said["parents"] = [
                p | {"statistics": self.measured(p["model"], by_id[p["model"]], needed.kind)}
                for p in said["parents"]
            ]
        for name in ("base", "tokenizer"):
            if name in said:
                said[name] = ids[int(said[name])]
        return said

    def make(self, case: Case, **how: Any) -> Made:
        """Execute a case."""
        recipe = Recipe.of(self.recipe(case))
        wanted = {artifact: self.folders[artifact] for artifact in recipe.artifacts()}
        return make(recipe, wanted, **how)

    @contextmanager
    def opened(self, case: Case) -> Iterator[tuple[Chunks[Any], tuple[Step, ...]]]:
        """Open a case's models; return what works on any chunk of them, and the plan's steps."""
        recipe = Recipe.of(self.recipe(case))
        folders = {artifact: self.folders[artifact] for artifact in recipe.artifacts()}
        known = {artifact: describe(folder) for artifact, folder in folders.items()}
        pairs = {artifact: (d.manifest, d.blocks) for artifact, d in known.items()}
        with opened_weights(folders, pairs) as weights:
            manifests = {artifact: d.manifest for artifact, d in known.items()}
            steps = plan(recipe, manifests, configs_of(recipe, weights)).steps
            yield Chunks(recipe, weights, NumpyKernels), steps

    def outcome(self, case: Case, **how: Any) -> dict[str, bytes] | str:
        """Return the files of a case, or that it is refused."""
        try:
            made = self.make(case, **how).files
        except Refused:
            return "refused"
        return {name: data for name, data in made.items() if name != "README.md"}

    def second(self, case: Case) -> dict[str, bytes] | str:
        """Return what the second implementation makes of a case."""
        try:
            return second.files(self.recipe(case), self.folders)
        except ValueError:
            return "refused"

    def tensors(self, case: Case, **how: Any) -> Model:
        """Execute a case and return the tensors of its result."""
        return tensors(self.make(case, **how).files)


@contextmanager
def on_disk() -> Iterator[On]:
    """A place for the models of one example."""
    with tempfile.TemporaryDirectory() as root:
        yield On(Path(root))


def tensors(files: Mapping[str, bytes]) -> Model:
    """Return the tensors in the files of a merge."""
    with tempfile.TemporaryDirectory() as root:
        for name, data in files.items():
            Path(root, name).write_bytes(data)
        found = describe(Path(root)).manifest.tensors
        held = {name: second.read_file(Path(root, name)) for name in {t.file for t in found}}
        return {t.name: (t.dtype, t.shape, held[t.file][t.name].data) for t in found}


def values(stored: Stored) -> np.ndarray:
    """Return a floating tensor's elements, flat, in fp32 or fp64."""
    return narrowing.widen(stored[2], stored[0])


def packed(array: Any, dtype: str, shape: Sequence[int] | None = None) -> Stored:
    """Return numbers as a stored tensor, rounded once."""
    array = np.asarray(array, np.float64)
    shape = tuple(array.shape if shape is None else shape)
    return dtype, shape, narrowing.narrow(array.reshape(-1), dtype).tobytes()


def filled(
    seed: int, dtype: str, shape: tuple[int, ...], odd: bool = False, near: Stored | None = None
) -> Stored:
    """Return a tensor of awkward and of ordinary values; `near` is the tensor that this one was tuned from."""
    random = np.random.Generator(np.random.PCG64(seed))
    size = int(np.prod(shape, dtype=int))
    array = np.round(random.normal(size=size) * 8) / 8 if seed % 2 else random.normal(size=size)
    if near is not None:
        # Half of a tuned tensor is the base's own, as in life; equal deltas meet at the threshold.
        array = np.where(random.random(size) < 0.5, values(near), values(near) + array / 16)
    spots = random.random(size) < 0.3
    array = np.where(spots, random.choice(PALETTE, size), array)
    if odd:
        array = np.where(random.random(size) < 0.15, random.choice(ODD, size), array)
    return packed(array, dtype, shape)


def mixed(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers scattered by integer arithmetic alone (Knuth's multiplicative hash), below 2^20."""
    folded = numbers.astype(np.uint64)
    folded ^= folded >> np.uint64(17) ^ folded >> np.uint64(37)
    return folded * np.uint64(2654435761) % np.uint64(1 << 32) >> np.uint64(12)


def fisher(name: str, stored: Stored) -> Stored:
    """Statistics of every element alone, so that they move with it: none, tiny, ordinary, and some below zero."""
    dtype, shape, data = stored
    patterns = mixed(np.frombuffer(data, f"<u{SIZES[dtype]}"))
    scales = np.array([0.0, 2.0**-140, 2.0**-20, 1.0, 1.0, 1.0, 64.0, -1.0])
    spread = (patterns >> np.uint64(3)) % np.uint64(1000) + np.uint64(1)
    array = scales[patterns % np.uint64(8)] * spread.astype(np.float64)
    return packed(array, ("F32", "F64", "BF16", "F32")[len(name) % 4], shape)


def gram(name: str, stored: Stored) -> Stored | None:
    """XᵀX of small whole numbers, some columns of them zero, for matrices that are neither heads nor wide."""
    _, shape, data = stored
    if len(shape) != 2 or 0 in shape or shape[1] > 1000 or "head" in name:
        return None
    rows, inputs = shape[1] + 3, shape[1]
    seed = int(np.frombuffer(data, "u1").sum(dtype=np.uint64))
    x = (mixed(np.arange(rows * inputs) + seed) % np.uint64(9)).astype(np.int64).reshape(rows, inputs) - 4
    x[:, mixed(np.arange(inputs) + seed + 1) % np.uint64(11) == 0] = 0
    return packed(x.T @ x, ("F32", "F64")[len(name) % 2])


MEASURED: dict[str, Callable[[str, Stored], Stored | None]] = {"fisher": fisher, "gram": gram}
"""What every kind of statistics says of a tensor, in these tests; None where it says nothing."""


def permutation(name: str, axis: int, size: int) -> Stored | None:
    """An order of some axes."""
    if (len(name) + axis) % 3 == 0:
        return None
    order = np.argsort(mixed(np.arange(size) + 1000 * axis + len(name)), kind="stable")
    return "I64", (size,), order.astype("<i8").tobytes()


def transport(name: str, axis: int, size: int) -> Stored | None:
    """Mixtures along some axes that are short, in eighths, with rows of zeros and an order among them."""
    if (len(name) + axis) % 3 == 0 or size > 64:
        return None
    if axis == 1:
        return packed(np.eye(size)[::-1], "BF16")
    eighths = mixed(np.arange(size * size) + 77 * axis) % np.uint64(11)
    return packed(eighths.reshape(size, size).astype(np.float64) / 8 - 0.5, ("F32", "F64")[len(name) % 2])


BY_AXIS: dict[str, Callable[[str, int, int], Stored | None]] = {
    "permutation": permutation,
    "transport": transport,
}
"""What kinds of statistics that are by axis say of one of a tensor's axes, of so many indices."""


def measured(kind: str, model: Mapping[str, Stored]) -> Model:
    """Return statistics of a model: made up, but the same ones wherever the model is the same."""
    if kind in BY_AXIS:
        axes = {
            f"{name}.{axis}": BY_AXIS[kind](name, axis, size)
            for name, (dtype, shape, _) in model.items()
            for axis, size in enumerate(shape if dtype in FLOATS else ())
        }
        return {name: stored for name, stored in axes.items() if stored is not None}
    found = {name: MEASURED[kind](name, stored) for name, stored in model.items() if stored[0] in FLOATS}
    return {name: stored for name, stored in found.items() if stored is not None}


def decimals(low: int = -300, high: int = 300) -> st.SearchStrategy[str]:
    """Canonical decimals between two hundredths."""
    return st.integers(low, high).map(_decimal)


def numbers(parameter: Parameter, rules: bool = True) -> st.SearchStrategy[Any]:
    """Values of a number parameter: plain, or by rules where allowed."""
    floor = 1 if parameter.above is not None else 0 if parameter.low is not None else -300
    ceiling = 300 if parameter.high is None else min(300, int(100 * float(parameter.high)))
    plain = decimals(floor, ceiling)
    if parameter.high is not None:
        ends = [parameter.high, *(["0"] if parameter.above is None else ["0.0001"])]
        plain = st.sampled_from(ends) | plain
    if not rules:
        return plain
    layers = st.lists(plain, min_size=2, max_size=3)
    rule = st.fixed_dictionaries(
        {"contains": st.sampled_from(["mlp", "layers.1", "weight", "no"]), "value": plain},
        optional={"by_layer": layers},
    )
    last = st.fixed_dictionaries({"value": plain}, optional={"by_layer": layers})
    ruled = st.tuples(st.lists(rule, max_size=2), last).map(lambda t: [*t[0], t[1]])
    return st.one_of(plain, plain, plain, ruled)


def given_parameters(
    method: Method, per_parent: bool, rules: bool = True
) -> st.SearchStrategy[dict[str, Any]]:
    """Every parameter of a method, at one of its values."""

    def value(parameter: Parameter) -> st.SearchStrategy[Any]:
        match parameter.kind:
            case "flag":
                return st.booleans()
            case "word":
                return st.sampled_from(parameter.choices)
            case _:
                return numbers(parameter, rules)

    found = {p.name: value(p) for p in method.parameters if p.per_parent == per_parent}
    drawn = st.fixed_dictionaries(found)
    if not {"density", "epsilon"} <= found.keys():
        return drawn
    # Drawn apart, few pairs would fit each other.
    pairs = st.sampled_from(PAIRS) | st.none()
    return st.tuples(drawn, pairs).map(
        lambda t: t[0] | (dict(zip(("density", "epsilon"), t[1], strict=True)) if t[1] else {})
    )


# Densities with an epsilon that they have room for; of a density of 1, epsilon is not asked.
PAIRS = (
    ("1", "0.15"),
    ("0.5", "0.4"),
    ("0.3", "0"),
    ("0.61", "0.39"),
    ("0.02", "0.01"),
    ("0.9999", "0.0001"),
)


@st.composite
def cases(
    draw: st.DrawFn,
    method: str,
    *,
    odd: bool | None = None,
    dtype: str | None = None,
    rules: bool = True,
    converting: bool = True,
) -> Case:
    """A case of a method: up to four models with the same names and shapes, mixed types, twins and odd values."""
    how = METHODS[method]
    odd = draw(st.booleans()) if odd is None else odd
    few, many = how.parents
    count = draw(st.integers(few, many or max(few, 3)))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    shapes = {name: draw(st.sampled_from(SHAPES)) for name in names}
    types = st.just(dtype) if dtype else st.sampled_from(FLOATS)
    first: Model = {n: filled(draw(seeds), draw(types), s, odd) for n, s in shapes.items()}
    models = [first]
    for _ in range(count):
        same = draw(st.sets(st.sampled_from(names)))
        tuned = {n: filled(draw(seeds), draw(types), s, odd, first[n]) for n, s in shapes.items()}
        models.append(tuned | {n: first[n] for n in same})
    if not dtype and draw(st.booleans()):
        whole = draw(st.sampled_from(["I64", "BOOL", "F8_E4M3", "U16"]))
        models = [m | {"ids": (whole, (3,), bytes(range(3 * SIZES[whole])))} for m in models]
    parents = [
        {
            "model": str(draw(st.integers(1, count))),
            "parameters": draw(given_parameters(how, per_parent=True, rules=rules)),
        }
        for _ in range(count)
    ]
    recipe = {
        "arithmetic": "1",
        "method": method,
        "parents": parents,
        "parameters": draw(given_parameters(how, per_parent=False, rules=rules)),
        "shard_bytes": draw(st.sampled_from(["5000000000", "100"])),
        "allow_nonfinite": odd,
    }
    recipe |= {"base": "0"} if how.base == "needed" or (how.base == "either" and draw(st.booleans())) else {}
    recipe |= {"seed": str(draw(st.integers(0, 1 << 60)))} if how.draws else {}
    if converting:
        recipe |= draw(st.fixed_dictionaries({}, optional=dict.fromkeys(("dtype", "out_dtype"), FORMATS)))
    return Case(tuple(models), recipe)


seeds = st.integers(0, 1 << 32)
FORMATS = st.sampled_from(list(DTYPES))


def big(method: str, shapes: Mapping[str, tuple[int, ...]], dtypes: Sequence[str], **members: Any) -> Case:
    """A fixed case of a method over tensors of several spans or chunks: three models, weights and densities set."""
    how = METHODS[method]
    base = {n: filled(7, dtypes[0], s) for n, s in shapes.items()}
    models = [base]
    for i, dtype in enumerate(dtypes[1:], 1):
        models.append({n: filled(10 + i, dtype, s, near=base[n]) for n, s in shapes.items()})
    plain: dict[str, Any] = {"weight": ["0.7", "-0.25"], "density": ["0.3", "0.61"], "gamma": ["0.02", "0.3"]}
    plain |= {"scale": ["1.5", "-0.5"], "epsilon": ["0.1", "0.3"]}
    own = [
        {
            "model": str(min(i, len(dtypes) - 1)),
            "parameters": {
                p.name: plain[p.name][i - 1].lstrip("-" if p.low == "0" else "")
                for p in how.parameters
                if p.per_parent
            },
        }
        for i in range(1, max(how.parents[0], min(2, how.parents[1] or 2)) + 1)
    ]
    shared = {p.name: "0.4" if p.default is None else p.default for p in how.parameters if not p.per_parent}
    recipe = {
        "arithmetic": "1",
        "method": method,
        "parents": own,
        "parameters": shared,
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    }
    recipe |= {"base": "0"} if how.base != "none" else {}
    recipe |= {"seed": "7"} if how.draws else {}
    return Case(tuple(models), recipe | members)


def _decimal(hundredths: int) -> str:
    whole, rest = divmod(abs(hundredths), 100)
    text = f"{whole}.{rest:02d}".rstrip("0").rstrip(".")
    return f"-{text}" if hundredths < 0 else text


def fixed(method: str) -> Case:
    """A small case of a method that is the same on every machine and in every release of NumPy: for golden digests."""
    shapes = {"model.layers.0.w": (9, 11), "model.layers.1.w": (70001,), "model.norm": (), "none": (0, 2)}
    models: list[Model] = []
    for place, dtype in enumerate(("BF16", "F32", "F16")):
        model: Model = {}
        for at, (name, shape) in enumerate(shapes.items()):
            size = int(np.prod(shape, dtype=int))
            # Knuth's multiplicative hash: numbers between -2 and 2 that depend on integer arithmetic alone.
            mixed = (np.arange(size, dtype=np.uint64) + np.uint64(1009 * at)) * np.uint64(
                2654435761
            ) >> np.uint64(7)
            array = (mixed % np.uint64(4096)).astype(np.float64) / 1024 - 2
            moved = ((mixed >> np.uint64(5 + place)) % np.uint64(128)).astype(np.float64) / 512 - 0.125
            model[name] = packed(array + moved * place, dtype, shape)
        model["ids"] = ("I64", (2,), bytes(range(16)))
        models.append(model)
    return replace(
        big(method, {}, ("F32", "F32", "F32"), dtype="float32", shard_bytes="200000"), models=tuple(models)
    )
