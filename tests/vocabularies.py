"""Models whose rows stand for other tokens, and recipes whose tokenizer carries a row map over them.

A `Worded` case names models by place, like `strategies.Case`; `vectors` holds the row map by those places.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from filling import Model, Stored, filled, packed, values
from hypothesis import strategies as st
from making import CONFIG, add_all, make, safetensors, write_model
from strategies import cases, tensors

from merger.manifest import FLOATS
from merger.recipe import Recipe
from signing.errors import Refused

WORDS = ("<unk>", "a", "b", "c", "ab")
EMBEDDING, HEAD, BIAS = "model.embed_tokens.weight", "lm_head.weight", "lm_head.bias"


def write_map(folder: Path, vectors: Mapping[str, Sequence[int]], **files: str) -> Path:
    """Write a tokenizer artifact whose row map has these vectors, by artifact id."""
    folder.mkdir(parents=True)
    packed_rows = {m: ("I64", (len(v),), np.asarray(v, "<i8").tobytes()) for m, v in vectors.items()}
    (folder / "rows.safetensors").write_bytes(safetensors(packed_rows))
    for name, text in ({"tokenizer.json": '{"version": "1.0"}'} | files).items():
        (folder / name).write_text(text)
    return folder


def tokenizer_json(
    words: tuple[str, ...] = WORDS, added: tuple[str, ...] = ("<s>",), kind: str = "BPE"
) -> dict[str, Any]:
    """A tokenizer.json over these words, with these tokens added after them."""
    vocabulary: Any = {word: i for i, word in enumerate(words)}
    model = {"type": kind, "vocab": vocabulary, "unk_token": "<unk>"}
    if kind == "BPE":
        model["merges"] = [["a", "b"]]
    if kind == "Unigram":
        model = {"type": kind, "unk_id": 0, "vocab": [[word, -float(i)] for i, word in enumerate(words)]}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    listed = [{"id": len(words) + i, "content": one, **flags} for i, one in enumerate(added)]
    rest = {
        "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": listed,
        "model": model,
        **rest,
    }


@dataclass(frozen=True)
class Worded:
    """Models by place, each with its rows, the vectors of a row map, and a recipe that names models by place."""

    models: tuple[Model, ...]
    vectors: dict[str, list[int]]
    recipe: dict[str, Any]
    configs: dict[int, dict[str, Any]] = field(default_factory=dict)

    def size(self, place: int) -> int:
        """Return how many rows a model has."""
        return int(self.models[place][EMBEDDING][1][0]) if EMBEDDING in self.models[place] else 1

    def write(self, root: Path, mapped: bool = True) -> tuple[dict[str, Any], dict[str, Path]]:
        """Write everything; return the recipe with artifact ids and the folder of each. Without a map, none is named."""
        ids: dict[str, str] = {}
        folders: dict[str, Path] = {}
        for place, model in enumerate(self.models):
            # Models of the same bytes are one artifact, which has one vector.
            own = {"vocab_size": self.size(place), "_name_or_path": str(place)}
            config = CONFIG | own | self.configs.get(place, {})
            known = add_all([write_model(root / str(place), model, config)])
            ((ids[str(place)], _),) = known.items()
            folders |= known
        said = dict(self.recipe)
        said["parents"] = [p | {"model": ids[p["model"]]} for p in said["parents"]]
        if "base" in said:
            said["base"] = ids[said["base"]]
        if mapped:
            known = add_all([write_map(root / "map", {ids[p]: v for p, v in self.vectors.items()})])
            ((said["tokenizer"], _),) = known.items()
            folders |= known
        return said, folders

    def files(self, root: Path, mapped: bool = True, **how: Any) -> dict[str, bytes] | str:
        """Execute the case and return its files but the card, or that it is refused."""
        said, folders = self.write(root, mapped)
        try:
            made = make(Recipe.of(said), folders, **how).files
        except Refused:
            return "refused"
        return {name: data for name, data in made.items() if name != "README.md"}

    def tensors(self, root: Path, **how: Any) -> Model | str:
        """Execute the case and return the tensors of its result."""
        made = self.files(root, **how)
        return made if isinstance(made, str) else tensors(made)

    def inputs(self) -> list[str]:
        """Return the places of the base and of the parents that remain, in order."""
        based = [self.recipe["base"]] if "base" in self.recipe else []
        remaining = [p["model"] for p in self.recipe["parents"] if p["parameters"].get("weight") != "0"]
        return based + remaining

    def gathered(self) -> "Worded":
        """Return the same merge over models that have the output's rows already, each with NumPy's take."""
        rows = len(next(iter(self.vectors.values())))
        found = []
        for place, model in enumerate(self.models):
            own = dict(model)
            for name in (n for n in model if n in (EMBEDDING, HEAD, BIAS)):
                dtype, shape, _ = model[name]
                taken = [self._row(name, str(place), i) for i in range(rows)]
                own[name] = (dtype, (rows, *shape[1:]), b"".join(taken))
            found.append(own)
        return replace(self, models=tuple(found))

    def _row(self, name: str, place: str, i: int) -> bytes:
        lenders = [place, *self.inputs()]
        # Where every weight is zero nobody lends, and the row of a model that gives nothing may be any.
        lender = next((p for p in lenders if self.vectors[p][i] != -1), None)
        _, shape, raw = self.models[int(lender or place)][name]
        width = len(raw) // shape[0]
        at = -2 if lender is None else self.vectors[lender][i]
        return bytes(width) if at == -2 else raw[at * width : (at + 1) * width]


def rows_of_words(seed: int, dtype: str, shape: tuple[int, ...], odd: bool = False) -> Stored:
    """Return a tensor no two of whose rows are alike: what lies in one place can be told from another by its bytes."""
    found = np.array(values(filled(seed, dtype, shape, odd)), np.float64).reshape(shape)
    first = (np.arange(shape[0]) + 1 + seed % 4 * 64) / 8.0
    if len(shape) == 1:
        return packed(first, dtype)
    found[:, 0] = first
    return packed(found, dtype, shape)


@st.composite
def worded(draw: st.DrawFn, method: str, *, free: bool = False) -> Worded:
    """A case of a method over models with vocabularies of their own, and a row map that may do anything.

    Where it is free, types may differ, rows may be nobody's and configs name tokens, so that it may have to be refused.
    """
    case = draw(cases(method, rules=free, odd=False))
    types = (
        st.sampled_from(FLOATS) if free and draw(st.booleans()) else st.just(draw(st.sampled_from(FLOATS)))
    )
    named = draw(st.sampled_from([(EMBEDDING,), (EMBEDDING, HEAD), (EMBEDDING, HEAD, BIAS)]))
    width = draw(st.integers(1, 6))
    rows = draw(st.integers(1, 14))
    models: list[Model] = []
    vectors: dict[str, list[int]] = {}
    configs: dict[int, dict[str, Any]] = {}
    for place, model in enumerate(case.models):
        size = draw(st.integers(30, 40))
        own = {n: t for n, t in model.items() if n not in (EMBEDDING, HEAD, BIAS)}
        for name in named:
            shape = (size,) if name == BIAS else (size, width)
            own[name] = rows_of_words(4 * draw(st.integers(0, 1 << 20)) + place, draw(types), shape)
        if models and draw(st.integers(0, 4)) == 0:
            own |= {n: models[0][n] for n in named}
            size = models[0][EMBEDDING][1][0]
        models.append(own)
        vectors[str(place)] = [draw(st.sampled_from([-2, -1, -1, *range(size)])) for _ in range(rows)]
        if free and draw(st.integers(0, 3)) == 0:
            vectors[str(place)] = list(range(size))[:rows]
        if free:
            known = [row for row in vectors[str(place)] if row >= 0]
            ids = st.sampled_from([None, -1, size, *known, *known])
            configs[place] = {"eos_token_id": draw(st.lists(ids, max_size=2)), "pad_token_id": draw(ids)}
    made = Worded(tuple(models), vectors, case.recipe, configs)
    if free:
        return made
    # A row that nobody has is an error.
    alive = made.inputs()
    for i in range(rows):
        if alive and all(vectors[p][i] == -1 for p in alive):
            vectors[draw(st.sampled_from(alive))][i] = draw(st.integers(-2, 29).filter(lambda e: e != -1))
    return made
