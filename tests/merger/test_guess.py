"""Thresholds guessed from a sample: exact where the window holds, found digit by digit where it does not."""

import numpy as np
import pytest
from rings import here
from strategies import big, on_disk

from merger import guess, measure
from merger.kernels.blocks import NumpyKernels
from merger.kernels.compiled import CompiledKernels
from merger.methods import METHODS
from merger.passes import Passes
from merger.reading import CHUNK
from merger.seeds import lanes

SIZE = 5 * CHUNK + 77
RANKED = sorted(m for m in METHODS if METHODS[m].ranks)
BACKENDS = [NumpyKernels, CompiledKernels]
BF16 = ("BF16", "BF16", "BF16")


@pytest.mark.parametrize("method", here(["ties"], RANKED))
@pytest.mark.parametrize("dtypes", here([BF16], [BF16, ("F64", "F32", "F32")]), ids="-".join)
def test_guessed_thresholds_give_the_same_files_and_accounts(method, dtypes, monkeypatch):
    case = big(method, {"a": (SIZE,)}, dtypes, out_dtype="float32")
    with on_disk() as disk:
        guessed = [disk.make(case, kernels=kernels).result for kernels in BACKENDS]
        monkeypatch.setattr(measure, "guess", lambda *_: None)
        counted = [disk.make(case, kernels=kernels).result for kernels in BACKENDS]
    assert len({(one.artifact, one.account) for one in [*guessed, *counted]}) == 1


def test_a_guess_is_taken_where_magnitudes_spread():
    with on_disk() as disk:
        assert taken(disk, big("ties", {"a": (SIZE,)}, ("BF16", "F32", "F32")))


@pytest.mark.parametrize("margin", [0.0, -0.2])
def test_a_window_that_misses_its_rank_is_no_answer(margin, monkeypatch):
    monkeypatch.setattr(guess, "MARGIN", margin)
    case = big("ties", {"a": (SIZE,)}, ("F32", "F32", "F32"))
    with on_disk() as disk:
        want = disk.outcome(case)
        monkeypatch.undo()
        assert disk.outcome(case) == want


def test_many_equals_are_kept_as_one_with_its_count(monkeypatch):
    case = big("ties", {"a": (SIZE,)}, ("BF16", "BF16", "BF16"))
    with on_disk() as disk:
        want = disk.make(case).result
        monkeypatch.setattr(guess, "MOST", 4096)
        assert taken(disk, case)
        crowded = disk.make(case).result
    assert (crowded.artifact, crowded.account) == (want.artifact, want.account)


def test_a_window_that_would_hold_too_much_is_no_answer(monkeypatch):
    case = big("ties", {"a": (SIZE,)}, ("F32", "F32", "F32"))
    everything = [guess._Window(quantity, 0, 1 << 31, crowded=False) for quantity in (0, 1)]
    with on_disk() as disk:
        want = disk.outcome(case)
        monkeypatch.setattr(guess, "MOST", 64)
        monkeypatch.setattr(guess, "_windows", lambda *_: everything)
        assert not taken(disk, case)
        assert disk.outcome(case) == want


def taken(disk, case):
    """Say whether the thresholds of a case's merge were guessed."""
    found = []
    real = guess.guess

    def told(*given):
        found.append(real(*given))
        return found[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "guess", told)
        disk.make(case)
    return all(one is not None for one in found) and bool(found)


def test_lanes_are_those_of_numpy():

    compiler = CompiledKernels("F32").compiler
    passes = Passes(METHODS["dare_linear"], compiler)
    for key in (0, 1, (1 << 128) - 1, 0x0123456789ABCDEF << 60):
        for start, count in ((0, 1), (16, 100), (1 << 40, 65536)):
            (drawn,) = passes.lanes((key,), start, count)
            assert np.array_equal(drawn, lanes(key, start, count))
