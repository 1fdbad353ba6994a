import doctest

import signing


def test_the_manuals_example_runs():
    done = doctest.testmod(signing, optionflags=doctest.ELLIPSIS)
    assert done.attempted > 10
    assert done.failed == 0
