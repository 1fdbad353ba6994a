"""Proposals: what may be declared of what is not made yet, held against what is judged once it is."""

import dataclasses

import pytest
from declaring import Dag, around, dags, edge, family, node
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW

from lineage.around import Around
from lineage.facts import RELATIONS
from lineage.finding import Seen
from lineage.licenses import UNKNOWN, discovered
from lineage.licensing import Licensing, judge
from lineage.proposal import RESULT, Proposal, propose

LICENSES = tuple(discovered())
MERGED = ("merge", "merge")


def above(*declares: str | None) -> Around:
    """Return parents that are made of nothing, each of which declares something."""
    return Around("p0", 9, tuple(node(f"p{n}", one) for n, one in enumerate(declares)), ())


def proposed(*declares: str | None, relations=MERGED, **more) -> Proposal:
    parents = [(f"p{n}", relations[n % len(relations)]) for n in range(len(declares))]
    return propose(above(*declares), parents, **more)


def made(found: Around, parents, declares: str | None, name: str | None = None, shown=None) -> Licensing:
    """Judge the result as it stands in the log once it was made and declares something."""
    nodes = (node("made", declares, name), *found.nodes)
    edges = (*(edge("made", one, how) for one, how in parents), *found.edges)
    return judge(Around("made", 12, nodes, edges, complete=found.complete), seen=Seen(shown=shown))


def named(found: Proposal) -> str | None:
    """Return a name that begins as every license above wants it to, as long as they agree."""
    begins = [one.texts[0] for one in found.owed if one.duty == "name_prefix"]
    return f"acme/{max(begins, key=len)} merged" if begins else None


@pytest.mark.parametrize("one", LICENSES)
def test_law_over_all_pairs_what_is_proposed_is_not_contradicted_once_it_is_made(one: str) -> None:
    for other in LICENSES:
        parents = [("p0", "merge"), ("p1", "merge")]
        found = proposed(one, other)
        if {one, other} & set(UNKNOWN):
            assert found.license is None, other
            assert found.outcome in {"unknown", "conflict"}, other
            continue
        shown = "\n".join(found.notices)
        if found.license is not None:
            after = made(above(one, other), parents, found.license, named(found), shown)
            against = {each.kind for each in after.findings if each.decides == "conflict"}
            assert (against, after.outcome) == (set(), found.outcome), other
        if found.outcome == "conflict":
            for word in LICENSES:
                if discovered()[word].spdx is not None or word in {one, other}:
                    after = made(above(one, other), parents, word)
                    assert after.outcome == "conflict", (other, word)


