"""Parents as they are typed: what is declared, what the weights say of it, what can be signed, and what is only suspected."""

import shutil

import numpy as np
import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from rings import here
from tuning import weights, write

from registry import site
from registry.app import create
from registry.cli import parenting
from registry.client import Remote
from registry.home import Home
from signing import canonical

RECIPE = """\
merge_method: {method}
base_model: kennel/base
models:
{models}
dtype: float32
{seed}
"""


def recipe(method: str, **parts: str) -> str:
    models = "\n".join(
        f"  - model: kennel/{n}\n    parameters: {{weight: {w}, density: 0.5}}" for n, w in parts.items()
    )
    if method == "task_arithmetic":
        models = models.replace(", density: 0.5", "")
    return RECIPE.format(method=method, models=models, seed="seed: 3" if "dare" in method else "")


@pytest.fixture
def typed(terminal):
    """A base, four tunes of it, and another's model."""
    terminal.holds("init", "--operator", "kennel")
    write(terminal.folder / "base", weights(1))
    terminal.holds("add", "base", "--name", "kennel/base")
    for number, name in enumerate(("one", "two", "three", "four")):
        write(terminal.folder / name, weights(1, number))
        terminal.holds("add", name, "--name", f"kennel/{name}", "--base", "kennel/base")
    write(terminal.folder / "other", weights(2))
    terminal.holds("add", "other", "--name", "kennel/other")
    return terminal


def merge(typed, method: str, **parts: str) -> str:
    (typed.folder / "recipe.yaml").write_text(recipe(method, **parts))
    made = typed.holds("merge", "recipe.yaml", "--out", f"made-{method}", "--name", f"kennel/{method}")
    return made["artifact"]


def again(typed, name: str, tensors: dict, *words: str, dtype: str = "F32") -> str:
    """Register a folder of these tensors with what the words declare."""
    write(typed.folder / name, tensors, dtype)
    return typed.holds("add", name, "--name", f"kennel/{name}", *words)["artifact"]


@pytest.mark.parametrize("method", here(["ties"], ["task_arithmetic", "ties", "dare_linear", "dare_ties"]))
def test_a_merge_bears_out_its_parents_and_signs_that(typed, method: str) -> None:
    artifact = merge(typed, method, one="0.7", two="0.3")
    ids = {name: typed.holds("show", f"kennel/{name}")["artifact"] for name in ("base", "one", "two")}

    found = typed.holds("parents", f"kennel/{method}", "--test", "--publish")

    assert {one["parent"]: one["outcome"] for one in found["parents"]} == dict.fromkeys(
        ids.values(), "consistent"
    )
    assert (found["artifact"], found["origin"], found["suspects"]) == (artifact, ids["base"], [])
    shown = typed.holds("parents", f"kennel/{method}")
    assert {edge["evidence"] for edge in shown["parents"]} == {"consistent"}
    assert {one["parent"] for one in shown["comparisons"]} == set(ids.values())
    assert len({one["entry"] for one in shown["comparisons"]}) == 1
    assert "consistent with" in typed("show", f"kennel/{method}").out
    typed.holds("log", "fsck")


@pytest.mark.parametrize("method", here(["dare_linear"], ["task_arithmetic", "ties", "dare_linear"]))
def test_a_withheld_parent_is_suspected_listed_for_review_and_neither_logged_nor_flagged(
    typed, method: str
) -> None:
    shutil.copytree(typed.home, typed.folder / "elsewhere")
    merge(type(typed)(typed.folder, typed.folder / "elsewhere"), method, one="0.8", two="0.2")
    two = typed.holds("show", "kennel/two")["artifact"]
    declared = ("--base", "kennel/base", "--base", "kennel/one", "--relation", "merge")
    artifact = typed.holds("add", f"made-{method}", "--name", "kennel/bare", *declared)["artifact"]
    size = typed.holds("log", "fsck")["size"]

    found = typed.holds("parents", "kennel/bare", "--test")

    assert {one["parent"]: one["kind"] for one in found["suspects"]} == {two: "parent"}
    assert {one["outcome"] for one in found["parents"]} == {"consistent"}
    (listed,) = [one for one in typed.holds("parents", "--review") if one["artifact"] == artifact]
    assert listed["suspects"] == found["suspects"]
    assert typed.holds("status", "kennel/bare")["standing"]["state"] == "clean"
    assert typed.holds("log", "fsck")["size"] == size


