"""A poisoned tensor is found wherever it returns: in what is here, in what comes, and in what others send."""

from making import floats, write_model
from world import World

from lineage.predicates import containment, manifest, redaction, signature
from lineage.standing import Affected, Clean
from merger.folder import describe
from registry.local import Local
from registry.store import redaction as redactions
from registry.work import evidence, tensors
from registry.work.add import Declared, add
from registry.work.shelf import described, keep
from signing.digest import sha256_hex

POISON = ("F32", (4,), floats([1, 2, 3, 4]))


def model(world: World, number: int, *, poisoned: bool = True) -> str:
    """Register a model of which one tensor is the poisoned one, under a name of its own."""
    weights = {"own": ("F32", (4, 4), floats([number + i / 8 for i in range(16)]))}
    weights |= {f"layer.{number}": POISON} if poisoned else {}
    folder = world.folder / f"made-{number}"
    if not folder.exists():
        write_model(folder, weights)
    return add(world.home, folder, Declared()).description.artifact


def digest(world: World, artifact: str, name: str) -> str:
    with world.home.store.reading() as connection:
        found, _ = described(world.home, connection, artifact)
    return next(one.digest for one in found.tensors if one.name == name)


def report(world: World, poison: str, *more: str) -> str:
    """Report a tensor as the command does: with what is found to hold it, in one group."""
    found = tensors.look(world.home, [poison])
    reported = world.report(None, "data-poisoned", *more, tensors=[poison])
    if found.statements:
        world.home.say_all(found.statements)
    return reported


def test_t22_a_poisoned_tensor_is_flagged_wherever_it_is_and_wherever_it_returns(world: World) -> None:
    first, clean = model(world, 1), model(world, 2, poisoned=False)
    below = world.artifact(first)
    size = world.size()
    poison = digest(world, first, "layer.1")

    reported = report(world, poison)
    laundered = model(world, 3)
    child = world.artifact(laundered, relation="quantize")

    assert world.flagged(reported) == {first, below, laundered, child}
    assert world.standing(clean) == Clean()
    standing = world.standing(child)
    assert isinstance(standing, Affected)
    assert standing.via == (laundered, child)
    assert standing.incidents[0].incident.selectors == (f"tensor:{poison}",)
    assert world.standing(below, size=size) == Clean()
    size = world.size()
    assert model(world, 3) == laundered
    assert world.size() == size, "run twice it changes nothing"
    world.check()


def test_t22_a_merge_that_keeps_the_tensor_holds_it_too(world: World) -> None:
    first = model(world, 1)
    reported = report(world, digest(world, first, "layer.1"))

    merged = world.merge("passthrough", first)

    assert world.standing(merged).incidents[0].incident.artifacts == (first, merged)
    assert world.flagged(reported) == {first, merged}
    world.check()


def test_t22_what_others_send_is_unknown_until_its_manifest_is_here(world: World) -> None:
    first = model(world, 1)
    poison = digest(world, first, "layer.1")
    reported = report(world, poison)
    found = describe(write_model(world.folder / "sent", {"renamed": POISON}))
    files = {one.name: one.sha256 for one in found.manifest.files}
    world.publish("publisher", signature.statement("sent", files))
    world.publish("publisher", manifest.statement(found.artifact, found.manifest.digest))

    looked = tensors.look(world.home, [poison])
    assert (looked.unread, looked.statements) == ((found.artifact,), [])
    assert world.flagged(reported) == {first}

    keep(world.home, found.manifest, found.blocks)
    looked = tensors.look(world.home, [poison])
    world.home.say_all(looked.statements)

    assert looked.unread == ()
    assert world.flagged(reported) == {first, found.artifact}
    assert tensors.look(world.home, [poison]).statements == []
    world.check()


def test_t22_a_manifest_that_is_none_keeps_no_other_from_being_looked_at(world: World) -> None:
    sent = world.artifact()
    world.home.blobs.put(sha256_hex(b"none"), [b"none"])
    world.publish("publisher", manifest.statement(sent, sha256_hex(b"none")))
    first = model(world, 1)
    poison = digest(world, first, "layer.1")

    found = tensors.look(world.home, [poison])

    assert (found.holders, found.unread) == ({poison: (first,)}, (sent,))


def test_t22_a_manifest_of_another_artifact_says_nothing_of_this_one(world: World) -> None:
    first = model(world, 1)
    poison = digest(world, first, "layer.1")
    with world.home.store.reading() as connection:
        held, _ = described(world.home, connection, first)
    victim = world.artifact()
    world.publish("publisher", manifest.statement(victim, held.digest))

    found = tensors.look(world.home, [poison])

    assert found.holders == {poison: (first,)}
    assert found.unread == (victim,)
    world.check()


def test_t22_what_is_said_of_tensors_falls_with_its_key_and_is_said_again_by_another(world: World) -> None:
    thief = world.join("thief", "security")
    first, other = model(world, 1), model(world, 2, poisoned=False)
    poison = digest(world, first, "layer.1")
    reported = report(world, poison)
    world.advance(10)
    end = world.time
    world.advance(10)
    world.say(containment.statement(poison, [other]), thief)
    assert world.flagged(reported) == {first, other}

    world.end(thief, at=end)

    assert world.flagged(reported) == {first}
    assert world.standing(other) == Clean()
    world.check()


def test_t22_an_order_that_removes_it_leaves_what_is_held(world: World) -> None:
    first = model(world, 1)
    reported = report(world, digest(world, first, "layer.1"))
    entry = world.logged()[-1]
    with world.home.store.reading() as connection:
        left = redactions.left(connection, world.size() - 1)

    world.publish("root", redaction.statement(entry, "an order", left))

    assert world.flagged(reported) == {first}
    world.check()


def test_t22_it_is_proven_offline_with_what_it_reaches(world: World) -> None:
    first = model(world, 1)
    child = world.artifact(first)
    reported = report(world, digest(world, first, "layer.1"))

    lines = Local(world.home.store, lambda: world.time).bundle(child, ancestors=True)
    found = evidence.read(lines, world.home.root())

    assert [(one.incident.id, one.artifacts) for one in found.incidents] == [
        (reported, tuple(sorted((first, child))))
    ]
