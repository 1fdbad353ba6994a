"""The form of a recipe: its members, what each method takes, numbers and the rules that give them for a tensor."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reference.stored import FLOATS, need


@dataclass(frozen=True)
class Number:
    """A number parameter: its default, and where its values lie."""

    default: str | None = None
    low: str | None = None
    high: str | None = None
    above: bool = False  # the lower end itself is left out

    def check(self, name: str, value: Any) -> None:
        """Refuse what is no number, or one out of range."""
        for text in decimals(value):
            exact = Fraction(text)  # Choice: the range is that of the decimal, not of its nearest fp64
            low = self.low is None or (
                Fraction(self.low) < exact if self.above else Fraction(self.low) <= exact
            )
            if not low or (self.high is not None and exact > Fraction(self.high)):
                raise ValueError(f"{name} {text} is out of its range")


@dataclass(frozen=True)
class Word:
    """A parameter that is one of some words."""

    choices: tuple[str, ...]
    default: str

    def check(self, name: str, value: Any) -> None:
        """Refuse another word."""
        good = isinstance(value, str) and value in self.choices
        need(good, f"{name} {value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Flag:
    """A parameter that is true or false."""

    default: bool

    def check(self, name: str, value: Any) -> None:
        """Refuse what is neither."""
        need(isinstance(value, bool), f"{name} is neither true nor false")


Parameter = Number | Word | Flag


@dataclass(frozen=True)
class Form:
    """What a method takes."""

    base: str  # "needed", "optional" or "none"
    parents: tuple[int, int | None]
    own: dict[str, Number] = field(default_factory=dict)  # per parent
    shared: dict[str, Parameter] = field(default_factory=dict)
    seed: bool = False


ANY: tuple[int, int | None] = (1, None)
WEIGHT = {"weight": Number()}
SPARSE = WEIGHT | {"density": Number("1", "0", "1", above=True)}
OUTLYING = SPARSE | {"gamma": Number("0.01", "0", "1")}
UNIT = Number(None, "0", "1")
LAMBDA: dict[str, Parameter] = {"lambda": Number("1")}
SCOPE = {"scope": Word(("tensor", "model"), "tensor")}
NONE_OR_L1 = {"rescale": Word(("none", "l1"), "none")}
DENSITY_L1_OR_NONE = {"rescale": Word(("density", "l1", "none"), "density")}


NORMALIZED: dict[str, Parameter] = {"normalize": Flag(default=True)}
AS_GIVEN: dict[str, Parameter] = {"normalize": Flag(default=False)}


def election(divide: str) -> dict[str, Parameter]:
    """How ties votes and divides."""
    return LAMBDA | {
        "vote": Word(("weighted", "unweighted", "count"), "weighted"),
        "divide": Word(("weights", "count", "none", "max"), divide),
    }


FORMS = {
    "linear": Form("none", ANY, WEIGHT, NORMALIZED),
    "passthrough": Form("none", (1, 1), {"scale": Number("1")}),
    "task_arithmetic": Form("needed", ANY, WEIGHT, LAMBDA | AS_GIVEN),
    "slerp": Form("none", (2, 2), {}, {"t": UNIT}),
    "dare_linear": Form("needed", ANY, SPARSE, LAMBDA | DENSITY_L1_OR_NONE | AS_GIVEN, seed=True),
    "ties": Form("needed", ANY, SPARSE, election("weights") | SCOPE | NONE_OR_L1),
    "dare_ties": Form("needed", ANY, SPARSE, election("none") | DENSITY_L1_OR_NONE, seed=True),
    "magnitude_prune": Form("needed", ANY, SPARSE, LAMBDA | SCOPE | NONE_OR_L1 | AS_GIVEN),
    "breadcrumbs": Form("needed", ANY, OUTLYING, LAMBDA | NONE_OR_L1 | AS_GIVEN),
    "breadcrumbs_ties": Form("needed", ANY, OUTLYING, election("none") | NONE_OR_L1),
    "magmax": Form("needed", ANY, {}, LAMBDA),
    "nearswap": Form("needed", (1, 1), {}, {"t": Number(None, "0")}),
    "wise_ft": Form("needed", (1, 1), {}, {"alpha": UNIT}),
    "sce": Form("needed", (2, None), {}, {"select_topk": Number("1", "0", "1", above=True)}),
    "ram": Form("needed", ANY, {}, {"epsilon": Number("0.00001", "0")}),
    "ramplus_tl": Form(
        "needed",
        ANY,
        {},
        {"epsilon": Number("0.00001", "0"), "r": Number("0.1", "0"), "alpha": Number("0.2", "0")},
    ),
    "nuslerp": Form("optional", (2, 2), WEIGHT),
    "multislerp": Form(
        "optional",
        ANY,
        WEIGHT,
        {"normalize_weights": Flag(default=True), "eps": Number("0.00000001", "0", "1", above=True)},
    ),
    "karcher": Form(
        "none",
        (2, None),
        {},
        {"max_iter": Number("10", "0", "1000"), "tol": Number("0.00001", "0", "1", above=True)},
    ),
    "model_stock": Form("needed", (2, None)),
}

MEMBERS = {"arithmetic", "method", "parents", "parameters", "allow_nonfinite", "shard_bytes"}
OPTIONAL = {"base", "slices", "dtype", "out_dtype", "seed", "tokenizer", "license"}

INTEGER = re.compile(r"0|[1-9][0-9]*")
DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
ARTIFACT = re.compile(r"sha256:[0-9a-f]{64}")
BEFORE = ("embed", "wte", "wpe", "shared", "rotary", "relative_pe", "project_in")


# --- Names and numbers ------------------------------------------------------------------------------------


def layer_of(name: str) -> tuple[str, str, str] | None:
    """A tensor's name before its layer, the layer, the name after it; None where it has no layer."""
    found = re.fullmatch(r"((?:[^.]*\.)*?)([0-9]+)((?:\..*)?)", name, re.DOTALL)
    return None if found is None else (found[1], found[2], found[3])


