"""Shares: what the account says each parent put in is what attribution finds, element by element."""

import json
import math

import numpy as np
import pytest
from filling import packed, values
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import LAW, MODELS, Case, cases, on_disk

from merger.methods import METHODS
from signing.errors import Refused

BASE = {"w": packed([0, 0, 0, 0], "F32")}
ONE = {"w": packed([4, -3, 2, 1], "F32")}
OTHER = {"w": packed([-5, -1, 2, 0], "F32")}


def shares(made, tensor="w"):
    return json.loads(made.result.account)["tensors"][tensor]["shares"]


def ties(**shared):
    parents = [{"model": str(i), "parameters": {"weight": "1", "density": "0.5"}} for i in (1, 2)]
    how = {"lambda": "1", "scope": "tensor", "vote": "weighted", "divide": "count", "rescale": "none"}
    recipe = {
        "arithmetic": "1",
        "method": "ties",
        "base": "0",
        "parents": parents,
        "parameters": how | shared,
    }
    return Case((BASE, ONE, OTHER), recipe)


def test_the_shares_of_ties_by_hand():
    # Trimmed: 4 -3 0 0 and -5 0 2 0. Elected: - - + +. Who agrees: (none, -3, none, none) and (-5, none, 2, none).
    with on_disk() as disk:
        found = shares(disk.make(ties()))
    assert found["kept"] == [2, 2]
    assert found["agreed"] == [1, 2]
    assert [float.fromhex(one) for one in found["energy"]] == [9, 29]


def test_lambda_and_division_are_in_the_energy():
    with on_disk() as disk:
        found = shares(disk.make(ties(**{"lambda": "2", "divide": "none"})))
    assert [float.fromhex(one) for one in found["energy"]] == [36, 116]


@pytest.mark.parametrize("method", MODELS)
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_energy_is_that_of_what_is_attributed(method, data):
    case = data.draw(cases(method, odd=False, rules=False, converting=False, dtype="F64"))
    with on_disk() as disk:
        try:
            made = disk.make(case)
        except Refused:
            return
        entries = json.loads(made.result.account)["tensors"]
        result = disk.tensors(case)
        for name, entry in entries.items():
            if "energy" not in entry.get("shares", {}):
                continue
            energy = [float.fromhex(one) for one in entry["shares"]["energy"]]
            assert len(energy) == len(entry["parents"])
            assert all(one >= 0 for one in energy)
            if METHODS[method].base == "none" or case.recipe.get("base") is None:
                continue
            # What the parents put in, added up, is how far the result lies from the base: by the triangle inequality.
            base = case.models[0][name]
            moved = values(result[name]).astype(np.float64) - values(base)
            slack = 1e-9 * (1 + float(np.abs(values(base)).max(initial=0))) * len(moved)
            assert np.linalg.norm(moved) <= sum(map(math.sqrt, energy)) + slack
