"""The list of findings on real pairs of cards, as a command makes it once their publishers declare what the cards say."""

import pytest
from cards import CARDS, LISTED, cards, parents, relation, word
from world import World

from lineage.predicates import derivation, license, name, signature  # noqa: A004 - the statement's own name
from signing.digest import artifact_id

pytestmark = pytest.mark.skipif(not CARDS.is_file(), reason="STUDBOOK_SHARED holds no cards")


def test_a_command_lists_what_is_listed_of_real_pairs(world: World, terminal) -> None:
    terminal.home = world.home.path
    found = cards()
    above = {model: parents(model, found[model]) for model in LISTED}
    wanted = dict.fromkeys([*LISTED, *(up for some in above.values() for up in some if up in found)])
    ids = {model: artifact_id({"model.safetensors": f"{n:064x}"}) for n, model in enumerate(wanted)}
    said = []
    for n, model in enumerate(wanted):
        called = model if "/" in model else f"unowned/{model}"
        said += [
            signature.statement(called, {"model.safetensors": f"{n:064x}"}),
            name.statement(ids[model], called, None, world.time),
        ]
        said += [license.statement(ids[model], terms, world.time) for terms in [word(found[model])] if terms]
    for model, some in above.items():
        how = relation(model, found[model])
        made = [derivation.Parent(ids.get(up, f"hf:{up}"), how) for up in some]
        said.append(derivation.statement(ids[model], made))
    # What real cards declare contradicts itself often, and was published by others.
    world.decide(shut=False)
    world.publish("publisher", *said)

    told = {one["artifact"]: one for one in terminal("license", "conflicts", "--json").json["artifacts"]}
    for model, row in LISTED.items():
        one = told[ids[model]]
        deciding = sorted(f"{each['kind']}={each['decides']}" for each in one["findings"])
        expected = [each for each in row["findings"].split() if not each.endswith("=nothing")]
        assert (model, one["outcome"], deciding) == (model, row["outcome"], expected)
