"""Recipes in the dialect of mergekit: YAML to the canonical recipe, with made-up artifacts for the models that it names."""

from dialects import artifact
from fuzz.judging import check_sentence
from fuzz.words import marks

from merger.dialect import parse
from merger.methods import METHODS
from merger.recipe import Recipe
from signing import canonical

MINUTES, LONGEST = 10, 65536
_KEYS = (
    "merge_method base_model models slices sources modules model parameters layer_range dtype out_dtype name seed filter"
    " tokenizer_source tokenizer tokens source force value weight density lambda normalize int8_mask t clip license"
    " statistics shard_bytes allow_nonfinite arithmetic rescale consensus_method union base"
)
WORDS = (
    *(f"{key}: ".encode() for key in _KEYS.split()),
    *(method.encode() for method in METHODS),
    *marks(
        r"\n-\x20 \n\x20\x20-\x20 ---\n ...\n { } [ ] ,\x20 ?\x20 &a\x20 *a <<:\x20 !!int\x20 ' \" |\n\x20 >-\n\x20 #\x20"
    ),
    *marks(
        r"%YAML\x201.2\n \t \\x \\ud800 \xc2\x85 \xef\xbb\xbf a/b@main a+b 1e-9 1e999 .5 -0 [0,4] float32 @mergekit-0.1"
    ),
    b"sha256:" + b"1" * 64,
)
LAYERS = 4


def read(data: bytes) -> None:
    for document in parse(canonical.text(data, "recipe")):
        ids = {reference: artifact(reference) for reference in document.references()}
        made = document.compile(ids, dict.fromkeys(ids.values(), LAYERS), "7")
        again = Recipe.parse(made.recipe.encode())
        assert again == made.recipe
        assert again.digest == made.recipe.digest
        for note in made.notes:
            check_sentence(note)
