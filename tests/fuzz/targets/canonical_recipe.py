"""Canonical recipes, as provenance carries them: one recipe has one spelling, so one digest."""

from fuzz.words import JSON, members, texts

from merger.methods import METHODS
from merger.recipe import DTYPES, Recipe

MINUTES, LONGEST = 10, 65536
WORDS = (
    *members(
        "arithmetic method base parents model adapter scale statistics parameters slices count sources parent first"
    ),
    *members(
        "base_first dtype out_dtype seed tokenizer clip license shard_bytes allow_nonfinite contains by_layer before"
    ),
    *members("value weight density lambda normalize rescale scope vote divide"),
    *texts(
        (*METHODS, *DTYPES, *["0", "1", "0.5", "-1", "tensor", "model", "none", "l1"], "sha256:" + "1" * 64)
    ),
    *JSON,
)


def read(data: bytes) -> None:
    found = Recipe.parse(data)
    again = Recipe.parse(found.encode())
    assert again == found
    assert again.digest == found.digest
    assert again.encode() == found.encode()
    assert set(again.artifacts()) >= {again.first}
