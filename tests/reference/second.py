"""Merge Arithmetic 1 a second time, written from docs/arithmetic.md alone: whole tensors in plain NumPy.

It shares no code with the product, so an output on which both agree does not rest on one reading of the page.
Choices where the page is silent are marked `Choice:`.
"""

import hashlib
import json
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import rfc8785

Array = np.ndarray[Any, np.dtype[Any]]

FLOATS = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16"}
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
LAYOUT = {"F32": (23, 8), "F16": (10, 5), "BF16": (7, 8)}  # stored significand bits, exponent bits
HOLDS = {
    "F64": {"F64", "F32", "F16", "BF16"},
    "F32": {"F32", "F16", "BF16"},
    "F16": {"F16"},
    "BF16": {"BF16"},
}
BLOCK = 1 << 16
COPIED = [
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "chat_template.jinja",
    "chat_template.json",
    "generation_config.json",
]

DELTAS = {"task_arithmetic", "dare_linear", "ties", "dare_ties"}
RANDOM = {"dare_linear", "dare_ties"}
PER_PARENT = {
    "linear": {"weight"},
    "task_arithmetic": {"weight"},
    "slerp": set(),
    "dare_linear": {"weight", "density"},
    "ties": {"weight", "density"},
    "dare_ties": {"weight", "density"},
}
PARAMETERS: dict[str, dict[str, Any]] = {  # with their defaults; None: required
    "linear": {"normalize": True},
    "task_arithmetic": {"lambda": "1", "normalize": False},
    "slerp": {"t": None},
    "dare_linear": {"lambda": "1", "normalize": False},
    "ties": {"lambda": "1", "scope": "tensor", "vote": "weighted", "divide": "weights"},
    "dare_ties": {"lambda": "1", "vote": "weighted", "divide": "none"},
}
CHOICES = {
    "scope": ("tensor", "model"),
    "vote": ("weighted", "unweighted"),
    "divide": ("weights", "count", "none"),
}
MEMBERS = {"arithmetic", "method", "parents", "parameters", "allow_nonfinite"}
OPTIONAL = {"base", "dtype", "out_dtype", "seed", "tokenizer", "license", "shard_bytes"}

