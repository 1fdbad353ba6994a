"""Real cards (STUDBOOK_SHARED), as their publishers would declare what they say, and the list of what the rules say of them."""

import csv
import os
from pathlib import Path

from lineage.declared import Resolved, declared
from signing import canonical

CARDS = Path(os.environ.get("STUDBOOK_SHARED", "../shared")) / "data" / "cards.jsonl"
with (Path(__file__).parent / "cases" / "real-licenses.csv").open(newline="") as file:
    LISTED = {row["model"]: row for row in csv.DictReader(file)}


def cards() -> dict[str, dict]:
    """Return the front matter of every card that has one, by model."""
    lines = (canonical.decode(line) for line in CARDS.read_bytes().splitlines())
    return {one["model_id"]: one["front_matter"] for one in lines if isinstance(one["front_matter"], dict)}


def word(card: dict) -> str | None:
    """Return the one word under which a publisher would declare what the card says."""
    found = declared(card.get("license"), name=card.get("license_name"), link=card.get("license_link"))
    if isinstance(found, Resolved):
        return found.licenses[0]
    return None if found.licenses == ("missing",) else str(card.get("license"))


def parents(model: str, card: dict) -> list[str]:
    """Return what a card says that the model was made from, itself left out."""
    said = card.get("base_model")
    named = dict.fromkeys(one for one in (said if isinstance(said, list) else [said]) if isinstance(one, str))
    return [one for one in named if one != model]


def relation(model: str, card: dict) -> str:
    """Return how: several parents are a merge, unless said otherwise."""
    if len(parents(model, card)) > 1:
        return "merge"
    adapter = card.get("library_name") == "peft" or "lora" in str(card.get("tags"))
    return "adapter_of" if adapter else "finetune"