def _disguised(how: str) -> tuple[dict, str]:
    base, own = weights(1), weights(1, 2)
    match how:
        case "as it is":
            return own, "F32"
        case "renamed tensors":
            return {f"model.{name}": one for name, one in own.items()}, "F32"
        case "bfloat16":
            return own, "BF16"
        case "scaled":
            return {
                name: base[name] + np.float32(1.5) * (one - base[name]) for name, one in own.items()
            }, "F32"
        case _:
            kept = {
                name: np.random.Generator(np.random.PCG64(4)).random(one.shape) < 0.05
                for name, one in own.items()
            }
            return {name: np.where(kept[name], one, base[name]) for name, one in own.items()}, "F32"


@pytest.mark.parametrize("declared", [(), ("--base", "kennel/base")], ids=["alone", "base declared"])
@pytest.mark.parametrize(
    "how",
    here(["as it is", "scaled"], ["as it is", "renamed tensors", "bfloat16", "scaled", "sparsified"]),
)
def test_t22_what_is_published_again_is_suspected(typed, how: str, declared: tuple[str, ...]) -> None:
    three = typed.holds("show", "kennel/three")["artifact"]
    tensors, dtype = _disguised(how)
    (typed.folder / "again").mkdir()
    write(typed.folder / "again" / "it", tensors, dtype)
    (typed.folder / "again" / "it" / "tokenizer.json").write_text('{"version": "2.0"}')
    typed.holds("add", "again/it", "--name", "kennel/again", *declared)

    found = typed.holds("parents", "kennel/again", "--test")["suspects"]

    same = how in {"as it is", "renamed tensors"}
    assert [one["parent"] for one in found] == [three]
    assert found[0]["kind"] in ({"same tensors"} if same else {"published again", "made from"})


def test_honest_tunes_raise_no_suspicion_and_go_on_from_their_base(typed) -> None:
    assert typed.holds("parents", "--review") == []
    found = typed.holds("parents", "kennel/one", "--test")
    (parent,) = found["parents"]
    assert (parent["outcome"], parent["statistic"]) == ("consistent", "likeness")
    assert found["compared"] == 5


def test_a_parent_that_the_weights_contradict_ends_in_exit_code_1_and_can_be_signed(typed) -> None:
    # It says that it goes on from `two`, and is a tune of the base.
    again(typed, "liar", weights(1, 9), "--base", "kennel/two")

    said = typed("parents", "kennel/liar", "--test", "--publish")

    assert said.code == 1
    assert "contradicted" in said.out
    assert [one["evidence"] for one in typed.holds("parents", "kennel/liar")["parents"]] == ["contradicted"]
    assert "contradicts its parent" in typed("parents", "--review").out
    typed.holds("log", "fsck")


def test_what_cannot_be_compared_is_undecided_with_the_reason(typed) -> None:
    again(typed, "tuned", weights(1, 5), "--base", "hf:acme/unseen")

    found = typed.holds("parents", "kennel/tuned", "--test", "--publish")

    (parent,) = found["parents"]
    assert (parent["outcome"], parent["why"]) == ("undecided", "no sketch of it in this architecture is here")
    assert found["entry"] is None
    assert "nothing to sign" in typed("parents", "kennel/tuned", "--test", "--publish").out


