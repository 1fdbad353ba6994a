"""Remedy: what is made again once something turned out bad, of what instead, in which order; and what cannot be, and why.

Every affected descendant that a recipe made gets that recipe without what is bad: what is dropped is left out, what is
replaced is exchanged, and a parent that is made again itself is exchanged for what that comes to, which is known only then.
A method's own rules decide whether what is left is a recipe: a plan never changes a method, a weight, or what a parameter means.
What was made elsewhere is not made again here, and stops what was made of it, until it is replaced or dropped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import TopologicalSorter

from merger.by_tensor import Value
from merger.recipe import Parent, Recipe
from merger.slices import Slice
from signing.canonical import Json
from signing.errors import Refused

Instead = Mapping[str, str | None]
"""What stands in an artifact's place, None where it is dropped."""

# What a linear merge's weights come to where they are not divided by their sum.
_FLAGS: tuple[str, ...] = ("normalize", "normalize_weights")


@dataclass(frozen=True, slots=True)
class Executed:
    """How an artifact was made here; `by_rows` says that the recipe's tokenizer carries a row map."""

    recipe: Recipe
    by_rows: bool


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Why nobody here can make an artifact again, as a sentence about it."""

    why: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """One artifact to be made again, once everything in lower levels was.

    `recipe` still names the artifacts in `awaits`, each of which stands for what it will have come to.
    """

    artifact: str
    level: int
    recipe: Recipe
    awaits: tuple[str, ...]
    dropped: tuple[str, ...]
    replaced: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stuck:
    """One affected artifact that is not made again, and why."""

    artifact: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made again, lower levels first, and what is not."""

    rebuilds: tuple[Rebuild, ...]
    stuck: tuple[Stuck, ...]


def plan(
    made: Mapping[str, Executed | Elsewhere], instead: Instead, absent: Mapping[str, str] | None = None
) -> Plan:
    """Plan how to make the artifacts in `made` again: those that are affected, and not bad themselves.

    `instead` says what stands in the place of whatever is bad, and of those that need not be made again; `absent` holds the
    artifacts whose files are not at hand, each with a sentence that says so.
    """
    rebuilds, stuck = dict[str, Rebuild](), dict[str, str]()
    for artifact in _ordered(made):
        how = made[artifact]
        if artifact in instead:
            continue
        if isinstance(how, Elsewhere):
            stuck[artifact] = how.why
            continue
        try:
            rebuilds[artifact] = _rebuild(artifact, how, instead, rebuilds, stuck, absent or {})
        except Refused as error:
            stuck[artifact] = str(error)
    return Plan(
        tuple(sorted(rebuilds.values(), key=lambda one: (one.level, one.artifact))),
        tuple(Stuck(artifact, why) for artifact, why in sorted(stuck.items())),
    )


def exchanged(recipe: Recipe, instead: Mapping[str, str]) -> Recipe:
    """Return a recipe with every artifact of it that is in `instead` exchanged."""
    return Recipe.of(_exchanged(recipe.json_value(), instead))


def corrected(how: Executed, instead: Instead, again: Collection[str] = ()) -> Recipe:
    """Return a recipe without what is dropped and with what replaces the rest, or refuse it with what it lacks then.

    `again` are the artifacts that stay in it, and will be others by the time it is executed.
    """
    recipe, gone = how.recipe, {old for old, new in instead.items() if new is None}
    _check_kept(how, instead, gone, again)
    kept = [place for place, parent in enumerate(recipe.parents) if parent.model not in gone]
    if not kept:
        raise Refused(
            f"{recipe.method} is left without a parent: {_listed(p.model for p in recipe.parents)} dropped"
        )
    changed: dict[str, object] = {"parents": tuple(_without(recipe.parents[place], gone) for place in kept)}
    if recipe.slices is not None:
        changed["slices"] = tuple(_slices(recipe.slices, kept))
    if len(kept) < len(recipe.parents):
        changed["parameters"] = _parameters(recipe, kept)
    news = {old: new for old, new in instead.items() if new is not None}
    if not news.keys().isdisjoint(recipe.artifacts()):
        # What the result's license was said to be, and wanted shown, rests on inputs that are others now.
        changed |= {"license": None, "notices": None}
    return exchanged(recipe.model_copy(update=changed), news)


