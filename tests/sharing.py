"""Several processes that write to one home: a world over a home that stands already, and every kind of thing drawn for its log."""

import random
import time
from collections.abc import Callable
from pathlib import Path

from world import BEGINNING, OPERATOR, World

from lineage.assessed import JUSTIFICATIONS, Assessed
from lineage.facts import RELATIONS
from lineage.incidents import KINDS
from lineage.predicates import claims, containment, incident_amendment, incident_change, incident_status, name
from registry.home import Home
from registry.settings import Settings
from registry.store import flagging, log, redaction
from signing.errors import Refused
from signing.keys import PrivateKey

STUBS = ("hf:acme/one", "hf:acme/two", "hf:other/three")
NAMES = ("kennel/one", "kennel/other", "law/one")
RANGES = ("kennel/*", "law/o*", "kennel/one", "hf:acme/*", "hf:other/three")
TENSORS = ("ab" * 32, "cd" * 32)
LICENSES = ("mit", "apache-2.0", "gpl-3.0", "cc-by-nc-4.0", "of-my-own")
# Seconds of the log's time in one of ours: keys are ended in the past, and statuses expire while the test runs.
PACE = 20
STOLEN = 4


class Shared(World):
    """A world whose home another process made, and whose clock all of them share; `number` keeps what they make apart."""

    def __init__(self, folder: Path, settings: Settings, began: float, number: int) -> None:
        self.folder, self.settings, self._began = folder, settings, began
        path = folder / "home"
        if not path.exists():
            Home.create(path, OPERATOR, clock=lambda: self.time, settings=settings).store.close()
        self.home = Home.open(path, clock=lambda: self.time, settings=settings)
        self._made = number * 10**6

    @property
    def time(self) -> int:
        return BEGINNING + int((time.time() - self._began) * PACE)

    def steal(self) -> None:
        """Let the trusted root name keys that are to be ended, and leave them where every process finds them."""
        for number in range(STOLEN):
            key = self.join(f"thief-{number}", "publisher", "security")
            (self.folder / f"{number}.pem").write_bytes(key.pem())

    def stolen(self) -> list[PrivateKey]:
        return [PrivateKey.parse((self.folder / f"{number}.pem").read_bytes()) for number in range(STOLEN)]


def draw(world: Shared, seed: int, count: int) -> int:
    """Say `count` things of all kinds, drawn by `seed`; return how many the log took. What others said meanwhile may refuse any."""
    drawn, keys, taken = random.Random(seed), world.stolen(), 0
    kinds: list[Callable[[World, random.Random, list[PrivateKey]], object]] = [
        *(_artifact,) * 5, *(_edge,) * 3, *(_claim,) * 2, *(_report,) * 4, _change, _amend, *(_assess,) * 2,
        *(_license,) * 3, *(_bind,) * 2, _contain, *(_redact,) * 2, _end,
    ]  # fmt: skip
    rounds: list[Callable[[World, random.Random, list[PrivateKey]], object]] = []
    while len(rounds) < count:
        rounds += drawn.sample(kinds, k=len(kinds))
    for say in rounds[:count]:
        try:
            say(world, drawn, keys)
            taken += 1
        except Refused:
            continue
    return taken


def _ids(world: World) -> list[str]:
    with world.home.store.reading() as connection:
        found = [
            fact.artifact
            for one in log.scan(connection)
            for fact in redaction.said(connection, one)[1]
            if fact.kind == "registered"
        ]
    return list(dict.fromkeys(found))


def _one(world: World, drawn: random.Random) -> str:
    found = _ids(world)
    if not found:
        raise Refused("nothing is registered yet")
    return drawn.choice(found)


def _signer(world: World, drawn: random.Random, keys: list[PrivateKey]) -> PrivateKey:
    return drawn.choice(keys) if drawn.random() < 0.3 else world.home.keys("publisher")


