"""Conflicts: where the licenses above an artifact contradict what it declares, or each other.

Each function is a rule, and gives its findings about one case. What a license wants passed on binds whoever distributes, or serves
where the license says so; a rule that is about passing on asks for nothing else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Literal

from lineage.around import Edge
from lineage.facts import WEIGHTLESS
from lineage.finding import Case, Finding, found
from lineage.licenses import UNKNOWN, Bar, License, Obligation, Restriction, discovered
from lineage.matrix import goes_into
from lineage.terms import TRAINED, Borne, Way

_EVERYWHERE: frozenset[Bar] = frozenset({"patent_retaliation", "no_further_restrictions"})
# What its licensor may do stays between licensor and user, and is no clause that a later license must have.
_STAYING = _EVERYWHERE | {"remote_restrict"}
_MAY = ("no", "open", "yes")
# A copy of the text, a list of changes and a credit are owed beside any license, and are no terms of it.
_TERMS = frozenset(
    {
        "name_prefix",
        "display",
        "name_statement",
        "notice_text",
        "aup",
        "register",
        "disclose_source",
        "network_source",
    }
)


def permissive_over(case: Case) -> Iterator[Finding]:
    """LIC-PERMISSIVE-OVER: the declared license lacks an obligation or restriction that has to be passed on."""
    mine = [discovered()[one] for one in case.declares]
    for borne, way in case.travelling():
        facts = borne.facts
        owed = facts.flow_down not in {"none", "notice"}
        if not mine or not owed or borne.license in case.declares:
            continue
        above, names = case.called(way[0]), ", ".join(case.declares)
        if lacking := _lacking(facts, mine):
            said = f"{case.called(case.artifact)} declares {names}, which lacks {', '.join(lacking)} of {borne.license}, inherited from {above}"
            yield found("LIC-PERMISSIVE-OVER", borne, way, said, "conflict", *case.here.own)
        elif facts.flow_down == "use_restrictions":
            said = f"{case.called(case.artifact)} declares {names}; whether it restricts use as {borne.license} does, inherited from {above}, was not compared"
            yield found("LIC-PERMISSIVE-OVER", borne, way, said, "needs_review", *case.here.own)


def copyleft_drop(case: Case) -> Iterator[Finding]:
    """LIC-COPYLEFT-DROP: a license above wants the whole under itself, and the artifact declares another one."""
    mine = case.declares
    for borne, way in case.travelling():
        if borne.facts.flow_down != "same_license" or not mine or borne.license in mine:
            continue
        may = _may_become(borne.facts, *(discovered()[one] for one in mine))
        if may != "yes":
            said = f"{case.called(case.artifact)} declares {', '.join(mine)}, and {borne.license}, inherited from {case.called(way[0])}, wants the whole under {_or(borne.facts)}"
            yield found("LIC-COPYLEFT-DROP", borne, way, said, "conflict" if may == "no" else "needs_review")


def no_derivatives(case: Case) -> Iterator[Finding]:
    """LIC-ND-DERIVED: what an ancestor's license allows nobody to distribute is distributed."""
    for borne, way in case.travelling():
        if borne.facts.flow_down == "no_derivatives":
            said = f"{case.called(case.artifact)} is made from {case.called(way[0])}, whose license {borne.license} lets no adaptation be distributed"
            yield found("LIC-ND-DERIVED", borne, way, said)


def copyleft_clash(case: Case) -> Iterator[Finding]:
    """LIC-COPYLEFT-CLASH: two licenses above each want the whole under themselves."""
    whole = [one for one in case.travelling() if one[0].facts.flow_down == "same_license"]
    for (one, way), (other, beside) in _pairs(whole):
        may = max(_may_become(one.facts, other.facts), _may_become(other.facts, one.facts), key=_MAY.index)
        if may != "yes":
            said = f"{one.license}, inherited from {case.called(way[0])}, and {other.license}, inherited from {case.called(beside[0])}, each want the whole under themselves"
            yield found(
                "LIC-COPYLEFT-CLASH", one, way, said, "conflict" if may == "no" else "needs_review", other
            )


def extra_restrictions(case: Case) -> Iterator[Finding]:
    """LIC-EXTRA-RESTRICT: a license above allows no further restrictions, and another one above adds some."""
    inherited = case.travelling()
    for (one, way), (other, beside) in (*_pairs(inherited), *_pairs(inherited[::-1])):
        strict, adding = one.facts, other.facts
        if not strict.bars("no_further_restrictions"):
            continue
        kinds = {bar.kind for bar in strict.restrictions} | _EVERYWHERE
        more = [bar.kind for bar in adding.restrictions if bar.kind not in kinds]
        clash = adding.flow_down != "same_license" and goes_into(adding, strict) == "no"
        if more or clash:
            what = f"adds {', '.join(more)}" if more else "does not go into it, by OSADL's matrix"
            said = f"{strict.id}, inherited from {case.called(way[0])}, allows no further restrictions, and {adding.id}, inherited from {case.called(beside[0])}, {what}"
            yield found("LIC-EXTRA-RESTRICT", one, way, said, "conflict", other)


def name_prefix(case: Case) -> Iterator[Finding]:
    """LIC-NAME-PREFIX: a name of the artifact does not begin as an inherited license wants it to."""
    for borne, way in case.travelling():
        for duty in borne.facts.duties("name_prefix"):
            for name in case.nodes[case.artifact].names:
                base = name.rpartition("/")[2].partition("@")[0]
                if not any(_folded(base).startswith(_folded(text)) for text in duty.texts):
                    said = f"{name} does not begin with {' or '.join(map(repr, duty.texts))}, as {borne.license}, inherited from {case.called(way[0])}, wants"
                    yield found("LIC-NAME-PREFIX", borne, way, said)


