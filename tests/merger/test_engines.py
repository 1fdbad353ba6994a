"""Methods that are named with an engine: its values of parameters, and notes on what is computed otherwise."""

import pytest
from dialects import compiled, merge

from merger.dialect import elsewhere, engines
from merger.methods import METHODS


@pytest.mark.parametrize("method", ["dare_linear", "dare_ties"])
def test_an_engines_name_is_its_values_written_out(method: str) -> None:
    rest = "seed: 1\n"
    found = compiled(merge(f"{method}@mergekit-0.1", "{density: 0.5}", rest=rest))

    assert found.recipe == compiled(merge(method, "{density: 0.5, rescale: l1}", rest=rest)).recipe
    assert any("torch's generator" in note for note in found.notes)
    assert any("defaults hold" in note and "rescale l1" in note for note in found.notes)
    assert not any("l1 norm instead" in note for note in found.notes)


@pytest.mark.parametrize(("flag", "word"), [("true", "l1"), ("false", "none")])
def test_an_engines_flag_means_what_it_means_there(flag: str, word: str) -> None:
    text = merge("dare_ties@mergekit-0.1", f"{{density: 0.5, rescale: {flag}}}", rest="seed: 1\n")

    assert compiled(text).recipe.parameters["rescale"] == word


@pytest.mark.parametrize("method", sorted(METHODS.keys() & elsewhere.MERGEKIT))
def test_every_method_of_an_engine_takes_its_name_and_its_own_values_are_allowed(method: str) -> None:
    own = engines.defaults(engines.ENGINE, METHODS[method])
    for parameter in METHODS[method].parameters:
        if parameter.name in own:
            parameter.check(parameter.name, own[parameter.name])
    assert engines.parted(f"{method}@{engines.ENGINE}") == (method, engines.ENGINE)
    assert len(list(engines.notes(engines.ENGINE, METHODS[method]))) >= 1
    assert not list(engines.notes(None, METHODS[method]))
