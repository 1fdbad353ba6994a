"""Authority: who may say what, decided from the trusted root in force at a leaf."""

import pytest
from rooted import ANN, BOB, CAT, LOG, key, trusted

from lineage import authority, ownership, predicates
from lineage.predicates import claims, incident, license, name, rebuild, root  # noqa: A004
from signing.errors import Forbidden

ID = "sha256:" + "1" * 64
LICENSE = license.statement(ID, "mit", 5)

ROOT = trusted(
    key("ann", ANN, "root", "publisher", "rebuilder", namespaces=("ann", "shared")),
    key("bob", BOB, "root", "security", start=10, end=20),
    threshold=2,
)
HELD = ROOT.keys[:-1]


def check(statement, *keys, in_force=ROOT, time=15):
    facts = predicates.facts(statement, "e" * 64)
    return authority.check(in_force, statement, facts, [one.id for one in keys], time)


def test_a_key_with_the_role_may_say_it():
    assert check(LICENSE, ANN) == ("ann",)
    assert check(LICENSE, BOB, CAT, ANN) == ("ann",)


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ((), "0 signed it: no other key signed"),
        ((CAT,), f"the key {CAT.id} is not in the trusted root"),
        ((BOB,), f"the key {BOB.id} of bob holds root, security, not publisher"),
        ((LOG,), "of log holds log, not publisher"),
    ],
    # Keys are new in every process, and test names are not.
    ids=["nobody", "a stranger", "another role", "the log"],
)
def test_a_key_without_the_role_is_refused_with_what_it_lacks(keys, sentence):
    with pytest.raises(Forbidden, match=sentence):
        check(LICENSE, *keys)


@pytest.mark.parametrize(("time", "good"), [(9, False), (10, True), (20, True), (21, False)])
def test_t8_a_key_speaks_only_while_it_is_good(time, good):
    report = incident.statement([ID], "withdrawn", "low", "reported", "s", contact="c", issued=0)

    if good:
        assert check(report, BOB, time=time) == ("bob",)
    else:
        with pytest.raises(Forbidden, match=f"of bob is good from 10 to 20, and the time is {time}"):
            check(report, BOB, time=time)


def test_t10_a_quorum_is_stated_by_the_operator_of_the_log_and_nobody_else():
    mine, theirs = (rebuild.agreement(ID, ["1" * 64, "2" * 64], who, 0) for who in ("log", "ann"))
    keeper = trusted(key("log", CAT, "rebuilder"), *HELD)

    assert check(mine, CAT, in_force=keeper) == ("log",)
    with pytest.raises(
        Forbidden, match=r"of log states a quorum as .*registry/ann; .*registry/log, who keeps the log"
    ):
        check(theirs, CAT, in_force=keeper)
    for said in (mine, theirs):
        with pytest.raises(Forbidden, match="of ann states a quorum as"):
            check(said, ANN, in_force=keeper)


def test_a_name_needs_a_key_that_covers_its_namespace():
    assert check(name.statement(ID, "shared/x", None, 0), ANN) == ("ann",)
    with pytest.raises(Forbidden, match="of ann covers the namespaces ann, shared, not bob/x"):
        check(name.statement(ID, "bob/x", None, 0), ANN)
    anything = trusted(key("cat", CAT, "root", "publisher"), key("bob", BOB, "publisher", namespaces=()))
    assert check(name.statement(ID, "bob/x", None, 0), CAT, BOB, in_force=anything) == ("cat",)


def test_a_verdict_is_signed_by_the_verifier_it_names():
    assert check(rebuild.statement(ID, "b" * 64, "ann", 0, []), ANN) == ("ann",)
    with pytest.raises(Forbidden, match=r"of ann signs as https://studbook\.dev/rebuilder/ann, not .*bob"):
        check(rebuild.statement(ID, "b" * 64, "bob", 0, []), ANN)


def test_the_first_root_is_signed_as_it_asks_itself():
    first = root.statement(ROOT)

    assert authority.candidates(None, first.encode()) == (ANN, BOB)
    assert check(first, ANN, BOB, in_force=None) == ("ann", "bob")
    with pytest.raises(
        Forbidden, match=r"needs 2 operators with the role root under version 1 .* and 1 signed"
    ):
        check(first, ANN, in_force=None)


def test_before_the_first_root_nothing_else_is_said():
    assert authority.candidates(None, LICENSE.encode()) == ()
    with pytest.raises(Forbidden, match="no trusted root is in force"):
        check(LICENSE, ANN, in_force=None)


