"""The files of a result: shards, their index and the config."""

import json
import re
import struct
from typing import Any

import rfc8785
from reference.stored import Tensor


def shard(tensors: dict[str, Tensor]) -> bytes:
    """One safetensors file, its tensors in the order given."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name, tensor in tensors.items():
        end = start + len(tensor.data)
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = rfc8785.dumps(header)
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.data for tensor in tensors.values())


def weight_files(tensors: dict[str, Tensor], limit: int) -> dict[str, bytes]:
    """The shards, and their index where there are several."""
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + len(tensor.data) > limit:
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += len(tensor.data)
    if len(shards) == 1:
        return {"model.safetensors": shard(shards[0])}
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    index = {
        "metadata": {"total_size": sum(len(tensor.data) for tensor in tensors.values())},
        "weight_map": {name: file for file, held in zip(names, shards, strict=True) for name in held},
    }
    out = {file: shard(held) for file, held in zip(names, shards, strict=True)}
    return out | {"model.safetensors.index.json": rfc8785.dumps(index) + b"\n"}


def config_file(config: dict[str, Any], dtype: str | None) -> bytes:
    """config.json with the type that the outputs are written in, where one is given."""
    config = dict(config)
    if dtype is not None:
        for key in {"torch_dtype", "dtype"} & config.keys() or {"torch_dtype"}:
            config[key] = dtype
    return spelled(config).encode() + b"\n"


def spelled(value: Any) -> str:
    """RFC 8785, but a whole number that was written with a fraction or an exponent keeps a fraction."""
    if isinstance(value, float):
        text = rfc8785.dumps(float(value)).decode()
        return text if re.search("[.e]", text) else f"{text}.0"
    if isinstance(value, list):
        return f"[{','.join(spelled(one) for one in value)}]"
    if isinstance(value, dict):
        members = (
            f"{rfc8785.dumps(key).decode()}:{spelled(value[key])}"
            for key in json.loads(rfc8785.dumps(dict.fromkeys(value)))
        )
        return "{" + ",".join(members) + "}"
    return rfc8785.dumps(value).decode()
