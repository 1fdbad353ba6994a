"""T19: a name that looks like one that is taken is bound only if whoever may bind that one signs too."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from world import World

from lineage import predicates
from lineage.predicates import name, redaction
from registry.store import redaction as stored
from registry.store import refs
from registry.store.fold import enter
from registry.store.log import Receipt
from registry.store.tail import Tail
from signing.dsse import sign
from signing.errors import Forbidden, Refused
from signing.keys import PrivateKey
from signing.log import Leaf


@pytest.fixture
def acme(world: World) -> PrivateKey:
    return world.join("acme", "publisher", namespaces=("acme",))


@pytest.fixture
def stranger(world: World) -> PrivateKey:
    """Somebody to whom the root's holders gave a namespace without looking at it closely."""
    return world.join("stranger", "publisher", namespaces=("acrne", "acme-labs"))


def bind(world: World, bound: str, *keys: PrivateKey, revision: str | None = None) -> Receipt:
    """Point a name at a new artifact, signed by these keys."""
    artifact = world.artifact()
    world.advance(1)
    return world.say(name.statement(artifact, bound, revision, world.time), *keys)


def redact(world: World, bound: Receipt) -> None:
    with world.home.store.reading() as connection:
        left = stored.left(connection, bound.index)
    world.publish("root", redaction.statement(bound.entry, "order 17", left))


def taken(world: World, bound: str) -> bool:
    with world.home.store.reading() as connection:
        return refs.named(connection, bound) is not None


@pytest.mark.parametrize(
    ("own", "lookalike"),
    [
        ("acme/x1", "acrne/x1"),
        ("acme/x1", "acrne/xl"),
        ("acme/x1", "acrne/XI"),
        ("acme/x-1", "acrne/x_1"),
        ("acme/x-1", "acrne/x--1."),
    ],
)
def test_t19_a_stranger_s_lookalike_is_refused_with_both_names_and_whose_signature_it_needs(
    world: World, acme: PrivateKey, stranger: PrivateKey, own: str, lookalike: str
) -> None:
    bind(world, own, acme)
    size = world.size()

    with pytest.raises(Forbidden, match=f"{lookalike!r} looks like {own!r}, .* that one, acme or kennel$"):
        bind(world, lookalike, stranger)

    assert world.size() == size + 1, "the artifact alone was logged"
    assert not taken(world, lookalike)
    bind(world, "acme-labs/x1", stranger)
    world.check()


