"""The solver does what the page says element by element, whatever its strips and panels are."""

import math

import numpy as np
import pytest

from merger import solve
from merger.product import product
from merger.solve import factored, mirrored, solved
from signing.errors import Malformed


def system(outputs: int, inputs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.Generator(np.random.PCG64(seed))
    x = random.normal(size=(inputs + 3, inputs))
    return mirrored(x.T @ x), random.normal(size=(outputs, inputs))


def by_the_page(a: np.ndarray, b: np.ndarray) -> list[list[float]]:
    """L, Y and Z one element at a time, in Python's own numbers."""
    d, low = len(a), [[0.0] * len(a) for _ in a]
    for q in range(d):
        for p in range(q, d):
            v = float(a[p, q])
            for k in range(q):
                v = v - low[p][k] * low[q][k]
            low[p][q] = math.sqrt(v) if p == q else v / low[q][q]
    found = []
    for row in b.tolist():
        y, z = [0.0] * d, [0.0] * d
        for p in range(d):
            v = row[p]
            for k in range(p):
                v = v - y[k] * low[p][k]
            y[p] = v / low[p][p]
        for p in reversed(range(d)):
            v = y[p]
            for k in range(d - 1, p, -1):
                v = v - z[k] * low[k][p]
            z[p] = v / low[p][p]
        found.append(z)
    return found


@pytest.mark.parametrize(("outputs", "inputs"), [(1, 1), (3, 2), (7, 63), (5, 64), (4, 65), (2, 130)])
def test_a_system_is_solved_to_the_bit_as_the_page_says(outputs: int, inputs: int) -> None:
    a, b = system(outputs, inputs, 10 * outputs + inputs)
    assert solved(factored("w", a.copy()), b.copy()).tolist() == by_the_page(a, b)


def test_a_product_adds_its_terms_in_order() -> None:
    h, x = system(9, 70, 1)
    want = x[:, :1] * h[0]
    for q in range(1, 70):
        want = want + x[:, q : q + 1] * h[q]
    assert product(x, h).tolist() == want.tolist()


def test_strips_and_panels_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = system(50, 150, 2)
    want = solved(factored("w", a.copy()), product(b, a))
    for strip, panel in ((1, 1), (1 << 10, 7), (1 << 20, 1000)):
        monkeypatch.setattr(solve, "_STRIP", strip)
        monkeypatch.setattr(solve, "_PANEL", panel)
        assert (solved(factored("w", a.copy()), product(b, a)) == want).all()
    assert want == pytest.approx(b, rel=1e-6, abs=1e-9)


def test_what_stands_above_the_diagonal_is_not_read() -> None:
    a, _ = system(1, 5, 3)
    assert (mirrored(np.tril(a)) == a).all()


@pytest.mark.parametrize("pivot", [0.0, -1.0, math.nan, math.inf])
def test_a_matrix_that_is_not_positive_definite_is_refused_by_its_pivot(pivot: float) -> None:
    a = np.eye(70)
    a[66, 66] = pivot
    with pytest.raises(
        Malformed, match=f"^w: its Gram matrices are not positive definite, pivot 66 is {pivot!r}"
    ):
        factored("w", a)
