"""What each method takes, numbers and the rules that give them for a tensor."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from reference.stored import need


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
    statistics: str | None = None  # their kind
    adapters: bool = False  # whether the parents and the result are adapters


ANY: tuple[int, int | None] = (1, None)
WEIGHT = {"weight": Number()}
SHARE = {"weight": Number(None, "0")}
SPARSE = WEIGHT | {"density": Number("1", "0", "1", above=True)}
OUTLYING = SPARSE | {"gamma": Number("0.01", "0", "1")}
RANKED = SPARSE | {"epsilon": Number("0.15", "0", "1")}
UNIT = Number(None, "0", "1")
LAMBDA: dict[str, Parameter] = {"lambda": Number("1")}
SCOPE = {"scope": Word(("tensor", "model"), "tensor")}
BY: dict[str, Parameter] = {"by": Word(("tensor", "row"), "tensor")}
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
    "nuslerp": Form("optional", (2, 2), WEIGHT, BY),
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
    "model_stock": Form("needed", (2, None), {}, BY),
    "della_linear": Form("needed", ANY, RANKED, LAMBDA | DENSITY_L1_OR_NONE | AS_GIVEN, seed=True),
    "della": Form("needed", ANY, RANKED, election("weights") | DENSITY_L1_OR_NONE, seed=True),
    "arcee_fusion": Form("needed", (1, 1)),
    "fisher": Form("none", ANY, SHARE, {"floor": Number("0", "0")}, statistics="fisher"),
    "regmean": Form(
        "none",
        ANY,
        SHARE,
        {"alpha": Number("0.9", "0", "1"), "ridge": Number("0.000001", "0")},
        statistics="gram",
    ),
    "permute": Form("none", (1, 1), statistics="permutation"),
    "transport": Form("none", (1, 1), statistics="transport"),
    "layer_select": Form(
        "needed", (3, 3), {}, {"tau": Number("0.35", "0", "1"), "weight": Number("0.8", "0", "1")}
    ),
    "cat": Form("optional", ANY, WEIGHT, adapters=True),
}

DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")
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
        text, layers = rule.get("contains", "x"), rule.get("by_layer", [])
        need(isinstance(text, str) and text != "", "`contains` is not a text, or empty")
        need(isinstance(layers, list), "`by_layer` is not an array")
        need(layers != [] or "by_layer" not in rule, "`by_layer` is empty")
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