def _rebuild(
    artifact: str,
    how: Executed,
    instead: Instead,
    rebuilds: Mapping[str, Rebuild],
    stuck: Mapping[str, str],
    absent: Mapping[str, str],
) -> Rebuild:
    named = how.recipe.artifacts()
    recipe = corrected(how, instead, rebuilds.keys() | stuck.keys())
    for one in recipe.artifacts():
        if one in stuck:
            raise Refused(f"it is made of {one}, which is not made again: replace or drop that")
        if one in absent and one not in rebuilds:
            raise Refused(absent[one])
    awaits = tuple(one for one in recipe.artifacts() if one in rebuilds)
    dropped = tuple(one for one in named if one in instead and instead[one] is None)
    replaced = tuple((one, new) for one in named if (new := instead.get(one)) is not None)
    if not (awaits or dropped or replaced):
        raise Refused(
            "its recipe names nothing that is affected: another statement says that it was made from something that is"
        )
    level = 1 + max((rebuilds[one].level for one in awaits), default=-1)
    return Rebuild(artifact, level, recipe, awaits, dropped, replaced)


def _ordered(made: Mapping[str, Executed | Elsewhere]) -> list[str]:
    """Return the artifacts, those first that others are made of."""
    named = {
        artifact: [one for one in how.recipe.artifacts() if one in made] if isinstance(how, Executed) else []
        for artifact, how in sorted(made.items())
    }
    return list(TopologicalSorter(named).static_order())


def _check_kept(how: Executed, instead: Instead, gone: Collection[str], again: Collection[str]) -> None:
    """Refuse to drop what a merge cannot do without, or to keep what was made for an artifact that is another now."""
    recipe = how.recipe
    models = [recipe.base, *(name for p in recipe.parents for name in (p.model, p.adapter))]
    for what, name in (("base", recipe.base), ("tokenizer", recipe.tokenizer)):
        if name in gone:
            raise Refused(f"{recipe.method} cannot do without its {what} {name}: replace that")
    other = [name for name in models if name is not None and (name in instead or name in again)]
    if how.by_rows and other and recipe.tokenizer not in instead:
        raise Refused(f"its row map {recipe.tokenizer} is for {other[0]}, which is another now: replace both")
    for parent in recipe.parents:
        of = parent.statistics
        if of is None or parent.model in gone:
            continue
        if of in gone:
            raise Refused(f"{recipe.method} cannot do without statistics of {parent.model}: replace {of}")
        if (parent.model in instead or parent.model in again) and of not in instead:
            raise Refused(f"its statistics {of} are of {parent.model}, which is another now: replace both")


def _without(parent: Parent, gone: Collection[str]) -> Parent:
    """Return a parent without its adapter, where that is dropped: what is left of it is the model."""
    return parent.model_copy(update={"adapter": None, "scale": None}) if parent.adapter in gone else parent


def _slices(slices: Iterable[Slice], kept: Sequence[int]) -> Iterator[Slice]:
    """Go through the slices with only the parents that are kept, which stand in other places now."""
    for at, one in enumerate(slices):
        sources = tuple(
            source.model_copy(update={"parent": str(kept.index(int(source.parent)))})
            for source in one.sources
            if int(source.parent) in kept
        )
        if not sources:
            raise Refused(f"slice {at} is made of nothing but what is dropped: replace that")
        yield one.model_copy(update={"sources": sources})


def _parameters(recipe: Recipe, kept: Collection[int]) -> dict[str, Value | bool]:
    """Return parameters that keep the scale of a sum that lost a parent; refuse one of which nobody can say that.

    With a base, or divided by their sum, weights mean what they meant. Of a plain sum, weights that came to 1 still mean
    an average, and are divided by their sum from now on; any others are somebody's scale, which nobody else may choose.
    """
    flag = next((one for one in _FLAGS if recipe.parameters.get(one) is False), None)
    if flag is None or recipe.base is not None or recipe.rules.merges == "adapters":
        return recipe.parameters
    groups = (
        [list(range(len(recipe.parents)))]
        if recipe.slices is None
        else [[int(source.parent) for source in one.sources] for one in recipe.slices]
    )
    for group in groups:
        weights = [recipe.parents[place].parameters.get("weight") for place in group]
        plain = [Fraction(weight) for weight in weights if isinstance(weight, str)]
        if len(plain) < len(weights) or sum(plain) != 1:
            lost = _listed(parent.model for place, parent in enumerate(recipe.parents) if place not in kept)
            raise Refused(
                f"its weights are not divided by their sum and are no average, so without {lost} its scale would be another: replace that"
            )
    return {**recipe.parameters, flag: True}


def _exchanged(value: Json, instead: Mapping[str, str]) -> Json:
    """Return a recipe's value with every artifact id in it that is in `instead` exchanged."""
    if isinstance(value, str):
        return instead.get(value, value)
    if isinstance(value, Mapping):
        return {name: _exchanged(one, instead) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_exchanged(one, instead) for one in value]
    return value


def _listed(artifacts: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(artifacts))
