"""Which parameters of a test are tried by `make test`, and which by the system ring alone."""

from collections.abc import Collection, Iterable

import pytest


def here(some: Collection[object], every: Iterable[object]) -> list[object]:
    """Return `every` parameter; all but `some` of them belong to the system ring, which has more time."""
    found = list(every)
    unknown = [one for one in some if one not in found]
    assert not unknown, f"{unknown} are among no parameters"
    return [one if one in some else pytest.param(one, marks=pytest.mark.system) for one in found]
