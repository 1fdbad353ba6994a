"""Uses: what the licenses that reach an artifact say about a use, and what keeps them from saying it.

Each function is a rule, and gives its findings about one case. These bind whoever uses the artifact, so they ask what it declares
itself as well as what it inherits. Facts that no log holds (`lineage.finding.Seen`) are asked about only where somebody gave them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from lineage.around import Node
from lineage.declared import Declared, Resolved, Unresolved, declared
from lineage.finding import Case, Decides, Finding, found
from lineage.licenses import UNKNOWN, Restriction, discovered
from lineage.terms import Borne, Way, least, ways

# Territories are two letters of ISO 3166-1, or EU; licenses say UK where the standard says GB.
_EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ],
)


def commercial(case: Case) -> Iterator[Finding]:
    """LIC-NC-COMMERCIAL: commercial use is asked about, or declared as allowed, and a license does not allow it."""
    mine = least(discovered()[one].commercial for one in case.declares)
    allows = mine in {"yes", "conditional"}
    for borne, way in _bearing(case):
        inherited = borne in case.here.inherited
        if borne.facts.commercial != "no" or not (case.use.commercial or (inherited and allows)):
            continue
        said = f"{borne.license}, declared by {case.called(way[0])}, allows no commercial use"
        if inherited and allows:
            said += f", and {case.called(case.artifact)} declares {', '.join(case.declares)}, which does"
        yield found("LIC-NC-COMMERCIAL", borne, way, said)


def thresholds(case: Case) -> Iterator[Finding]:
    """LIC-THRESHOLD: from a number of monthly users, or a revenue, on another license is needed."""
    for borne, way in _bearing(case):
        for bar in borne.facts.bars("mau", "revenue"):
            asked = case.use.monthly_users if bar.kind == "mau" else case.use.revenue
            what = "monthly users" if bar.kind == "mau" else "US dollars of revenue a year"
            said = f"{borne.license}, declared by {case.called(way[0])}, needs another license above {bar.above:,} {what}"
            if asked is not None and bar.above is not None and asked > bar.above:
                yield found("LIC-THRESHOLD", borne, way, f"{said}, and there are {asked:,}")
            elif asked is None and case.use.commercial:
                said += ", and how many there are was not said"
                yield found("LIC-THRESHOLD", borne, way, said, "needs_review")
            else:
                yield found("LIC-THRESHOLD", borne, way, said, "nothing")


def territory(case: Case) -> Iterator[Finding]:
    """LIC-TERRITORY: a license grants nothing where the artifact is to be used."""
    place = case.use.territory
    for borne, way in _bearing(case) if place else ():
        for bar in borne.facts.bars("territory_excluded"):
            if place is not None and _excluded(place, bar):
                given = f" where the model is {bar.when}" if bar.when else ""
                said = f"{borne.license}, declared by {case.called(way[0])}, grants nothing in {place}{given}: it leaves out {', '.join(bar.places)}"
                yield found("LIC-TERRITORY", borne, way, said, "needs_review" if bar.when else "conflict")


def unknown(case: Case) -> Iterator[Finding]:
    """LIC-UNKNOWN: what an artifact of the lineage declares is missing, means nothing here, or leaves open what it means."""
    for artifact, way in sorted(case.ways.items(), key=lambda one: (len(one[1]), one[1])):
        said = case.said[artifact]
        if isinstance(said, Resolved):
            continue
        decides: Decides = "unknown" if set(said.licenses) & set(UNKNOWN) else "needs_review"
        borne = Borne(said.licenses[0], settled=False)
        yield found("LIC-UNKNOWN", borne, way, f"{case.called(artifact)} {said.why}", decides)


def gated(case: Case) -> Iterator[Finding]:
    """LIC-GATED-BYPASS: an ancestor is given only to who accepts its terms, and the artifact is given to anybody."""
    for borne, way in case.travelling() if case.seen.gated is False else ():
        if borne.facts.gated:
            said = f"{case.called(case.artifact)} is given to anybody, and {borne.license}, inherited from {case.called(way[0])}, only to who accepts it"
            yield found("LIC-GATED-BYPASS", borne, way, said, "needs_review")


def changed(case: Case) -> Iterator[Finding]:
    """LIC-CHANGED: an ancestor declared another license before, which held for whoever made something of it then."""
    for artifact, way in sorted(case.ways.items()):
        words = case.nodes[artifact].licenses
        before = [place for place, one in enumerate(words) if _other(one, words[0])]
        if artifact != case.artifact and before:
            borne = Borne(case.said[artifact].licenses[0], settled=True)
            each = dict.fromkeys(_dated(case.nodes[artifact], place) for place in before)
            said = f"{case.called(artifact)} declares {_dated(case.nodes[artifact], 0)} now and declared {', '.join(each)} before; which of them held when something was made of it is to be seen"
            yield found("LIC-CHANGED", borne, way, said, "needs_review")


def _dated(node: Node, place: int) -> str:
    """Return a declared license with the entry that declares it and when that was logged, as far as it is in a log."""
    logged = node.logged[place] if node.logged else None
    if logged is None:
        return node.licenses[place]
    entry, time = logged
    return f"{node.licenses[place]} (entry {entry}, {datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC)"


def gone(case: Case) -> Iterator[Finding]:
    """LIC-ANCESTOR-GONE: an ancestor is deleted or renamed upstream, so that what it declares can change no more.

    The log says so where an incident reports it withdrawn; whoever asks may have looked upstream.
    """
    seen = case.seen.gone or frozenset()
    for artifact in sorted((seen | case.withdrawn.keys()) & case.ways.keys() - {case.artifact}):
        borne = Borne(case.said[artifact].licenses[0], settled=True)
        told = case.withdrawn.get(artifact)
        how = "is gone upstream" if told is None else f"is withdrawn, says incident {told[:12]}"
        said = f"{case.called(artifact)} {how}; what is known of it is what was seen last"
        yield found("LIC-ANCESTOR-GONE", borne, case.ways[artifact], said, "nothing")


def _bearing(case: Case) -> list[tuple[Borne, Way]]:
    return [one for one in ways(case.here.all).items() if one[0].license not in UNKNOWN]


def _other(word: str, newest: str) -> bool:
    """Tell whether two words mean different licenses: two spellings of one are no change."""
    one, other = declared(word), declared(newest)
    return _meant(one) != _meant(other) or (isinstance(one, Unresolved) and word != newest)


def _meant(said: Declared) -> tuple[str, ...]:
    return tuple(sorted(said.licenses))


def _excluded(place: str, bar: Restriction) -> bool:
    spelt = "GB" if place == "UK" else place
    places = {"GB" if one == "UK" else one for one in bar.places}
    # Who asks about the EU asks about all of it, and about a member about one of those that are left out.
    return spelt in places or (spelt in _EU and "EU" in places) or (spelt == "EU" and bool(places & _EU))
