"""Rebuild verdicts for tests: votes in the order of a log, drawn at random or written out."""

from collections.abc import Sequence

from hypothesis import strategies as st

from lineage.around import Build, Tally, Vote
from lineage.checks import Rebuilt
from lineage.predicates import rebuild

REGISTRY, BUILDER = "reg", "fab"
OPERATORS = ("ann", "bob", "cat", REGISTRY, BUILDER)
BUILDS = tuple(Build(artifact, build, frozenset({BUILDER})) for artifact in "xy" for build in "12")


def vote(
    operator: str,
    index: int = 0,
    *,
    differs: Sequence[str] = (),
    artifact: str = "x",
    build: str = "1",
    keys: Sequence[str] | None = None,
) -> Vote:
    """Return the verdict of an operator, PASSED if nothing differs; each has a key of its own unless `keys` are named."""
    said = Rebuilt(artifact, build, not differs, rebuild.verifier(operator), tuple(differs))
    held = frozenset([f"{operator}'s"] if keys is None else keys)
    return Vote(said, index, f"{index:064x}", operator, held, index)


def tally(*votes: Vote) -> Tally:
    return Tally(BUILDS, votes, REGISTRY)


@st.composite
def ballots(draw, operators: Sequence[str] = OPERATORS) -> tuple[Vote, ...]:
    """Draw verdicts on two artifacts with two provenances each, in the order of a log; an operator has several keys."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(operators),
                st.sampled_from([(), (), ("t",), ("t", "u")]),
                st.sampled_from("xy"),
                st.sampled_from("12"),
                st.sampled_from("abc"),
            ),
            max_size=12,
        )
    )
    return tuple(
        vote(who, index, differs=differs, artifact=artifact, build=build, keys=[f"{who} {key}"])
        for index, (who, differs, artifact, build, key) in enumerate(drawn)
    )
