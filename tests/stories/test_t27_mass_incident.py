"""One stolen security key warns of anything, and has no more than a few artifacts refused."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage.assessed import Assessed
from lineage.predicates import containment, incident, incident_change, incident_status
from registry.store import flagging
from registry.work.tensors import Found
from signing.errors import Forbidden, Refused
from signing.keys import PrivateKey

LIMIT = 3
TENSOR = "ab" * 32


@pytest.fixture
def guarded(world: World) -> World:
    """A home where one operator alone confirms what flags three artifacts at most."""
    world.settings = world.settings.model_copy(update={"confirm_alone": LIMIT})
    world.reopen()
    return world


def family(world: World, children: int) -> str:
    base = world.artifact()
    for _ in range(children):
        world.artifact(base)
    return base


def confirm(world: World, reported: str, *keys: PrivateKey) -> None:
    world.say(incident_change.statement(reported, "confirmed", "it is so"), *keys)


def stage(world: World, artifact: str) -> str:
    return world.standing(artifact).incidents[0].incident.stage


def test_t27_one_key_reports_any_number_and_two_operators_confirm_it(guarded: World) -> None:
    ann, second = guarded.join("ann", "security"), guarded.join("ann", "security")
    own = guarded.home.keys("security")
    base = family(guarded, children=LIMIT)
    before = guarded.size()

    with pytest.raises(
        Forbidden, match=r"flag 4 artifacts.* at most 3: it is confirmed by kennel, and ann has"
    ):
        guarded.report(base, "compromised", stage="confirmed")
    assert guarded.size() == before, "nothing of what was refused is left"
    reported = guarded.report(base, "compromised", stage="reported")
    with pytest.raises(Forbidden, match="by kennel, and ann has to sign"):
        confirm(guarded, reported, own)
    with pytest.raises(Forbidden, match="by ann, and kennel has to sign"):
        confirm(guarded, reported, ann, second)
    assert (stage(guarded, base), len(guarded.flagged(reported))) == ("reported", 4)

    confirm(guarded, reported, own, second)

    assert stage(guarded, base) == "confirmed"
    guarded.check()


def test_what_flags_no_more_than_the_limit_is_confirmed_by_one(guarded: World) -> None:
    guarded.join("ann", "security")
    base = family(guarded, children=LIMIT - 1)

    guarded.report(base, "compromised", stage="confirmed")
    # An evaluation is never inherited, so this flags one artifact however many are made of it.
    hub = family(guarded, children=LIMIT)
    guarded.report(hub, "evaluation-invalid", stage="confirmed")

    assert (stage(guarded, base), stage(guarded, hub)) == ("confirmed", "confirmed")
    guarded.check()


def test_where_one_operator_alone_has_the_role_one_is_enough(guarded: World) -> None:
    guarded.join("ann", "publisher")
    base = family(guarded, children=LIMIT)
    guarded.report(base, "compromised", stage="confirmed")
    ann = guarded.join("ann", "security")
    guarded.advance(10)
    guarded.end(ann, guarded.time - 1)
    guarded.advance(1)

    guarded.report(base, "privacy", stage="confirmed")  # whoever could second it is gone

    guarded.check()


def test_what_is_made_later_is_flagged_and_the_incident_stays_confirmed(guarded: World) -> None:
    ann = guarded.join("ann", "security")
    base = family(guarded, children=LIMIT - 1)
    reported = guarded.report(base, "compromised", stage="confirmed")

    late = guarded.artifact(base)

    assert late in guarded.flagged(reported)
    assert stage(guarded, base) == "confirmed"
    confirm(guarded, reported, ann)  # a second operator may sign the same at any time
    guarded.check()


def test_t27_what_one_key_says_of_tensors_makes_no_confirmed_incident_larger_than_that(
    guarded: World,
) -> None:
    """Or a thief would confirm an incident on a tensor that nothing holds, and say afterwards that everything holds it."""
    ann = guarded.join("ann", "security")
    own = guarded.home.keys("security")
    every = [guarded.artifact() for _ in range(LIMIT + 1)]
    reported = guarded.report(None, "compromised", stage="confirmed", tensors=[TENSOR])
    said = Found({TENSOR: tuple(every)}, 0, ()).statements
    before = guarded.size()

    with pytest.raises(
        Forbidden, match=r"flag 4 artifacts.* at most 3: it is confirmed by kennel, and ann has"
    ):
        guarded.home.say_all(said)
    assert (guarded.size(), guarded.flagged(reported)) == (before, set())
    guarded.say(containment.statement(TENSOR, every[:LIMIT]), own)
    with pytest.raises(Forbidden, match="flag 4 artifacts"):
        guarded.say(containment.statement(TENSOR, every[LIMIT:]), own)
    confirm(guarded, reported, own, ann)
    guarded.say(containment.statement(TENSOR, every[LIMIT:]), own)

    assert guarded.flagged(reported) == set(every)
    guarded.check()


def test_t27_a_resolved_incident_becomes_no_larger_by_one_key_than_a_confirmed_one(guarded: World) -> None:
    """Or a thief would resolve what it confirmed first, and let it select afterwards: it is refused all the same."""
    guarded.join("ann", "security")
    own = guarded.home.keys("security")
    every = [guarded.artifact() for _ in range(LIMIT + 1)]
    reported = guarded.report(None, "compromised", stage="confirmed", tensors=[TENSOR])
    guarded.say(incident_change.statement(reported, "resolved", "done"), own)

    with pytest.raises(Forbidden, match=r"flag 4 artifacts.* at most 3: it is confirmed by kennel"):
        guarded.say(containment.statement(TENSOR, every), own)
    assert guarded.flagged(reported) == set()
    guarded.check()


def test_t27_stubs_that_one_key_names_make_no_confirmed_incident_on_a_range_larger_than_that(
    guarded: World,
) -> None:
    guarded.join("ann", "security")
    stubs = [f"hf:acme/m{number}" for number in range(LIMIT + 1)]
    reported = guarded.report(None, "compromised", stage="confirmed", names=["hf:acme/*"])

    with pytest.raises(Forbidden, match=f"incident {reported[:12]} would be confirmed and flag 4 artifacts"):
        guarded.report(None, "privacy", *stubs, stage="reported")
    guarded.report(None, "privacy", *stubs[:LIMIT], stage="reported")
    found = Assessed(stubs[LIMIT], reported, "affected", None, None, None, "it is so")
    with pytest.raises(Forbidden, match="flag 4 artifacts"):
        guarded.publish("security", incident_status.statement(found, guarded.time))

    assert guarded.flagged(reported) == set(stubs[:LIMIT])
    below = guarded.artifact(stubs[LIMIT])
    assert guarded.flagged(reported) == {*stubs, below}, "what others make of it is flagged all the same"
    guarded.check()


def test_a_key_that_was_no_security_key_then_confirms_nothing(guarded: World) -> None:
    """A leaf names every trusted key that signed: only those count whose word it is."""
    guarded.join("ann", "security")
    base = family(guarded, children=LIMIT)
    reported = guarded.report(base, "compromised", stage="reported")
    ben = guarded.join("ben", "publisher")

    with pytest.raises(Forbidden, match="by kennel, and ann has to sign"):
        confirm(guarded, reported, guarded.home.keys("security"), ben)


def test_a_confirmation_stays_when_one_of_its_two_keys_turns_out_stolen(guarded: World) -> None:
    ann, ben = guarded.join("ann", "security"), guarded.join("ben", "security")
    base = family(guarded, children=LIMIT)
    reported = guarded.report(base, "compromised", stage="reported")
    guarded.advance(10)
    confirm(guarded, reported, ann, ben)

    guarded.end(ann, guarded.time - 1)
    assert stage(guarded, base) == "confirmed"
    guarded.end(ben, guarded.time - 1)

    assert stage(guarded, base) == "reported"
    guarded.check()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    acts=st.lists(
        st.tuples(
            st.sampled_from(["child", "report", "confirmed", "resolved", "hold", "assess"]), st.integers(0, 3)
        ),
        max_size=9,
    )
)
def test_law_what_one_operator_confirms_alone_flags_no_more_by_its_word(tmp_path_factory, acts) -> None:
    """After whatever a thief with one security key says, no confirmed or resolved incident flags more than the limit at that leaf."""
    world = World(tmp_path_factory.mktemp("law"))
    world.settings = world.settings.model_copy(update={"confirm_alone": LIMIT})
    world.reopen()
    thief = world.join("thief", "security")
    models, reported = [world.artifact(), world.artifact()], []
    for what, number in acts:
        world.advance(1)
        named = models[number % len(models)]
        if what == "child":
            models.append(world.artifact(named))
            continue
        said = None
        if what == "report":
            opening = ("confirmed", "reported")[number % 2]
            tensors = [TENSOR] if number > 1 else []
            said = incident.statement(
                [named],
                "privacy",
                "low",
                opening,
                "x",
                contact="x",
                issued=world.time,
                tensors=tensors,
                names=["hf:acme/*"] if number > 1 else [],
            )
        elif what in ("confirmed", "resolved") and reported:
            said = incident_change.statement(reported[number % len(reported)], what, "x")
        elif what == "assess" and reported:
            made_up = Assessed(f"hf:acme/m{world.time}", reported[0], "affected", None, None, None, "x")
            said = incident_status.statement(made_up, world.time)
        elif what == "hold":
            said = containment.statement(TENSOR, models[number:]) if models[number:] else None
        if said is None:
            continue
        before = _confirmed(world, reported)
        try:
            receipt = world.say(said, thief)
        except (Forbidden, Refused):
            assert _confirmed(world, reported) == before
            continue
        if what == "report":
            reported.append(receipt.entry)
        after = _confirmed(world, reported)
        assert all(count <= LIMIT or before.get(one) == count for one, count in after.items())
    world.check()


def _confirmed(world: World, reported: list[str]) -> dict[str, int]:
    with world.home.store.reading() as connection:
        stages = {one.id: one.stage for one in flagging.incidents(connection)}
    return {one: len(world.flagged(one)) for one in reported if stages[one] in ("confirmed", "resolved")}
