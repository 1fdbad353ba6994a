"""Small lineages in which artifacts declare licenses, as the slices that a store hands over."""

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import strategies as st

from lineage.around import Around, Edge, Node
from lineage.facts import RELATIONS, Evidence, Relation
from lineage.licenses import discovered

NAME = "acme/model"
Dag = tuple[dict[str, str | None], list[tuple[str, str, Relation]]]


def family(
    declares: str | None, parents: Iterable[Mapping[str, str]], name: str | None = NAME, size: int = 9
) -> Around:
    """Return the slice around `child`, which declares a license, and was made from parents that declare theirs."""
    nodes, edges = [node("child", declares, name)], []
    for number, parent in enumerate(parents):
        nodes.append(node(f"parent-{number}", parent.get("declares")))
        edges.append(edge("child", f"parent-{number}", parent["relation"]))
    return Around("child", size, tuple(nodes), tuple(edges))


def node(
    artifact: str, declares: str | None, name: str | None = None, *before: str, seen: bool = True
) -> Node:
    """Return an artifact that declares a license, and declared others `before`, newest first."""
    licenses = (*([] if declares is None else [declares]), *before)
    return Node(artifact, seen=seen, files=1, names=(name,) if name else (), licenses=licenses)


def edge(child: str, parent: str, relation: str) -> Edge:
    return Edge(child, parent, relation, "{}", Evidence.SIGNED, "e" * 64)  # type: ignore[arg-type]


def chain(*declares: str | None, relations: Sequence[str] = ()) -> Around:
    """Return the slice around `m0`, made from `m1`, made from `m2`, and so on; `relations` from the bottom up, else fine-tunes."""
    nodes = tuple(node(f"m{n}", one) for n, one in enumerate(declares))
    steps = list(relations) or ["finetune"] * (len(declares) - 1)
    edges = tuple(edge(f"m{n}", f"m{n + 1}", how) for n, how in enumerate(steps))
    return Around("m0", 9, nodes, edges)


@st.composite
def dags(draw: st.DrawFn, most: int = 6) -> Dag:
    """Draw what up to `most` artifacts declare, and edges of any relation that lead from later ones down to earlier ones."""
    ids = [f"m{n}" for n in range(draw(st.integers(1, most)))]
    words = st.sampled_from([*discovered(), None, "gpl", "no-such-license"])
    declares = {one: draw(words) for one in ids}
    pairs = [(child, parent) for n, child in enumerate(ids) for parent in ids[n + 1 :]]
    edges = draw(
        st.lists(st.tuples(st.sampled_from(pairs), st.sampled_from(RELATIONS)), unique=True, max_size=10)
        if pairs
        else st.just([])
    )
    return declares, [(child, parent, relation) for (child, parent), relation in edges]


def around(dag: Dag) -> Around:
    """Return the slice around `m0` of a drawn lineage, all of which it is made of or not."""
    declares, edges = dag
    nodes = tuple(node(one, word) for one, word in declares.items())
    return Around("m0", 9, nodes, tuple(edge(*one) for one in edges))
