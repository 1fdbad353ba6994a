"""Small models and recipes for the tests of the second implementation."""

import json
import struct

import numpy as np
from reference.form import FORMS
from reference.stored import narrow, widen

BASE, ONE, TWO = ("sha256:" + digit * 64 for digit in "012")


def tensor(values, stored="F32"):
    """A stored tensor from fp64 values that its type holds exactly."""
    array = np.array(values, float)
    return stored, list(array.shape), narrow(array.reshape(-1), stored)


def model(folder, tensors, config=None):
    folder.mkdir()
    header, data = {}, b""
    for name, (stored, shape, raw) in tensors.items():
        header[name] = {"dtype": stored, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(config or '{"b": 1e-05, "a": 1.0}')
    return folder


def recipe(method, *parents, parameters=(), **members):
    """A recipe with everything written out: `parameters` are those of the method that are not at their default."""
    form = FORMS.get(method, FORMS["linear"])
    own, shared = ({name: one.default for name, one in given.items()} for given in (form.own, form.shared))
    return {
        "arithmetic": "1",
        "method": method,
        "parents": [{"model": name, "parameters": own | dict(given)} for name, given in parents],
        "parameters": shared | dict(parameters),
        "shard_bytes": "5000000000",
        "allow_nonfinite": False,
    } | members


def floats(stored):
    return widen(stored.dtype, stored.data).tolist()


def deltas(merge, made, *held):
    """Merge deltas onto a base of zeros."""
    models = {name: {"w": tensor(values)} for name, values in zip(("one", "two"), held, strict=False)}
    return floats(merge(made, base={"w": tensor([0.0] * len(held[0]))}, **models)["w"])


def both(method, own=(), base=BASE, **parameters):
    """A recipe of a method with two parents."""
    members = {"base": base} if base else {}
    return recipe(method, (ONE, dict(own)), (TWO, dict(own)), parameters=parameters, **members)
