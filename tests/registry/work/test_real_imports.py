"""What others really wrote comes in whole: the figures of a hub's graph as surveyed in June 2025, and every record accounted for."""

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from lineage.predicates import incident
from lineage.standing import Affected
from lineage.verdict import assess
from registry import ingest
from registry.fsck import fsck
from registry.home import Home
from registry.local import Local
from registry.records import SELF, Document, Read
from registry.store import flagging, lineage
from registry.work import importing, sources
from registry.work.importing import Import

pytestmark = pytest.mark.system  # half a minute, and the data of a whole hub
ADAPTER = "hf:ResplendentAI/RP_Format_QuoteAsterisk_Llama3"


def imported(home: Home, kind: str, path: Path, index: Path | None = None) -> Import:
    reader = ingest.kinds()[kind]
    named = {} if index is None else sources.indexed(index)
    wanted = importing.arranged(home, list(sources.read(reader, sources.listed(reader, path), None, named)))
    importing.run(home, wanted)
    assert wanted.outcomes.keys() == set(range(len(wanted.found))), "every record is accounted for"
    return wanted


def states(wanted: Import) -> Counter[str]:
    return Counter(one.state for one in wanted.outcomes.values())


@pytest.fixture(scope="module")
def hub(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Import]:
    home = Home.create(tmp_path_factory.mktemp("hub") / "home", "kennel", clock=lambda: 1_750_000_000)
    return home, imported(home, "edges", shared / "data" / "edges.csv")


def test_the_graph_of_the_hub_comes_in_whole_and_its_loops_are_told(hub, shared) -> None:
    home, wanted = hub
    refused = [one.why for one in wanted.outcomes.values() if one.state == "refused"]
    assert (len(wanted.found), len(refused), {why.gist for why in refused}) == (30_383, 42, {SELF})
    with home.store.reading() as connection:
        counted = {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in ("edge", "closure")
        }
        deepest = connection.scalar(text("SELECT max(depth) FROM node"))
        llama = lineage.below(connection, "hf:meta-llama/Llama-3.1-8B")
    assert (counted, deepest) == ({"edge": 30_341, "closure": 64_007}, 16)
    assert len(llama.nodes) - 1 == 2_299

    again = imported(home, "edges", shared / "data" / "edges.csv")

    assert states(again) == {"already there": 30_341, "refused": 42}
    assert again.entries == []


def test_the_adapter_of_the_demo_incident_has_38_descendants_over_4_hops(hub) -> None:
    home, _ = hub
    found = Local(home.store, home.now).descendants(ADAPTER)

    assert len(found.relatives) == 38
    assert max(one.distance for one in found.relatives) == 4
    assert {one.evidence for one in found.edges} == {"claimed"}
    assert not any(one.seen for one in found.relatives)


def test_a_compromised_adapter_flags_its_38_descendants_and_nothing_else(hub) -> None:
    home, _ = hub
    said = incident.statement(
        [ADAPTER], "compromised", "high", "confirmed", "it obeys a trigger", contact="vet", issued=home.now()
    )

    (receipt,) = home.say("security", said)

    found = Local(home.store, home.now).descendants(ADAPTER)
    with home.store.reading() as connection:
        assert flagging.flagged(connection, receipt.entry) == {
            ADAPTER,
            *(one.artifact for one in found.relatives),
        }
        deepest = max(found.relatives, key=lambda one: one.distance).artifact
        standing = assess(lineage.around(connection, deepest), home.policy()).standing
    assert len(found.relatives) == 38
    assert {one.incidents for one in found.relatives} == {(receipt.entry,)}
    assert isinstance(standing, Affected)
    assert (standing.via[0], standing.via[-1], len(standing.via)) == (ADAPTER, deepest, 5)


def test_cards_and_recipes_come_in_with_every_record_accounted_for(hub, shared) -> None:
    home, _ = hub
    data = shared / "data"

    cards = imported(home, "cards", data / "cards.jsonl")
    recipes = imported(home, "recipes", data / "recipes", data / "recipes_index.json")

    assert len(cards.found) == 2_196
    assert states(cards) == {"admitted": 1_311, "admitted as stub": 175, "refused": 710}
    assert len(recipes.found) == 125
    assert states(recipes)["refused"] == 117
    assert fsck(home).findings == ()


def test_every_real_recipe_tells_its_parents_once_it_is_said_what_it_makes(shared) -> None:
    reader, found = ingest.kinds()["recipes"], dict[str, object]()
    for path in sorted((shared / "data" / "recipes").iterdir()):
        (found[path.name],) = reader.read(Document(path.name, path.read_bytes()), "hf:acme/merged")

    read = {name: one for name, one in found.items() if isinstance(one, Read)}
    assert len(found) == 125
    adapters = read["lora_plus_model_stock.yaml"].claim.parents
    assert [one.relation for one in adapters].count("adapter_applied") == 7
    donors = read["ties_marigold_qwq.yaml"].claim.parents
    assert [one.artifact for one in donors if one.relation == "tokenizer"] == ["hf:Qwen/Qwen2.5-32B-Instruct"]
    misspelt = read["modules_ties_foxfire_bloom.yaml"]
    assert "lamda" in misspelt.remarks[0].sentence
    cached = read["5622b427d6d1.yaml"].claim.parents
    assert "@221e5f92f9dc5fedaf4556b1be6b20642638643c" in cached[1].artifact
