"""What cards mention, held against what is signed: a line for each difference, and none where both can mean the same."""

from hypothesis import given
from hypothesis import strategies as st

from lineage.around import Around, Edge, Node, Source, Told
from lineage.facts import Evidence
from lineage.mentions import Contradiction, contradictions
from lineage.standing import Clean
from lineage.status import Policy
from lineage.verdict import assess

HERE, AT = "sha256:" + "1" * 64, "@" + "0f" * 20
REPOSITORIES = [f"hf:acme/m{number}" for number in range(4)]
SIGNED = ["sha256:" + f"{number:064x}" for number in range(10, 14)]
TERMS = st.sampled_from([None, "mit", "MIT", "apache-2.0", "odd-words", "other-words", "Odd-Words"])


def around(parents, told: Told, terms: str | None = None, relation="finetune") -> Around:
    here = Node(HERE, seen=True, licenses=() if terms is None else (terms,))
    edges = tuple(Edge(HERE, one, relation, "{}", Evidence.SIGNED, "e") for one in parents)
    return Around(HERE, 9, (here, *(Node(one, seen=True) for one in parents)), edges, told=told)


def kinds(found: tuple[Contradiction, ...]) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in found]


@given(
    signed=st.sets(st.integers(0, 3)),
    mentioned=st.sets(st.integers(0, 3)),
    pinned=st.sets(st.integers(0, 3)),
    declared=TERMS,
    given_=TERMS,
)
def test_law_there_is_a_line_for_each_parent_that_only_one_of_both_knows(
    signed, mentioned, pinned, declared, given_
) -> None:
    """Each signed parent is known as the repository of its number; a card may pin a commit."""
    told = Told(
        (
            Source(
                "README.md", tuple(REPOSITORIES[n] + (AT if n in pinned else "") for n in mentioned), given_
            ),
        ),
        {SIGNED[n]: frozenset({REPOSITORIES[n]}) for n in signed},
    )
    found = contradictions(around([SIGNED[n] for n in signed], told, declared))

    lost = [one for one in found if one.kind == "parent not signed"]
    assert {one.value.partition("@")[0] for one in lost} == {REPOSITORIES[n] for n in mentioned - signed}
    silent = {one.value for one in found if one.kind == "parent not mentioned"}
    assert silent == ({SIGNED[n] for n in signed - mentioned} if mentioned else set())
    differs = given_ is not None and {given_.casefold()} != {(declared or "").casefold()}
    assert [one.value for one in found if one.kind == "license differs"] == ([given_] if differs else [])
    assert all(one.source == "README.md" and one.value in one.sentence for one in found)


def test_two_licenses_that_nothing_here_knows_are_two() -> None:
    def differ(given: str, own: str) -> bool:
        return bool(contradictions(around((), Told((Source("README.md", (), given),)), own)))

    assert differ("weird-a", "weird-b")
    assert differ("other", "unknown")
    assert differ("mit OR weird-a", "mit OR weird-b")
    assert not differ("Weird-A ", "weird-a")
    assert not differ("MIT OR apache-2.0", "apache-2.0 or mit")


def test_two_commits_of_one_repository_are_two_parents() -> None:
    other = "@" + "1e" * 20
    told = Told(
        (Source("README.md", (REPOSITORIES[0] + AT,)),), {SIGNED[0]: frozenset({REPOSITORIES[0] + other})}
    )

    assert kinds(contradictions(around(SIGNED[:1], told))) == [
        ("parent not signed", REPOSITORIES[0] + AT),
        ("parent not mentioned", SIGNED[0]),
    ]


def test_a_parent_is_known_by_its_names_here_and_a_tokenizer_donor_needs_no_mention() -> None:
    here = around(SIGNED[:1], Told((Source("README.md", ("hf:kennel/base",)),)))
    (own, parent) = here.nodes
    named = Node(parent.id, seen=True, names=("kennel/base@v2",))
    assert contradictions(Around(HERE, 9, (own, named), here.edges, told=here.told)) == ()
    assert len(contradictions(here)) == 2

    donor = around(SIGNED[:1], Told((Source("README.md", ("hf:kennel/base",)),)), relation="tokenizer")
    assert kinds(contradictions(donor)) == [("parent not signed", "hf:kennel/base")]


def test_a_finding_changes_no_standing_and_of_what_is_unseen_there_is_none() -> None:
    told = Told((Source("README.md", ("hf:acme/other",), "gpl-3.0"),))
    verdict = assess(around(SIGNED[:1], told, "mit"), Policy(0))

    assert verdict.standing == Clean()
    assert kinds(verdict.contradictions) == [
        ("parent not signed", "hf:acme/other"),
        ("parent not mentioned", SIGNED[0]),
        ("license differs", "gpl-3.0"),
    ]
    assert contradictions(Around(HERE, 9, (Node(HERE, seen=False),), (), told=told)) == ()
