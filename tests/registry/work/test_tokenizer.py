"""One vocabulary of several models': what is united, what is refused, and that a merge by it means what it says."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filling import packed, values
from making import CONFIG, write_model
from strategies import tensors
from vocabularies import WORDS, tokenizer_json
from world import World

from merger.replay import Same
from merger.tokens import read
from registry.work import tokenizer
from registry.work.add import Declared, add
from registry.work.make import make
from registry.work.prepared import prepare
from signing import canonical
from signing.errors import Malformed

Change = Callable[[dict[str, Any]], None]
UNITED = "merge_method: linear\nmodels:\n  - {{model: {0}, parameters: {{weight: 0.5}}}}\n  - {{model: {1}, parameters: {{weight: 0.5}}}}\n"


def model(world: World, name: str, told: dict[str, Any], rows: int | None = None, **files: str) -> str:
    """Register a model with that tokenizer; row i of its embeddings is i, and its name's length."""
    size = len(told["model"]["vocab"]) + len(told["added_tokens"]) if rows is None else rows
    table = np.stack([np.arange(size), np.full(size, len(name))], 1)
    held = {"model.embed_tokens.weight": packed(table, "F32"), "model.norm.weight": packed([1.0, 2.0], "F32")}
    folder = write_model(world.folder / name, held, CONFIG | {"vocab_size": size, "eos_token_id": 1})
    (folder / "tokenizer.json").write_text(json.dumps(told))
    for file, text in files.items():
        (folder / file.replace("_json", ".json").replace("_jinja", ".jinja")).write_text(text)
    add(world.home, folder, Declared(f"kennel/{name}", "mit"))
    return f"kennel/{name}"


def vectors(folder: Path) -> dict[str, list[int]]:
    """The row map in a folder, by artifact."""
    found = tensors({"model.safetensors": (folder / "rows.safetensors").read_bytes()})
    return {name: np.frombuffer(raw, "<i8").tolist() for name, (_, _, raw) in found.items()}


def test_the_union_keeps_the_first_model_s_rows_and_adds_what_others_have(world: World) -> None:
    one = model(world, "one", tokenizer_json(added=("<s>", "<x>")))
    two = model(world, "second", tokenizer_json(("<unk>", "b", "a", "ab", "c", "d"), ("<x>", "<new>")))

    made = tokenizer.make(world.home, [one, two], world.folder / "both", pad_to=4)

    assert (made.tokens, made.rows) == (9, 12)
    first, second = (world.resolve(ref) for ref in (one, two))
    assert vectors(world.folder / "both") == {
        first: [0, 1, 2, 3, 4, 5, 6, -1, -1, -2, -2, -2],
        second: [0, 2, 1, 4, 3, -1, 6, 5, 7, -2, -2, -2],
    }
    told = canonical.decode((world.folder / "both" / "tokenizer.json").read_bytes())
    assert {token: row for token, row in told["model"]["vocab"].items() if row > 4} == {
        "<s>": 5, "<x>": 6, "d": 7, "<new>": 8
    }  # fmt: skip
    assert [(one["content"], one["id"]) for one in told["added_tokens"]] == [
        ("<s>", 5),
        ("<x>", 6),
        ("<new>", 8),
    ]
    made_of = canonical.decode((world.folder / "both" / "rows.json").read_bytes())
    assert made_of["models"] == [{"model": first, "tokens": 7}, {"model": second, "tokens": 8}]
    assert world.descendants(first) == {made.added.description.artifact}
    world.check()


def test_a_merge_by_the_union_can_be_made_again(world: World) -> None:
    one = model(world, "one", tokenizer_json())
    two = model(world, "second", tokenizer_json(("<unk>", "b", "a", "ab", "c"), ("<new>",)))
    tokenizer.make(world.home, [one, two], world.folder / "both", name="kennel/both")
    text = UNITED.format(one, two) + "tokenizer_source: kennel/both\n"

    prepared = prepare(world.home, text.encode())
    made = make(world.home, prepared, world.folder / "out")

    assert any("kennel/both carries a row map" in note for note in prepared.notes)
    assert isinstance(world.rebuild(made.result.artifact).outcome, Same)
    table = values(
        tensors({"model.safetensors": (made.folder / "model.safetensors").read_bytes()})[
            "model.embed_tokens.weight"
        ]
    )
    # <unk>; a and b change places; c and ab do; <s> and <new> are lent.
    assert table.reshape(-1, 2)[:, 0].tolist() == [0, 1.5, 1.5, 3.5, 3.5, 5, 5]
    world.check()


