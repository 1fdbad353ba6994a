"""Statistics of the parents' models, held to the models they say they are of, before a byte of weights is read.

docs/arithmetic.md, "Statistics". Pure. Their values are attested by whoever signed the artifact and are derived by nobody
here; what is checked is that they are of this kind, of this model, and of these tensors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from merger.manifest import FLOATS, RANK_LIMIT, Manifest, Tensor
from merger.method import Statistics
from merger.recipe import Parent, Recipe
from merger.sources import Source
from signing.canonical import Json
from signing.errors import Malformed

CONFIG = "statistics.json"
VERSION = "1"

Known = Mapping[str, Tensor]
"""The statistics that one parent has, by their own names."""


def statistics_of(
    recipe: Recipe,
    manifests: Mapping[str, Manifest],
    configs: Mapping[str, Mapping[str, Json]],
    tensors: Mapping[str, Mapping[str, Tensor]],
) -> tuple[Known, ...]:
    """Return what each parent's statistics hold, or say by name which of them do not fit its model."""
    needed = recipe.rules.statistics
    if needed is None:
        return ({},) * len(recipe.parents)
    return tuple(
        _fitting(needed, parent, manifests[str(parent.statistics)], configs, tensors[parent.model])
        for parent in recipe.parents
    )


def chosen(
    name: str, needed: Statistics | None, parents: Sequence[tuple[Parent, Source, Known]]
) -> tuple[Source, ...]:
    """Return the statistics of one output tensor, parent by parent or axis by axis; none where the method does without."""
    if needed is None:
        return ()
    if needed.by_axis:
        return tuple(
            Source(str(parent.statistics), one)
            for parent, source, known in parents
            for axis in range(RANK_LIMIT)
            if (one := f"{source.tensor}.{axis}") in known
        )
    missing = [(parent, source) for parent, source, known in parents if source.tensor not in known]
    if missing and (needed.every or len(missing) < len(parents)):
        parent, source = missing[0]
        other = "" if needed.every else ", and those of another parent do"
        raise Malformed(f"{name}: the statistics {parent.statistics} do not hold {source.tensor}{other}")
    return () if missing else tuple(Source(str(p.statistics), s.tensor) for p, s, _ in parents)


def _fitting(
    needed: Statistics,
    parent: Parent,
    manifest: Manifest,
    configs: Mapping[str, Mapping[str, Json]],
    model: Mapping[str, Tensor],
) -> Known:
    artifact = str(parent.statistics)
    said = configs[artifact]
    for member, wanted in (("v", VERSION), ("kind", needed.kind), ("model", parent.model)):
        if said.get(member) != wanted:
            raise Malformed(
                f"{CONFIG} of {artifact}: {member} is {said.get(member)!r:.80}, and {wanted!r} is merged with it"
            )
    for tensor in manifest.tensors:
        found = _about(needed, tensor.name, model)
        if found is None:
            part = "axis" if needed.by_axis else "tensor"
            raise Malformed(
                f"{tensor.name}: {artifact} has statistics of it, and {parent.model} has no such {part}"
            )
        about, place = found
        for whose, one, stored in ((artifact, tensor, needed.stored), (parent.model, about, FLOATS)):
            if one.dtype not in stored:
                wanted = "floats" if needed.stored == FLOATS else " or ".join(needed.stored)
                raise Malformed(
                    f"{one.name} of {whose} holds {one.dtype}; statistics are {wanted}, of floats"
                )
        try:
            shape = needed.shape(place)
        except Malformed as error:
            raise Malformed(f"{tensor.name}: {error}") from None
        if tensor.shape != shape:
            raise Malformed(
                f"{tensor.name}: the statistics {artifact} are {tensor.shape}, and {shape} are of a tensor of {about.shape}"
            )
    return {tensor.name: tensor for tensor in manifest.tensors}


def _about(
    needed: Statistics, name: str, model: Mapping[str, Tensor]
) -> tuple[Tensor, tuple[int, ...]] | None:
    """Return which tensor statistics of this name are about, and its shape, or that of the one axis they are about."""
    if not needed.by_axis:
        return (model[name], model[name].shape) if name in model else None
    about, _, axis = name.rpartition(".")
    sizes = {str(i): size for i, size in enumerate(model[about].shape)} if about in model else {}
    return (model[about], (sizes[axis],)) if axis in sizes else None
