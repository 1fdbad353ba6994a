"""Licensing: what rules say beyond their worked examples, and what an outcome is taken from."""

import dataclasses
import time

import pytest
from declaring import NAME, Dag, around, chain, dags, edge, family, node
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAW

from lineage import uses
from lineage.around import Around
from lineage.declared import Resolved
from lineage.finding import KINDS, Seen, Use
from lineage.licenses import COMMERCIAL, UNKNOWN, VERSION, Restriction, discovered
from lineage.licensing import MOST, NOTICE, case_of, judge
from lineage.terms import Borne
from signing.errors import Malformed, Refused

APACHE = {"declares": "apache-2.0", "relation": "finetune"}


def kinds(found) -> list[str]:
    return [one.kind for one in found.findings]


def made(*parents: tuple[str | None, str], declares: str | None = "apache-2.0", name: str = NAME) -> Around:
    return family(
        declares, [{"relation": how} | ({"declares": one} if one else {}) for one, how in parents], name
    )


def only(around: Around, kind: str, use: Use | None = None, seen: Seen | None = None):
    (found,) = (one for one in judge(around, use, seen).findings if one.kind == kind)
    return found


def test_a_finding_says_values_origin_way_license_rule_and_version() -> None:
    nodes = (node("a", "apache-2.0", "acme/model"), node("b", "mit", "acme/mid"), node("c", "cc-by-nc-4.0"))
    slice_ = Around("a", 5, nodes, (edge("a", "b", "finetune"), edge("b", "c", "quantize")))

    found = judge(slice_)

    lost, sold = found.findings
    assert (lost.kind, lost.severity, lost.decides) == ("LIC-PERMISSIVE-OVER", "high", "conflict")
    assert lost.sentence == (
        "acme/model declares apache-2.0, which lacks nc of cc-by-nc-4.0, inherited from c"
    )
    assert (lost.license, lost.origin, lost.via) == ("cc-by-nc-4.0", "c", ("c", "b", "a"))
    assert (lost.verified, lost.rules) == (True, VERSION)
    assert sold.sentence == (
        "cc-by-nc-4.0, declared by c, allows no commercial use, and acme/model declares apache-2.0, which does"
    )
    assert (found.outcome, found.as_of, found.complete, found.rules) == ("conflict", 5, True, VERSION)
    assert "Not legal advice" in NOTICE


def test_a_clean_lineage_is_ok_and_says_what_was_not_judged() -> None:
    found = judge(made(("llama3.1", "finetune"), declares="llama3.1", name="acme/Llama-x"))

    assert (found.outcome, kinds(found)) == ("ok", ["LIC-THRESHOLD"])
    assert found.unasked == (
        "LIC-DISPLAY-MISSING: nobody looked at what its card shows",
        "LIC-GATED-BYPASS: nobody said whether its terms have to be accepted",
        "LIC-ANCESTOR-GONE: nobody looked upstream",
    )


@pytest.mark.parametrize("declares", [None, "other", "unknown", "no-such-license"])
@pytest.mark.parametrize("relation", ["finetune", "distill", "tokenizer", "adapter_of"])
def test_nothing_with_an_unknown_ancestor_is_ok(declares: str | None, relation: str) -> None:
    found = judge(made((declares, relation), ("apache-2.0", "finetune")))

    assert (found.outcome, kinds(found)) == ("unknown", ["LIC-UNKNOWN"])
    assert found.findings[0].via == ("parent-0", "child")
    assert not found.terms.complete


def test_an_ancestor_that_was_never_seen_is_unknown_whatever_it_declared() -> None:
    slice_ = made(("mit", "finetune"))
    nodes = (slice_.nodes[0], node("parent-0", "mit", seen=False))

    found = judge(dataclasses.replace(slice_, nodes=nodes))

    assert found.outcome == "unknown"
    assert (
        only(dataclasses.replace(slice_, nodes=nodes), "LIC-UNKNOWN").sentence
        == "parent-0 was never seen here"
    )


