"""Signatures in a model's life: a stranger checks a merge with one file and one key, and the log tells the rest."""

from world import World

from registry.local import Local
from registry.work.add import Declared, add
from registry.work.sign import Vouched, hold, read, sign
from registry.work.verify import Fails, Holds, verify_folder
from signing.digest import SIGNATURE


def test_a_merge_is_signed_for_strangers_and_stays_what_it_was(world: World) -> None:
    """Writing `model.sig` into a folder changes neither its id nor what is known of it."""
    merged = world.merge("linear", world.model(), world.model())
    folder = world.folder / "model-3"
    publisher = world.home.keys("publisher")

    made = sign(folder, publisher, folder / SIGNATURE)

    assert made.artifact == merged
    assert hold(folder, read(folder, None), publisher.public) == made
    logged = verify_folder(folder, merged, Local(world.home.store, lambda: world.time), world.home.root())
    assert isinstance(logged, Holds)
    world.check()


def test_a_stranger_holds_a_copy_to_the_signature_that_the_log_holds_too(world: World) -> None:
    world.model()
    folder = world.folder / "model-1"
    receipts = add(world.home, folder, Declared(name="kennel/base"), sign=True).receipts
    key = world.home.keys("publisher").public

    found = hold(folder, read(folder, None), key)

    assert isinstance(found, Vouched)
    assert found.entry == world.logged()[receipts[0].index]
    assert found.artifact == world.resolve("kennel/base")
    (folder / "config.json").write_text("{}")
    assert isinstance(hold(folder, read(folder, None), key), Fails)
    world.check(receipts)
