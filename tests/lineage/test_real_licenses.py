"""Real cards: parent and child as they declare themselves, each listed with what the rules say, and many checked by hand.

`judged` in the list is what somebody who read both cards and the terms says of the findings: right, arguable or wrong.
"""

from collections import Counter

import pytest
from cards import CARDS, LISTED, cards, parents, relation, word
from declaring import edge, node

from lineage.around import Around
from lineage.licensing import Licensing, judge

pytestmark = pytest.mark.skipif(not CARDS.is_file(), reason="STUDBOOK_SHARED holds no cards")


@pytest.fixture(scope="module")
def judged() -> dict[str, Licensing]:
    found = cards()
    slices = {model: lineage(model, found) for model in found}
    return {model: judge(slice_) for model, slice_ in slices.items() if slice_ is not None}


def lineage(model: str, found: dict[str, dict]) -> Around | None:
    """Return a card with its parents, None if no card of theirs is here."""
    above = parents(model, found[model])
    if not set(above) & found.keys():
        return None
    how = relation(model, found[model])
    nodes = (
        node(one, word(found[one]), one) if one in found else node(one, None, one, seen=False)
        for one in (model, *above)
    )
    return Around(model, 1, tuple(nodes), tuple(edge(model, one, how) for one in above))


def test_every_real_pair_gives_what_is_listed_of_it(judged: dict[str, Licensing]) -> None:
    told = {
        model: (found.outcome, " ".join(sorted(f"{one.kind}={one.decides}" for one in found.findings)))
        for model, found in judged.items()
    }
    assert told == {model: (row["outcome"], row["findings"]) for model, row in LISTED.items()}


def test_fifty_pairs_and_more_were_checked_by_hand_with_a_reason() -> None:
    checked = Counter(row["judged"] for row in LISTED.values())
    # docs/design.md, "Licenses", gives these numbers.
    assert (checked["right"], checked["arguable"], checked["wrong"]) == (66, 1, 0)
    assert all(bool(row["judged"]) == bool(row["why"]) for row in LISTED.values())
    outcomes = Counter(row["outcome"] for row in LISTED.values())
    assert outcomes == {"conflict": 59, "ok": 43, "unknown": 13, "needs_review": 3}


def test_no_real_pair_with_an_unknown_parent_is_ok(judged: dict[str, Licensing]) -> None:
    assert len(judged) >= 118
    assert all(one.outcome != "ok" for one in judged.values() if not one.terms.complete)
    assert {one.outcome for one in judged.values()} == {"ok", "needs_review", "unknown", "conflict"}
