"""A poisoned parent is reported, what it is in is made again without it, and nobody has to believe that: the log shows it."""

import os
import shutil
from collections.abc import Callable

import pytest
from world import CRASHED, World

from lineage.facts import Corrected as Fact
from lineage.predicates import provenance, search, signature
from lineage.predicates import redaction as redactions
from lineage.remedy import Rebuild
from lineage.standing import Affected, Clean
from merger.recipe import Recipe
from registry.home import Home
from registry.signer import Step
from registry.store import flagging, redaction
from registry.work import remedy as remedies
from registry.work.logged import find
from registry.work.make import make
from registry.work.prepared import prepare
from registry.work.remedy import Corrected, Remedy
from registry.work.shelf import shelved
from signing.digest import artifact_id
from signing.errors import Refused, Untrusted


class Family:
    """A base, three tunes of which one is bad, a merge of them, a merge of that, and a copy of it in another type."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = world.model()
        self.good, self.other, self.bad = (world.model(self.base) for _ in range(3))
        self.first = self.merge("first", f"base_model: {self.base}", "task_arithmetic", self.bad, self.good)
        self.second = self.merge("second", "", "linear", self.first, self.other)
        self.third = self.merge("third", "out_dtype: float16", "linear", self.second)
        self.incident = world.report(self.bad, "data-poisoned")

    def merge(self, name: str, more: str, method: str, *models: str) -> str:
        listed = "\n".join(f"  - {{model: {model}, parameters: {{weight: 1}}}}" for model in models)
        text = f"merge_method: {method}\ndtype: float32\n{more}\nmodels:\n{listed}\n"
        prepared = prepare(self.world.home, text.encode())
        return make(self.world.home, prepared, self.world.folder / name).result.artifact

    def remedy(self, replaced: dict[str, str] | None = None, dropped: tuple[str, ...] = ()) -> Remedy:
        with self.world.home.store.reading() as connection:
            (reported,) = flagging.incidents(connection, self.incident)
        return remedies.remedy(self.world.home, reported, replaced or {}, dropped)

    def run(self, found: Remedy) -> list[Corrected]:
        return list(remedies.run(self.world.home, found, self.world.folder / "healed", threads=1))


@pytest.fixture
def family(world: World) -> Family:
    return Family(world)


def recipe(family: Family, artifact: str) -> Recipe:
    return find(family.world.home, artifact).recipe


def test_what_a_bad_parent_is_in_is_made_again_without_it(family: Family) -> None:
    world = family.world

    found = family.remedy()
    assert [(one.artifact, one.level) for one in found.plan.rebuilds] == [
        (family.first, 0),
        (family.second, 1),
        (family.third, 2),
    ]
    assert found.plan.stuck == ()
    done = family.run(found)

    healed = {one.earlier: one.artifact for one in done}
    clean = family.merge("control", f"base_model: {family.base}", "task_arithmetic", family.good)
    assert healed[family.first] == clean, "the same as if the bad one had never been there"
    for earlier, artifact in healed.items():
        assert isinstance(world.standing(earlier), Affected)
        assert world.standing(artifact) == Clean()
        assert family.bad not in world.ancestors(artifact)
        (told,) = world.verdict(earlier).corrections
        assert (told.fact, told.operators) == (Fact(artifact, earlier), ("kennel",))
        assert world.verdict(artifact).corrections == (told,)
    assert healed[family.second] in world.ancestors(healed[family.third])
    clear = remedies.check(world.home, found.incident, done)
    assert (clear.size, clear.beside) == (world.size(), ())
    assert all(one.folder is not None and (one.folder / "model.safetensors").is_file() for one in done)
    world.check()


def test_run_again_it_makes_nothing_and_says_the_same(family: Family) -> None:
    done = family.run(family.remedy())
    size = family.world.size()

    again = family.run(family.remedy())

    assert [(one.earlier, one.artifact) for one in again] == [(one.earlier, one.artifact) for one in done]
    assert {one.folder for one in again} == {None}
    assert family.world.size() == size
    family.world.check()


def test_a_bad_parent_is_replaced_and_the_mended_recipe_names_the_new_one(family: Family) -> None:
    world = family.world
    new = world.model(family.base)

    done = family.run(family.remedy({family.bad: new}))

    first, second, _ = (one.artifact for one in done)
    assert [one.model for one in recipe(family, first).parents] == [new, family.good]
    assert [one.model for one in recipe(family, second).parents] == [first, family.other]
    world.check()


def test_what_was_tuned_of_a_bad_one_stops_there_until_it_is_tuned_again(family: Family) -> None:
    world = family.world
    tuned = world.model(family.third)
    last = family.merge("last", "", "linear", tuned, family.other)

    stuck = {one.artifact: one.why for one in family.remedy().plan.stuck}
    assert stuck == {
        tuned: "it was made elsewhere (finetune), and no recipe of it is logged",
        last: f"it is made of {tuned}, which is not made again: replace or drop that",
    }
    done = family.run(family.remedy())
    again = world.model(done[-1].artifact)
    rest = family.run(family.remedy({tuned: again}))

    (new,) = (one for one in rest if one.folder)
    assert new.earlier == last
    assert [one.model for one in recipe(family, new.artifact).parents] == [again, family.other]
    assert world.standing(new.artifact) == Clean()
    world.check()


@pytest.mark.parametrize("when", ["computing", *(f"logging {step.name}" for step in Step)])
def test_killed_in_the_middle_it_goes_on_where_it_was(family: Family, when: str) -> None:
    """The process dies while it makes or logs the second of three, with no chance to tidy up."""
    world, found = family.world, family.remedy()
    expected = family.world.size()
    dies_in_second(world, found, when)
    survived = family.remedy()
    world.home.writer()  # signs what the killed one left

    done = family.run(survived)

    assert [one.earlier for one in done] == [family.first, family.second, family.third]
    assert done[0].folder is None, "the first was logged before"
    remedies.check(world.home, found.incident, done)
    logged = world.logged()
    assert len(set(logged)) == len(logged) > expected
    for one in done:
        assert [said.fact.artifact for said in world.verdict(one.earlier).corrections] == [one.artifact]
    assert [path.name for path in (world.folder / "healed").iterdir() if path.name.startswith(".")] == []
    world.check()


def dies_in_second(world: World, found: Remedy, when: str) -> None:
    """Run a remedy in a process of its own that dies with its second artifact half done."""
    world.home.store.close()
    child = os.fork()
    if child == 0:
        # Nothing but _exit may leave this branch, or the test would run on in two processes.
        try:
            begun: list[str] = []

            def at(step: Step) -> None:
                if when == f"logging {step.name}" and len(begun) == 2:
                    os._exit(CRASHED)

            def progress(step: Rebuild) -> Callable[[int], object]:
                begun.append(step.artifact)
                return lambda _: os._exit(CRASHED) if when == "computing" and len(begun) == 2 else None

            home = Home.open(world.home.path, clock=lambda: world.time, settings=world.settings, at=at)
            list(remedies.run(home, found, world.folder / "healed", threads=1, progress=progress))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == CRASHED, "the process did not get that far"
    world.reopen()


def test_an_ended_incident_and_what_is_not_affected_are_no_reason_to_make_anything(family: Family) -> None:
    for asked, sentence in (
        (({family.base: family.good}, ()), f"{family.base} is not affected by incident"),
        (({}, (family.other,)), f"{family.other} is not affected by incident"),
        (({family.bad: family.good}, (family.bad,)), "is to be dropped and to be replaced"),
        (({family.bad: family.second}, ()), f"it descends from {family.bad}"),
        (({family.first: family.bad}, ()), f"it descends from {family.bad}"),
    ):
        with pytest.raises(Refused, match=sentence):
            family.remedy(*asked)
    family.world.retract(family.incident)
    with pytest.raises(Refused, match="is retracted: nothing is to be made again"):
        family.remedy()


def test_what_only_a_teacher_lent_is_no_replacement(family: Family) -> None:
    student = family.world.model(family.bad, relation="distill")

    with pytest.raises(Refused, match=f"{student} cannot stand in the place of {family.bad}: it descends"):
        family.remedy({family.bad: student})


def test_weights_that_are_not_here_are_named(family: Family) -> None:
    (shelved(family.world.home, [family.good])[family.good].folder / "model.safetensors").unlink()

    plan = family.remedy().plan

    assert plan.rebuilds == ()
    assert {one.artifact: one.why for one in plan.stuck}[family.first].startswith(
        f"the files of {family.good} are not here"
    )


def test_a_removed_provenance_is_not_repeated(family: Family) -> None:
    world = family.world
    build = find(world.home, family.third).entry
    index = world.logged().index(build)
    with world.home.store.reading() as connection:
        left = redaction.left(connection, index)
    world.publish("root", redactions.statement(build, "order 17", left))

    (stuck,) = family.remedy().plan.stuck

    assert (stuck.artifact, stuck.why) == (
        family.third,
        "every provenance of it was removed from the log by an order",
    )


def test_what_somebody_else_registered_is_theirs_to_correct(family: Family) -> None:
    world, files = family.world, {"model.safetensors": "ab" * 32}
    hers = artifact_id(files)
    world.say(signature.statement("hers", files), world.join("anna", "publisher"))
    executed = recipe(family, family.first)
    built = provenance.statement(hers, executed, "0" * 64, "0" * 64, "0.1.0", {}, by_rows=False)
    world.publish("builder", built)

    (stuck,) = family.remedy().plan.stuck

    assert stuck.artifact == hers
    assert stuck.why == "what supersedes it is for anna to say, who registered it, and not for kennel"


def test_a_search_that_ran_elsewhere_is_named(family: Family) -> None:
    found = family.world.artifact()
    family.world.publish("publisher", search.statement(found, "adamerging", [family.bad], None, None))

    (stuck,) = family.remedy().plan.stuck

    assert stuck.why == "adamerging made it elsewhere, and no recipe of it is logged"


def test_a_folder_that_is_gone_is_made_again_for_what_is_made_of_it(family: Family) -> None:
    done = family.run(family.remedy())
    shutil.rmtree(done[0].folder)

    again = family.run(family.remedy())

    assert [one.folder is None for one in again] == [False, True, True]
    assert [one.artifact for one in again] == [one.artifact for one in done]
    family.world.check()


def test_the_end_is_checked_and_not_assumed(family: Family) -> None:
    found = family.remedy()
    done = family.run(found)
    world = family.world
    # Somebody says of a corrected one that it was made of the bad one all the same.
    world.derive(done[0].artifact, family.bad, relation="finetune")

    with pytest.raises(
        Untrusted, match=f"{done[0].artifact}, made in place of {family.first}, still descends"
    ):
        remedies.check(world.home, found.incident, done)


def test_a_descent_that_carries_nothing_is_told_beside(family: Family) -> None:
    found = family.remedy()
    done = family.run(found)
    family.world.derive(done[0].artifact, family.bad, relation="tokenizer")

    clear = remedies.check(family.world.home, found.incident, done)

    assert set(clear.beside) == {one.artifact for one in done}