def stands_before(name: str) -> bool:
    """Whether a tensor stands before the layers."""
    return layer_of(name) is None and any(text in name for text in BEFORE) and "embed_out" not in name


def decimal(value: Any) -> str:
    """A plain number, checked."""
    if not isinstance(value, str) or not DECIMAL.fullmatch(value) or value == "-0" or len(value) > 64:
        raise ValueError(f"{value!r} is not a decimal string")
    return value


def decimals(value: Any) -> list[str]:
    """Every decimal of a number parameter, its rules checked."""
    if not isinstance(value, list):
        return [decimal(value)]
    need(bool(value), "an array of rules is empty")
    found = []
    for place, rule in enumerate(value):
        if not isinstance(rule, dict) or rule.keys() - {"contains", "by_layer", "before", "value"}:
            raise ValueError(f"{rule!r} is not a rule")
        need("value" in rule, f"{rule!r} has no value")
        need(("contains" in rule) == (place < len(value) - 1), "only the last rule has no `contains`")
        text, layers = rule.get("contains", "x"), rule.get("by_layer", ["1"])
        need(isinstance(text, str) and text != "", "`contains` is not a text, or empty")
        need(isinstance(layers, list) and layers != [], "`by_layer` is not an array, or empty")
        numbers = [*layers, rule["value"], *([rule["before"]] if "before" in rule else [])]
        found += [decimal(number) for number in numbers]
    return found


def resolve(value: Any, name: str) -> str:
    """The decimal that counts for a tensor."""
    if isinstance(value, str):
        return value
    rule = next(rule for rule in value if rule.get("contains", "") in name)
    around = layer_of(name)
    if "by_layer" in rule and around is not None:
        layer = int(around[1])
        if layer >= len(rule["by_layer"]):
            raise ValueError(
                f"tensor {name!r} is of layer {layer}, but `by_layer` has {len(rule['by_layer'])} numbers"
            )
        return str(rule["by_layer"][layer])
    return str(rule["before"] if "before" in rule and stands_before(name) else rule["value"])


# --- The recipe -------------------------------------------------------------------------------------------


def matches(pattern: re.Pattern[str], value: Any) -> bool:
    """Whether a value is a text of that form."""
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def check(recipe: dict[str, Any]) -> None:
    """Refuse what is no recipe, before anything is read."""
    need(recipe.get("arithmetic") == "1", "the recipe's arithmetic is not 1")
    method = recipe.get("method")
    if not isinstance(method, str) or method not in FORMS:
        raise ValueError(f"method {method!r} is unknown")
    form = FORMS[method]
    if missing := MEMBERS - recipe.keys():
        raise ValueError(f"the recipe lacks {sorted(missing)}")
    if unknown := recipe.keys() - MEMBERS - OPTIONAL:
        raise ValueError(f"the recipe has unknown members {sorted(unknown)}")
    need("base" in recipe or form.base != "needed", f"{method} needs a base")
    need("base" not in recipe or form.base != "none", f"{method} takes no base")
    need(("seed" in recipe) == form.seed, f"{method} {'needs a' if form.seed else 'takes no'} seed")
    need(isinstance(recipe["allow_nonfinite"], bool), "allow_nonfinite is neither true nor false")
    check_texts(recipe)
    check_parents(recipe, form)
    # Choice: "all of them written out", so that one that is left out is refused, whatever its default
    check_parameters(recipe["parameters"], form.shared)
    if "slices" in recipe:
        check_slices(recipe, form)
    else:
        check_count(len(recipe["parents"]), form)
    if recipe["parameters"].get("scope") == "model":
        need("slices" not in recipe, "a recipe with slices has scope tensor")
        values = [value for parent in recipe["parents"] for value in parent["parameters"].values()]
        plain = all(isinstance(value, str) for value in values)
        need(plain, "with scope model, weight and density are plain numbers")


