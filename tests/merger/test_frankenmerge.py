"""What slices make is a model: programs load it without a word, count its layers and run it forward."""

from pathlib import Path
from typing import Any

import pytest
from making import add_all, make

from merger.recipe import Recipe

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

FORWARD = [[1, 5, 9, 2, 7]]


def llama(folder: Path, layers: int, seed: int, kind: str = "Llama", **more: Any) -> Path:
    """Save a tiny random model of a real architecture."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 4, "num_key_value_heads": 2}
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=32, num_hidden_layers=layers, max_position_embeddings=64, **sizes, **more
    )
    transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def loaded(folder: Path) -> Any:
    """Load a model as users do, and insist that every weight found its place."""
    model, told = transformers.AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    assert not any(told.values()), told
    return model.eval()


def merged(tmp_path: Path, recipe: dict[str, Any], folders: list[Path]) -> Any:
    ids = add_all(folders)
    by_folder = {folder: artifact for artifact, folder in ids.items()}
    parents = [p | {"model": by_folder[folders[int(p["model"])]]} for p in recipe["parents"]]
    made = make(Recipe.of({"arithmetic": "1", "allow_nonfinite": False} | recipe | {"parents": parents}), ids)
    out = tmp_path / "out"
    out.mkdir()
    for name, data in made.files.items():
        (out / name).write_bytes(data)
    return loaded(out)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2", "Mistral"])
def test_a_frankenmerge_loads_counts_its_layers_and_runs_forward(tmp_path: Path, kind: str) -> None:
    folders = [llama(tmp_path / "a", 3, 1, kind), llama(tmp_path / "b", 4, 2, kind)]
    recipe = {
        "method": "passthrough",
        "parents": [{"model": str(i), "parameters": {"scale": "1"}} for i in (0, 1)],
        "parameters": {},
        "slices": [
            {"count": "2", "sources": [{"parent": "0", "first": "0"}]},
            {"count": "3", "sources": [{"parent": "1", "first": "1"}]},
        ],
    }

    model = merged(tmp_path, recipe, folders)
    one, other = (loaded(folder) for folder in folders)

    assert model.config.num_hidden_layers == len(model.model.layers) == 5
    wanted = [*list(one.model.layers)[:2], *list(other.model.layers)[1:]]
    for layer, same in zip(model.model.layers, wanted, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(layer.parameters(), same.parameters(), strict=True))
    found = model(torch.tensor(FORWARD)).logits
    assert torch.isfinite(found).all()
    assert found.shape == (1, 5, 32)


def test_depth_up_scaling_of_tied_embeddings_runs_forward(tmp_path: Path) -> None:
    recipe = {
        "method": "passthrough",
        "parents": [{"model": "0", "parameters": {"scale": "1"}}],
        "parameters": {},
        "slices": [
            {"count": "3", "sources": [{"parent": "0", "first": "0"}]},
            {"count": "3", "sources": [{"parent": "0", "first": "1"}]},
        ],
    }

    model = merged(tmp_path, recipe, [llama(tmp_path / "a", 4, 1, tie_word_embeddings=True)])

    assert model.config.num_hidden_layers == 6
    assert torch.isfinite(model(torch.tensor(FORWARD)).logits).all()


def test_slerp_of_slices_with_their_own_parameters_runs_forward(tmp_path: Path) -> None:
    t = [
        {"contains": "mlp", "by_layer": ["0", "1", "0.5"], "value": "0.5"},
        {"before": "0.25", "value": "0.5"},
    ]
    recipe = {
        "method": "slerp",
        "parents": [{"model": str(i), "parameters": {}} for i in (0, 1)],
        "parameters": {"t": t},
        "dtype": "float32",
        "slices": [
            {"count": "2", "sources": [{"parent": "0", "first": "0"}, {"parent": "1", "first": "2"}]},
            {"count": "1", "sources": [{"parent": "1", "first": "0"}, {"parent": "0", "first": "2"}]},
        ],
    }

    model = merged(tmp_path, recipe, [llama(tmp_path / "a", 3, 1), llama(tmp_path / "b", 4, 2)])

    assert model.config.num_hidden_layers == 3
    assert torch.isfinite(model(torch.tensor(FORWARD)).logits).all()
