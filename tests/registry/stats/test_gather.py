"""What is gathered, held to what torch says of the same models when it is asked in another way."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from safetensors.torch import load_file, save_file  # noqa: E402 - what stands before says whether they are here
from tiny import SIZES, WORDS, bert, llama  # noqa: E402

from merger.folder import describe  # noqa: E402
from registry.stats.gather import HIDDEN, fisher, gram  # noqa: E402
from registry.stats.model import Model, load  # noqa: E402
from registry.stats.samples import Sample  # noqa: E402
from signing import canonical  # noqa: E402
from signing.errors import Malformed  # noqa: E402

TEXTS = ["a dog eats the bone", "the dog sleeps", "a bone and a dog", "the dog eats and sleeps"]
SAMPLES = [Sample(i, text) for i, text in enumerate(TEXTS, 1)]


def loaded(folder: Path) -> Model:
    return load(folder, describe(folder).manifest)


def silent(_: int) -> None:
    pass


def squares(model: Model, likelihoods: list) -> dict:
    """The mean square of the gradients, all samples in one graph, by the names of the files."""
    names = list(model.parameters)
    found = dict.fromkeys(names, 0.0)
    for one in likelihoods:
        gradients = torch.autograd.grad(one, [model.parameters[n] for n in names], retain_graph=True)
        for name, gradient in zip(names, gradients, strict=True):
            found[name] += gradient.double() ** 2 / len(likelihoods)
    return found


def same(found: dict, want: dict) -> None:
    assert found.keys() == want.keys()
    for name, one in found.items():
        assert torch.allclose(one.double(), want[name], rtol=1e-4, atol=1e-12), name
        assert one.max() > 0, name


def test_fisher_of_a_causal_model_is_the_mean_square_of_its_loss_gradients(tmp_path) -> None:
    model = loaded(llama(tmp_path / "model", 1))
    likelihoods = []
    for sample in SAMPLES:
        given = torch.tensor([model.tokens(sample, 99).ids])
        likelihoods.append(-model.network(input_ids=given, labels=given).loss * (given.shape[1] - 1))

    found = fisher(model, SAMPLES, 99, silent)

    same(dict(found.tensors), squares(model, likelihoods))
    assert found.tensors.keys() == load_file(tmp_path / "model" / "model.safetensors").keys()
    assert (found.tokens, found.cut, found.notes) == (sum(len(t.split()) + 2 for t in TEXTS), 0, ())


def test_tied_weights_are_one_tensor_with_the_gradient_of_both_uses(tmp_path) -> None:
    model = loaded(llama(tmp_path / "model", 1, tie_word_embeddings=True))
    assert "lm_head.weight" not in model.parameters
    given = torch.tensor([model.tokens(SAMPLES[0], 99).ids])
    whole = -model.network(input_ids=given, labels=given).loss * (given.shape[1] - 1)
    same(dict(fisher(model, SAMPLES[:1], 99, silent).tensors), squares(model, [whole]))


def test_fisher_of_a_masked_model_hides_every_seventh_token(tmp_path) -> None:
    model = loaded(bert(tmp_path / "model", 2))
    text = " ".join(WORDS[5:] * 2)
    tokens = model.tokens(Sample(1, text), 99).ids
    hidden = [1, 1 + HIDDEN]  # [CLS] stands before them, and [SEP] after them all
    given, labels = torch.tensor([tokens]), torch.full((1, len(tokens)), -100)
    labels[0, hidden] = given[0, hidden]
    given[0, hidden] = WORDS.index("[MASK]")
    whole = -model.network(input_ids=given, labels=labels).loss * len(hidden)

    same(dict(fisher(model, [Sample(1, text)], 99, silent).tensors), squares(model, [whole]))


def test_a_model_that_tells_two_texts_apart_is_told_which_is_which(tmp_path) -> None:
    model = loaded(bert(tmp_path / "model", 2))
    pair = Sample(1, "a dog", "the bone")
    given = {
        "input_ids": torch.tensor([[3, 2, 6, 4, 8, 9, 4]]),
        "token_type_ids": torch.tensor([[0, 0, 0, 0, 1, 1, 1]]),
    }
    labels = torch.tensor([[-100, WORDS.index("a"), *[-100] * 5]])
    same(
        dict(fisher(model, [pair], 99, silent).tensors),
        squares(model, [-model.network(**given, labels=labels).loss]),
    )


def test_what_a_likelihood_does_not_depend_on_has_statistics_of_zero(tmp_path) -> None:
    folder = llama(tmp_path / "model", 1)
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"spare.weight": torch.ones(3)}, folder / "model.safetensors", {"format": "pt"})

    found = fisher(loaded(folder), SAMPLES, 99, silent)

    assert found.tensors["spare.weight"].tolist() == [0, 0, 0]
    assert found.notes == ("spare.weight: no gradient of the likelihood reaches it, so its statistics are 0",)


def test_a_model_without_likelihood_has_no_fisher_information(tmp_path) -> None:
    with pytest.raises(Malformed, match="BertModel gives texts no likelihood"):
        fisher(loaded(bert(tmp_path / "model", 1, "BertModel")), SAMPLES, 99, silent)


@pytest.mark.parametrize("batch", [1, 8])
def test_gram_matrices_are_of_what_linear_layers_are_given(tmp_path, batch: int) -> None:
    model = loaded(llama(tmp_path / "model", 1))
    want = torch.zeros(SIZES["hidden_size"], SIZES["hidden_size"], dtype=torch.float64)
    for sample in SAMPLES:
        given = torch.tensor([model.tokens(sample, 99).ids])
        rows = model.network.model(input_ids=given).last_hidden_state[0].double()
        want += rows.T @ rows

    found = gram(model, SAMPLES, 99, batch, silent)

    assert torch.allclose(found.tensors["lm_head.weight"].double(), want.detach(), rtol=1e-4)
    layer = {"q_proj": 8, "k_proj": 8, "v_proj": 8, "o_proj": 8}
    names = {f"model.layers.{i}.self_attn.{n}.weight": d for i in (0, 1) for n, d in layer.items()}
    layer = {"gate_proj": 8, "up_proj": 8, "down_proj": 12}
    names |= {f"model.layers.{i}.mlp.{n}.weight": d for i in (0, 1) for n, d in layer.items()}
    names |= {"lm_head.weight": 8}
    assert {n: tuple(t.shape) for n, t in found.tensors.items()} == {n: (d, d) for n, d in names.items()}


def test_a_weight_that_is_an_embedding_too_has_no_gram_matrix(tmp_path) -> None:
    found = gram(loaded(bert(tmp_path / "model", 1)), SAMPLES, 99, 2, silent)
    assert "bert.embeddings.word_embeddings.weight" not in found.tensors
    assert "bert.encoder.layer.1.output.dense.weight" in found.tensors
    assert found.notes == (
        "bert.embeddings.word_embeddings.weight: no statistics, its weight is shared by 2 modules",
    )


def test_files_that_name_the_base_model_alone_are_followed(tmp_path) -> None:
    # As checkpoints of sentence encoders do: saved as BertModel, without `bert.` before every name.
    found = gram(loaded(bert(tmp_path / "model", 1, "BertModel")), SAMPLES, 99, 2, silent)
    assert "encoder.layer.0.attention.self.query.weight" in found.tensors
    assert "pooler.dense.weight" in found.tensors


def test_samples_are_cut_and_counted(tmp_path) -> None:
    model = loaded(llama(tmp_path / "model", 1))
    found = gram(model, SAMPLES, 4, 2, silent)
    assert (found.tokens, found.cut) == (16, 4)


def test_a_sample_without_a_next_token_is_refused_by_its_line(tmp_path) -> None:
    folder = llama(tmp_path / "model", 1)
    words = canonical.decode((folder / "tokenizer.json").read_bytes())
    (folder / "tokenizer.json").write_bytes(canonical.encode(words | {"post_processor": None}))
    with pytest.raises(Malformed, match="line 3 of the data is one token"):
        fisher(loaded(folder), [SAMPLES[0], Sample(3, "a")], 9, silent)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c | {"architectures": ["os"]}, r"says architectures \['os'\]"),
        (lambda c: c | {"architectures": None}, r"says architectures \[\]"),
        (
            lambda c: c | {"num_hidden_layers": 3},
            "has no model.layers.2.*, which LlamaForCausalLM would make up",
        ),
        (lambda c: c | {"model_type": "strange"}, "cannot be loaded by transformers"),
    ],
)
def test_a_model_that_is_not_what_its_config_says_is_refused(tmp_path, change, words: str) -> None:
    folder = llama(tmp_path / "model", 1)
    config = canonical.decode((folder / "config.json").read_bytes())
    (folder / "config.json").write_bytes(canonical.encode(change(config)))
    with pytest.raises(Malformed, match=words):
        loaded(folder)


def test_weights_that_are_no_safetensors_are_not_loaded(tmp_path) -> None:
    folder = llama(tmp_path / "model", 1)
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    manifest = describe(folder).manifest
    (folder / "model.safetensors").unlink()
    with pytest.raises(Malformed, match="cannot be loaded by transformers"):
        load(folder, manifest)


def test_a_models_own_code_is_not_run(tmp_path) -> None:
    folder = llama(tmp_path / "model", 1)
    config = canonical.decode((folder / "config.json").read_bytes())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForCausalLM": "mine.M"},
    }
    (folder / "config.json").write_bytes(canonical.encode(config))
    (folder / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(Malformed, match="cannot be loaded by transformers"):
        loaded(folder)
    assert not (tmp_path / "ran").exists()