def test_a_slice_that_lacks_an_ancestor_or_was_cut_is_unknown() -> None:
    slice_ = made(("mit", "finetune"))

    lacking = judge(dataclasses.replace(slice_, nodes=slice_.nodes[:1]))
    assert (lacking.outcome, lacking.complete) == ("unknown", False)
    assert judge(dataclasses.replace(slice_, complete=False)).outcome == "unknown"
    with pytest.raises(Refused, match="around child does not hold it"):
        judge(Around("child", 1, (), ()))


def test_a_conflict_stands_whatever_else_is_unknown() -> None:
    found = judge(made((None, "finetune"), ("cc-by-nc-4.0", "finetune")))

    assert found.outcome == "conflict"
    assert [one.decides for one in found.findings] == ["conflict", "conflict", "unknown"]


def test_a_card_that_leaves_it_open_is_to_be_reviewed() -> None:
    found = judge(made(("bsd", "finetune")))

    assert (found.outcome, kinds(found)) == ("needs_review", ["LIC-UNKNOWN"])
    assert "the name of a family: bsd-2-clause, bsd-3-clause" in found.findings[0].sentence
    open_ = judge(made(("gpl", "finetune")))
    assert open_.outcome == "needs_review"
    assert {one.decides for one in open_.findings} == {"needs_review"}


def test_an_artifact_of_nobody_is_judged_by_its_own_license() -> None:
    own = judge(family("cc-by-nc-4.0", []), Use(commercial=True))

    assert (own.outcome, kinds(own)) == ("conflict", ["LIC-NC-COMMERCIAL"])
    assert own.findings[0].via == ("child",)
    assert own.declared == Resolved(("cc-by-nc-4.0",))
    assert judge(family("cc-by-nc-4.0", [])).outcome == "ok"
    assert judge(family(None, [])).outcome == "unknown"


@pytest.mark.parametrize(
    ("users", "commercial", "decides"),
    [
        (None, False, "nothing"),
        (None, True, "needs_review"),
        (700_000_000, True, "nothing"),
        (700_000_001, False, "conflict"),
    ],
)
def test_a_threshold_is_judged_by_the_number_that_is_given(users, commercial, decides) -> None:
    slice_ = made(("llama3.1", "finetune"), declares="llama3.1", name="acme/Llama-x")
    found = only(slice_, "LIC-THRESHOLD", Use(commercial=commercial, monthly_users=users))

    assert found.decides == decides
    assert "above 700,000,000 monthly users" in found.sentence


def test_revenue_is_no_number_of_users() -> None:
    slice_ = made(declares="stabilityai-ai-community")
    assert only(slice_, "LIC-THRESHOLD", Use(monthly_users=10**9, commercial=True)).decides == "needs_review"
    found = only(slice_, "LIC-THRESHOLD", Use(revenue=1_000_001))
    assert found.sentence.endswith("above 1,000,000 US dollars of revenue a year, and there are 1,000,001")


@pytest.mark.parametrize(
    ("place", "excluded"),
    [("EU", True), ("DE", True), ("KR", True), ("GB", True), ("UK", True), ("US", False), ("CH", False)],
)
def test_a_territory_is_left_out_by_itself_or_with_the_union(place: str, excluded: bool) -> None:
    found = judge(made(declares="tencent-hunyuan-community"), Use(territory=place))
    assert ("LIC-TERRITORY" in kinds(found)) == excluded


def test_a_union_of_which_one_member_is_left_out_is_left_out_in_part() -> None:
    bar = Restriction(kind="territory_excluded", places=("DE",))
    assert [uses._excluded(place, bar) for place in ("EU", "DE", "FR")] == [True, True, False]