def test_one_model_s_tokenizer_is_taken_as_it_is(world: World) -> None:
    one = model(world, "one", tokenizer_json())
    other = tokenizer_json(("<unk>", "ab", "a"), ("<new>",))
    other["normalizer"] = {"type": "Lowercase"}
    two = model(world, "second", other)

    tokenizer.make(world.home, [one, two], world.folder / "both", one)

    first, second = (world.resolve(ref) for ref in (one, two))
    assert vectors(world.folder / "both") == {first: [0, 1, 2, 3, 4, 5], second: [0, 2, -1, -1, 1, -1]}
    same = (world.folder / "one" / "tokenizer.json").read_bytes()
    assert (world.folder / "both" / "tokenizer.json").read_bytes() == same


def test_rows_without_tokens_stay_the_first_model_s_and_tokens_without_rows_are_lacked(world: World) -> None:
    one = model(world, "one", tokenizer_json(), rows=8)
    two = model(world, "second", tokenizer_json(added=("<s>", "<x>")), rows=6)

    made = tokenizer.make(world.home, [two, one], world.folder / "both", one)

    first, second = (world.resolve(ref) for ref in (one, two))
    assert vectors(world.folder / "both") == {
        first: [0, 1, 2, 3, 4, 5, 6, 7],
        second: [0, 1, 2, 3, 4, 5, -1, -1],
    }
    with pytest.raises(Malformed, match=r"the token '<x>' has a row in none of the models"):
        tokenizer.make(world.home, [one], world.folder / "other", two)
    assert made.has == {second: 6, first: 6}


def test_equal_vocabularies_are_their_own_union(world: World) -> None:
    one, two = model(world, "one", tokenizer_json()), model(world, "second", tokenizer_json())
    tokenizer.make(world.home, [one, two], world.folder / "both", name="kennel/both")
    text = UNITED.format(one, two)

    mapped = make(
        world.home,
        prepare(world.home, (text + "tokenizer_source: kennel/both\n").encode()),
        world.folder / "a",
    )
    plain = make(
        world.home, prepare(world.home, (text + "tokenizer_source: union\n").encode()), world.folder / "b"
    )

    names = ("model.safetensors", "config.json", "tokenizer.json")
    for name in names:
        assert (mapped.folder / name).read_bytes() == (plain.folder / name).read_bytes()


def changed(**members: Any) -> Change:
    return lambda told: told.update(members)


def in_model(**members: Any) -> Change:
    return lambda told: told["model"].update(members)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (in_model(type="WordPiece"), r"model\.type is 'BPE' in sha256:\w+ and 'WordPiece' in sha256:"),
        (in_model(byte_fallback=True), r"model\.byte_fallback is None in .* and True in .* other text"),
        (changed(decoder={"type": "ByteLevel"}), r"decoder is of \[\] in .* and of \['ByteLevel'\] in "),
        (changed(normalizer={"type": "NFC"}), r"normalizer is None in .* and \{'type': 'NFC'\} in .*; take that of"),
        (changed(pre_tokenizer=None), r"pre_tokenizer is \{'type': 'Whitespace'\} in .* and None in "),
        (in_model(merges=[["b", "a"]]), r"merge 0 is 'a b' in sha256:\w+ and 'b a' in sha256:"),
        (in_model(unk_token="a"), r"model\.unk_token is '<unk>' in .* and 'a' in "),
        (
            lambda told: told["added_tokens"][0].update(special=False),
            r"the added token '<s>' is .*'special': True.* in sha256:\w+ and .*'special': False",
        ),
        (lambda told: told["added_tokens"][0].update(id=1), r"'<s>' has the id 1, which is 'a' or not its only one"),
        (in_model(type="Magic"), r"its model has the type 'Magic'; read are BPE, WordPiece"),
        (in_model(vocab={"a": "b"}), r"'a' has the id 'b', which is no number"),
        (in_model(merges=["a b c"]), r"'a b c' is no pair of tokens to merge"),
    ],
)  # fmt: skip
def test_what_cannot_be_united_is_refused_with_both_sides(world: World, change: Change, why: str) -> None:
    other = tokenizer_json(added=("<s>", "<new>"))
    change(other)
    one, two = model(world, "one", tokenizer_json()), model(world, "second", other)

    with pytest.raises(Malformed, match=why):
        tokenizer.make(world.home, [one, two], world.folder / "both")

    assert not (world.folder / "both").exists()