def display_missing(case: Case) -> Iterator[Finding]:
    """LIC-DISPLAY-MISSING: what an inherited license wants shown does not stand in the card or the notices."""
    if case.seen.shown is None:
        return
    shown = _folded(case.seen.shown)
    for borne, way in case.travelling():
        for duty in borne.facts.duties("display", "notice_text", "name_statement"):
            if duty.texts and not any(_folded(text) in shown for text in duty.texts):
                said = f"{case.called(case.artifact)} does not show {' or '.join(map(repr, duty.texts))}, as {borne.license}, inherited from {case.called(way[0])}, wants"
                yield found("LIC-DISPLAY-MISSING", borne, way, said)


def improve_other(case: Case) -> Iterator[Finding]:
    """LIC-IMPROVE-OTHER: outputs or weights went into a model of another kind than a license above allows.

    Asked of every edge of the lineage, since who descends from such a model goes on with what it should not have got; told once
    of each license, by the shortest way.
    """
    nearest: dict[tuple[Borne, bool], tuple[tuple[int, str, str, str], Restriction, str]] = {}
    beside: dict[str, list[Edge]] = defaultdict(list)
    for edge in case.edges:
        beside[edge.child].append(edge)
    for edge in case.edges:
        for borne, link in case.terms[edge.parent].all.items():
            for bar in borne.facts.bars("no_improve_other_models"):
                bearing = _improved(case, edge, beside[edge.child], bar)
                outside = sorted(
                    one for one, has in bearing.items() if not has & {borne.license, *bar.unless}
                )
                if outside:
                    # Where nothing is known of what it went into, that may be of the family.
                    known = any(not bearing[one] & set(UNKNOWN) for one in outside)
                    steps = link.length + len(case.ways[edge.child])
                    here = ((steps, edge.child, edge.parent, edge.relation), bar, outside[0])
                    least = nearest.get((borne, known), here)
                    nearest[borne, known] = min(here, least, key=lambda one: one[0])
    for (borne, known), ((_, child, parent, relation), bar, other) in sorted(
        nearest.items(), key=lambda one: one[0]
    ):
        into = case.called(child) + (f", beside {case.called(other)}" if other != child else "")
        family = ", ".join(sorted({borne.license, *bar.unless}))
        given = f" where it is {bar.when}" if bar.when else ""
        said = f"{relation} brings {case.called(parent)} into {into}, and {borne.license} does not let it improve models outside {family}{given}"
        via = (*case.terms[parent].all[borne].way, *case.ways[child])
        yield found(
            "LIC-IMPROVE-OTHER", borne, via, said, "conflict" if known and not bar.when else "needs_review"
        )


def _improved(case: Case, edge: Edge, beside: list[Edge], bar: Restriction) -> dict[str, frozenset[str]]:
    """Return what an edge lets a parent improve, where a license bars that, with the licenses each of them bears besides."""
    if bar.outputs and edge.relation in TRAINED:
        above = (case.terms[one.parent].licenses for one in beside if one.relation not in WEIGHTLESS)
        own = (one.license for one in case.terms[edge.child].own)
        return {edge.child: frozenset(own).union(*above)}
    if bar.materials and edge.relation == "merge":
        merged = {one.parent for one in beside if one.relation == "merge"} - {edge.parent}
        return {one: case.terms[one].licenses for one in merged}
    return {}


def _lacking(above: License, mine: list[License]) -> list[str]:
    """Return what a license above asks that none of one's own does, in words."""
    bars = [bar for one in mine for bar in one.restrictions]
    duties = [duty for one in mine for duty in one.obligations]
    barred = [one.said for one in above.restrictions if one.kind not in _STAYING and not _barred(one, bars)]
    owed = [
        one.said
        for one in above.obligations
        if one.kind in _TERMS and (one.texts or one.kind != "notice_text") and not _owed(one, duties)
    ]
    return [*barred, *owed]


def _barred(bar: Restriction, bars: list[Restriction]) -> bool:
    return any(
        one.kind == bar.kind
        and (bar.above is None or (one.above is not None and one.above <= bar.above))
        and set(one.places) >= set(bar.places)
        and one.materials >= bar.materials
        and one.outputs >= bar.outputs
        and set(one.unless) <= set(bar.unless)
        for one in bars
    )


def _owed(duty: Obligation, duties: list[Obligation]) -> bool:
    return any(
        one.kind == duty.kind and all(any(own.startswith(text) for text in duty.texts) for own in one.texts)
        for one in duties
        if one.texts or not duty.texts
    )


def _may_become(one: License, *others: License) -> Literal["no", "open", "yes"]:
    """Tell whether the whole may stand under any of `others` where a part of it is under `one`, which wants it for itself."""
    goes = {goes_into(one, other) for other in others}
    if set(one.compat) & {other.id for other in others} or "yes" in goes:
        return "yes"
    return "open" if "open" in goes else "no"


def _or(facts: License) -> str:
    return " or ".join((facts.id, *facts.compat))


def _pairs(some: list[tuple[Borne, Way]]) -> list[tuple[tuple[Borne, Way], tuple[Borne, Way]]]:
    """Return every pair of two licenses that may hold together.

    Of one that is there both settled and not, what is settled counts; readings of one declaration are no pair.
    """
    settled = {borne.license for borne, _ in some if borne.settled}
    kept = [one for one in some if one[0].settled or one[0].license not in settled]
    return [
        (one, other)
        for one, other in combinations(kept, 2)
        if one[0].settled or other[0].settled or one[1][0] != other[1][0]
    ]


def _folded(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).casefold().strip()