def test_what_descends_from_an_artifact_says_nothing_of_it() -> None:
    slice_ = chain("mit", "llama2", "llama2", relations=["distill", "finetune"])
    assert kinds(judge(dataclasses.replace(slice_, artifact="m1"))) == ["LIC-THRESHOLD"]


@pytest.mark.parametrize("place", ["Germany", "de", "E", ""])
def test_a_territory_that_is_none_is_refused(place: str) -> None:
    with pytest.raises(Malformed, match="is no territory"):
        judge(made(), Use(territory=place))


@pytest.mark.parametrize(
    ("name", "begins"),
    [
        ("acme/Llama-3-x", True),
        ("acme/llama_3.x", True),
        ("acme/Llama 3", True),
        ("acme/Llama-3-x@v1", True),
        ("llama-3/x", False),
        ("Llama-3-x", True),
        ("acme/x-Llama-3", False),
        ("acme/Llama3-x", False),
    ],
)
def test_a_name_begins_as_the_license_wants(name: str, begins: bool) -> None:
    found = judge(made(("llama3", "finetune"), declares="llama3", name=name))
    assert ("LIC-NAME-PREFIX" in kinds(found)) != begins


def test_what_has_no_name_has_none_that_is_wrong_and_that_is_said() -> None:
    slice_ = family("llama3", [{"declares": "llama3", "relation": "finetune"}], None)
    found = judge(slice_)

    assert kinds(found) == ["LIC-THRESHOLD"]
    assert "LIC-NAME-PREFIX: the artifact has no name" in found.unasked


def test_what_has_to_be_shown_is_looked_for_in_what_is_shown() -> None:
    slice_ = made(("llama3.1", "finetune"), declares="llama3.1", name="acme/Llama-x")
    notice = "Llama 3.1 is licensed under the\nLlama 3.1 Community License, © Meta"

    assert kinds(judge(slice_, seen=Seen(shown=f"built with LLAMA. {notice}"))) == ["LIC-THRESHOLD"]
    found = judge(slice_, seen=Seen(shown=notice))
    assert only(slice_, "LIC-DISPLAY-MISSING", seen=Seen(shown=notice)).severity == "low"
    assert found.outcome == "conflict"
    assert "does not show 'Built with Llama'" in found.findings[0].sentence


def test_what_is_gated_above_is_to_be_gated_below() -> None:
    slice_ = made(("gemma", "finetune"), declares="gemma")

    assert only(slice_, "LIC-GATED-BYPASS", seen=Seen(gated=False)).decides == "needs_review"
    assert kinds(judge(slice_, seen=Seen(gated=True))) == []
    mixed = made(("gemma", "merge"), ("apache-2.0", "merge"), declares="gemma")
    assert kinds(judge(mixed, seen=Seen(gated=False))) == ["LIC-GATED-BYPASS"]
    assert kinds(judge(made(("mit", "finetune")), seen=Seen(gated=False))) == []


def test_an_ancestor_that_declared_another_license_before_is_named_with_both() -> None:
    nodes = (node("a", "mit"), node("b", "mit", None, "apache-2.0", "MIT", "apache-2.0"))
    slice_ = Around("a", 5, nodes, (edge("a", "b", "finetune"),))

    assert only(slice_, "LIC-CHANGED").sentence.startswith(
        "b declares mit now and declared apache-2.0 before"
    )
    assert judge(slice_).outcome == "needs_review"
    spelt = dataclasses.replace(slice_, nodes=(nodes[0], node("b", "mit", None, "MIT")))
    assert kinds(judge(spelt)) == []
    own = dataclasses.replace(slice_, nodes=(node("a", "mit", None, "apache-2.0"), node("b", "mit")))
    assert kinds(judge(own)) == []
    odd = dataclasses.replace(slice_, nodes=(nodes[0], node("b", "odd-one", None, "odd-two")))
    assert "declares odd-one now and declared odd-two before" in only(odd, "LIC-CHANGED").sentence
    strange = dataclasses.replace(slice_, nodes=(nodes[0], node("b", "mit", None, "strange-one")))
    assert "declared strange-one before" in only(strange, "LIC-CHANGED").sentence


