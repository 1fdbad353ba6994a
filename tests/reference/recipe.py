"""The form of a recipe: its members, its parents, its parameters and its slices."""

import re
from collections.abc import Iterator
from typing import Any

from reference.form import FORMS, Form, Number, decimal
from reference.stored import FLOATS, need

MEMBERS = {"arithmetic", "method", "parents", "parameters", "allow_nonfinite", "shard_bytes"}
OPTIONAL = {"base", "clip", "slices", "dtype", "out_dtype", "seed", "tokenizer", "license", "notices"}

INTEGER = re.compile(r"0|[1-9][0-9]*")
ARTIFACT = re.compile(r"sha256:[0-9a-f]{64}")


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
    if "clip" in recipe:
        Number(None, "1").check("clip", recipe["clip"])
        need(method not in ("cat", "permute", "transport", "regmean"), f"{method} takes no clip")
    check_parents(recipe, form)
    # Choice: "all of them written out", so that one that is left out is refused, whatever its default
    check_parameters(recipe["parameters"], form.shared)
    need(not form.adapters or "slices" not in recipe, f"{method} takes no slices")
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
    longest = max(len(recipe.get(member, "")) for member in ("seed", "shard_bytes"))
    need(longest <= 20, f"a whole number has {longest} digits")
    for member in ("dtype", "out_dtype"):
        if member in recipe and (not isinstance(recipe[member], str) or recipe[member] not in FLOATS):
            raise ValueError(f"{member} {recipe[member]!r} is none of {list(FLOATS)}")
    need(isinstance(recipe.get("license", ""), str), "license is not a text")


def check_parents(recipe: dict[str, Any], form: Form) -> None:
    """Refuse parents that are no models with what the method takes of each."""
    parents = recipe["parents"]
    need(isinstance(parents, list) and parents != [], "parents are not an array of one or more")
    for parent in parents:
        known = [{"model", "parameters"}]
        if form.statistics is not None:
            known = [known[0] | {"statistics"}]
        elif not form.adapters:
            known.append(known[0] | {"adapter", "scale"})
        if not isinstance(parent, dict) or parent.keys() not in known:
            raise ValueError(f"a parent has other members than {known}")
        for member in ("model", "adapter", "statistics"):
            good = member not in parent or matches(ARTIFACT, parent[member])
            need(good, f"{member} {parent.get(member)!r} is no artifact id")
        if "adapter" in parent:
            decimal(parent["scale"])  # Choice: a number of the parent, not a parameter: no rules
        check_parameters(parent["parameters"], form.own)
    own = [parent["model"] for parent in parents]
    base = [recipe["base"]] if "base" in recipe else []
    need(not form.adapters or not set(base) & set(own), "the base is an adapter among the parents")
    others = {
        parent[member] for parent in parents for member in ("adapter", "statistics") if member in parent
    }
    both = others & {*own, *base}
    need(not both, f"{sorted(both)} are models, and adapters or statistics")


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
