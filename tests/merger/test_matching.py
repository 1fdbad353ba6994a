"""Weight matching: what was moved is found again, and nothing moves without a reason."""

import numpy as np
import pytest
from aligning import model, ordered, shuffled, weights

from merger.matching import matched, transported
from merger.symmetry import Axis, Order, Symmetry, symmetries
from signing.errors import Malformed


def chain(width: int, depth: int, seed: int = 1):
    """Return a plain MLP whose hidden layers read each other, and its symmetries."""
    random = np.random.Generator(np.random.PCG64(seed))
    held = {"0.weight": random.normal(size=(width, 5)), f"{depth}.weight": random.normal(size=(3, width))}
    held |= {f"{i}.weight": random.normal(size=(width, width)) for i in range(1, depth)}
    held |= {f"{i}.bias": random.normal(size=width) for i in range(depth)}
    found = tuple(
        Symmetry(
            f"hidden {i}",
            width,
            (Axis(f"{i}.weight", 0), Axis(f"{i}.bias", 0), Axis(f"{i + 1}.weight", 1)),
        )
        for i in range(depth)
    )
    return held, found


def test_two_units_worked_by_hand():
    # Swapping b's units gives 3·3 + 4·4; leaving them gives 3·0 + 0·4 and more of nothing.
    a = {"in": np.array([[3.0, 0.0], [0.0, 4.0]]), "out": np.array([[1.0, 2.0]])}
    b = {"in": np.array([[0.0, 4.0], [3.0, 0.0]]), "out": np.array([[2.0, 1.0]])}
    symmetry = Symmetry("hidden", 2, (Axis("in", 0), Axis("out", 1)))
    found = matched([symmetry], a.get, b.get)["hidden"]
    assert found.units.tolist() == [1, 0]
    assert found.moved() == 2
    assert ordered(b, (symmetry,), {"hidden": found})["in"].tolist() == a["in"].tolist()


@pytest.mark.parametrize("depth", [1, 3])
def test_a_chain_of_hidden_layers_is_put_back_together(depth):
    held, found = chain(24, depth)
    other = ordered(held, found, shuffled(found, 2))
    told: list[str] = []
    orders = matched(found, held.get, other.get, told.append)
    assert told == [one.name for one in found]
    assert all(np.array_equal(held[n], x) for n, x in ordered(other, found, orders).items())


@pytest.mark.parametrize("kind", ["llama", "qwen2", "bert"])
def test_a_shuffled_model_is_put_back_exactly(kind):
    held = weights(model(kind))
    config = model(kind).config.to_dict()
    found = symmetries(config, {name: x.shape for name, x in held.items()})
    other = ordered(held, found, shuffled(found, 9))
    orders = matched(found, held.get, other.get)
    assert all(np.array_equal(held[n], x) for n, x in ordered(other, found, orders).items())
    assert all(order.moved() for order in orders.values())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_units_that_no_number_compares_are_refused_by_name(value):
    held, found = chain(6, 1)
    other = held | {"1.weight": np.where(np.eye(3, 6) > 0, value, held["1.weight"])}
    for one, another in ((held, other), (other, held)):
        with pytest.raises(Malformed, match=r"1\.weight: products of its weights are NaN or infinite"):
            matched(found, one.get, another.get)


def test_a_distance_beyond_fp64_is_refused_by_name():
    held, found = chain(6, 1)
    # Inner products with the other's weights are finite, and its own are not.
    large = held | {"1.weight": held["1.weight"] * 1e200}
    small = held | {"1.weight": held["1.weight"] * 1e-200}
    with pytest.raises(Malformed, match=r"1\.weight: products of its weights are NaN or infinite"):
        list(transported(found, small.get, large.get, 0.1))


def test_units_that_are_all_alike_stay():
    held, found = chain(6, 1)
    same = {name: np.ones_like(x) for name, x in held.items()}
    orders = matched(found, same.get, same.get)
    assert [order.moved() for order in orders.values()] == [0]


def test_orders_of_parts_alone_count_as_moved():
    symmetry = Symmetry("heads", 2, (Axis("q", 0, 1, 2),), 2)
    assert Order.unchanged(symmetry).moved() == 0
    turned = Order(np.arange(2), np.array([[0, 1], [1, 0]]))
    assert turned.moved() == 1
    assert turned.along(symmetry.axes[0]).tolist() == [0, 1, 3, 2]


def test_a_soft_alignment_is_the_order_as_it_hardens():
    held, found = chain(12, 1)
    other = ordered(held, found, shuffled(found, 3))
    order = matched(found, held.get, other.get)["hidden 0"].units
    [(_, hard)] = transported(found, held.get, other.get, 0.001)
    [(_, soft)] = transported(found, held.get, other.get, 0.5)
    for plan in (hard, soft):
        np.testing.assert_allclose(plan.sum(axis=1), 1)
        assert plan.argmax(axis=1).tolist() == order.tolist()
    np.testing.assert_allclose(hard, np.eye(12)[order], atol=1e-6)
    assert 0.1 < soft.max(axis=1).min() < 0.99
    np.testing.assert_allclose(soft.sum(axis=0), 1, atol=1e-4)