def test_a_lost_or_damaged_sketch_is_made_again_while_the_files_are_here(typed) -> None:
    before = typed.holds("parents", "kennel/one", "--test")
    one = typed.holds("show", "kennel/one")["artifact"].removeprefix("sha256:")
    (path,) = (typed.home / "sketches").glob(f"*/{one}")
    path.write_bytes(path.read_bytes()[:-9])
    typed.refuses(
        ("parents", "kennel/two", "--test"), 2, ("cannot be read", "remove it, and it is made again")
    )
    assert "could not be compared" in typed("parents", "--review").out
    path.unlink()

    assert typed.holds("parents", "kennel/one", "--test") == before

    # Another's sketch in its place is not taken for its own.
    two = typed.holds("show", "kennel/two")["artifact"].removeprefix("sha256:")
    path.write_bytes(path.with_name(two).read_bytes())
    typed.refuses(("parents", "kennel/one", "--test"), 1, ("is no sketch of", "remove it"))
    path.unlink()
    typed.holds("parents", "kennel/one", "--test")

    path.unlink()
    (typed.folder / "one" / "model.safetensors").unlink()
    typed.refuses(("parents", "kennel/one", "--test"), 2, ("bring them back",))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("parents",), "name an artifact, or give --review"),
        (("parents", "kennel/one", "--review"), "takes no artifact"),
        (("parents", "kennel/one", "--publish"), "--publish signs what --test finds"),
        (
            ("parents", "kennel/one", "--test", "--publish", "--registry", "http://localhost:1"),
            "takes no --registry",
        ),
        (("parents", "kennel/nobody", "--test"), "kennel/nobody"),
    ],
)
def test_what_cannot_be_asked_is_refused(kennel, words, sentence) -> None:
    kennel.refuses(words, 2, (sentence,))


def test_a_registry_is_asked_for_what_it_compares(typed, monkeypatch: pytest.MonkeyPatch) -> None:
    merge(typed, "task_arithmetic", one="0.7", two="0.3")
    again(typed, "liar", weights(1, 9), "--base", "kennel/two")
    here = typed.holds("parents", "kennel/task_arithmetic", "--test"), typed.holds("parents", "--review")
    client = TestClient(create(Home.open(typed.home)), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)

    def there(*words: str):
        said = typed("parents", *words, "--registry", URL, "--json")
        # What is served in this process writes its own lines before the answer.
        return said.code, canonical.decode(said.out.splitlines()[-1].encode())

    assert there("kennel/task_arithmetic", "--test") == (0, here[0])
    assert there("--review") == (0, here[1])
    code, liar = there("kennel/liar", "--test")
    assert (code, liar["parents"][0]["outcome"], liar["entry"]) == (1, "contradicted", None)
    assert "contradicts its parent" in typed("parents", "--review", "--registry", URL).out


def test_what_a_registry_calls_a_statistic_is_shown_as_text(typed, monkeypatch: pytest.MonkeyPatch) -> None:
    one = typed.holds("show", "kennel/one")["artifact"]
    suspect = {"parent": "[red]x[/]", "kind": "parent", "statistic": "[blink]s[/]", "instead": ["[bold]y[/]"]}
    declared = {
        "parent": "[red]p[/]",
        "relation": "[dim]r[/]",
        "outcome": "undecided",
        "statistic": "[u]q[/]",
    }
    numbers = {"value": 1, "threshold": 0.5}
    untold = declared | {"relation": "[dim]n[/]", "value": None, "threshold": None, "why": "[i]w[/]"}
    value = {
        "artifact": one,
        "origin": None,
        "r2": None,
        "exact": None,
        "compared": 3,
        "as_of": 7,
        "parents": [declared | numbers | {"why": None}, untold],
        "suspects": [suspect | numbers],
    }
    monkeypatch.setattr(parenting, "remote_at", lambda *_: Remote(URL))
    monkeypatch.setattr(Remote, "request", lambda *_, **__: canonical.encode(value))

    said = typed("parents", one, "--test", "--registry", URL).out

    for word in (
        "[red]x[/]",
        "[blink]s[/]",
        "[bold]y[/]",
        "[red]p[/]",
        "[dim]r[/]",
        "[u]q[/]",
        "[dim]n[/]",
        "[i]w[/]",
    ):
        assert word in said
