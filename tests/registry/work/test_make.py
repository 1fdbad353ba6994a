"""Executing a recipe: what is decided is said, what is done is signed, and what is refused leaves nothing."""

from pathlib import Path

import pytest
from making import floats, write_model
from world import World

from lineage.predicates import provenance
from lineage.terms import ways
from merger.folder import Changed, describe
from merger.recipe import Recipe
from registry.store import Absent, artifacts, log
from registry.work.add import Declared, add
from registry.work.make import make
from registry.work.prepared import prepare
from registry.work.terms import RECIPE_LIMIT
from signing.dsse import Envelope
from signing.errors import Malformed, Refused
from signing.statement import Statement

DARE = """\
merge_method: dare_linear
base_model: {0}
models:
  - model: {1}
    parameters: {{weight: 0.5, density: 0.5}}
dtype: float32
"""
LINEAR = """\
merge_method: linear
models:
  - model: {0}
    parameters: {{weight: 0.5}}
  - model: {1}
    parameters: {{weight: 0.5}}
dtype: float32
"""


def left(world: World) -> set[str]:
    """What lies beside the home."""
    return {path.name for path in world.folder.iterdir()}


def merged(world: World, text: str, out: str = "out", **how):
    return make(world.home, prepare(world.home, text.encode()), world.folder / out, **how)


def test_the_folder_that_appears_is_the_artifact_that_was_logged(world: World) -> None:
    made = merged(world, LINEAR.format(world.model(), world.model()), name="kennel/both@v1")

    assert describe(made.folder).artifact == made.result.artifact
    assert made.result.artifact in {world.resolve("kennel/both"), world.resolve("kennel/both@v1")}
    with world.home.store.reading() as connection:
        (index,) = artifacts.builds(connection, made.result.artifact)
        statement = Statement.parse(Envelope.parse(log.read(connection, index).envelope or b"").payload)
    assert provenance.recipe(statement).artifacts() == tuple(
        e.parent for e in world.verdict(made.result.artifact).parents
    )
    assert left(world) == {"home", "model-1", "model-2", "out"}
    world.check(made.receipts)


def test_making_the_same_again_elsewhere_logs_nothing_new_and_gives_the_same(world: World) -> None:
    text = LINEAR.format(world.model(), world.model())
    first = merged(world, text, name="kennel/both")
    size = world.size()
    world.advance(3600)

    again = merged(world, text, "elsewhere", name="kennel/both", threads=1)

    assert again.result.artifact == first.result.artifact
    assert world.size() == size
    world.check()


def test_a_license_that_every_input_declares_is_taken_and_said(world: World) -> None:
    one, two, bare = world.model(license="mit"), world.model(license="mit"), world.model()

    taken, open_ = (prepare(world.home, LINEAR.format(one, other).encode()) for other in (two, bare))

    assert taken.recipe.license == "mit"
    assert any("license mit" in note for note in taken.notes)
    assert open_.recipe.license is None
    assert any("mit" in note and "none declared" in note for note in open_.notes)


def test_a_recipe_s_own_license_wins(world: World) -> None:
    one, two = world.model(license="mit"), world.model(license="mit")
    made = merged(world, LINEAR.format(one, two) + "license: apache-2.0\n")
    assert world.verdict(made.result.artifact).license == "apache-2.0"
    inherited = world.verdict(made.result.artifact).terms.inherited
    assert [(borne.license, way[0]) for borne, way in ways(inherited).items()] == [("mit", min(one, two))]


def test_a_seed_is_the_recipe_s_else_the_caller_s_else_the_text_s_own_and_said(world: World) -> None:
    text = DARE.format(world.model(), world.model())

    own = prepare(world.home, text.encode())
    given = prepare(world.home, text.encode(), "11")
    written = prepare(world.home, (text + "seed: 12\n").encode(), "12")

    assert any(f"seed {own.recipe.seed} was not in the document" in note for note in own.notes)
    # The same command after a kill finds the stage it left: its recipe is the same.
    assert own.recipe == prepare(world.home, text.encode()).recipe
    assert own.recipe.seed != prepare(world.home, (text + "# other\n").encode()).recipe.seed
    assert given.recipe.seed == "11"
    assert written.recipe.seed == "12"
    assert not any("was not in the document" in note for note in written.notes)
    for unused in (text + "seed: 12\n", LINEAR.format(world.model(), world.model())):
        with pytest.raises(Malformed, match="--seed 7 would change nothing"):
            prepare(world.home, unused.encode(), "7")


