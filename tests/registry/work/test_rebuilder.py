"""A rebuilder of another operator: it proves, fetches, executes, compares, publishes; killed anywhere, it goes on."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from rebuilding import build_of, flip, folder, forged, judge, manifest_of, said_again, store, supply
from world import CRASHED, World

from lineage.facts import Role
from lineage.predicates import provenance
from lineage.predicates.rebuild import verifier
from lineage.rebuilds import Failed, NotReproduced, Reproduced
from merger.methods import METHODS
from merger.replay import Differs, Same
from registry.store import log
from registry.supply import Supply
from registry.work.logged import find
from registry.work.rebuilder import Judged, Means, NotExecutable, Rebuilder, Step
from signing.dsse import Envelope
from signing.errors import Forbidden, Refused, Untrusted
from signing.keys import PrivateKey
from signing.statement import Statement


class Abroad:
    """The home of a rebuilder called ann, and the world that it rebuilds."""

    def __init__(self, world: World) -> None:
        self.world, self.home = world, world.folder / "abroad"
        self.parents = [world.model(), world.model()]
        self.merged = world.merge("linear", *self.parents)
        store(world, *self.parents)
        self.key = world.join("ann", "rebuilder")
        self.root = world.home.root()

    def rebuilder(self, source: object, means: Means = Means(threads=1), **more: object) -> Rebuilder:  # noqa: B008 - a value
        return Rebuilder(self.home, source, self.root, self.key, means, clock=lambda: self.world.time, **more)

    def run(self, limit: int | None = None, **more: object) -> list[Judged]:
        with supply(self.world) as source:
            return list(self.rebuilder(source, **more).run(limit))

    def verdicts(self) -> list[str]:
        """The entries of the log that are verdicts."""
        with self.world.home.store.reading() as connection:
            said = [Statement.parse(Envelope.parse(one.envelope).payload) for one in log.scan(connection)]
        return [one.predicate["verificationResult"] for one in said if "verificationResult" in one.predicate]


@pytest.fixture
def abroad(world: World) -> Abroad:
    return Abroad(world)


def test_an_honest_merge_is_the_same_elsewhere_and_is_judged_once(abroad: Abroad) -> None:
    (judged,) = abroad.run()

    assert (judged.artifact, judged.build) == (abroad.merged, build_of(abroad.world, abroad.merged))
    assert judged.outcome == Same()
    ((_, outcome),) = abroad.world.verdict(abroad.merged).rebuilds
    assert outcome == Reproduced((verifier("ann"),))
    assert not (abroad.home / "studbook.db").exists(), "it has no log of its own"
    assert list((abroad.home / "rebuilds").iterdir()) == []
    assert list((abroad.home / "parts").iterdir()) == []
    assert abroad.run() == []
    abroad.world.check([judged.receipt])


def test_t11_a_lying_provenance_gets_a_failed_that_names_tensors_and_files(abroad: Abroad) -> None:
    world = abroad.world
    doctored = folder(world, 3).rename(world.folder / "doctored")
    flip(doctored / "model.safetensors", 5)
    lie = forged(world, abroad.merged, doctored).artifact

    first, second = abroad.run()

    assert first.outcome == Same()
    assert isinstance(second.outcome, Differs)
    assert second.outcome.names() == ("layers.0.weight", "model.safetensors")
    ((_, outcome),) = world.verdict(lie).rebuilds
    assert outcome == NotReproduced((Failed(verifier("ann"), ("layers.0.weight", "model.safetensors")),))
    world.check()


def test_t11_where_the_manifest_is_another_artifact_s_the_files_are_the_evidence(abroad: Abroad) -> None:
    world = abroad.world
    doctored = folder(world, 3).rename(world.folder / "doctored")
    flip(doctored / "model.safetensors", 5)
    lie = forged(world, abroad.merged, doctored).artifact
    said = provenance.statement(
        lie, find(world.home, abroad.merged).recipe, manifest_of(world, abroad.merged), "ab" * 32, "0.2.0", {}, by_rows=False
    )  # fmt: skip
    build = world.publish("builder", said)[0].entry

    last = abroad.run()[-1]

    assert last.build == build
    assert last.outcome == Differs((), ("model.safetensors",))


@pytest.mark.parametrize("fate", ["not stored", "half stored", "memory", "signer"])
def test_what_cannot_be_executed_is_said_with_its_reason_and_never_logged(abroad: Abroad, fate: str) -> None:
    world, says, means = (
        abroad.world,
        "model.safetensors of sha256:[0-9a-f]{64} is not stored at http://kennel.example",
        Means(threads=1),
    )
    match fate:
        case "not stored":
            world.merge("linear", world.model(), world.model())
        case "half stored":
            world.merge("linear", abroad.parents[0], world.model())
        case "memory":
            means, says = Means(threads=1, memory=1_000_000), "of memory are too little"
        case "signer":
            # The pinned root is older than the key that signs.
            world.say(said_again(world, abroad.merged), world.join("fab", "builder"))
            says = "no trusted key signed|signed by none|needs"

    odd = abroad.run(means=means)[-1]

    assert isinstance(odd.outcome, NotExecutable)
    assert re.search(says, odd.outcome.why), odd.outcome.why
    assert odd.receipt is None
    assert len(abroad.verdicts()) == (0 if fate == "memory" else 1)
    assert [one.build for one in abroad.run(means=means)] == [odd.build], "it stays due"
    world.check()


def test_a_method_that_is_unknown_here_is_a_reason_and_no_verdict(
    abroad: Abroad, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = abroad.world.merge("slerp", *abroad.parents)
    monkeypatch.delitem(METHODS, "slerp")

    same, odd = abroad.run()

    assert (same.outcome, odd.artifact) == (Same(), newer)
    assert isinstance(odd.outcome, NotExecutable)
    assert "method 'slerp' is unknown; known are" in odd.outcome.why
    assert abroad.verdicts() == ["PASSED"]


def test_what_cannot_be_executed_does_not_use_up_the_limit(abroad: Abroad) -> None:
    world = abroad.world
    world.merge("linear", world.model(), world.model())
    later = world.merge("slerp", *abroad.parents)

    assert [one.outcome for one in abroad.run(limit=1)] == [Same()]
    odd, last = abroad.run(limit=1)

    assert isinstance(odd.outcome, NotExecutable)
    assert (last.artifact, last.outcome) == (later, Same())


@pytest.mark.parametrize("role", ["builder", None])
def test_a_key_that_is_no_rebuilder_s_by_the_pinned_root_is_refused_before_any_work(
    abroad: Abroad, role: Role | None
) -> None:
    abroad.key = PrivateKey.generate("ecdsa-p256") if role is None else abroad.world.join("fab", role)
    abroad.root = abroad.world.home.root()

    with pytest.raises(
        Forbidden, match="is not in version 2 of the pinned" if role is None else "is no rebuilder's"
    ):
        abroad.run()


class Lying:
    """A registry that lies in one way, and is honest otherwise."""

    def __init__(self, source: Supply, **lies: Callable[..., object]) -> None:
        self._source, self._lies = source, lies

    def __getattr__(self, name: str) -> object:
        return self._lies.get(name) or getattr(self._source, name)


def test_a_registry_that_lies_about_bytes_ends_with_a_sentence_and_no_verdict(abroad: Abroad) -> None:
    @contextmanager
    def blob(digest: str, start: int) -> Iterator[tuple[int, Iterator[bytes]]]:
        with source.blob(digest, start) as (at, chunks):
            yield at, (bytes(reversed(chunk)) for chunk in chunks)

    with (
        supply(abroad.world) as source,
        pytest.raises(
            Untrusted,
            match=r"http://kennel.example sent \d+ bytes as sha256:[0-9a-f]{64}, and they are others",
        ),
    ):
        list(abroad.rebuilder(Lying(source, blob=blob)).run())
    assert abroad.verdicts() == []
    assert [one.outcome for one in abroad.run()] == [Same()], "honest again, it is believed again"


def test_t13_a_provenance_of_another_artifact_is_not_executed_for_this_one(abroad: Abroad) -> None:
    other = abroad.world.merge("slerp", *abroad.parents)
    builds = [build_of(abroad.world, one) for one in (abroad.merged, other)]
    with supply(abroad.world) as source:
        one = abroad.rebuilder(Lying(source, bundle=lambda _: source.bundle(builds[0])))
        for artifact, build in ((other, builds[1]), (other, builds[0]), (abroad.merged, builds[1])):
            with pytest.raises(
                Untrusted,
                match=f"asked for the provenance {build} of {artifact}, and answered with entry {builds[0]}",
            ):
                one.judge(artifact, build)
    assert abroad.verdicts() == []


def test_a_list_of_files_that_is_another_artifact_s_executes_nothing(abroad: Abroad) -> None:
    with supply(abroad.world) as source:
        lying = Lying(
            source, bundles=lambda one: source.bundles(abroad.merged if one == abroad.parents[0] else one)
        )
        (judged,) = abroad.rebuilder(lying).run()

    assert isinstance(judged.outcome, NotExecutable)
    assert f"says about {abroad.parents[0]} signs its list of files" in judged.outcome.why
    assert abroad.verdicts() == []


def test_a_receipt_that_no_pinned_key_signed_is_not_believed(abroad: Abroad) -> None:
    with supply(abroad.world) as source:
        receipts = []

        def publish(raw: bytes) -> object:
            receipts.append(source.publish(raw))
            with abroad.world.home.store.reading() as connection:
                early = log.receipt(connection, 0).checkpoint
            return dataclasses.replace(receipts[0], checkpoint=early)

        with pytest.raises(Refused):
            list(abroad.rebuilder(Lying(source, publish=publish)).run())


MOMENTS = [*Step, "fetching", "rebuilding"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment_the_second_run_completes_and_nothing_is_published_twice(
    abroad: Abroad, moment: Step | str
) -> None:
    world = abroad.world
    world.home.store.close()

    @contextmanager
    def bar(what: str, _total: int) -> Iterator[Callable[[int], None]]:
        yield lambda _: os._exit(CRASHED) if what == moment else None

    child = os.fork()
    if child == 0:
        # Nothing but _exit may leave this branch, or the test would run on in two processes.
        try:
            world.reopen()
            abroad.run(at=lambda step: os._exit(CRASHED) if step is moment else None, bar=bar)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == CRASHED, f"the process did not reach {moment!r}"
    world.reopen()
    assert abroad.verdicts() == (["PASSED"] if moment is Step.PUBLISHED else [])

    again = abroad.run()

    assert [one.outcome for one in again] == ([] if moment is Step.PUBLISHED else [Same()])
    assert abroad.verdicts() == ["PASSED"]
    assert list((abroad.home / "rebuilds").iterdir()) == []
    world.check()


def test_two_operators_come_to_a_quorum(abroad: Abroad) -> None:
    abroad.run()
    bob = abroad.world.join("bob", "rebuilder")
    judge(abroad.world, bob, "bob", abroad.merged)

    ((_, outcome),) = abroad.world.verdict(abroad.merged).rebuilds
    assert outcome == Reproduced((verifier("ann"), verifier("bob")), (verifier("ann"), verifier("bob")))