def test_two_chat_templates_are_no_union_and_one_is(world: World) -> None:
    one = model(world, "one", tokenizer_json())
    two = model(world, "second", tokenizer_json(added=("<s>", "<x>")), chat_template_jinja="{{ x }}")
    three = model(
        world,
        "third",
        tokenizer_json(),
        tokenizer_config_json='{"chat_template": "{{ y }}", "model_max_length": 1e30}',
    )

    with pytest.raises(
        Malformed, match=r"chat template of sha256:\w+ begins '\{\{ x \}\}' and that of .* differ"
    ):
        tokenizer.make(world.home, [one, two, three], world.folder / "all")
    tokenizer.make(world.home, [one, two], world.folder / "both")

    assert (world.folder / "both" / "chat_template.jinja").read_text() == "{{ x }}"


@pytest.mark.parametrize("score", [-3.0, -7.5])
def test_unigram_pieces_keep_their_scores_or_are_refused(world: World, score: float) -> None:
    one = model(world, "one", tokenizer_json(("<unk>", "a", "b"), (), "Unigram"))
    other = tokenizer_json(("<unk>", "b", "a", "d"), (), "Unigram")
    other["model"]["vocab"] = [
        ["<unk>", -0.0],
        ["b", -2.0],
        ["a", -1.0 if score == -3.0 else -8.0],
        ["d", score],
    ]
    two = model(world, "second", other)
    if score != -3.0:
        with pytest.raises(Malformed, match=r"'a' has the score -1\.0 in sha256:\w+ and -8\.0 in sha256:"):
            tokenizer.make(world.home, [one, two], world.folder / "both")
        return
    tokenizer.make(world.home, [one, two], world.folder / "both")
    told = canonical.decode((world.folder / "both" / "tokenizer.json").read_bytes())
    assert [piece for piece, _ in told["model"]["vocab"]] == ["<unk>", "a", "b", "d"]


def test_differing_vocabularies_without_a_map_are_refused_with_the_command(world: World) -> None:
    one, two = (
        model(world, "one", tokenizer_json()),
        model(world, "second", tokenizer_json(("<unk>", "b", "a", "c", "ab"))),
    )
    text = UNITED.format(one, two) + "tokenizer_source: union\n"
    with pytest.raises(
        Malformed, match=r"tokenizer\.json differs .* `studbook tokenizer sha256:\w+ sha256:\w+ --out DIR`"
    ):
        make(world.home, prepare(world.home, text.encode()), world.folder / "out")


