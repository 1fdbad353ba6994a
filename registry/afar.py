"""What a registry is asked over HTTP besides what every home answers; an answer about something else is refused.

As with everything that `Remote` returns, whether an answer is true is for bundles to prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lineage.incidents import Kind
from lineage.subjects import Scope
from merger.recipe import Recipe
from registry.dossier import DossierOut
from registry.found import GateOut
from registry.history import HistoryOut
from registry.kinship import AncestryOut, CommonOut, DiffOut, PathsOut, RootsOut, several
from registry.licensed import JudgedPage
from registry.notices import OwnersOut
from registry.proposal import ProposalOut
from registry.reached import ReachOut
from registry.simulated import SimulatedLicenseOut, SimulatedReportOut
from registry.store.descent import Direction
from registry.triage import InfluenceOut
from registry.work.findings import ParentageOut, SuspicionsOut
from signing.errors import Malformed, Untrusted

# What is read page by page must end somewhere, or a registry could feed its reader for ever.
MAX_PAGES = 10_000

if TYPE_CHECKING:
    # httpx comes with it, and takes a tenth of a second to load: whoever has a `Remote` has loaded it.
    from registry.client import Remote


def paths(remote: Remote, ancestor: str, descendant: str) -> PathsOut:
    """Return how many paths lead from one artifact to another; `Untrusted` where those that are shown lead elsewhere."""
    above, below = remote.meant(ancestor), remote.meant(descendant)
    found = remote.ask(PathsOut, f"/artifacts/{below}/paths", ancestor=above)
    remote.same(above, found.ancestor)
    remote.same(below, found.descendant)
    for way in (found.shortest, found.heaviest):
        if way and (way[0], way[-1]) != (above, below):
            raise Untrusted(f"{remote.shown} shows a path that does not lead from {above} to {below}")
    return found


def common(remote: Remote, refs: Sequence[str]) -> CommonOut:
    """Return the common ancestors of several artifacts."""
    first, *others = several(map(remote.meant, refs))
    found = remote.ask(CommonOut, f"/artifacts/{first}/common", others=",".join(others))
    remote.same(", ".join([first, *others]), ", ".join(one.artifact for one in found.artifacts))
    return found


def roots(remote: Remote, ref: str) -> RootsOut:
    """Return the ancestors of an artifact that have no parents."""
    artifact = remote.meant(ref)
    found = remote.ask(RootsOut, f"/artifacts/{artifact}/roots")
    remote.same(artifact, found.artifact)
    return found


def known(remote: Remote, ref: str) -> AncestryOut:
    """Return how much is known of an artifact and of its ancestors."""
    artifact = remote.meant(ref)
    found = remote.ask(AncestryOut, f"/artifacts/{artifact}/known")
    remote.same(artifact, found.artifact)
    return found


def diff(remote: Remote, ref: str, scope: Scope, since: int | None, until: int | None) -> DiffOut:
    """Return what changed about an artifact between two sizes of the log; `Untrusted` where it is told of other sizes."""
    artifact = remote.meant(ref)
    sizes = {name: str(size) for name, size in (("since", since), ("until", until)) if size is not None}
    found = remote.ask(DiffOut, f"/artifacts/{artifact}/diff", scope=scope, **sizes)
    remote.same(f"{scope} of {artifact}", f"{found.scope} of {found.artifact}")
    for asked, told in ((since, found.before.as_of), (until, found.now.as_of)):
        if asked is not None:
            remote.same(f"{asked} entries", f"{told} entries")
    return found


def proposal(remote: Remote, recipe: Recipe, name: str | None) -> ProposalOut:
    """Return what the result of a recipe may declare, by what the registry holds of what it names."""
    found = remote.post(
        ProposalOut, "/license-proposals", recipe.encode(), {} if name is None else {"name": name}
    )
    remote.same(f"recipe sha256:{recipe.digest}", f"recipe {found.recipe}")
    remote.same(f"the name {name}", f"the name {found.name}")
    return found


def advisory(remote: Remote, incident: str, form: str) -> str:
    """Return what the registry exports of an incident, given by its full id: text that names it, and that is safe to show."""
    found = remote.text(f"/incidents/{incident}/export/{form}")
    remote.same(incident, *([incident] if incident in found else []))
    return found


def dossier(remote: Remote, ref: str, as_of: int | None, since: int | None) -> DossierOut:
    """Return what there is to say of an artifact and of everything made of it; `Untrusted` where it is told of other sizes, or of another log."""
    artifact = remote.meant(ref)
    sizes = {name: str(size) for name, size in (("as_of", as_of), ("since", since)) if size is not None}
    found = remote.ask(DossierOut, f"/artifacts/{artifact}/dossier", **sizes)
    remote.same(artifact, found.artifact)
    if as_of is not None:
        remote.same(f"{as_of} entries", f"{found.as_of} entries")
    remote.judge(found.log, found.as_of)
    remote.same(f"changes since {since}", f"changes since {found.changed and found.changed.since}")
    return found


def simulated_report(remote: Remote, ref: str, kind: Kind) -> SimulatedReportOut:
    """Return what an incident of this kind on an artifact would flag."""
    artifact = remote.meant(ref)
    found = remote.ask(SimulatedReportOut, f"/artifacts/{artifact}/simulated-report", kind=kind)
    remote.same(f"{kind} of {artifact}", f"{found.kind} of {found.artifact}")
    return found


def simulated_license(remote: Remote, ref: str, license_id: str) -> SimulatedLicenseOut:
    """Return what would change if an artifact declared another license."""
    artifact = remote.meant(ref)
    found = remote.ask(SimulatedLicenseOut, f"/artifacts/{artifact}/simulated-license", license=license_id)
    remote.same(f"{license_id} of {artifact}", f"{found.license} of {found.artifact}")
    return found


def parentage(remote: Remote, ref: str) -> ParentageOut:
    """Return what the weights of an artifact say of its parents, by the sketches that the registry keeps."""
    artifact = remote.meant(ref)
    found = remote.ask(ParentageOut, f"/artifacts/{artifact}/parentage")
    remote.same(artifact, found.artifact)
    return found


def suspicions(remote: Remote) -> tuple[ParentageOut, ...]:
    """Return every artifact that the registry's own sketches raise a suspicion of, page by page."""
    page = remote.ask(SuspicionsOut, "/suspicions")
    found = [*page.artifacts]
    for _ in range(MAX_PAGES):
        if page.next is None:
            return tuple(found)
        following = remote.ask(SuspicionsOut, "/suspicions", after=page.next)
        if following.next is not None and following.next <= page.next:
            raise Malformed(f"{remote.shown} lists what comes after {page.next} and goes back")
        page = following
        found += page.artifacts
    raise Malformed(f"{remote.shown} lists suspicions without an end: {MAX_PAGES} pages so far")


