"""What an incident means for one artifact: said, shown, expired, and by a policy stopping what is only reached through there."""

import pytest
from exported import reached
from world import World

from lineage.assessed import Assessed, Status
from lineage.predicates import incident_status, redaction, supersession
from lineage.residue import REMOVED
from lineage.standing import Affected, Clean, Unknown
from lineage.status import Policy
from registry.exports import openvex
from registry.local import Local
from registry.store import flagging, stopping
from registry.store import redaction as redactions
from registry.work import evidence, hooks, owners, simulation
from registry.work.lines import Held
from registry.work.reach import reach
from signing import canonical
from signing.bundle import Bundle
from signing.errors import Forbidden, Malformed, Refused

DAY = 86_400


def assess(
    world: World,
    incident: str,
    artifact: str,
    status: Status,
    *,
    lasting: int = DAY,
    corrected: str | None = None,
    note: str = "looked into",
) -> str:
    cleared = status == "not_affected"
    why = "vulnerable_code_not_present" if cleared else None
    until = world.time + lasting if cleared else None
    said = Assessed(artifact, incident, status, why, until, corrected, note)
    return world.publish("security", incident_status.statement(said, world.time))[0].entry


def stopped(world: World) -> Policy:
    return Policy(world.time, stopping=True)


def flags(world: World, *artifacts: str) -> list[set[str]]:
    """The incidents that reach each artifact by the policy that lets statuses stop them."""
    with world.home.store.reading() as connection:
        found = stopping.reaching(connection, flagging.flags(connection, artifacts), stopped(world))
    return [{one.id for one in found[artifact]} for artifact in artifacts]


def test_a_status_is_shown_beside_the_flag_and_clears_nothing(world: World) -> None:
    base = world.model(name="kennel/base")
    tuned = world.model(base)
    below = world.model(tuned)
    incident = world.report(base, "data-poisoned")
    entry = assess(world, incident, tuned, "not_affected", note="the rows were dropped")

    found = Local(world.home.store, lambda: world.time).verdict(tuned)
    (hit,) = found.standing.incidents
    assert (found.standing.state, hit.status.status, hit.status.expired) == (
        "affected",
        "not_affected",
        False,
    )
    assert (hit.status.note, hit.status.entry, hit.status.operators) == (
        "the rows were dropped",
        entry,
        ("kennel",),
    )
    assert isinstance(world.standing(below), Affected)
    assert world.flagged(incident) == {base, tuned, below}
    told = {
        one.artifact: one for one in Local(world.home.store, lambda: world.time).descendants(base).relatives
    }
    assert [one.status for one in told[tuned].statuses] == ["not_affected"]
    assert told[tuned].incidents == told[below].incidents == (incident,)
    assert told[below].statuses == ()
    simulated = simulation.report(world.home, base, "privacy")
    assert {one.artifact: [said.status for said in one.statuses] for one in simulated.first} == {
        base: [],
        tuned: ["not_affected"],
        below: [],
    }
    assert {
        one.artifact: one.status and one.status.status
        for one in owners.owners(world.home, incident).affected()
    } == {
        base: None,
        tuned: "not_affected",
        below: None,
    }
    world.check()


def test_by_policy_it_stops_what_is_reached_only_through_there_until_it_expires(world: World) -> None:
    base = world.model()
    tuned, other = world.model(base), world.model(base)
    below, both = world.model(tuned), world.model(tuned, other, relation="merge")
    incident = world.report(base, "compromised")
    assess(world, incident, tuned, "not_affected")
    world.settings = world.settings.model_copy(update={"not_affected_stops": True})
    world.reopen()

    assert flags(world, base, tuned, other, below, both) == [{incident}, set(), {incident}, set(), {incident}]
    for artifact, due in ((tuned, Clean()), (below, Clean())):
        found = world.verdict(artifact, policy=stopped(world))
        assert found.standing == due
        assert [hit.incident.id for hit in found.stopped] == [incident], "what was stopped is told"
    via = world.verdict(both, policy=stopped(world)).standing.via
    assert via == (base, other, both), "the way that is shown leads past what is stopped"
    answers = Local(world.home.store, lambda: world.time, stops=True)
    told = answers.descendants(base)
    assert told.stopping
    assert {one.artifact for one in told.relatives if one.incidents} == {other, both}
    page = reach(world.home, base, "descendants", 10, None, named=False)
    assert page.stopping
    assert {one.artifact for one in page.relatives if one.incidents} == {other, both}
    simulated = simulation.report(world.home, base, "privacy")
    assert (simulated.stopping, {one.artifact for one in simulated.first if one.fresh}) == (
        True,
        {tuned, below},
    )
    assert world.flagged(incident) == {base, tuned, other, below, both}, "no flag moves"

    world.advance(DAY)

    assert flags(world, tuned, below) == [{incident}, {incident}]
    found = world.verdict(below, policy=stopped(world))
    assert (isinstance(found.standing, Affected), found.stopped) == (True, ())
    assert answers.verdict(tuned).standing.incidents[0].status.expired
    world.check()