def test_a_real_model_loads_with_rows_merged_by_token(world: World) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    from tokenizers import Tokenizer

    shape = {"hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2}
    refs = {}
    for at, (name, words, added) in enumerate(
        [
            ("one", WORDS, ("<s>", "<|im|>")),
            ("second", ("<unk>", "b", "a", "ab", "c", "d"), ("<|im|>", "<s>", "<new>")),
        ]
    ):
        told = tokenizer_json(words, added)
        fast = transformers.PreTrainedTokenizerFast(
            tokenizer_object=Tokenizer.from_str(json.dumps(told)), unk_token="<unk>", bos_token="<s>"
        )
        folder = world.folder / name
        fast.save_pretrained(folder)
        torch.manual_seed(at)
        config = transformers.LlamaConfig(
            vocab_size=len(fast), bos_token_id=fast.bos_token_id, eos_token_id=fast.bos_token_id, **shape
        )
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
        refs[name] = f"kennel/{name}"
        add(world.home, folder, Declared(refs[name]))
    tokenizer.make(world.home, list(refs.values()), world.folder / "both", name="kennel/both", pad_to=8)
    text = UNITED.format(*refs.values()) + "tokenizer: {source: kennel/both, pad_to_multiple_of: 8}\n"

    made = make(world.home, prepare(world.home, text.encode()), world.folder / "out")

    parents = [
        (
            transformers.AutoModelForCausalLM.from_pretrained(world.folder / name),
            transformers.AutoTokenizer.from_pretrained(world.folder / name).get_vocab(),
        )
        for name in refs
    ]
    result = transformers.AutoModelForCausalLM.from_pretrained(made.folder)
    words = transformers.AutoTokenizer.from_pretrained(made.folder)
    vocabulary = words.get_vocab()
    assert set(vocabulary) == set(parents[0][1]) | set(parents[1][1])
    assert result.config.vocab_size == result.get_input_embeddings().weight.shape[0] == 16
    assert result.config.bos_token_id == vocabulary["<s>"]
    for part in ("get_input_embeddings", "get_output_embeddings"):
        table = getattr(result, part)().weight
        for token, row in vocabulary.items():
            has = [getattr(m, part)().weight[ids[token]] for m, ids in parents if token in ids]
            wanted = has[0] * 0.5 + has[-1] * 0.5
            assert torch.equal(table[row], wanted), (part, token)
        assert not table[len(vocabulary) :].any()
    assert words.tokenize("ab c<|im|> d<new>") == ["ab", "c", "<|im|>", "d", "<new>"]
    assert words.convert_tokens_to_ids(["<s>", "<|im|>"]) == [vocabulary["<s>"], vocabulary["<|im|>"]]
    world.check()


NEW = {"kind": "model_token", "model": "kennel/one", "token": "b"}
ROWS = {
    # Nobody has <new>; both have "a", the first alone <x> and the second alone "d".
    "zero for a new token": ({"<new>": {"source": {"kind": "zero"}}}, "<new>", (-2, -2)),
    "another token's row for a new one": ({"<new>": {"source": NEW}}, "<new>", (2, -1)),
    "a row by its number": (
        {"<new>": {"source": {**NEW, "token": None, "token_id": 3} | {}}},
        "<new>",
        (3, -1),
    ),
    "zero for those that lack it": ({"d": {"source": {"kind": "zero"}}}, "d", (-2, 4)),
    "zero for all": ({"a": {"source": {"kind": "zero"}, "force": True}}, "a", (-2, -2)),
    "one model's row for all": ({"a": {"source": "kennel/second", "force": True}}, "a", (-1, 1)),
    "what all have stays": ({"a": {"source": "kennel/second"}}, "a", (1, 1)),
    "what the one that has it lends anyway": ({"<x>": {"source": "kennel/one"}}, "<x>", (5, -1)),
    "another token's row for the one that lacks it": ({"d": {"source": NEW}}, "d", (2, 4)),
    "another token's row for all": ({"d": {"source": NEW, "force": True}}, "d", (2, -1)),
}


@pytest.mark.parametrize(("given", "token", "rows"), ROWS.values(), ids=ROWS)
def test_rows_of_single_tokens_come_from_where_it_is_said(
    world: World, given: dict[str, Any], token: str, rows: tuple[int, int]
) -> None:
    for source in (one["source"] for one in given.values() if isinstance(one["source"], dict)):
        for key in [key for key, value in source.items() if value is None]:
            del source[key]
    one = model(world, "one", tokenizer_json(added=("<x>",)))
    two = model(world, "second", tokenizer_json(("<unk>", "a", "b", "c", "d"), ()))

    made = tokenizer.make(world.home, [one, two], world.folder / "both", tokens=read(given))

    told = canonical.decode((world.folder / "both" / "tokenizer.json").read_bytes())
    row = told["model"]["vocab"][token]
    found = vectors(world.folder / "both")
    assert tuple(found[world.resolve(ref)][row] for ref in (one, two)) == rows
    assert made.tokens == made.rows == len(told["model"]["vocab"])
    assert canonical.decode((world.folder / "both" / "rows.json").read_bytes())["given"][0]["token"] == token


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (
            {"<x>": {"source": NEW}},
            r"tokens\.<x>: models that lack it are lent the row of the first that has it, and .* force: true",
        ),
        ({"<n>": {"source": {**NEW, "token": "z"}}}, r"tokens\.<n>: sha256:\w+ has no row 'z' to give"),
        (
            {"<n>": {"source": "kennel/third"}},
            r"tokens\.<n>: kennel/third is none of the models that lend rows",
        ),
        ({"<n>": {}}, r"tokens\.<n>\.source is None; write a model"),
        ({"<n>": {"source": {"kind": "zero"}, "x": 1}}, r"tokens\.<n> is .*; write source, and force"),
        ({"<n>": {"source": {"kind": "zero"}, "force": 1}}, r"tokens\.<n>\.force is 1; write true or false"),
        ([], r"tokens is \[\]; write an object of tokens"),
    ],
)
def test_rows_that_a_map_cannot_hold_are_refused(world: World, given: Any, why: str) -> None:
    one = model(world, "one", tokenizer_json(added=("<x>",)))
    two = model(world, "second", tokenizer_json(("<unk>", "a", "b", "c", "d"), ()))
    model(world, "third", tokenizer_json())
    with pytest.raises(Malformed, match=why):
        tokenizer.make(world.home, [one, two], world.folder / "both", tokens=read(given))