def _artifact(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    known = [*_ids(world), *STUBS]
    parents = drawn.sample(known, k=min(drawn.randint(0, 3), len(known)))
    world.artifact(*parents, relation=drawn.choice(RELATIONS), key=_signer(world, drawn, keys))


def _edge(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    parent = drawn.choice([*_ids(world), *STUBS])
    key = _signer(world, drawn, keys)
    world.derive(_one(world, drawn), parent, relation=drawn.choice(RELATIONS), key=key)


def _claim(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    child, parent = drawn.choice(STUBS), drawn.choice([*_ids(world), *STUBS])
    said = claims.Claim(child, (claims.Parent(parent, drawn.choice(RELATIONS)),), drawn.choice(LICENSES))
    world.say(claims.statement("cards.jsonl", "0" * 64, [said], world.time), _signer(world, drawn, keys))


def _report(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    kind, what = drawn.choice(KINDS), drawn.choice(["artifact", "stub", "key", "tensor", "name", "name"])
    match what:
        case "artifact":
            world.report(_one(world, drawn), kind, stage="reported")
        case "stub":
            world.report(drawn.choice(STUBS), kind)
        case "key":
            world.report(None, kind, keys=[_signer(world, drawn, keys).public.id])
        case "tensor":
            world.report(None, kind, tensors=[drawn.choice(TENSORS)])
        case _:
            world.report(None, kind, names=[drawn.choice(RANGES)])


def _incident(world: World, drawn: random.Random) -> str:
    with world.home.store.reading() as connection:
        found = flagging.incidents(connection)
    if not found:
        raise Refused("nothing is reported yet")
    return drawn.choice(found).id


def _change(world: World, drawn: random.Random, _: list[PrivateKey]) -> None:
    stage = drawn.choice(["confirmed", "resolved", "rejected", "retracted"])
    world.publish("security", incident_change.statement(_incident(world, drawn), stage, "looked into"))


def _amend(world: World, drawn: random.Random, _: list[PrivateKey]) -> None:
    said = {"severity": drawn.choice(["low", "critical"]), "issued": world.time}
    world.publish("security", incident_amendment.statement(_incident(world, drawn), "graver", **said))


def _assess(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    cleared = drawn.random() < 0.7
    why, until = (JUSTIFICATIONS[0], world.time + drawn.randint(1, 200)) if cleared else (None, None)
    status = "not_affected" if cleared else "affected"
    said = Assessed(_one(world, drawn), _incident(world, drawn), status, why, until, None, "looked into")
    key = drawn.choice([world.home.keys("security"), *keys])
    world.say(incident_status.statement(said, world.time), key)


def _license(world: World, drawn: random.Random, _: list[PrivateKey]) -> None:
    world.license(_one(world, drawn), drawn.choice(LICENSES))


def _bind(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    said = name.statement(_one(world, drawn), drawn.choice(NAMES), None, world.time)
    world.say(said, _signer(world, drawn, keys))


def _contain(world: World, drawn: random.Random, _: list[PrivateKey]) -> None:
    world.publish("security", containment.statement(drawn.choice(TENSORS), [_one(world, drawn)]))


def _redact(world: World, drawn: random.Random, _: list[PrivateKey]) -> None:
    # Of what is left of a name or a report more follows than of most.
    more = {"named", "selecting"} if drawn.random() < 0.7 else set()
    with world.home.store.reading() as connection:
        found = [
            one.entry
            for one in log.scan(connection)
            if not more or more.intersection(fact.kind for fact in redaction.said(connection, one)[1])
        ]
    if not found:
        raise Refused("nothing is said yet")
    world.redact(drawn.choice(found))


def _end(world: World, drawn: random.Random, keys: list[PrivateKey]) -> None:
    key = drawn.choice(keys)
    (known,) = (one for one in world.home.root().keys if one.public.id == key.public.id)
    world.end(key, drawn.randint(known.valid_for.start + 1, world.time - 1))