@LAW
@given(
    dags(), st.lists(st.sampled_from(RELATIONS), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_law_every_candidate_comes_to_what_it_comes_to_once_it_is_declared(
    dag: Dag, relations, random
) -> None:
    slice_ = around(dag)
    parents = [(random.choice(slice_.nodes).id, how) for how in relations]
    found = propose(slice_, parents)

    for one in random.sample(found.candidates, 4):
        after = made(slice_, parents, one.license)
        deciding = {
            (each.kind, each.decides, each.license) for each in after.findings if each.decides != "nothing"
        }
        assert (one.outcome, one.doubts) == (after.outcome, after.doubts)
        assert {(each.kind, each.decides, each.license) for each in one.findings} == deciding
        assert set(found.because) <= set(one.findings)
    assert [one.outcome for one in found.candidates] == sorted(
        (one.outcome for one in found.candidates), key=("ok", "needs_review", "unknown", "conflict").index
    )


@LAW
@given(
    dags(), st.lists(st.sampled_from(RELATIONS), min_size=1, max_size=3), st.randoms(use_true_random=False)
)
def test_law_nothing_is_proposed_where_anything_above_is_unknown(dag: Dag, relations, random) -> None:
    slice_ = around(dag)
    parents = [(random.choice(slice_.nodes).id, how) for how in relations]
    found = propose(slice_, parents)

    bare = made(slice_, parents, "mit")
    if not bare.terms.complete or not bare.complete:
        assert found.license is None
        assert {one.outcome for one in found.candidates} <= {"unknown", "conflict"}
    cut = propose(dataclasses.replace(slice_, complete=False), parents)
    assert cut.license is None
    assert not cut.complete


@pytest.mark.parametrize(
    ("parents", "license_id", "outcome"),
    [
        (("mit", "mit"), "mit", "ok"),
        (("mit", "apache-2.0"), "apache-2.0", "ok"),
        (("llama3", "llama3"), "llama3", "ok"),
        (("gpl-3.0", "mit"), "gpl-3.0", "ok"),
        (("gpl-3.0", "agpl-3.0"), "agpl-3.0", "ok"),
        (("cc-by-nc-4.0", "apache-2.0"), "cc-by-nc-4.0", "ok"),
        (("intel-research", "mit"), "intel-research", "needs_review"),
        (("gpl-3.0", "cc-by-nc-sa-4.0"), None, "conflict"),
        (("cc-by-nd-4.0", "cc-by-nd-4.0"), None, "conflict"),
        (("llama3", "llama2"), None, "conflict"),
        (("gpl-3.0", "llama3.1"), None, "conflict"),
        (("mit", None), None, "unknown"),
        (("cc-by-nd-4.0", None), None, "conflict"),
    ],
)
def test_of_what_may_be_declared_the_widest_is_proposed(parents, license_id, outcome) -> None:
    found = proposed(*parents)
    assert (found.license, found.outcome) == (license_id, outcome), found.candidates[:3]


def test_none_can_be_carried_because_of_what_stands_whatever_is_declared() -> None:
    found = proposed("gpl-3.0", "cc-by-nc-sa-4.0")

    kinds = {one.kind for one in found.because}
    assert kinds == {"LIC-COPYLEFT-CLASH", "LIC-EXTRA-RESTRICT"}
    clash = next(one for one in found.because if one.kind == "LIC-COPYLEFT-CLASH")
    assert clash.sentence == (
        "cc-by-nc-sa-4.0, inherited from p1, and gpl-3.0, inherited from p0, each want the whole under themselves"
    )
    assert (clash.origin, clash.via) == ("p1", ("p1", RESULT))


def test_what_all_parents_declare_comes_before_what_asks_more() -> None:
    slice_ = family("mit", [{"declares": "apache-2.0", "relation": "finetune"}])
    found = propose(slice_, [("child", "merge")])

    assert found.license == "mit"
    assert next(one.license for one in found.candidates if one.license != "mit") == "apache-2.0"


def test_what_the_recipe_declares_is_judged_and_not_replaced() -> None:
    found = proposed("llama3", "llama3", declares="apache-2.0")

    assert (found.license, found.outcome) == ("apache-2.0", "conflict")
    assert found.candidates[0].license == "llama3"
    strange = proposed("mit", "mit", declares="of-my-own")
    assert (strange.license, strange.outcome) == ("of-my-own", "unknown")


def test_duties_come_with_words_origin_and_way() -> None:
    found = proposed("llama3", "llama3")

    assert {one.duty for one in found.owed} == {
        "copy_of_license",
        "display",
        "name_prefix",
        "notice_text",
        "aup",
    }
    assert {(one.license, one.via[-1], one.settled) for one in found.owed} == {("llama3", RESULT, True)}
    assert found.notices == (
        "Built with Meta Llama 3",
        "Meta Llama 3 is licensed under the Meta Llama 3 Community License",
    )
    assert proposed("mit", "apache-2.0").notices == ()


@pytest.mark.parametrize(
    ("name", "outcome"), [("acme/Llama-3-x", "ok"), ("acme/x", "conflict"), (None, "ok")]
)
def test_a_name_that_does_not_begin_as_it_has_to_contradicts(name, outcome) -> None:
    found = proposed("llama3", "llama3", name=name)

    assert found.outcome == outcome
    assert [one.kind for one in found.because] == (["LIC-NAME-PREFIX"] if outcome == "conflict" else [])


def test_a_vendor_s_license_is_proposed_only_where_it_reaches() -> None:
    told = {one.license for one in proposed("mit", "gemma").candidates}

    assert "gemma" in told
    assert not {one.id for one in discovered().values() if one.spdx is None} & (told - {"gemma"})
