"""Masks: any block of the stream by itself is the same as all of it at once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from merger.seeds import STEP, lanes, mask_key

KEY = mask_key("7", "w", "sha256:" + "0" * 64, 0)


@given(start=st.integers(0, 500), count=st.integers(0, 300))
def test_any_part_of_the_stream_can_be_drawn_alone(start, count):
    whole = lanes(KEY, 0, (500 + 20) * STEP)
    assert (lanes(KEY, start * STEP, count) == whole[start * STEP : start * STEP + count]).all()


def test_every_field_changes_the_key():
    fields = ("7", "w", "p", 0)
    keys = {
        mask_key(*fields),
        mask_key("8", "w", "p", 0),
        mask_key("7", "v", "p", 0),
        mask_key("7", "w", "q", 0),
    }
    keys |= {mask_key("7", "w", "p", 1), mask_key("7", "wp", "", 0)}  # lengths keep fields apart
    assert len(keys) == 6
    assert all(0 <= key < 1 << 128 for key in keys)


def test_lanes_are_even_enough_to_be_a_share():
    drawn = lanes(KEY, 0, 1 << 18)
    assert drawn.dtype == np.uint16
    assert abs((drawn < 19661).mean() - 0.3) < 0.005