def test_an_ancestor_that_is_gone_is_said_and_decides_nothing() -> None:
    found = judge(made(("mit", "finetune")), seen=Seen(gone=frozenset({"parent-0", "elsewhere"})))

    assert (found.outcome, kinds(found)) == ("ok", ["LIC-ANCESTOR-GONE"])
    assert "LIC-ANCESTOR-GONE: nobody looked upstream" not in found.unasked


def test_two_licenses_that_each_want_the_whole_clash_once() -> None:
    found = judge(made(("faipl-1.0-sd", "merge"), ("cc-by-sa-4.0", "merge"), declares="faipl-1.0-sd"))

    clash = [one for one in found.findings if one.kind == "LIC-COPYLEFT-CLASH"]
    assert len(clash) == 1
    assert not clash[0].verified, "one of the two was not read"


def test_further_restrictions_are_named() -> None:
    slice_ = made(("gpl-3.0", "merge"), ("llama3.1", "merge"), declares="gpl-3.0", name="acme/Llama-x")
    found = only(slice_, "LIC-EXTRA-RESTRICT")

    assert found.sentence == (
        "gpl-3.0, inherited from parent-0, allows no further restrictions, and llama3.1, inherited from parent-1,"
        " adds use_based, mau"
    )
    assert found.decides == "conflict"
    assert "LIC-EXTRA-RESTRICT" not in kinds(
        judge(made(("gpl-3.0", "merge"), ("mit", "merge"), declares="gpl-3.0"))
    )


def test_a_teacher_s_breach_is_its_student_s_and_of_whoever_descends_from_it() -> None:
    slice_ = chain("mit", "mit", "llama2", relations=["finetune", "distill"])
    found = only(slice_, "LIC-IMPROVE-OTHER")

    assert found.via == ("m2", "m1", "m0")
    assert found.sentence == (
        "distill brings m2 into m1, and llama2 does not let it improve models outside llama2"
    )
    assert judge(slice_).outcome == "conflict"


def test_a_student_that_is_of_the_family_by_its_weights_breaks_nothing() -> None:
    own = made(("llama2", "synthetic"), ("llama2", "finetune"), declares="llama2")
    taught = made(("llama2", "synthetic"), ("mit", "finetune"), declares="mit")

    assert kinds(judge(own)) == ["LIC-THRESHOLD"]
    assert kinds(judge(taught)) == ["LIC-IMPROVE-OTHER"]


def test_a_merge_within_the_family_breaks_nothing() -> None:
    within = made(("llama3", "merge"), ("llama3", "merge"), declares="llama3", name="acme/Llama-3-x")
    assert "LIC-IMPROVE-OTHER" not in kinds(judge(within))
    outputs = made(("flux-1-dev-non-commercial-license", "merge"), ("mit", "merge"))
    assert "LIC-IMPROVE-OTHER" not in kinds(judge(outputs)), "its ban is on outputs, not on weights"
    taught = judge(made(("grok2-community", "distill"), declares="mit"))
    assert kinds(taught) == [], "its ban is on weights, not on outputs"


def test_a_license_that_is_declared_beside_another_is_not_dropped() -> None:
    nodes = (node("child", "gpl-3.0"), node("parent", "gpl-3.0"))
    slice_ = Around("child", 1, nodes, (edge("child", "parent", "finetune"),))
    assert judge(slice_).outcome == "ok"


def test_an_adapter_s_conflict_is_to_be_reviewed_where_the_license_says_nothing_of_adapters() -> None:
    found = judge(made(("cc-by-nc-4.0", "adapter_of")))

    assert {one.decides for one in found.findings} == {"needs_review"}
    assert found.outcome == "needs_review"