def test_t19_with_the_owner_s_signature_it_is_bound_and_moves_from_then_on(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    bind(world, "acme/x", acme)
    first = bind(world, "acrne/x", stranger, acme)

    again = bind(world, "acrne/x", stranger, revision="v2")
    own = bind(world, "acme/x", acme)

    assert first.index < again.index < own.index
    world.check()


def test_t19_names_within_one_namespace_are_their_owner_s_affair(world: World, acme: PrivateKey) -> None:
    for bound in ("acme/model", "acme/mode1", "acme/rnodel", "acme/m.o.d.e.l"):
        bind(world, bound, acme)
    with pytest.raises(Refused, match="'acme/Model' differs only in case from 'acme/model'"):
        bind(world, "acme/Model", acme)
    world.check()


def test_t19_a_signature_of_the_owner_s_other_keys_is_none_of_its_own(world: World, acme: PrivateKey) -> None:
    other = world.join("acme", "publisher", namespaces=("acrne",))
    builder = world.join("acme", "builder", namespaces=("acme",))
    bind(world, "acme/x", acme)
    with pytest.raises(Forbidden, match="'acrne/x' looks like 'acme/x'"):
        bind(world, "acrne/x", other, builder)
    bind(world, "acrne/x", other, acme)
    world.check()


def test_t19_the_one_operator_of_a_home_names_as_it_likes(world: World) -> None:
    for bound in ("kennel/dog", "kenne1/dog", "kennel/clog"):
        bind(world, bound, world.home.keys("publisher"))
    world.check()


def test_t19_a_lookalike_that_got_into_the_log_past_the_writer_is_found(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    bind(world, "acme/x", acme)
    said = name.statement(world.artifact(), "acrne/x", None, 1)
    envelope = sign(said.encode(), [stranger])
    with world.home.store.writing() as connection:
        tail = Tail(connection)
        facts = predicates.facts(said, envelope.entry)
        leaf = Leaf(envelope.entry, (stranger.public.id,), world.time)
        index = enter(connection, tail, leaf, envelope.encode(), facts, ["stranger"])
        tail.flush()

    findings = world.fsck().findings

    assert findings[0].startswith(f"entry {index}: the name 'acrne/x' looks like 'acme/x', which is taken")


def test_t19_a_name_that_was_voided_blocks_nobody(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    bind(world, "acme/x", acme)
    world.end(acme, world.time - 1)

    bind(world, "acrne/x", stranger)

    assert not taken(world, "acme/x")
    world.check()


def test_t19_a_name_that_was_removed_under_an_order_blocks_nobody(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    bound = bind(world, "acme/x", acme)
    bind(world, "acrne/x", stranger, acme)
    with world.home.store.reading() as connection:
        left = stored.left(connection, bound.index)
    world.publish("root", redaction.statement(bound.entry, "order 17", left))

    bind(world, "acme/X", acme, stranger)
    bind(world, "acrne/x", stranger)

    world.check()


def test_t19_a_name_whose_keys_all_ended_stays_taken(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    bind(world, "acme/x", acme)
    artifact = world.artifact()
    world.end(acme, world.time)
    world.end(world.home.keys("publisher"), world.time)
    world.advance(1)

    with pytest.raises(Forbidden, match="whoever may bind that one, nobody, as no key for it is good now"):
        world.say(name.statement(artifact, "acrne/x", None, world.time), stranger)

    assert taken(world, "acme/x")
    world.check()


def test_t19_moves_of_a_name_whose_first_binding_was_removed_stay_what_they_were(
    world: World, acme: PrivateKey, stranger: PrivateKey
) -> None:
    """A lookalike was admitted in between with both signatures; the second fold no longer sees the first binding."""
    model = world.artifact()
    bindings = [world.say(name.statement(model, "acme/x", None, 1), acme)]
    world.say(name.statement(model, "acrne/x", None, 2), stranger, acme)
    bindings += [world.say(name.statement(model, "acme/x", None, issued), acme) for issued in (3, 4)]
    for bound in bindings[:2]:
        redact(world, bound)
        assert world.resolve("acme/x") == model
        world.check()


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_t19_law_names_of_two_owners_bound_removed_and_ended_are_folded_the_same_again(
    data: st.DataObject,
) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        model = world.artifact()
        keys = {one: world.join(one, "publisher", namespaces=(one,)) for one in ("acme", "acrne")}
        bound: list[Receipt] = []
        for _ in range(data.draw(st.integers(4, 14))):
            world.advance(1)
            match data.draw(st.sampled_from(["bind", "bind", "bind", "redact", "end"])):
                case "redact" if bound:
                    redact(world, bound.pop(data.draw(st.integers(0, len(bound) - 1))))
                case "end":
                    with suppress(Refused):
                        world.end(
                            keys[data.draw(st.sampled_from(sorted(keys)))],
                            world.time - data.draw(st.integers(1, 5)),
                        )
                case _:
                    whose, word = (
                        data.draw(st.sampled_from(sorted(keys))),
                        data.draw(st.sampled_from(["x1", "xl", "x.1"])),
                    )
                    said = name.statement(model, f"{whose}/{word}", None, world.time)
                    signers = list(keys) if data.draw(st.booleans()) else [whose]
                    with suppress(Refused):
                        bound.append(world.say(said, *(keys[one] for one in signers)))
        world.check()
        world.home.store.close()
