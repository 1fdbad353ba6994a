"""Products of matrices: the order of sums that the page gives, whatever the tiles."""

import numpy as np
import pytest

from merger.kernels import jit
from merger.product import outer_sum, product


def slowly(left, right):
    """The page's line, element by element."""
    made = np.zeros((left.shape[0], right.shape[1]))
    for i in range(made.shape[0]):
        for j in range(made.shape[1]):
            for k in range(left.shape[1]):
                term = left[i, k] * right[k, j]
                made[i, j] = made[i, j] + term if k else term
    return made


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 5, 2), (40, 7, 33), (0, 3, 2), (2, 3, 0), (2, 0, 3)])
def test_terms_are_added_in_order(shape):
    rows, inner, columns = shape
    random = np.random.Generator(np.random.PCG64(3))
    left = random.normal(size=(rows, inner)) * 2.0 ** random.integers(-40, 40, (rows, inner))
    right = random.normal(size=(inner, columns))
    with np.errstate(all="ignore"):
        assert product(left, right).tobytes() == slowly(left, right).tobytes()


def test_tiles_of_rows_and_columns_leave_no_trace():
    random = np.random.Generator(np.random.PCG64(4))
    left, right = random.normal(size=(37, 3)), random.normal(size=(3, 5000))
    first = left[:, :1] * right[:1]
    want = (first + left[:, 1:2] * right[1:2]) + left[:, 2:] * right[2:]
    assert product(left, right).tobytes() == want.tobytes()
    assert product(right.T, left.T).tobytes() == np.ascontiguousarray(want.T).tobytes()


def test_a_first_term_of_minus_zero_stays_one():
    assert np.signbit(product(np.array([[-0.0]]), np.array([[1.0]])))[0, 0]


def test_what_is_not_finite_goes_through():
    with np.errstate(invalid="ignore"):
        made = product(np.array([[np.inf, 1.0]]), np.array([[1.0, 0.0], [2.0, np.nan]]))
    assert made[0, 0] == np.inf
    assert np.isnan(made[0, 1])


@pytest.mark.parametrize("terms", [0, 1, 2, 16, 17, 40])
@pytest.mark.parametrize("width", [1, 7, 64])
def test_a_compiled_sum_is_the_same_to_the_bit(terms, width):
    random = np.random.Generator(np.random.PCG64(terms * 100 + width))
    down = random.normal(size=(terms, 9)) * 2.0 ** random.integers(-40, 40, (terms, 9))
    across = random.normal(size=(terms, width + 3))
    plain, term, compiled = np.empty((3, 5, width))
    outer_sum(down[:, 2:7], across[:, 1 : width + 1], plain, term)
    outer_sum(down[:, 2:7], across[:, 1 : width + 1], compiled, term, jit)
    assert plain.tobytes() == compiled.tobytes()
