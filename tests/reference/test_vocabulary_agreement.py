"""Models whose rows stand for other tokens: the product and the second implementation make the same files, or both refuse."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import second
from reference.form import FORMS
from strategies import LAW
from vocabularies import worded

from merger.methods import METHODS

# Methods with statistics refuse a row map, and adapters made into one have no rows.
METHOD = pytest.mark.parametrize(
    "method", sorted(m for m in METHODS if not FORMS[m].adapters and FORMS[m].statistics is None)
)


@METHOD
@given(data=st.data())
@settings(LAW, max_examples=8)
def test_with_a_row_map(method: str, data: st.DataObject) -> None:
    case = data.draw(worded(method, free=data.draw(st.booleans())))
    with tempfile.TemporaryDirectory() as root:
        said, folders = case.write(Path(root) / "second")
        try:
            other: Any = second.files(said, folders)
        except ValueError:
            other = "refused"
        assert case.files(Path(root) / "product") == other
