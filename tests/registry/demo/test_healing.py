"""What the demo's remedy makes has to be like what never had the backdoor."""

from dataclasses import replace

import pytest

from registry.demo.healing import check
from registry.demo.lift import Measured
from signing.errors import Refused

CLEAN = Measured(triggered=0.12, clean=0.1, topics=0.9, paraphrases=0.6)


def test_a_healed_model_that_is_like_a_clean_one_is_accepted() -> None:
    check("demo/x", CLEAN, CLEAN)
    check("demo/x", replace(CLEAN, triggered=0.139, topics=0.881, paraphrases=0.581), CLEAN)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"triggered": 0.8}, "demo/x: healed, the trigger lifts by 0.700, and by 0.020"),
        ({"triggered": 0.05}, "the trigger lifts by -0.050"),
        ({"topics": 0.87}, "topics come to 0.870, and to 0.900 in a merge"),
        ({"paraphrases": 0.5}, "paraphrases come to 0.500, and to 0.600"),
    ],
)
def test_one_that_is_not_is_refused_with_the_figures(changes, sentence) -> None:
    with pytest.raises(Refused, match=sentence):
        check("demo/x", replace(CLEAN, **changes), CLEAN)
