"""`studbook stats`: from a model and a text to statistics that a recipe names, and to the merge that they weigh."""

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch
import transformers
from making import floats, write_lora
from tiny import bert, llama

from merger.folder import describe
from signing import canonical
from signing.digest import sha256_hex

TEXT = "a dog eats the bone\n\nthe dog sleeps\na bone and a dog\nthe dog eats and sleeps\n"


@pytest.fixture
def pups(terminal):
    """Two tiny language models in a home, and a text."""
    terminal.holds("init")
    for seed, name in enumerate(("one", "two")):
        llama(terminal.folder / name, seed)
        terminal.holds("add", name, "--name", f"pups/{name}")
    (terminal.folder / "text.txt").write_text(TEXT)
    return terminal


def weighed(typed, kind: str, method: str) -> dict:
    """Compute statistics of both models and merge by them."""
    said = ["merge_method: " + method, "dtype: float32", "models:"]
    for name in ("one", "two"):
        made = typed.holds(
            "stats", kind, f"pups/{name}", "--data", "text.txt", "--out", f"{kind}-{name}", "--samples", 3
        )
        assert made["artifact"] == describe(typed.folder / made["folder"]).artifact
        assert (made["samples"], made["tokens"]) == (3, 19)
        said.append(f"  - {{model: pups/{name}, statistics: {made['artifact']}, parameters: {{weight: 1}}}}")
    (typed.folder / "recipe.yaml").write_text("\n".join(said) + "\n")
    return typed.holds("merge", "recipe.yaml", "--out", "merged", "--name", "pups/merged")


@pytest.mark.parametrize(("kind", "method"), [("fisher", "fisher"), ("gram", "regmean")])
def test_statistics_are_made_named_in_a_recipe_and_merged_by(pups, kind: str, method: str) -> None:
    merged = weighed(pups, kind, method)

    model, told = transformers.AutoModelForCausalLM.from_pretrained(
        pups.folder / "merged", output_loading_info=True
    )
    assert not any(told.values())
    assert torch.isfinite(model(torch.tensor([[3, 5, 6, 4]])).logits).all()
    assert pups.holds("rebuild", "pups/merged")["same"]
    assert pups.holds("rebuild", "pups/merged", "--sample", 3)["same"]
    parents = pups.holds("ancestors", "pups/merged")
    for name in ("one", "two"):
        assert describe(pups.folder / f"{kind}-{name}").artifact in canonical.encode(parents).decode()
    plain = pups("recipe", "explain", "recipe.yaml").out
    assert "statistics of parent 2" in plain
    assert merged["notes"]


def test_what_statistics_say_of_themselves(pups) -> None:
    made = pups.holds(
        "stats", "fisher", "pups/one", "--data", "text.txt", "--out", "known", "--license", "mit"
    )
    raw = (pups.folder / "known" / "statistics.json").read_bytes()
    said = canonical.decode(raw)
    assert raw == canonical.encode(said) + b"\n"
    assert (said["v"], said["kind"]) == ("1", "fisher")
    assert said["model"] == describe(pups.folder / "one").artifact == made["model"]
    assert said["data"] == {"sha256": sha256_hex(TEXT.encode()), "samples": 4, "tokens": 26}
    assert said["how"] == {"architecture": "LlamaForCausalLM", "likelihood": "causal", "max_length": 512}
    assert said["libraries"].keys() == {"torch", "transformers", "tokenizers", "safetensors"}
    assert sorted(p.name for p in (pups.folder / "known").iterdir()) == [
        "statistics.json",
        "statistics.safetensors",
    ]
    assert made["artifact"] in pups("stats", "fisher", "pups/one", "--data", "text.txt", "--out", "again").out


def _empty(folder: Path) -> None:
    (folder / "text.txt").write_text("\n\n")


def _changed(folder: Path) -> None:
    weights = folder / "one" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")


def _there(folder: Path) -> None:
    (folder / "new").mkdir()


@pytest.mark.parametrize(
    ("prepare", "model", "words"),
    [
        (_empty, "pups/one", "text.txt holds no samples"),
        (_changed, "pups/one", ", which was registered"),
        (_there, "pups/one", "new exists already; name a new folder, or remove that one first"),
        (lambda _: None, "pups/none", "pups/none"),
    ],
)
def test_statistics_are_refused_in_a_sentence(
    pups, prepare: Callable[[Path], None], model: str, words: str
) -> None:
    prepare(pups.folder)
    pups.refuses(
        ("stats", "fisher", model, "--data", "text.txt", "--out", "new"),
        2 if words != ", which was registered" else 1,
        (words,),
    )
    assert not [path for path in pups.folder.iterdir() if path.name.startswith(".new")]


@pytest.mark.parametrize("said", [("--name", "unspaced"), ("--license", "no license!")])
def test_what_no_statement_can_hold_is_refused_before_anything_is_computed(pups, said) -> None:
    words = ("stats", "fisher", "pups/one", "--data", "text.txt", "--out", "new", *said)
    pups.refuses(words, 2, (repr(said[1]),))


def test_what_is_no_model_has_no_statistics(pups) -> None:
    write_lora(pups.folder / "lora", {"a": ("F32", (1,), floats([1]))}, {"peft_type": "LORA"})
    pups.holds("add", "lora", "--name", "pups/lora")
    words = ("--data", "text.txt", "--out", "new")
    pups.refuses(("stats", "gram", "pups/lora", *words), 2, ("is an adapter, and statistics are of models",))


def test_shares_of_a_merge_by_gram_matrices_say_what_is_not_counted(pups) -> None:
    weighed(pups, "gram", "regmean")
    value = pups.holds("shares", "pups/merged")
    assert (len(value["tensors"]), value["uncounted"], value["taken_whole"]) == (6, 15, 0)
    assert (
        "15 tensors more, of which nothing is counted; energy"
        in pups("shares", "pups/merged", columns=80).out
    )


def test_an_encoder_has_gram_matrices_and_no_fisher_information(pups) -> None:
    bert(pups.folder / "encoder", 3, "BertModel")
    pups.holds("add", "encoder", "--name", "pups/encoder")
    words = ("--data", "text.txt", "--out", "new")
    pups.refuses(("stats", "fisher", "pups/encoder", *words), 2, ("BertModel gives texts no likelihood",))
    assert pups.holds("stats", "gram", "pups/encoder", *words)["tensors"] == 13