def test_doubts_keep_what_contradicts_nothing_from_being_ok() -> None:
    unread, open_ = (
        judge(family("intel-research", [])),
        judge(made(("mpl-2.0", "finetune"), declares="mpl-2.0")),
    )

    assert [(one.outcome, kinds(one)) for one in (unread, open_)] == [("needs_review", [])] * 2
    assert unread.doubts == ("what intel-research asks is remembered, not read",)
    assert open_.doubts == (f"mpl-2.0: {discovered()['mpl-2.0'].note}",)


@LAW
@given(dags(), st.booleans(), st.sampled_from([None, "EU", "US"]), st.sampled_from([None, 0, 10**9]))
def test_law_no_lineage_with_anything_unknown_is_ok_and_every_finding_has_a_way(
    dag: Dag, commercial: bool, place, users
) -> None:
    slice_ = around(dag)
    found = judge(slice_, Use(commercial, place, users))

    edges = {(one.parent, one.child) for one in slice_.edges}
    for one in found.findings:
        assert one.kind in KINDS
        assert one.sentence
        assert one.via[-1] == "m0"
        assert set(zip(one.via, one.via[1:], strict=False)) <= edges
    above = {one.via[0] for one in found.findings if one.kind == "LIC-UNKNOWN" and one.decides == "unknown"}
    if above or any(one.license in UNKNOWN for one in found.terms.all):
        assert found.outcome in {"unknown", "conflict"}
    if found.outcome == "ok":
        assert all(one.facts.verified and not one.facts.review for one in found.terms.all)
        assert not {one.decides for one in found.findings} - {"nothing"}


@LAW
@given(dags())
def test_law_a_use_that_is_asked_about_takes_no_finding_away(dag: Dag) -> None:
    slice_ = around(dag)
    little, much = judge(slice_), judge(slice_, Use(commercial=True, territory="EU", monthly_users=10**12))
    order = ["ok", "needs_review", "unknown", "conflict"]

    told = [(one.kind, one.license) for one in much.findings]
    assert all((one.kind, one.license) in told for one in little.findings)
    assert order.index(little.outcome) <= order.index(much.outcome)
    assert COMMERCIAL.index(little.terms.commercial) == COMMERCIAL.index(much.terms.commercial)


def test_what_may_be_meant_and_what_is_meant_are_two_elements_of_one_license() -> None:
    found = judge(made(("gpl", "merge"), ("gpl-3.0", "merge"), declares="gpl-3.0"))

    assert {Borne("gpl-3.0", settled=True), Borne("gpl-3.0", settled=False)} <= found.terms.inherited.keys()
    assert "LIC-COPYLEFT-DROP" in kinds(found)
    assert found.outcome == "needs_review"


def test_licenses_that_go_together_do_not_clash_and_what_depends_is_to_be_reviewed() -> None:
    together = judge(made(("lgpl-3.0", "merge"), ("gpl-3.0", "merge"), declares="gpl-3.0"))
    assert (together.outcome, kinds(together)) == ("ok", [])

    # OSADL: AGPL 3.0 within GPL 3.0 depends on how they are combined.
    depends = only(made(("agpl-3.0", "finetune"), declares="gpl-3.0"), "LIC-COPYLEFT-DROP")
    assert depends.decides == "needs_review"


def test_what_rests_on_a_license_of_its_own_that_says_too_little_is_to_be_reviewed() -> None:
    vague = only(made(("gemma", "finetune"), declares="openrail"), "LIC-PERMISSIVE-OVER")
    remembered = only(made(("gemma", "finetune"), declares="intel-research"), "LIC-PERMISSIVE-OVER")

    assert (vague.decides, vague.verified) == ("needs_review", False)
    assert (remembered.decides, remembered.verified) == ("conflict", False)


def test_a_right_that_its_licensor_keeps_is_no_clause_that_another_license_lacks() -> None:
    found = only(made(("openrail++", "finetune"), declares="deepfloyd-if-license"), "LIC-PERMISSIVE-OVER")
    assert "was not compared" in found.sentence