def test_the_newest_status_counts_also_where_it_has_expired(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")
    assess(world, incident, tuned, "not_affected", lasting=9 * DAY)
    assess(world, incident, tuned, "not_affected", lasting=DAY)
    assert flags(world, tuned) == [set()]
    world.advance(DAY)
    assert flags(world, tuned) == [{incident}], "the earlier one, which holds longer, does not come back"
    assess(world, incident, tuned, "under_investigation")
    assert flags(world, tuned) == [{incident}]
    assess(world, incident, tuned, "not_affected")
    assert flags(world, tuned) == [set()]
    assert world.standing(tuned, size=world.size()) == world.standing(tuned)
    world.check()


def test_a_stop_of_one_incident_stops_no_other(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    one, other = world.report(base, "compromised"), world.report(base, "privacy")
    assess(world, one, tuned, "not_affected")
    assert flags(world, tuned) == [{other}]
    assert [hit.incident.id for hit in world.verdict(tuned, policy=stopped(world)).standing.incidents] == [
        other
    ]
    world.check()


def test_a_named_artifact_that_is_cleared_takes_only_its_own_descendants_along(world: World) -> None:
    one, other = world.model(), world.model()
    mixed, single = world.model(one, other, relation="merge"), world.model(one)
    incident = world.report(one, "compromised", other)
    assess(world, incident, one, "not_affected")
    assert flags(world, one, other, mixed, single) == [set(), {incident}, {incident}, set()]
    assert world.verdict(mixed, policy=stopped(world)).standing.via == (other, mixed)
    world.check()


def test_what_it_rests_on_is_refused_where_it_is_not_there(world: World) -> None:
    base, better, foreign = world.model(), world.model(), world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")

    with pytest.raises(Refused, match="so it is no correction of it: say that first"):
        assess(world, incident, tuned, "fixed", corrected=better)
    world.publish("publisher", supersession.statement(better, tuned))
    with pytest.raises(Refused, match="does not supersede"):
        assess(world, incident, tuned, "fixed", corrected=foreign)
    assess(world, incident, tuned, "fixed", corrected=better)
    with pytest.raises(Refused, match=f"no entry {'0' * 64} reports an incident"):
        assess(world, "0" * 64, tuned, "affected")
    with pytest.raises(Refused, match="is not registered here, and a 'assessed' fact is about it"):
        assess(world, incident, f"sha256:{'0' * 64}", "affected")
    said = incident_status.statement(Assessed(tuned, incident, "affected", None, None, None, "x"), world.time)
    with pytest.raises(Forbidden, match="needs 1 operators with the role security"):
        world.publish("publisher", said)
    assert isinstance(world.standing(tuned), Affected)
    world.check()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"justification": None}, "has a justification and an expiry"),
        ({"expires": None}, "has a justification and an expiry"),
        ({"status": "affected"}, "has a justification and an expiry"),
        ({"expires": "5"}, "expires at 5, and was issued at 9"),
        ({"expires": str(10**12)}, "after the year 9999"),
        ({"corrected": f"sha256:{'1' * 64}"}, "names the corrected artifact"),
        ({"status": "fixed", "justification": None, "expires": None}, "names the corrected artifact"),
        ({"justification": "it is fine"}, "justification"),
    ],
)
def test_a_status_that_does_not_fit_together_is_refused_in_a_sentence(changes, why) -> None:
    good = Assessed("hf:acme/base", "0" * 64, "not_affected", "component_not_present", 10, None, "x")
    said = incident_status.statement(good, 9)
    assert incident_status.facts(said, "") == (good,)
    said.predicate.update(changes)
    with pytest.raises(Malformed, match=why):
        incident_status.facts(said, "")


