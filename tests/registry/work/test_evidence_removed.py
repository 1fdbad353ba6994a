"""A file of bundles says which statements an order had removed, instead of listing fewer in silence."""

from collections.abc import Sequence

from evidence import broken, bundle, read, states, type_of
from world import World

from lineage.authority import TrustedRoot
from lineage.facts import Licensed
from lineage.predicates import redaction, root
from lineage.predicates import root as root_predicate
from lineage.predicates.root import Key
from lineage.residue import Residue
from lineage.succession import following
from registry.store import log
from registry.store import redaction as stored
from registry.store.bundles import bundles
from registry.store.log import Receipt
from registry.work import evidence
from signing.keys import PrivateKey

ORDER = "court 17"


def redact(world: World, index: int) -> Receipt:
    with world.home.store.reading() as connection:
        left, entry = stored.left(connection, index), log.read(connection, index).entry
    return world.publish("root", redaction.statement(entry, ORDER, left))[0]


def lines_of(world: World, *indexes: int) -> list[bytes]:
    with world.home.store.reading() as connection:
        return [one.encode() for one in bundles(connection, indexes)]


def rerooted(world: World, root: TrustedRoot) -> Receipt:
    return world.publish("root", root_predicate.statement(root))[0]


def second_holder(world: World) -> TrustedRoot:
    """The next version, which two operators hold and both must sign from then on."""
    key = Key.read(
        {
            "operator": "second",
            "roles": ["root"],
            "namespaces": [],
            "contact": "second",
            "pem": PrivateKey.generate("ecdsa-p256").public.pem().decode(),
            "validFor": {"start": str(world.time), "end": None},
        }
    )
    return following(world.home.root(), add=[key], threshold=2)


def gone(world: World, lines: Sequence[bytes], pinned: TrustedRoot | None = None) -> list[tuple[str, int]]:
    return [(one.entry, one.by) for one in read(world, lines, pinned).gone]


def test_what_was_removed_is_named_with_its_order_and_what_is_unknown_since(world: World) -> None:
    base = world.artifact()
    child = world.artifact(base)
    registered = world.logged()[1]
    whole = bundle(world, child)
    done = redact(world, 1)

    lines = bundle(world, child)
    found = read(world, lines)

    assert states(found) == {"held": len(whole), "void": 0, "broken": 0}
    (one,) = found.gone
    assert (one.entry, one.by, one.order, one.operators) == (registered, done.index, ORDER, ("kennel",))
    assert one.artifacts == (base,)
    assert one.left.predicate_type == "https://model_signing/signature/v1.0"
    assert found.unregistered == (base,)
    evidence.check_about(read(world, bundle(world, base)), base)
    assert gone(world, whole) == []
    # An older file beside the newer one: what was said then is proven, and so is its removal.
    both = read(world, [*whole, lines[-1]])
    assert (states(both)["broken"], [one.entry for one in both.gone]) == (0, [registered])
    world.check()


def test_of_what_is_not_asked_for_nothing_removed_is_told(world: World) -> None:
    base, other = world.artifact(), world.artifact()
    redact(world, world.license(other, "mit").index)
    assert gone(world, bundle(world, base)) == []
    assert len(gone(world, bundle(world, other))) == 1


def test_a_redaction_is_judged_by_the_version_that_was_in_force(world: World) -> None:
    """It never falls in the log: neither by a threshold that was raised since, nor with the key that signed it."""
    model = world.artifact()
    done = redact(world, world.license(model, "mit").index)
    world.advance(100)
    rerooted(world, second_holder(world))
    lines = bundle(world, model)
    assert [one for _, one in gone(world, lines)] == [done.index]
    assert states(read(world, lines))["broken"] == 0

    # Without the versions in the file nobody can tell which was in force, and the pinned one decides.
    bare = [line for line in lines if type_of(line) != root.URI]
    found = read(world, bare)
    assert found.gone == ()
    assert "redaction/v1 needs 2 operators with the role root under version 2" in broken(found)[0]
    first = [line for line in lines if type_of(line) == root.URI][:1]
    assert gone(world, [*first, *bare]) == [], "a version that follows it may be what was left out"


def test_one_holder_where_two_must_sign_removes_nothing(world: World) -> None:
    from evidence import forged

    model = world.artifact()
    licensed = world.license(model, "mit")
    rerooted(world, second_holder(world))
    lines = bundle(world, model)
    with world.home.store.reading() as connection:
        left = stored.left(connection, licensed.index)
    said = redaction.statement(licensed.entry, ORDER, left)

    found = read(world, [*lines, forged(world, said, world.home.keys("root"), size=40)])

    assert found.gone == ()
    assert "needs 2 operators" in broken(found)[0]


def test_a_redaction_that_misstates_what_the_file_holds_is_refused(world: World) -> None:
    from evidence import forged

    model = world.artifact()
    licensed = world.license(model, "mit")
    lines = bundle(world, model)
    false = Residue("https://studbook.dev/license/v1", (Licensed(model, "cc0-1.0"),))
    said = redaction.statement(licensed.entry, ORDER, false)
    line = forged(world, said, world.home.keys("root"), size=40)

    assert broken(read(world, [*lines, line]))[0].startswith(f"it misstates entry {licensed.entry}")
    assert [entry for entry, _ in gone(world, [line])] == [licensed.entry], "alone it cannot be told"
