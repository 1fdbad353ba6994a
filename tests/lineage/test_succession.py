"""Succession: keys are ended, never removed or changed, and an end that has passed stays."""

import pytest
from rooted import ANN, BOB, CAT, LOG, key, trusted

from lineage import succession
from lineage.predicates.root import Period
from signing.errors import Forbidden
from signing.keys import PrivateKey

NOW = 100
ENDED = PrivateKey.generate("ecdsa-p256").public
ROOT = trusted(
    key("ann", ANN, "root", "publisher", namespaces=("ann",)),
    key("bob", BOB, "publisher", end=200),
    key("cat", ENDED, "publisher", end=50),
)


def following(**changes):
    """Version 2 of ROOT, in which the key of an operator differs so; None leaves it out."""
    keys = [
        one.model_copy(update=changes[one.operator]) if changes.get(one.operator) else one
        for one in ROOT.keys
        if changes.get(one.operator, one) is not None
    ]
    return ROOT.model_copy(update={"version": 2, "keys": tuple(keys)})


def until(end, start=0):
    return {"valid_for": Period(start=start, end=end)}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ann": {"contact": "ann@example.net"}},
        {"bob": until(150)},
        {"bob": until(None)},
        {"bob": until(10)},
        {"cat": until(40)},
    ],
    ids=["nothing", "contact", "sooner", "no end after all", "backdated", "further back"],
)
def test_a_key_may_be_ended_and_an_end_to_come_may_move(changes):
    succession.check(ROOT, following(**changes), NOW)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"bob": None}, f"leaves out the key {BOB.id} of bob: a key is ended by validFor.end, never removed"),
        ({"bob": {"operator": "dan"}}, "changes the operator of the key .* of bob from bob to dan"),
        ({"bob": {"roles": ("builder",)}}, "changes the roles of the key .* from publisher to builder"),
        ({"ann": {"namespaces": ()}}, "changes the namespaces of the key .* from ann to none: end the key"),
        ({"bob": until(200, start=1)}, "changes the start of the key .* from 0 to 1"),
        ({"cat": until(60)}, "takes back the end of the key .* of cat, 50, which has passed: name a new key"),
        ({"cat": until(None)}, "takes back the end of the key .* of cat, 50"),
        ({"ann": until(99)}, "needs 1 operators to change it, and 0 hold a root key that is good at 100"),
        ({"log": until(300)}, f"ends the log key {LOG.id}: a log keeps its key"),
        ({"log": {"public": PrivateKey.generate("ed25519").public}}, f"names the log key .*; it is {LOG.id}"),
    ],
    # Keys are new in every process, and test names are not.
    ids=[
        "removed",
        "operator",
        "roles",
        "namespaces",
        "start",
        "later",
        "never",
        "all",
        "log",
        "another log",
    ],
)
def test_nothing_else_about_a_key_changes(changes, sentence):
    with pytest.raises(Forbidden, match=sentence):
        succession.check(ROOT, following(**changes), NOW)


def test_the_next_version_is_about_the_same_log():
    elsewhere = following().model_copy(update={"origin": "example.org/other"})
    with pytest.raises(Forbidden, match=r"names the log example\.org/other; it is example\.org/log"):
        succession.check(ROOT, elsewhere, NOW)


def test_the_first_version_can_be_followed():
    gone = trusted(key("ann", ANN, "root", end=NOW - 1))
    with pytest.raises(Forbidden, match="nobody could follow it"):
        succession.check(None, gone, NOW)


def test_only_ends_that_are_new_and_have_passed_void_anything():
    assert succession.ended(ROOT, following(), NOW) == {}
    assert succession.ended(ROOT, following(bob=until(150)), NOW) == {}
    assert succession.ended(ROOT, following(bob=until(99), cat=until(40)), NOW) == {BOB.id: 99, ENDED.id: 40}
    assert succession.ended(ROOT, following(bob=until(NOW)), NOW) == {}
    assert succession.ended(None, ROOT, NOW) == {ENDED.id: 50}
    new = key("dan", CAT, "publisher", end=20)
    more = following().model_copy(update={"keys": (*ROOT.keys, new)})
    assert succession.ended(ROOT, more, NOW) == {CAT.id: 20}


@pytest.mark.parametrize(
    "changes",
    [{}, {"bob": until(10)}, {"cat": until(40)}, {"ann": {"contact": "x"}}],
    ids=["same", "ended", "back", "contact"],
)
def test_a_version_leads_to_what_may_have_followed_it_however_often(changes):
    succession.check_leads(ROOT, following(**changes).model_copy(update={"version": 7}))


@pytest.mark.parametrize(
    ("changes", "version", "sentence"),
    [
        ({"bob": None}, 7, "version 7 of the trusted root leaves out the key"),
        ({"bob": {"operator": "eve"}}, 7, "changes the operator of the key .* from bob to eve"),
        ({"log": {"public": PrivateKey.generate("ed25519").public}}, 7, "names the log key"),
        ({"ann": {"contact": "x"}}, 1, "this version 1 of the trusted root leads to no version 1"),
        ({}, 0, "this version 1 of the trusted root leads to no version 0"),
    ],
    ids=["left out", "changed", "another log", "another of that version", "older"],
)
def test_t16_a_version_that_leads_elsewhere_is_refused(changes, version, sentence):
    with pytest.raises(Forbidden, match=sentence):
        succession.check_leads(ROOT, following(**changes).model_copy(update={"version": version}))
    succession.check_leads(ROOT, ROOT)