def test_whoever_has_only_a_file_of_bundles_sees_the_status(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")
    entry = assess(world, incident, tuned, "under_investigation")
    lines = Local(world.home.store, lambda: world.time).bundle(tuned, ancestors=True)
    apart = {
        line.proof.proven.entry: line.apart
        for line in evidence.read(lines, world.home.root()).lines
        if isinstance(line, Held)
    }
    assert apart[entry] == ""
    left = [line for line in lines if Bundle.parse(line).index != world.logged().index(incident)]
    apart = {
        line.proof.proven.entry: line.apart
        for line in evidence.read(left, world.home.root()).lines
        if isinstance(line, Held)
    }
    assert apart[entry] == f"what was reported: incident {incident}"
    world.check()


def test_a_status_whose_words_an_order_removed_clears_nothing(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    below = world.model(tuned)
    incident = world.report(base, "compromised")
    entry = assess(world, incident, tuned, "not_affected", note="by a person with a name")
    assert world.verdict(below, policy=stopped(world)).standing == Clean()
    with world.home.store.reading() as connection:
        (index,) = [i for i, one in enumerate(world.logged()) if one == entry]
        left = redactions.left(connection, index)
    assert b"with a name" not in left.encode()
    world.publish("root", redaction.statement(entry, "order 17", left))

    for artifact in (tuned, below):
        assert world.verdict(artifact, policy=stopped(world)).standing == Unknown(missing=(tuned,))
    (one,) = world.verdict(tuned).assessed
    assert (one.fact.status, one.fact.note) == ("not_affected", REMOVED)
    world.check()


def test_a_status_by_a_stolen_key_falls_with_it(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")
    thief = world.join("eve", "security")
    world.advance(1)
    said = Assessed(
        tuned, incident, "not_affected", "component_not_present", world.time + DAY, None, "trust me"
    )
    world.say(incident_status.statement(said, world.time), thief)
    then = world.size()
    assert flags(world, tuned) == [set()]
    world.end(thief, world.time - 1)
    assert flags(world, tuned) == [{incident}]
    assert world.verdict(tuned, size=then, policy=stopped(world)).standing == Clean()
    world.check()


def test_openvex_says_each_status_with_its_justification_and_what_is_fixed_of_the_other_bytes(
    world: World,
) -> None:
    base, better = world.model(), world.model()
    spared, tuned, doubtful = world.model(base), world.model(base), world.model(base)
    below = world.model(spared)
    incident = world.report(base, "compromised")
    entry = assess(world, incident, spared, "not_affected", note="the layer is not there")
    world.publish("publisher", supersession.statement(better, tuned))
    assess(world, incident, tuned, "fixed", corrected=better)
    assess(world, incident, doubtful, "under_investigation", note="nobody knows")

    def said(*, stopping: bool = False) -> dict[str, dict]:
        document = canonical.decode(openvex.text(reached(world, incident, stopping=stopping)).encode())
        return {one["products"][0]["@id"].rpartition("/artifacts/")[2]: one for one in document["statements"]}

    found = said()
    assert {one: each["status"] for one, each in found.items()} == {
        base: "affected",
        spared: "not_affected",
        tuned: "affected",
        doubtful: "under_investigation",
        below: "affected",
        better: "fixed",
    }
    assert found[spared]["justification"] == "vulnerable_code_not_present"
    assert found[spared]["impact_statement"] == (
        f"the layer is not there; said by kennel in entry {entry}, until 2025-06-16T15:06:40Z"
    )
    assert found[tuned]["action_statement"] == f"take {better} instead, which supersedes it"
    assert found[doubtful]["status_notes"].startswith("nobody knows; said by kennel")
    assert said(stopping=True)[below]["status"] == "not_affected"
    assert "only through what statuses in the log" in said(stopping=True)[below]["impact_statement"]

    world.advance(DAY)

    assert said(stopping=True)[spared]["status"] == said(stopping=True)[below]["status"] == "affected"
    assert f"not_affected by entry {entry} expired at" in said()[spared]["status_notes"]
    world.check()


def test_a_hook_tells_the_status_as_of_the_change_however_late_it_is_sent(world: World) -> None:
    base = world.model()
    tuned = world.model(base)
    incident = world.report(base, "compromised")
    hook, _ = hooks.add(world.home, "https://example.org/hook", "all", "")
    assess(world, incident, tuned, "not_affected")
    world.retract(incident)
    sent: list[bytes] = []

    def post(_url: str, _headers: object, body: bytes) -> int:
        sent.append(body)
        return 500 if len(sent) == 1 else 200

    hooks.deliver(world.home, post)
    world.advance(2 * DAY)
    hooks.deliver(world.home, post)

    assert sent[0] == sent[1]
    told = {one["artifact"]: one["status"] for one in canonical.decode(sent[0])["data"]["affected"]}
    assert told[base] is None
    assert (told[tuned]["status"], told[tuned]["expired"]) == ("not_affected", False)
    assert hook.id
    world.check()
