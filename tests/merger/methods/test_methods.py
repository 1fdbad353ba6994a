"""Methods are discovered, and each says what it takes."""

import pytest

from merger.method import Values
from merger.methods import METHODS
from merger.parameters import Parameter
from signing.errors import Malformed


def test_the_six_are_found_by_being_there():
    assert {"linear", "slerp", "task_arithmetic", "ties", "dare_linear", "dare_ties"} <= METHODS.keys()
    assert all(method.id == name for name, method in METHODS.items())


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_default_is_a_value_of_its_parameter(method):
    for parameter in METHODS[method].parameters:
        assert parameter.help
        if parameter.default is not None:
            parameter.check("default", parameter.default)


def test_a_parameter_says_its_kind_and_range():
    number = Parameter("n", above="0", high="1")
    assert (number.kind, number.is_number, number.range) == ("number", True, "above 0 and at most 1")
    assert Parameter("n").range == "any number"
    assert Parameter("n", low="-1").range == "at least -1"
    assert (Parameter("f", default=False).kind, Parameter("w", choices=("a", "b")).kind) == ("flag", "word")
    for value in ("0", "1.5"):
        with pytest.raises(Malformed, match=f"at is {value}; it must be above 0 and at most 1"):
            number.check("at", value)
    with pytest.raises(Malformed, match="at: '1e1' is no canonical decimal"):
        number.check("at", "1e1")


def test_weights_are_divided_by_their_sum_only_where_asked():
    parents = [{"weight": w} for w in ("0.1", "0.2", "0.3")]
    assert Values(parents, {"normalize": False}).weights() == [0.1, 0.2, 0.3]
    assert Values(parents, {}).weights() == [0.1, 0.2, 0.3]
    total = 0.1 + 0.2 + 0.3
    assert Values(parents, {"normalize": True}).weights() == [0.1 / total, 0.2 / total, 0.3 / total]
    with pytest.raises(Malformed, match=r"weights 0.5, -0.5 sum to 0 and cannot be normalized"):
        Values([{"weight": "0.5"}, {"weight": "-0.5"}], {"normalize": True}).weights()
