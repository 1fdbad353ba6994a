"""What PEFT makes of two adapters side by side is what cat makes, to rounding, and PEFT loads the result as it is."""

import json
from pathlib import Path
from typing import Any

import pytest
from making import add_all, make

from merger.recipe import Recipe

SIZES = {"vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
HEADS = {"num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": False}
WEIGHTS = {"one": 0.75, "two": -1.25}


def tune(base: Path, out: Path, seed: int, **config: Any) -> None:
    """Train an adapter for a few steps with PEFT, and save it."""
    import peft
    import torch
    import transformers

    torch.manual_seed(seed)
    said = peft.LoraConfig(task_type="CAUSAL_LM", **config)
    model = peft.get_peft_model(transformers.AutoModelForCausalLM.from_pretrained(base), said)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    words = torch.randint(0, 96, (4, 12))
    for _ in range(3):
        optimizer.zero_grad()
        model(input_ids=words, labels=words).loss.backward()
        optimizer.step()
    model.save_pretrained(out)


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """A tiny model and two adapters of it, of other ranks, modules and scales."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(1)
    found = {name: tmp_path / name for name in ("base", *WEIGHTS)}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, **HEADS))
    model.save_pretrained(found["base"])
    one = {"target_modules": ["q_proj", "down_proj"], "rank_pattern": {"layers.1.mlp.down_proj": 8}}
    tune(found["base"], found["one"], 2, r=4, lora_alpha=6, alpha_pattern={"q_proj": 10}, **one)
    two = {"target_modules": ["q_proj", "v_proj", "embed_tokens"], "use_rslora": True}
    tune(found["base"], found["two"], 3, r=3, lora_alpha=5, **two)
    return found


def test_peft_s_cat_and_ours_add_the_same(folders: dict[str, Path], tmp_path: Path) -> None:
    """Both scale A and copy B; PEFT rounds A to fp32 twice where we do once, and the products do the rest."""
    import peft
    import torch
    import transformers
    from safetensors.numpy import load_file

    base = transformers.AutoModelForCausalLM.from_pretrained(folders["base"])
    theirs = peft.PeftModel.from_pretrained(base, folders["one"], adapter_name="one")
    theirs.load_adapter(folders["two"], adapter_name="two")
    theirs.add_weighted_adapter(list(WEIGHTS), list(WEIGHTS.values()), "both", combination_type="cat")
    theirs.set_adapter("both")

    made = cat(folders, tmp_path / "made")
    again = transformers.AutoModelForCausalLM.from_pretrained(folders["base"])
    ours = peft.PeftModel.from_pretrained(again, made)

    held = load_file(made / "adapter_model.safetensors")
    touched = 0
    for name, one in ours.named_modules():
        if isinstance(one, peft.tuners.lora.LoraLayer):
            mine, wanted = (
                one.get_delta_weight("default"),
                theirs.get_submodule(name).get_delta_weight("both"),
            )
            assert one.scaling["default"] == 1.0
            assert torch.allclose(mine, wanted, rtol=1e-5, atol=1e-7)
            assert mine.abs().max() > 1e-4
            touched += 1
    # Four modules of the first and five of the second; they share two.
    assert touched == 7 == len(held) // 2
    words = torch.randint(0, 96, (2, 9))
    with torch.no_grad():
        mine, wanted, plain = (model(input_ids=words).logits for model in (ours, theirs, base.eval()))
        before = transformers.AutoModelForCausalLM.from_pretrained(folders["base"])(input_ids=words).logits
    assert torch.allclose(mine, wanted, rtol=1e-4, atol=1e-5)
    assert torch.equal(plain, wanted)
    assert not torch.allclose(mine, before, rtol=1e-2, atol=1e-3)
    # Nothing is missing in the file, and nothing in it is unused.
    assert set(peft.get_peft_model_state_dict(ours, save_embedding_layers=False)) == set(held)


def cat(folders: dict[str, Path], out: Path) -> Path:
    """Merge the adapters and return a folder with the result."""
    ids = {folder.name: artifact for artifact, folder in add_all(list(folders.values())).items()}
    said = {
        "arithmetic": "1",
        "method": "cat",
        "base": ids["base"],
        "parents": [
            {"model": ids[name], "parameters": {"weight": str(weight)}} for name, weight in WEIGHTS.items()
        ],
        "parameters": {},
    }
    files = make(Recipe.of(said), {ids[name]: folder for name, folder in folders.items()}).files
    out.mkdir()
    for name, data in files.items():
        (out / name).write_bytes(data)
    # Values and embeddings have 3, queries 4 + 3, and of the others each its own.
    said = json.loads(files["adapter_config.json"])
    assert (said["r"], sorted(said["rank_pattern"].values())) == (3, [4, 7, 7, 8])
    return out