def test_the_canonical_recipe_gives_the_same_artifact_as_the_text_it_came_from(world: World) -> None:
    prepared = prepare(world.home, (DARE.format(world.model(), world.model()) + "seed: 5\n").encode())

    again = prepare(world.home, prepared.recipe.encode())

    one, two = (make(world.home, p, world.folder / n) for p, n in ((prepared, "a"), (again, "b")))
    assert again.recipe == prepared.recipe
    assert one.result.artifact == two.result.artifact


def test_a_canonical_recipe_of_an_artifact_that_is_not_here_says_so(world: World) -> None:
    recipe = prepare(world.home, LINEAR.format(world.model(), world.model()).encode()).recipe
    other = Recipe.parse(recipe.encode().replace(recipe.parents[0].model.encode(), b"sha256:" + b"e" * 64))
    with pytest.raises(Absent, match=f"no artifact sha256:{'e' * 64} is registered"):
        prepare(world.home, other.encode())


REFUSED = {
    "bytes": (b"merge_method: \xff", "byte 14 is 0xff"),
    "too long": (b"#" * (RECIPE_LIMIT + 1), "longer than"),
    "long text": (b"# " + b"x" * (1 << 20), "at most"),
    "nothing": (b"", "no document"),
    "two documents": (b"merge_method: linear\n---\nmerge_method: linear\n", "models or slices|2 documents"),
    "a tag": (b"merge_method: !!python/object/apply:os.system [id]\n", "YAML tag"),
    "an anchor": (b"models: &a [1]\nx: *a\n", "anchor"),
    "an unknown key": ((LINEAR.format("a/b", "c/d") + "shell: id\n").encode(), "shell"),
    "JSON with a key twice": (b'{"method":"linear","method":"ties"}', "method"),
    "JSON with an unknown key": (b'{"run":"id"}', "run|unknown|missing|required"),
    "JSON with NaN": (b'{"seed":NaN}', "NaN"),
    "deep JSON": (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "deep|nest"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_t20_a_hostile_recipe_is_one_sentence(world: World, case: str) -> None:
    raw, sentence = REFUSED[case]
    with pytest.raises(Refused, match=sentence):
        prepare(world.home, raw)


@pytest.mark.parametrize("url", ["https://evil.example/m", "git+ssh://x/y", "file:///etc"])
def test_t20_a_model_is_never_fetched(world: World, url: str) -> None:
    with pytest.raises(Refused, match=r"evil|git|file"):
        prepare(world.home, LINEAR.format(url, world.model()).encode())


def test_shapes_that_disagree_leave_nothing_beside_the_target(world: World, tmp_path: Path) -> None:
    odd = write_model(
        tmp_path / "odd",
        {"layers.0.weight": ("F32", (2, 8), floats(range(16))), "norm": ("F32", (4,), floats(range(4)))},
    )
    other = add(world.home, odd, Declared()).description.artifact
    before, size = left(world), world.size()

    with pytest.raises(Malformed, match=r"layers\.0\.weight.*shape"):
        merged(world, LINEAR.format(world.model(), other), "new/deeper/out")

    assert left(world) == before | {"model-1"}
    assert world.size() == size + 2


@pytest.mark.parametrize("name", ["both", "kennel/b oth", "a/b/c", "kennel/both@", "kennel/both@x@y"])
def test_a_name_nothing_can_have_is_refused_before_the_work(world: World, name: str) -> None:
    text = LINEAR.format(world.model(), world.model())
    before, size = left(world), world.size()

    with pytest.raises(Malformed, match=r"name|revision"):
        merged(world, text, name=name)

    assert (left(world), world.size()) == (before, size)


def test_t6_an_input_that_changed_since_it_was_signed_is_not_merged(world: World) -> None:
    text = LINEAR.format(world.model(), world.model())
    weights = world.folder / "model-1" / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    prepared = prepare(world.home, text.encode())
    weights.write_bytes(raw)
    size = world.size()

    with pytest.raises(Changed, match=r"model-1.*differs from what was signed"):
        make(world.home, prepared, world.folder / "out")

    assert not (world.folder / "out").exists()
    assert world.size() == size


def test_a_target_that_exists_is_never_touched(world: World) -> None:
    text = LINEAR.format(world.model(), world.model())
    (world.folder / "out").mkdir()
    (world.folder / "out" / "thesis").write_text("mine")

    with pytest.raises(Malformed, match="exists already"):
        merged(world, text)

    assert [one.name for one in (world.folder / "out").iterdir()] == ["thesis"]
