"""What other tools merge and arithmetic 1 does not execute, each with the reason: nothing is refused as merely unknown.

A search for a recipe, or training of its coefficients, is evidence for a recipe and no part of executing it: the recipe
that was found is merged here. What such a method made elsewhere is registered with a signed record of the search
(`lineage.predicates.search`).
"""

from collections.abc import Mapping

_SEARCHED = "searches for a recipe by running models on data; write down the recipe that it found, which can be merged"
_TRAINED = "trains its coefficients on data; write them down as weights, which can be merged by layer"
_ROUTED = "puts experts side by side behind a router instead of merging weights"

# Methods by the names that people give them in merge_method.
METHODS: Mapping[str, str] = {
    **dict.fromkeys(
        ("adamerging", "layerwise_adamerging", "layer_wise_adamerging", "taskwise_adamerging"), _TRAINED
    ),
    **dict.fromkeys(("alignmerge", "align_merge", "aim", "metagpt", "lorahub"), _TRAINED),
    **dict.fromkeys(("evolutionary", "evolve", "cma_es", "cmaes", "greedy_soup", "greedy"), _SEARCHED),
    **dict.fromkeys(("moe", "mixture_of_experts", "frankenmoe", "clown_moe"), _ROUTED),
}
# What mergekit 0.1.5 has: its defaults, and `@mergekit-0.1`, are for these.
MERGEKIT = frozenset(
    (
        *("linear", "slerp", "nuslerp", "multislerp", "karcher", "passthrough", "model_stock", "nearswap"),
        *("arcee_fusion", "sce", "ram", "ramplus_tl", "task_arithmetic", "ties", "dare_ties", "dare_linear"),
        *("breadcrumbs", "breadcrumbs_ties", "della", "della_linear"),
    )
)
# Top-level keys of documents that are no merges at all.
DOCUMENTS: Mapping[str, str] = {
    "experts": f"mergekit-moe, which {_ROUTED}",
    "gate_mode": f"mergekit-moe, which {_ROUTED}",
    "genome": f"mergekit-evolve, which {_SEARCHED}",
}


def reason(method: str) -> str:
    """Say why a method that this version does not have is not merged."""
    if method in METHODS:
        return f"which is not merged: it {METHODS[method]}; what it made elsewhere is registered by 'studbook add FOLDER --made-by {method} --base PARENT', with --base once for each"
    return "which neither this version nor mergekit 0.1.5 has"