INTEGER = re.compile(r"0|[1-9][0-9]*")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
ARTIFACT = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Tensor:
    """A tensor as it is stored: type name, shape and little-endian bytes."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Work:
    """One floating-point tensor to merge: the base's, the remaining parents' and the types."""

    name: str
    base: Tensor | None
    places: list[int]  # of the remaining parents in the recipe
    parents: list[Tensor]
    t: type[np.floating[Any]]  # T
    o: str  # O


def need(condition: bool, sentence: str) -> None:
    """Refuse with a sentence where a condition does not hold."""
    if not condition:
        raise ValueError(sentence)


# --- Floating-point types ---------------------------------------------------------------------------------


def widen(stored: str, data: bytes) -> Array:
    """Stored elements as fp64 (F64) or fp32 (all others), exactly."""
    if stored == "BF16":
        return (np.frombuffer(data, "<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)
    if stored == "F16":
        return np.frombuffer(data, "<f2").astype(np.float32)
    return np.frombuffer(data, f"<f{BYTES[stored]}").astype(f"f{BYTES[stored]}")


def narrow(values: Array, to: str) -> bytes:
    """Each element rounded once, to nearest and ties to even, by integers on its fp64 bit pattern."""
    bits = values.astype(np.float64).view(np.uint64)  # fp32 widens exactly
    if to == "F64":
        nan = np.uint64(0x7FF8000000000000)
        return np.where(np.isnan(values), nan, bits).astype("<u8").tobytes()
    fraction, width = LAYOUT[to]
    bias = (1 << (width - 1)) - 1
    infinity = ((1 << width) - 1) << fraction
    field = ((bits >> np.uint64(52)) & np.uint64(0x7FF)).astype(np.int64)
    significand = (bits & np.uint64((1 << 52) - 1)).astype(np.int64) + np.where(field > 0, 1 << 52, 0)
    exponent = np.maximum(field, 1) - 1023
    below = np.maximum((1 - bias) - exponent, 0)  # binades under the smallest normal number
    shift = np.minimum(52 - fraction + below, 60)  # 60 already drops every one of the 53 bits
    kept = significand >> shift
    rest = significand - (kept << shift)
    half = np.int64(1) << (shift - 1)
    kept += (rest > half) | ((rest == half) & (kept % 2 == 1))
    # kept holds the leading one of a normal number, so a carry moves into the exponent by itself
    out = np.where(below > 0, kept, ((exponent + bias - 1) << fraction) + kept)
    out = np.where((out >= infinity) | np.isinf(values), infinity, out)
    out += (bits >> np.uint64(63)).astype(np.int64) << (fraction + width)
    out = np.where(np.isnan(values), infinity + (1 << (fraction - 1)), out)
    return out.astype(f"<u{BYTES[to]}").tobytes()


def load(work: Work, tensor: Tensor, dtype: str | None) -> Array:
    """An input as it is computed with: rounded to `dtype` where given, widened to T."""
    values = widen(tensor.dtype, tensor.data)
    if dtype is not None:
        values = widen(FLOATS[dtype], narrow(values, FLOATS[dtype]))
    return values.astype(work.t)


def finite(name: str, what: str, values: Array) -> None:
    """Refuse a NaN or an infinity by tensor and flat index."""
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(f"{what} of tensor {name!r} is not finite at index {bad[0]}")


# --- Numbers ----------------------------------------------------------------------------------------------


def decimal(value: Any) -> str:
    """A plain number, checked."""
    if not isinstance(value, str) or not DECIMAL.fullmatch(value) or value == "-0":
        raise ValueError(f"{value!r} is not a decimal string")
    if math.isinf(float(value)):  # Choice: a decimal beyond fp64 is refused
        raise ValueError(f"{value} is beyond fp64")
    return value


def decimals(value: Any) -> list[str]:
    """Every decimal of a number parameter, its rules checked."""
    if not isinstance(value, list):
        return [decimal(value)]
    if not value:
        raise ValueError("an array of rules is empty")
    found = []
    for place, rule in enumerate(value):
        if (
            not isinstance(rule, dict)
            or "value" not in rule
            or rule.keys() - {"contains", "by_layer", "value"}
        ):
            raise ValueError(f"{rule!r} is not a rule")
        if ("contains" in rule) != (place < len(value) - 1):
            raise ValueError("only the last rule has no `contains`")
        need(isinstance(rule.get("contains", ""), str), "`contains` is not a text")
        need(isinstance(rule.get("by_layer", []), list), "`by_layer` is not an array")
        found += [decimal(number) for number in [*rule.get("by_layer", []), rule["value"]]]
    return found


def resolve(value: Any, name: str) -> str:
    """The decimal that counts for a tensor."""
    if isinstance(value, str):
        return value
    rule = next(rule for rule in value if rule.get("contains", "") in name)
    layer = next((int(part) for part in name.split(".") if re.fullmatch("[0-9]+", part)), None)
    if "by_layer" not in rule or layer is None:
        return str(rule["value"])
    if layer >= len(rule["by_layer"]):
        raise ValueError(
            f"tensor {name!r} is of layer {layer}, but `by_layer` has {len(rule['by_layer'])} numbers"
        )
    return str(rule["by_layer"][layer])


# --- Sums, largest k, masks -------------------------------------------------------------------------------


def total(values: Array) -> float:
    """The sum over a tensor: halved 16 times within each block, then block after block."""
    blocks = []
    for start in range(0, values.size, BLOCK):
        block = np.zeros(BLOCK)
        part = values[start : start + BLOCK].astype(np.float64)
        block[: part.size] = part
        while block.size > 1:
            block = block[: block.size // 2] + block[block.size // 2 :]
        blocks.append(block[0])
    return float(added(blocks)) if blocks else 0.0


def added(terms: list[Any]) -> Any:
    """Σ from the first term on, in order."""
    result = terms[0]
    for term in terms[1:]:
        result = result + term
    return result


def largest(values: Array, density: str) -> Array:
    """Which elements are among the k of largest magnitude, the lowest index first among equals."""
    kept = np.zeros(values.size, bool)
    if values.size:
        k = max(1, math.floor(Fraction(density) * values.size))
        unsigned, nan = (
            (np.uint32, 0x7FC00000) if values.dtype == np.float32 else (np.uint64, 0x7FF8000000000000)
        )
        key = np.where(np.isnan(values), unsigned(nan), np.abs(values).view(unsigned))
        kept[np.argsort(~key, kind="stable")[:k]] = True
    return kept


def mask_key(seed: str, name: str, parent: str, occurrence: int) -> int:
    """The key of a random mask's stream."""
    fields = [text.encode() for text in ("studbook/mask/1", seed, name, parent, str(occurrence))]
    digest = hashlib.sha256(b"".join(struct.pack("<Q", len(field)) + field for field in fields)).digest()
    return int.from_bytes(digest[:16], "little")