def test_t16_the_next_root_is_exactly_one_version_on():
    for version in (0, 1, 3):
        with pytest.raises(Forbidden, match=f"version {version} of the trusted root, where version 2 is due"):
            check(root.statement(trusted(*HELD, key("cat", CAT, "root"), version=version)), ANN, BOB)
    with pytest.raises(Forbidden, match=r"version 2 .* where version 1 is due"):
        check(root.statement(trusted(key("cat", CAT, "root"), version=2)), CAT, in_force=None)


def test_the_next_root_is_signed_by_the_holders_of_the_one_in_force():
    following = root.statement(trusted(*HELD, key("cat", CAT, "root"), version=2))

    assert authority.candidates(ROOT, following.encode()) == (ANN, BOB)
    assert check(following, ANN, BOB, CAT) == ("ann", "bob")
    with pytest.raises(Forbidden, match=f"2 operators .* 0 signed it: the key {CAT.id} is not in"):
        check(following, CAT)


def test_t10_two_keys_of_one_operator_are_one_vote():
    twice = trusted(key("ann", ANN, "root"), key("ann", BOB, "root"), key("cat", CAT, "root"), threshold=2)
    following = root.statement(twice.model_copy(update={"version": 2}))

    with pytest.raises(Forbidden, match="and 1 signed"):
        check(following, ANN, BOB, in_force=twice)


def test_the_facts_of_a_key_change_hold_the_root_that_comes_into_force():
    assert authority.rooted(predicates.facts(root.statement(ROOT), "")) == ROOT
    assert authority.rooted(predicates.facts(LICENSE, "")) is None


def test_what_nobody_signed_is_not_read_where_a_root_is_in_force():
    assert authority.candidates(ROOT, b"no statement") == (ANN, BOB)


def test_an_earlier_root_was_signed_by_who_holds_a_root_key_whatever_ended_since():
    later = trusted(
        *HELD[:1],
        key("bob", BOB, "root", "security", start=10, end=11),
        key("cat", CAT, "publisher"),
        version=3,
        threshold=1,
    )

    assert authority.check_earlier(later, ROOT, [ANN.id, BOB.id, CAT.id]) == ("ann", "bob")
    with pytest.raises(
        Forbidden, match=r"version 1 of the trusted root needs 2 operators .* and 1 signed it"
    ):
        authority.check_earlier(later, ROOT, [ANN.id, CAT.id])
    second = ROOT.model_copy(update={"version": 2})
    assert authority.check_earlier(later, second, [ANN.id]) == ("ann",), "its predecessor says how many"
    with pytest.raises(Forbidden, match=r"needs 1 operators .* and 0 signed it"):
        authority.check_earlier(later, second, [CAT.id])


@pytest.mark.parametrize(
    ("keys", "time", "lacking"),
    [
        ((ANN,), 15, {}),
        ((BOB,), 15, {"ann/x": ("ann",)}),
        ((CAT,), 15, {"ann/x": ("ann",)}),
        ((CAT, ANN), 15, {}),
        ((), 15, {"ann/x": ("ann",)}),
        ((ANN,), 21, {"ann/x": ()}),
    ],
    ids=["its owner", "another role", "another namespace", "both", "nobody", "an ended key"],
)
def test_t19_a_name_is_its_owners_by_namespace_role_and_period(keys, time, lacking):
    held = trusted(
        key("ann", ANN, "publisher", namespaces=("ann", "shared"), end=20),
        key("bob", BOB, "root", "security", "builder"),
        key("cat", CAT, "publisher", namespaces=("anm",)),
    )
    assert authority.owners(held, [one.id for one in keys], ["ann/x"], time) == lacking


def test_t19_whoever_covers_every_namespace_owns_every_name():
    wide = trusted(key("ann", ANN, "root", "publisher", namespaces=("*",)), key("bob", BOB, "publisher"))
    assert authority.owners(wide, [ANN.id], ["bob/x", "cat/x"], 15) == {}
    assert authority.owners(wide, [], ["cat/x"], 15) == {"cat/x": ("ann", "bob")}
    assert authority.owners(None, [ANN.id], ["bob/x"], 15) == {"bob/x": ()}


def test_a_claim_about_stubs_is_for_any_publisher_and_nobody_owns_it():
    said = claims.statement(
        "card.md", "0" * 64, [claims.Claim("hf:bob/x", (claims.Parent(ID, "finetune"),), "mit")], 5
    )

    assert check(said, ANN) == ("ann",)
    assert ownership.owned(said, predicates.facts(said, "")) == ()
    with pytest.raises(Forbidden, match="of bob holds root, security, not publisher"):
        check(said, BOB)