def influence(remote: Remote, ref: str) -> InfluenceOut:
    """Return an artifact's descendants, the most influenced first."""
    artifact = remote.meant(ref)
    found = remote.ask(InfluenceOut, f"/artifacts/{artifact}/influence")
    remote.same(artifact, found.artifact)
    return found


def reach(
    remote: Remote, ref: str, direction: Direction, most: int, after: str | None, *, named: bool
) -> ReachOut:
    """Return a page of what stands above or below an artifact by edges that carry weights, nearest first."""
    artifact = remote.meant(ref)
    asked = {"direction": direction, "limit": str(most), "named": str(named).lower()}
    found = remote.ask(
        ReachOut, f"/artifacts/{artifact}/reach", **asked, **({} if after is None else {"after": after})
    )
    remote.same(f"{direction} of {artifact}", f"{found.direction} of {found.artifact}")
    return found


def conflicts(remote: Remote, ref: str | None) -> Iterator[JudgedPage]:
    """Go through what the licenses say of everything registered there, or of what descends from an artifact."""
    asked = {} if ref is None else {"under": remote.meant(ref)}
    page = remote.ask(JudgedPage, "/conflicts", **asked)
    while True:
        yield page
        if page.next is None:
            return
        following = remote.ask(JudgedPage, "/conflicts", **asked, after=page.next)
        if not following.artifacts or any(one.artifact <= page.next for one in following.artifacts):
            raise Malformed(f"{remote.shown} lists what comes after {page.next} and goes back")
        page = following


def license_gate(remote: Remote) -> GateOut:
    """Return whether names are held to what the licenses say there, since when, and why."""
    return remote.ask(GateOut, "/license-gate")


def owners(remote: Remote, incident: str) -> OwnersOut:
    """Return whom an incident, given by its full id, concerns."""
    found = remote.ask(OwnersOut, f"/incidents/{incident}/owners")
    remote.same(f"incident {incident}", f"incident {found.incident.id}")
    return found


def history(remote: Remote, incident: str) -> HistoryOut:
    """Return everything about an incident, given by its full id."""
    found = remote.ask(HistoryOut, f"/incidents/{incident}/history")
    remote.same(f"incident {incident}", f"incident {found.incident.id}")
    return found
