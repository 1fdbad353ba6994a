"""What a home has lost is missed: no second log, no new key, no other trusted root in its place."""

import os
import stat
from pathlib import Path

import pytest
from world import BEGINNING, OPERATOR, World

from lineage.authority import TrustedRoot
from lineage.predicates import root as root_predicate
from registry.home import Home
from registry.signer import Step
from signing import canonical
from signing.errors import Forbidden, Refused
from signing.keys import PrivateKey


def init(world: World) -> None:
    Home.create(world.home.path, clock=lambda: BEGINNING)


def following(world: World, **changes: str) -> TrustedRoot:
    """Return the next version of the trusted root, with one more operator in it."""
    document = canonical.decode(world.home.root().encode())
    publisher = next(key for key in document["keys"] if "publisher" in key["roles"])
    pem = PrivateKey.generate("ecdsa-p256").public.pem().decode()
    document["keys"] += [publisher | {"operator": f"guest{document['version']}", "pem": pem}]
    document["version"] = str(int(document["version"]) + 1)
    return TrustedRoot.parse(canonical.encode(document | changes))


def pinned(world: World) -> bytes:
    return (world.home.path / "trusted_root.json").read_bytes()


def test_a_home_whose_database_is_gone_gets_no_second_log(world: World) -> None:
    world.home.store.close()
    for file in world.home.path.glob("studbook.db*"):
        file.unlink()

    with pytest.raises(Refused, match=r"trusted_root.json and keys/log.pem, and studbook.db is missing"):
        init(world)
    (world.home.path / "trusted_root.json").unlink()
    with pytest.raises(Refused, match=r"has keys/log.pem, and studbook.db is missing"):
        init(world)

    assert not list(world.home.path.glob("studbook.db*"))


def test_a_home_whose_log_is_empty_gets_no_second_one(world: World) -> None:
    before = pinned(world)
    world.home.store.close()
    for file in world.home.path.glob("studbook.db*"):
        file.unlink()
    (world.home.path / "studbook.db").touch()

    with pytest.raises(Refused, match=r"studbook.db is empty: restore"):
        init(world)
    assert pinned(world) == before


def test_init_does_not_replace_a_trusted_root_that_the_log_never_had(world: World) -> None:
    other = pinned(world).replace(b'"threshold":"1"', b'"threshold":"2"')
    (world.home.path / "trusted_root.json").write_bytes(other)

    with pytest.raises(Refused, match="not the trusted root that the log brought into force"):
        init(world)
    world.reopen()
    world.artifact()
    assert pinned(world) == other


@pytest.mark.parametrize("name", ["log", "root", "publisher", "security"])
def test_a_key_that_was_lost_is_named_and_not_made_anew(world: World, name: str) -> None:
    path = world.home.path / "keys" / f"{name}.pem"
    path.unlink()

    for ask in (lambda: init(world), world.home.check_keys):
        with pytest.raises(Refused, match=f"{name}.pem is missing"):
            ask()
    assert not path.exists()


def test_another_log_key_writes_nothing(world: World) -> None:
    (world.home.path / "keys" / "log.pem").write_bytes(PrivateKey.generate("ed25519").pem())
    size = world.size()
    world.reopen()

    with pytest.raises(Refused, match="nothing is written"):
        world.artifact()
    with pytest.raises(Refused, match="restore the key that belongs to this log"):
        world.home.check_keys()
    assert world.size() == size


def test_keys_that_belong_to_the_home_are_found_good(world: World) -> None:
    world.home.check_keys()


def test_a_home_is_closed_to_others_and_its_trusted_root_is_not(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        home = Home.create(tmp_path / "home", OPERATOR, clock=lambda: BEGINNING)
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((home.path / "trusted_root.json").stat().st_mode) == 0o644


def test_an_added_operator_leaves_a_home_that_holds_together(world: World) -> None:
    world.artifact()
    for _ in range(2):
        changed = following(world)
        world.publish("root", root_predicate.statement(changed))
        assert pinned(world) == changed.encode() + b"\n"
        world.artifact()
    world.check()


@pytest.mark.parametrize("step", [Step.COMMITTED, Step.SIGNED, Step.COVERED])
def test_a_trusted_root_that_a_crash_left_behind_is_renewed(world: World, step: Step) -> None:
    old, changed = pinned(world), following(world)
    world.crash(step, "root", root_predicate.statement(changed))
    if step is not Step.COVERED:
        assert pinned(world) == old  # a client pins nothing that no checkpoint covers
    world.check()
    assert pinned(world) == changed.encode() + b"\n"


def test_an_earlier_trusted_root_is_a_remark_and_no_finding(world: World) -> None:
    old = pinned(world)
    world.publish("root", root_predicate.statement(following(world)))
    (world.home.path / "trusted_root.json").write_bytes(old)

    report = world.fsck()

    assert report.findings == ()
    assert "earlier version of the trusted root than 2" in report.remarks[0]


def test_a_trusted_root_does_not_move_the_log_to_another_name(world: World) -> None:
    changed = following(world, origin="studbook.example/other")
    with pytest.raises(Forbidden, match=r"names the log studbook.example/other; it is studbook.local/"):
        world.publish("root", root_predicate.statement(changed))


def test_a_trusted_root_does_not_change_the_log_key(world: World) -> None:
    document = canonical.decode(following(world).encode())
    (key,) = (key for key in document["keys"] if "log" in key["roles"])
    new = PrivateKey.generate("ed25519").public
    key["pem"] = new.pem().decode()
    with pytest.raises(
        Forbidden, match=f"names the log key {new.id}; it is {world.home.keys('log').public.id}"
    ):
        world.publish("root", root_predicate.statement(TrustedRoot.parse(canonical.encode(document))))
