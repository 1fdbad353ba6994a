"""Tiny real models whose units change places, for tests of alignments."""

from collections.abc import Mapping

import numpy as np

from merger.symmetry import Order, Symmetry

SIZES = {
    "hidden_size": 24,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "head_dim": 6,
    "vocab_size": 40,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
}


def model(kind: str, seed: int = 0):
    """Return a tiny model of an architecture with weights that are not near anything special."""
    import torch
    from transformers import AutoConfig, AutoModel

    known = AutoConfig.for_model(kind).to_dict()
    config = AutoConfig.for_model(kind, **{k: v for k, v in SIZES.items() if k in known or k == "head_dim"})
    made = AutoModel.from_config(config).eval()
    random = np.random.Generator(np.random.PCG64(seed))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.from_numpy(random.normal(size=parameter.shape) * 0.2 + 0.05))
    return made


def weights(made) -> dict[str, np.ndarray]:
    return {name: tensor.numpy().copy() for name, tensor in made.state_dict().items()}


def answers(made, held: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return what a model of that architecture makes of some tokens with these weights."""
    import torch

    made.load_state_dict({name: torch.from_numpy(x) for name, x in held.items()})
    with torch.no_grad():
        return made(input_ids=torch.tensor([[3, 17, 5, 29, 8, 3]])).last_hidden_state.numpy()


def shuffled(symmetries: tuple[Symmetry, ...], seed: int) -> dict[str, Order]:
    """Return an order of every symmetry, drawn from a seed, in which something moves."""
    random = np.random.Generator(np.random.PCG64(seed))
    orders = {}
    for one in symmetries:
        parts = np.array([random.permutation(one.parts) for _ in range(one.units)])
        order = Order(random.permutation(one.units), parts)
        while np.array_equal(order.units, np.arange(one.units)):
            order = Order(random.permutation(one.units), parts)
        orders[one.name] = order
    return orders


def ordered(
    held: Mapping[str, np.ndarray], symmetries: tuple[Symmetry, ...], orders: Mapping[str, Order]
) -> dict[str, np.ndarray]:
    """Return the weights in these orders."""
    found = dict(held)
    for one in symmetries:
        for axis in one.axes:
            found[axis.tensor] = np.take(found[axis.tensor], orders[one.name].along(axis), axis.axis)
    return found