def check_texts(recipe: dict[str, Any]) -> None:
    """Refuse members that are not of their form."""
    forms = {"base": ARTIFACT, "tokenizer": ARTIFACT, "seed": INTEGER, "shard_bytes": INTEGER}
    for member, form in forms.items():
        if member in recipe and not matches(form, recipe[member]):
            raise ValueError(f"{member} {recipe[member]!r} is malformed")
    need(recipe["shard_bytes"] != "0", "shard_bytes is below 1")
    for member in ("dtype", "out_dtype"):
        if member in recipe and (not isinstance(recipe[member], str) or recipe[member] not in FLOATS):
            raise ValueError(f"{member} {recipe[member]!r} is none of {list(FLOATS)}")
    need(isinstance(recipe.get("license", ""), str), "license is not a text")


def check_parents(recipe: dict[str, Any], form: Form) -> None:
    """Refuse parents that are no models with what the method takes of each."""
    parents = recipe["parents"]
    need(isinstance(parents, list) and parents != [], "parents are not an array of one or more")
    for parent in parents:
        known = ({"model", "parameters"}, {"model", "parameters", "adapter", "scale"})
        if not isinstance(parent, dict) or parent.keys() not in known:
            raise ValueError("a parent has other members than a model or a model with an adapter")
        need(matches(ARTIFACT, parent["model"]), f"parent {parent['model']!r} is no artifact id")
        if "adapter" in parent:
            need(matches(ARTIFACT, parent["adapter"]), f"adapter {parent['adapter']!r} is no artifact id")
            decimal(parent["scale"])  # Choice: a number of the parent, not a parameter: no rules
        check_parameters(parent["parameters"], form.own)
    models = {parent["model"] for parent in parents} | {recipe[key] for key in ("base",) if key in recipe}
    both = models & {parent["adapter"] for parent in parents if "adapter" in parent}
    need(not both, f"{sorted(both)} are models and adapters")


def check_parameters(given: Any, known: dict[str, Any]) -> None:
    """Refuse parameters other than the known ones, and values that they cannot have."""
    if not isinstance(given, dict) or given.keys() != known.keys():
        raise ValueError(f"there are exactly the parameters {sorted(known)}")
    for name, parameter in known.items():
        parameter.check(name, given[name])


def check_count(count: int, form: Form) -> None:
    """Refuse a number of parents that the method does not take."""
    few, many = form.parents
    need(count >= few and (many is None or count <= many), f"{count} parents, taken are {few} to {many}")


def check_slices(recipe: dict[str, Any], form: Form) -> None:
    """Refuse slices that do not fit the recipe."""
    slices = recipe["slices"]
    need(isinstance(slices, list) and slices != [], "slices are not an array of one or more")
    members = {"count", "sources"} | ({"base_first"} if "base" in recipe else set())
    named: set[int] = set()
    for piece in slices:
        if not isinstance(piece, dict) or piece.keys() != members:
            raise ValueError(f"a slice has exactly the members {sorted(members)}")
        sources = piece["sources"]
        need(isinstance(sources, list) and sources != [], "sources are not an array of one or more")
        for source in sources:
            if not isinstance(source, dict) or source.keys() != {"parent", "first"}:
                raise ValueError("a source has exactly `parent` and `first`")
        # Choice: digits as those of numbers, without leading zeros
        numbers = [value for key, value in (*piece.items(), *pairs(sources)) if key != "sources"]
        need(all(matches(INTEGER, value) for value in numbers), "a number of a slice is not of digits")
        parents = [int(source["parent"]) for source in sources]
        need(max(parents) < len(recipe["parents"]), "a source's parent is none of the recipe's")
        need(len(set(parents)) == len(parents), "a slice names a parent twice")
        check_count(len(parents), form)
        named |= set(parents)
    counts = [int(piece["count"]) for piece in slices]
    need(min(counts) >= 1 and sum(counts) <= 10000, "a slice has no layer, or all have more than 10000")
    need(named == set(range(len(recipe["parents"]))), "a parent is named by no slice")


def pairs(sources: list[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """All members of all sources."""
    return (member for source in sources for member in source.items())
