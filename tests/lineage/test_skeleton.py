"""Names that look alike have one skeleton, and names that do not have two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statements import names

from lineage.skeleton import skeleton

# The mappings of UTS #39, confusables.txt, from a character that a name may hold to others.
STANDARD = {"0": "O", "1": "l", "I": "l", "m": "rn"}
ALIKE = [
    ("acme/model", "acrne/model"),
    ("acme/model", "ACME/Model"),
    ("acme/model", "acme/rnodel"),
    ("acme/model", "acme/mode1"),
    ("acme/model", "acme/modeI"),
    ("acme/model", "acme/moclel"),
    ("acme/tool", "acme/t00I"),
    ("acme/raw", "acme/ravv"),
    ("acme/llama-2.7b", "acme/llama_2-7b"),
    ("acme/llama-2", "acme/llama--2"),
    ("acme/llama-2", "acme/llama-2."),
    ("acme.ai/llama", "acme-ai_/llama"),
]
APART = [
    ("acme/llama-2-7b", "acme/llama-27b"),
    ("acme/v1.1", "acme/v11"),
    ("acme/base", "acne/base"),
    ("acme/x5", "acme/xs"),
    ("acme/x2", "acme/xz"),
    ("a-c/me", "a/c-me"),
    ("a/b", "ab"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_t19_names_that_look_alike_have_one_skeleton(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_names_that_do_not_look_alike_have_two(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


@given(names)
def test_t19_law_a_skeleton_is_its_own_skeleton(name: str) -> None:
    assert skeleton(skeleton(name)) == skeleton(name)


@given(names, st.data())
def test_t19_law_names_that_are_equal_under_case_folding_have_one_skeleton(
    name: str, data: st.DataObject
) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(name), max_size=len(name)))
    other = "".join(letter.upper() if up else letter.lower() for letter, up in zip(name, upper, strict=True))
    assert other.casefold() == name.casefold()
    assert skeleton(other) == skeleton(name)


@given(names, st.data())
def test_t19_law_whatever_the_standard_calls_confusable_has_one_skeleton(
    name: str, data: st.DataObject
) -> None:
    places = [at for at, letter in enumerate(name) if letter in STANDARD]
    swapped = data.draw(st.sets(st.sampled_from(places))) if places else set()
    other = "".join(STANDARD[one] if at in swapped else one for at, one in enumerate(name))
    assert skeleton(other) == skeleton(name)


@given(names, st.text("._-", min_size=1, max_size=3), st.text("._-", min_size=1, max_size=3))
def test_t19_law_one_run_of_separators_is_as_good_as_another(name: str, one: str, other: str) -> None:
    for place in range(1, len(name) + 1):
        if name[place - 1] != "/" and not set("._-") & set(name[place - 1 : place + 1]):
            assert skeleton(name[:place] + one + name[place:]) == skeleton(
                name[:place] + other + name[place:]
            )


@given(names)
def test_a_skeleton_has_the_two_parts_of_its_name(name: str) -> None:
    assert [len(part) > 0 for part in skeleton(name).split("/")] == [True, True]
