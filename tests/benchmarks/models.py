"""Llama-shaped checkpoints for benchmarks: a bf16 base, three fine-tunes of it, and two LoRA adapters, all seeded."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from making import floats, safetensors

NAMES = ("base", "code", "math", "chat")
ADAPTERS = ("poet", "judge")
HIDDEN, INNER, VOCAB, KV, RANK = 2048, 5632, 32000, 256, 16
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_attention_heads": 32,
    "num_key_value_heads": 4,
    "vocab_size": VOCAB,
    "rms_norm_eps": 1e-5,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "rope_theta": 10000.0,
}
LINEAR = {
    "self_attn.q_proj": (HIDDEN, HIDDEN),
    "self_attn.k_proj": (KV, HIDDEN),
    "self_attn.v_proj": (KV, HIDDEN),
    "self_attn.o_proj": (HIDDEN, HIDDEN),
    "mlp.gate_proj": (INNER, HIDDEN),
    "mlp.up_proj": (INNER, HIDDEN),
    "mlp.down_proj": (HIDDEN, INNER),
}
# Tensors of one file; what is generated at a time stays in memory until it is written.
_SHARD = 512 << 20


def write_models(folder: Path, layers: int) -> None:
    """Write the base and its fine-tunes: 11 layers are 1.23 GB each, 2 are 0.43 GB."""
    for which, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": layers}))
        where, shards, held, size, total = {}, [], {}, 0, 0
        for at, (tensor, shape) in enumerate(_shapes(layers)):
            data = floats(_values(at, shape, which), "BF16")
            if held and size + len(data) > _SHARD:
                shards.append(held)
                held, size = {}, 0
            held[tensor] = ("BF16", shape, data)
            size, total = size + len(data), total + len(data)
        for at, one in enumerate([*shards, held]):
            file = f"part-{at}.safetensors"
            (folder / name / file).write_bytes(safetensors(one))
            where |= dict.fromkeys(one, file)
        (folder / name / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": {"total_size": total}, "weight_map": where})
        )


def write_adapters(folder: Path, layers: int) -> None:
    """Write two PEFT LoRA adapters for every linear layer of the base."""
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": RANK,
        "lora_alpha": 2 * RANK,
        "bias": "none",
    }
    for which, name in enumerate(ADAPTERS):
        factors = {}
        for layer in range(layers):
            for at, (module, (rows, columns)) in enumerate(LINEAR.items()):
                full = f"base_model.model.model.layers.{layer}.{module}"
                for side, shape in (("A", (RANK, columns)), ("B", (rows, RANK))):
                    drawn = _drawn((7, which, layer, at, ord(side)), shape) * np.float32(0.02)
                    factors[f"{full}.lora_{side}.weight"] = ("BF16", shape, floats(drawn, "BF16"))
        (folder / name).mkdir(parents=True)
        (folder / name / "adapter_model.safetensors").write_bytes(safetensors(factors))
        said = config | {"target_modules": list(LINEAR), "base_model_name_or_path": str(folder / "base")}
        (folder / name / "adapter_config.json").write_text(json.dumps(said))


def _shapes(layers: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "model.embed_tokens.weight", (VOCAB, HIDDEN)
    for layer in range(layers):
        for module, shape in LINEAR.items():
            yield f"model.layers.{layer}.{module}.weight", shape
        yield f"model.layers.{layer}.input_layernorm.weight", (HIDDEN,)
        yield f"model.layers.{layer}.post_attention_layernorm.weight", (HIDDEN,)
    yield "model.norm.weight", (HIDDEN,)
    yield "lm_head.weight", (VOCAB, HIDDEN)


def _values(at: int, shape: tuple[int, ...], which: int) -> np.ndarray:
    values = _drawn((1, at), shape) * np.float32(0.02) + np.float32(len(shape) == 1)
    return values if which == 0 else values + _drawn((1 + which, at), shape) * np.float32(0.002)


def _drawn(key: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(key)).standard_normal(shape, dtype=np.float32)