def lanes(key: int, count: int) -> Array:
    """The first `count` 16-bit lanes of a mask's stream."""
    stream = np.random.Philox(counter=0, key=key)
    words = stream.random_raw((count + 3) // 4)
    return np.frombuffer(words.astype("<u8").tobytes(), "<u2")[:count].astype(np.int64)


def threshold(density: str) -> int:
    """The lane value t below which an element is kept."""
    t = math.floor(Fraction(density) * 65536)
    if t == 0:
        raise ValueError(f"density {density} keeps nothing: it is below 1/65536")
    return t


# --- The recipe -------------------------------------------------------------------------------------------


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Whether a value is a text of that form."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def check(recipe: dict[str, Any]) -> None:
    """Refuse what is no recipe, before anything is read."""
    if recipe.get("arithmetic") != "1":
        raise ValueError("the recipe's arithmetic is not 1")
    method = recipe.get("method")
    if not isinstance(method, str) or method not in PARAMETERS:
        raise ValueError(f"method {method!r} is unknown")
    if missing := MEMBERS - recipe.keys():
        raise ValueError(f"the recipe lacks {sorted(missing)}")
    if unknown := recipe.keys() - MEMBERS - OPTIONAL:
        raise ValueError(f"the recipe has unknown members {sorted(unknown)}")
    if ("base" in recipe) != (method in DELTAS):
        raise ValueError(f"{method} {'needs a' if method in DELTAS else 'takes no'} base")
    if ("seed" in recipe) != (method in RANDOM):
        raise ValueError(f"{method} {'needs a' if method in RANDOM else 'takes no'} seed")
    need(isinstance(recipe["allow_nonfinite"], bool), "allow_nonfinite is neither true nor false")
    check_texts(recipe)
    check_parents(recipe)
    check_parameters(recipe)


def check_texts(recipe: dict[str, Any]) -> None:
    """Refuse members that are not of their form."""
    forms = {"base": ARTIFACT, "tokenizer": ARTIFACT, "seed": INTEGER, "shard_bytes": INTEGER}
    for member, form in forms.items():
        if member in recipe and not matches(form, recipe[member]):
            raise ValueError(f"{member} {recipe[member]!r} is malformed")
    for member in ("dtype", "out_dtype"):
        if member in recipe and (not isinstance(recipe[member], str) or recipe[member] not in FLOATS):
            raise ValueError(f"{member} {recipe[member]!r} is none of {list(FLOATS)}")
    need(isinstance(recipe.get("license", ""), str), "license is not a text")


def check_parents(recipe: dict[str, Any]) -> None:
    """Refuse parents that the method does not take."""
    method, parents = recipe["method"], recipe["parents"]
    if not isinstance(parents, list) or (method == "slerp" and len(parents) != 2):
        raise ValueError("parents are not an array, or not the two that slerp takes")
    if not parents and "base" not in recipe:  # with a base, no parents at all means: copy the base
        raise ValueError("there is neither a base nor a parent")
    for parent in parents:
        if not isinstance(parent, dict) or parent.keys() != {"model", "parameters"}:
            raise ValueError("a parent does not have exactly `model` and `parameters`")
        if not matches(ARTIFACT, parent["model"]):
            raise ValueError(f"parent {parent['model']!r} is no artifact id")
        given = parent["parameters"]
        if not isinstance(given, dict) or given.keys() != PER_PARENT[method]:
            raise ValueError(f"a parent of {method} has exactly the parameters {sorted(PER_PARENT[method])}")
        for value in given.values():
            decimals(value)
        if any(not 0 < Fraction(number) <= 1 for number in decimals(given.get("density", "1"))):
            raise ValueError("a density is not above 0 and at most 1")


def check_parameters(recipe: dict[str, Any]) -> None:
    """Refuse parameters that the method does not take."""
    method, given = recipe["method"], recipe["parameters"]
    known = PARAMETERS[method]
    if not isinstance(given, dict) or given.keys() - known.keys():
        raise ValueError(f"{method} takes only the parameters {sorted(known)}")
    for name, default in known.items():
        need(name in given or default is not None, f"{method} needs the parameter {name}")
        if name in given:
            check_parameter(name, given[name])
    if given.get("scope") == "model":
        values = [value for parent in recipe["parents"] for value in parent["parameters"].values()]
        plain = all(isinstance(value, str) for value in values)
        need(plain, "with scope model, weight and density are plain numbers")


def check_parameter(name: str, value: Any) -> None:
    """Refuse a value that the parameter cannot have."""
    if name == "normalize":
        need(isinstance(value, bool), "normalize is neither true nor false")
    elif name in CHOICES:
        need(
            isinstance(value, str) and value in CHOICES[name], f"{name} {value!r} is none of {CHOICES[name]}"
        )
    else:
        numbers = decimals(value)
        need(name != "t" or all(0 <= float(number) <= 1 for number in numbers), "t is not in [0, 1]")


def setting(recipe: dict[str, Any], name: str) -> Any:
    """A parameter of the method, or its default."""
    return recipe["parameters"].get(name, PARAMETERS[recipe["method"]][name])


# --- Reading models ---------------------------------------------------------------------------------------


def parse(data: bytes) -> Any:
    """JSON with the numbers of RFC 8785: an integer from 2^53 on becomes the nearest fp64."""

    def integer(text: str) -> int | float:
        return int(text) if len(text) < 18 and abs(int(text)) < 1 << 53 else float(text)

    def constant(text: str) -> None:
        raise ValueError(f"{text} is no JSON number")

    # the product's reader would end the independence
    return json.loads(data.decode("utf-8"), parse_int=integer, parse_constant=constant)


def read_file(path: Path) -> dict[str, Tensor]:
    """All tensors of one safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 + length or length < 2:
        raise ValueError(f"{path.name} is no safetensors file")
    header, data = parse(content[8 : 8 + length]), content[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
            fits = (
                math.prod(shape) * BYTES[entry["dtype"]] == end - begin if entry["dtype"] in BYTES else True
            )
            if not 0 <= begin <= end <= len(data) or not fits:
                raise ValueError(f"tensor {name!r} of {path.name} does not fit its shape or its file")
            tensors[name] = Tensor(entry["dtype"], shape, data[begin:end])
    return tensors


def read_model(folder: Path) -> dict[str, Tensor]:
    """All tensors of a model: what the index names, or without an index what its safetensors files hold."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        places = parse(index.read_bytes())["weight_map"]
        held = {file: read_file(folder / file) for file in sorted(set(places.values()))}
        if lost := [name for name, file in places.items() if name not in held[file]]:
            raise ValueError(f"tensor {lost[0]!r} is not in the file that the index names")
        return {name: held[file][name] for name, file in places.items()}
    tensors: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found = read_file(path)
        if twice := tensors.keys() & found.keys():
            raise ValueError(f"tensor {min(twice)!r} stands in two files")
        tensors |= found
    return tensors


def check_shapes(models: list[dict[str, Tensor]]) -> None:
    """Refuse models that do not hold the same tensor names with the same shapes."""
    for model in models[1:]:
        if different := models[0].keys() ^ model.keys():
            raise ValueError(f"tensor {min(different)!r} is not in every model")
        for name, tensor in model.items():
            if tensor.shape != models[0][name].shape:
                raise ValueError(f"tensor {name!r} has shapes {models[0][name].shape} and {tensor.shape}")


# --- One tensor -------------------------------------------------------------------------------------------


def prepare(recipe: dict[str, Any], name: str, base: Tensor | None, parents: list[Tensor]) -> Tensor | Work:
    """Rules 1 to 3: a tensor to copy because it is not floating point, or the work to do."""
    weights = [resolve(parent["parameters"].get("weight", "1"), name) for parent in recipe["parents"]]
    places = [place for place, weight in enumerate(weights) if float(weight) != 0]
    remaining = [parents[place] for place in places]
    inputs = remaining if base is None else [base, *remaining]
    if not inputs:
        raise ValueError(f"no parent remains for tensor {name!r}")
    if any(tensor.dtype not in BYTES for tensor in inputs):
        if any((tensor.dtype, tensor.data) != (inputs[0].dtype, inputs[0].data) for tensor in inputs):
            raise ValueError(f"tensor {name!r} is not floating point and differs between the models")
        return inputs[0]
    dtype = recipe.get("dtype")
    double = dtype == "float64" or (dtype is None and any(tensor.dtype == "F64" for tensor in inputs))
    given = recipe.get("out_dtype", dtype)
    # Choice: the first parent is the first one that remains
    out = inputs[0].dtype if given is None else FLOATS[given]
    return Work(name, base, places, remaining, np.float64 if double else np.float32, out)


def to_copy(recipe: dict[str, Any], work: Work) -> Tensor | None:
    """The x of a rule that says *copy x*, or None where the tensor is computed."""
    if work.base is not None:
        same = all((x.dtype, x.data) == (work.base.dtype, work.base.data) for x in work.parents)
        return work.base if same else None
    if recipe["method"] == "slerp":
        t = float(resolve(setting(recipe, "t"), work.name))
        return {0.0: work.parents[0], 1.0: work.parents[1]}.get(t)
    return None


def merge(recipe: dict[str, Any], work: Work, kept: list[Array] | None) -> Tensor:
    """Rules 4 to 6 around the method."""
    dtype, allowed = recipe.get("dtype"), recipe["allow_nonfinite"]
    copy = to_copy(recipe, work)
    if copy is not None and copy.dtype == work.o and (dtype is None or copy.dtype in HOLDS[FLOATS[dtype]]):
        return copy
    # Choice: a copy that has to be computed has one input, x
    stored = [copy] if copy is not None else work.parents if work.base is None else [work.base, *work.parents]
    inputs = [load(work, tensor, dtype) for tensor in stored]
    if not allowed:
        for values in inputs:
            finite(work.name, "an input", values)
    y = inputs[0] if copy is not None else METHODS[recipe["method"]](recipe, work, inputs, kept)
    out = narrow(y + work.t(0), work.o)
    if not allowed:
        finite(work.name, "the output", widen(work.o, out))
    return Tensor(work.o, stored[0].shape, out)


def per_parent(recipe: dict[str, Any], work: Work, parameter: str) -> list[str]:
    """A parameter of the remaining parents, for this tensor."""
    return [resolve(recipe["parents"][place]["parameters"][parameter], work.name) for place in work.places]


def weights_of(recipe: dict[str, Any], work: Work) -> list[float]:
    """The remaining parents' weights in fp64, normalized where that is asked for."""
    weights = [float(weight) for weight in per_parent(recipe, work, "weight")]
    if "normalize" in PARAMETERS[recipe["method"]] and setting(recipe, "normalize"):
        whole = added(weights)
        if whole == 0:
            raise ValueError(f"the weights of tensor {work.name!r} sum to 0")
        weights = [weight / whole for weight in weights]
    return weights


def onto_base(recipe: dict[str, Any], work: Work, base: Array, change: Array) -> Array:
    """The last step of every method with deltas: b + λ·change."""
    scale = work.t(float(resolve(setting(recipe, "lambda"), work.name)))
    return base + scale * change


def random_masks(recipe: dict[str, Any], work: Work, count: int) -> tuple[list[Array], list[int]]:
    """The remaining parents' random masks, and their thresholds."""
    thresholds = [threshold(density) for density in per_parent(recipe, work, "density")]
    ids = [recipe["parents"][place]["model"] for place in work.places]
    masks = []
    for place, (model, t) in enumerate(zip(ids, thresholds, strict=True)):
        key = mask_key(recipe["seed"], work.name, model, ids[:place].count(model))
        masks.append(lanes(key, count) < t)
    return masks, thresholds


# --- The methods ------------------------------------------------------------------------------------------


def linear(recipe: dict[str, Any], work: Work, inputs: list[Array], _: list[Array] | None) -> Array:
    """y = Σ w·x."""
    return added([work.t(w) * x for w, x in zip(weights_of(recipe, work), inputs, strict=True)])


def task_arithmetic(recipe: dict[str, Any], work: Work, inputs: list[Array], _: list[Array] | None) -> Array:
    """y = b + λ·(Σ w·d)."""
    base, *xs = inputs
    change = added([work.t(w) * (x - base) for w, x in zip(weights_of(recipe, work), xs, strict=True)])
    return onto_base(recipe, work, base, change)


def slerp(recipe: dict[str, Any], work: Work, inputs: list[Array], _: list[Array] | None) -> Array:
    """y = s0·x + s1·y along the great circle, or along the chord where the angle is small or unknown."""
    x, y = inputs
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    t = float(resolve(setting(recipe, "t"), work.name))
    s0, s1 = slerp_scalars(total(wide_x * wide_y), total(wide_x * wide_x), total(wide_y * wide_y), t)
    return work.t(s0) * x + work.t(s1) * y


def slerp_scalars(d: float, a: float, b: float, t: float) -> tuple[float, float]:
    """s0 and s1 from the three sums."""
    if a == 0 or b == 0:
        return 1 - t, t
    c = float(np.float64(d) / (np.sqrt(np.float64(a)) * np.sqrt(np.float64(b))))
    if math.isnan(c):
        return 1 - t, t
    c = max(-1.0, min(1.0, c))
    if abs(c) > 0.9995:
        return 1 - t, t
    with mpmath.workprec(400):
        angle, wide = mpmath.acos(mpmath.mpf(c)), mpmath.mpf(t)
        return (
            rounded(mpmath.sin((1 - wide) * angle) / mpmath.sin(angle)),
            rounded(mpmath.sin(wide * angle) / mpmath.sin(angle)),
        )


def rounded(value: Any) -> float:
    """One rounding to fp64: the division of integers rounds correctly, into the subnormals too."""
    sign, significand, exponent, _ = value._mpf_
    exact = int(significand) * Fraction(2) ** exponent
    return float(-exact if sign else exact)


def dare_linear(recipe: dict[str, Any], work: Work, inputs: list[Array], _: list[Array] | None) -> Array:
    """y = b + λ·(Σ c·v) with random masks."""
    base, *xs = inputs
    masks, thresholds = random_masks(recipe, work, base.size)
    factors = [(w * 65536) / t for w, t in zip(weights_of(recipe, work), thresholds, strict=True)]
    kept = [np.where(mask, x - base, work.t(0)) for x, mask in zip(xs, masks, strict=True)]
    change = added([work.t(c) * v for c, v in zip(factors, kept, strict=True)])
    return onto_base(recipe, work, base, change)


def elect(recipe: dict[str, Any], work: Work, base: Array, kept: list[Array]) -> Array:
    """What ties does with the v_i: vote on the sign, merge those that agree."""
    zero = work.t(0)
    weights = [work.t(w) for w in weights_of(recipe, work)]
    weighted = [w * v for w, v in zip(weights, kept, strict=True)]
    vote = added(weighted if setting(recipe, "vote") == "weighted" else kept)
    agrees = [np.where(vote >= 0, v > 0, v < 0) for v in kept]
    change = added([np.where(a, v, zero) for a, v in zip(agrees, weighted, strict=True)])
    divide = setting(recipe, "divide")
    if divide != "none":
        units = weights if divide == "weights" else [work.t(1)] * len(weights)
        mass = added([np.where(a, unit, zero) for a, unit in zip(agrees, units, strict=True)])
        change = np.where(mass == 0, zero, change / mass)
    return onto_base(recipe, work, base, change)


def ties(recipe: dict[str, Any], work: Work, inputs: list[Array], kept: list[Array] | None) -> Array:
    """Ties over each parent's largest deltas, of this tensor or (kept given) of the whole model."""
    base, *xs = inputs
    deltas = [x - base for x in xs]
    if kept is None:
        densities = per_parent(recipe, work, "density")
        kept = [largest(delta, density) for delta, density in zip(deltas, densities, strict=True)]
    trimmed = [np.where(mask, delta, work.t(0)) for mask, delta in zip(kept, deltas, strict=True)]
    return elect(recipe, work, base, trimmed)


def dare_ties(recipe: dict[str, Any], work: Work, inputs: list[Array], _: list[Array] | None) -> Array:
    """Ties over randomly kept and rescaled deltas."""
    base, *xs = inputs
    masks, thresholds = random_masks(recipe, work, base.size)
    kept = [
        np.where(mask, work.t(65536 / t) * (x - base), work.t(0))
        for x, mask, t in zip(xs, masks, thresholds, strict=True)
    ]
    return elect(recipe, work, base, kept)


METHODS: dict[str, Callable[[dict[str, Any], Work, list[Array], list[Array] | None], Array]] = {
    "linear": linear,
    "task_arithmetic": task_arithmetic,
    "slerp": slerp,
    "dare_linear": dare_linear,
    "ties": ties,
    "dare_ties": dare_ties,
}


def model_masks(recipe: dict[str, Any], works: list[Work]) -> dict[str, list[Array]]:
    """For scope model: by tensor name, which elements each remaining parent keeps."""
    if len({work.t for work in works if to_copy(recipe, work) is None}) > 1:
        raise ValueError("with scope model, every tensor is computed in the same type")
    masks: dict[str, list[Array]] = {work.name: [] for work in works}
    for place in works[0].places if works else []:  # weights are plain: the same parents remain everywhere
        deltas = [delta_for_scope(recipe, work, place) for work in works]
        kept = largest(np.concatenate(deltas), recipe["parents"][place]["parameters"]["density"])
        start = 0
        for work, delta in zip(works, deltas, strict=True):
            masks[work.name].append(kept[start : start + delta.size])
            start += delta.size
    return masks


def delta_for_scope(recipe: dict[str, Any], work: Work, place: int) -> Array:
    """A parent's delta in one tensor; zeros where rule 4 copies, whatever the base holds there."""
    x, base = (
        load(work, tensor, recipe.get("dtype"))
        for tensor in (work.parents[work.places.index(place)], work.base)
    )
    return np.zeros(x.size, work.t) if to_copy(recipe, work) is not None else x - base


# --- Files ------------------------------------------------------------------------------------------------


def shard(tensors: dict[str, Tensor]) -> bytes:
    """One safetensors file, its tensors in the order given."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, tensor in tensors.items():
        end = start + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = rfc8785.dumps(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.data for tensor in tensors.values())


def weight_files(tensors: dict[str, Tensor], limit: int) -> dict[str, bytes]:
    """The shards, and their index where there are several."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + len(tensor.data) > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += len(tensor.data)
    if len(shards) == 1:
        return {"model.safetensors": shard(shards[0])}
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    index = {
        "metadata": {"total_size": sum(len(tensor.data) for tensor in tensors.values())},
        "weight_map": {name: file for file, held in zip(names, shards, strict=True) for name in held},
    }
    out = {file: shard(held) for file, held in zip(names, shards, strict=True)}
    return out | {"model.safetensors.index.json": rfc8785.dumps(index) + b"\n"}


def config_file(recipe: dict[str, Any], folder: Path) -> bytes:
    """config.json of the base or the first parent, with the type the outputs are written in."""
    path = folder / "config.json"
    need(path.is_file(), "config.json is missing")
    config = parse(path.read_bytes())
    need(isinstance(config, dict), "config.json is no object")
    dtype = recipe.get("out_dtype", recipe.get("dtype"))
    if dtype is not None:
        for key in {"torch_dtype", "dtype"} & config.keys() or {"torch_dtype"}:
            config[key] = dtype
    return spelled(config).encode() + b"\n"


def spelled(value: Any) -> str:
    """RFC 8785, but a whole number that came as a float keeps a fraction."""
    if isinstance(value, float):
        text = rfc8785.dumps(value).decode()
        return text if re.search("[.e]", text) else f"{text}.0"
    if isinstance(value, list):
        return f"[{','.join(spelled(one) for one in value)}]"
    if isinstance(value, dict):
        members = (
            f"{rfc8785.dumps(key).decode()}:{spelled(value[key])}" for key in json.loads(rfc8785.dumps(value))
        )
        return "{" + ",".join(members) + "}"
    return rfc8785.dumps(value).decode()


def files(recipe: dict[str, Any], folders: dict[str, Path]) -> dict[str, bytes]:
    """Every file of the merge except README.md.

    Args:
        recipe: The recipe as parsed JSON.
        folders: The model folder of each artifact id in the recipe.

    Raises:
        ValueError: Where the page refuses the recipe or the models.
    """
    check(recipe)
    parents = [parent["model"] for parent in recipe["parents"]]
    first = recipe["base"] if "base" in recipe else parents[0]
    source = recipe.get("tokenizer", first)
    if absent := {first, source, *parents} - folders.keys():
        raise ValueError(f"there is no folder for {sorted(absent)}")
    models = {model: read_model(folders[model]) for model in {first, *parents}}
    check_shapes(list(models.values()))
    jobs = {}
    for name in sorted(models[first], key=lambda name: name.encode("utf-8")):
        base = models[first][name] if "base" in recipe else None
        jobs[name] = prepare(recipe, name, base, [models[model][name] for model in parents])
    with np.errstate(all="ignore"):
        masks = {}
        if recipe["parameters"].get("scope") == "model":
            masks = model_masks(recipe, [job for job in jobs.values() if isinstance(job, Work)])
        merged = {
            name: merge(recipe, job, masks.get(name)) if isinstance(job, Work) else job
            for name, job in jobs.items()
        }
    out = weight_files(merged, int(recipe.get("shard_bytes", "5000000000")))
    out["config.json"] = config_file(recipe, folders[first])
    tokenizer = {file: folders[source] / file for file in COPIED}
    return out | {file: path.read_bytes() for file, path in tokenizer.items() if path.is_file()}
