"""Terms of what is not made yet: which licenses the result of a recipe may declare, by what the log holds."""

from __future__ import annotations

from collections.abc import Mapping

from lineage.finding import Finding
from lineage.predicates import provenance
from lineage.proposal import RESULT, Proposal, propose
from merger.recipe import Recipe
from merger.row_map import mapped
from registry.home import Home
from registry.proposal import ProposalOut
from registry.store import Absent, artifacts, gate, lineage
from registry.store.gate import Contradicted
from registry.work.shelf import described
from signing.errors import Untrusted

RECIPE_LIMIT = 4 << 20
Names = Mapping[str, tuple[str, ...]]


def proposed(home: Home, recipe: Recipe, *, by_rows: bool, name: str | None = None) -> tuple[Proposal, Names]:
    """Return what the result of a recipe may declare, with the names of what it would descend from.

    `by_rows` says that the recipe's tokenizer carries a row map, `name` what the result will be called.
    """
    parents = [(one.parent, one.relation) for one in provenance.edges(RESULT, recipe, by_rows)]
    with home.store.reading() as connection:
        above = lineage.above_all(connection, recipe.artifacts())
    found = propose(above, parents, name=name, declares=recipe.license)
    return found, {node.id: node.names for node in above.nodes}


def answer(home: Home, recipe: Recipe, name: str | None) -> ProposalOut:
    """Return what the result of a recipe may declare, by what the log holds alone; `Absent` where it lacks what the recipe names."""
    found, names = proposed(home, recipe, by_rows=_by_rows(home, recipe.tokenizer), name=name)
    return ProposalOut.of(found, recipe.digest, names, declared=recipe.license is not None)


def licensed(home: Home, recipe: Recipe, *, by_rows: bool) -> tuple[Recipe, tuple[str, ...]]:
    """Return a recipe with the license that its inputs leave it, if it names none, and the notices that they want shown.

    With it come notes, a sentence each, that say what was decided.
    """
    found, _ = proposed(home, recipe, by_rows=by_rows)
    changed = recipe.json_value()
    if found.notices and recipe.notices is None:
        changed["notices"] = list(found.notices)
    if recipe.license is not None:
        notes = _against(recipe.license, found)
    else:
        with home.store.reading() as connection:
            declared = {artifacts.license_of(connection, one) for one in recipe.artifacts()}
        terms, notes = _given(found, declared)
        changed |= {} if terms is None else {"license": terms}
    return Recipe.of(changed), notes


def _by_rows(home: Home, tokenizer: str | None) -> bool:
    """Tell whether a tokenizer carries a row map, which is merged; one whose manifest is not here may."""
    if tokenizer is None:
        return False
    with home.store.reading() as connection:
        try:
            manifest, _ = described(home, connection, tokenizer)
        except (Absent, Untrusted):
            return True
    return bool(mapped(tokenizer, manifest))


def check_named(home: Home, recipe: Recipe, name: str, *, by_rows: bool) -> None:
    """Refuse to spend a merge on what could not be bound to `name` afterwards, since its licenses contradict each other.

    What this recipe made before may have been accepted since: the log says that when the name is bound.
    """
    found, _ = proposed(home, recipe, by_rows=by_rows, name=name)
    told = next((one.findings for one in found.candidates if one.license == recipe.license), found.because)
    conflicts = [one for one in told if one.decides == "conflict"]
    if not conflicts:
        return
    with home.store.reading() as connection:
        if not gate.is_shut(connection) or artifacts.made_by(connection, recipe.digest):
            return
    raise Contradicted(
        f"{name} could not be bound to what this recipe makes, whose licenses contradict each other: {conflicts[0].kind}:"
        f" {conflicts[0].sentence}; merge it without a name, then `studbook license waive` accepts that for names of yours"
    )


def _against(declares: str, found: Proposal) -> tuple[str, ...]:
    if found.outcome != "conflict":
        return ()
    why = _first(found, declares)
    return (
        f"license {declares} contradicts what the inputs ask: {why}; `studbook license propose` says more",
    )


def _given(found: Proposal, declared: set[str | None]) -> tuple[str | None, tuple[str, ...]]:
    """Return the license of a recipe that names none, and a note that says why it is that one."""
    said = ", ".join(sorted(str(one or "none declared") for one in declared))
    [only] = declared if len(declared) == 1 else [None]
    terms = found.license or (only if found.outcome == "unknown" else None)
    if terms is None:
        why = f", and {_first(found)}" if found.outcome == "conflict" else ""
        return None, (
            f"the result declares no license, since its inputs say {said}{why}; add `license:` to the recipe",
        )
    reason = "which every input declares" if terms == only else f"since its inputs say {said}"
    doubts = {
        "ok": "",
        "needs_review": "; `studbook license propose` says what is to be reviewed",
        "unknown": "; not everything above is known, so it may not be enough",
        "conflict": "",
    }
    return terms, (f"license {terms}, {reason}{doubts[found.outcome]}",)


def _first(found: Proposal, declares: str | None = None) -> str:
    """Return the gravest reason against what is declared, or against everything."""
    deciding: tuple[Finding, ...] = next(
        (one.findings for one in found.candidates if one.license == declares), found.because
    )
    rest = (one for candidate in found.candidates for one in candidate.findings)
    return next(iter(deciding or rest)).sentence