def test_what_is_merged_with_something_unknown_may_be_of_the_family() -> None:
    found = judge(made(("llama3", "merge"), (None, "merge"), declares="llama3", name="acme/Llama-3-x"))

    assert [one.decides for one in found.findings if one.kind == "LIC-IMPROVE-OTHER"] == ["needs_review"]
    assert found.outcome == "unknown"


def test_a_threshold_that_is_as_low_goes_on_and_a_higher_one_does_not() -> None:
    lower = only(made(("llama3.1", "finetune"), declares="qwen", name="acme/Llama-x"), "LIC-PERMISSIVE-OVER")
    higher = only(made(("qwen", "finetune"), declares="llama3.1"), "LIC-PERMISSIVE-OVER")

    assert "mau" not in lower.sentence
    assert "lacks mau (above 100,000,000)" in higher.sentence


def test_a_ban_with_another_exception_is_another_ban() -> None:
    found = only(made(("llama2", "finetune"), declares="llama3"), "LIC-PERMISSIVE-OVER")
    assert "no_improve_other_models (by materials, by outputs, unless llama2)" in found.sentence


def test_readings_of_one_declaration_do_not_clash_with_each_other() -> None:
    found = judge(made(("gpl", "finetune"), declares="gpl-3.0"))
    assert "LIC-COPYLEFT-CLASH" not in kinds(found)
    two = judge(made(("gpl", "merge"), ("gpl-2.0", "merge"), declares="gpl-2.0"))
    assert [one.decides for one in two.findings if one.kind == "LIC-COPYLEFT-CLASH"] == ["needs_review"]


def test_of_one_kind_the_nearest_are_told_and_the_others_counted_and_all_decide() -> None:
    slice_ = chain("mit", *[None] * (MOST + 50), "cc-by-nc-4.0")
    found = judge(slice_)

    unknown = [one for one in found.findings if one.kind == "LIC-UNKNOWN"]
    assert (len(unknown), found.left_out) == (MOST, 50)
    assert [len(one.via) for one in unknown] == list(range(2, MOST + 2))
    assert found.outcome == "conflict"
    assert judge(chain("mit", *[None] * (MOST + 50))).outcome == "unknown"


def test_a_breach_is_told_once_of_each_license_by_the_shortest_way() -> None:
    slice_ = chain("mit", "mit", "llama2", "llama2", relations=["finetune", "distill", "finetune"])
    again = dataclasses.replace(slice_, edges=(*slice_.edges, edge("m0", "m3", "synthetic")))

    assert only(again, "LIC-IMPROVE-OTHER").via == ("m3", "m0")


def test_a_wide_lineage_is_judged_in_seconds() -> None:
    ids = [[f"n{depth}-{place}" for place in range(60)] for depth in range(150)]
    nodes = [node("m0", "llama2"), *(node(one, "llama2") for row in ids for one in row)]
    pairs = [("m0", one) for one in ids[0]]
    pairs += [
        (a, ids[d + 1][(n + k) % 60]) for d in range(149) for n, a in enumerate(ids[d]) for k in range(3)
    ]
    slice_ = Around("m0", 1, tuple(nodes), tuple(edge(a, b, "merge") for a, b in pairs))

    began = time.process_time()
    judge(slice_)
    # A rule that walks all 26,880 edges for each of them takes ten times as long.
    assert time.process_time() - began < 5


def test_what_is_merged_of_very_many_is_judged_in_seconds() -> None:
    ids = [f"n{place}" for place in range(25_000)]
    nodes = (node("m0", "mit"), *(node(one, "mit") for one in ids))
    slice_ = Around("m0", 1, nodes, tuple(edge("m0", one, "merge") for one in ids))

    began = time.process_time()
    case_of(slice_)
    # Going through every way that is found already, once for each ancestor, takes six seconds.
    assert time.process_time() - began < 2
