"""Merge provenance: a builder executed this recipe on these parents and obtained this artifact.

predicateType `https://slsa.dev/provenance/v1` (SLSA Provenance v1.0), said by a builder about one registered artifact.
Unknown fields are ignored, as its parsing rules demand, but not in `externalParameters`, where SLSA tells verifiers to
refuse them. What is read:

    buildDefinition.buildType             https://studbook.dev/merge/v1
    buildDefinition.externalParameters    {"recipe": <the canonical recipe>} and nothing else: with the parents' bytes it
                                          determines the result bit for bit (docs/arithmetic.md)
    buildDefinition.resolvedDependencies  the artifacts that the recipe names, in its order: {"uri":
                                          "studbook:sha256:<64 hex>", "digest": {"sha256": "<64 hex>"}}, and "name":
                                          "row map" where it is the tokenizer and carries one; dependencies with another
                                          scheme are not ours and are ignored, however they are described
    runDetails.builder.id                 https://studbook.dev/merger/<version>; `version` beside it lists engine
                                          digest, git commit, dirty flag and library versions
    runDetails.byproducts                 manifest.json, and account.json with the witnesses of the execution, each as
                                          {"name": …, "digest": {"sha256": "<64 hex>"}}

Establishes `Built`, `Described` and one `Derived` a part, with evidence `signed`: base and parents by `merge` (by `convert`
where there is one parent, without adapter, and no base), their adapters by `adapter_applied`, their statistics by `merge`
(every weight is weighed by them, so whatever is wrong with them is wrong with the result), a tokenizer source by `tokenizer`,
but by `merge` where it carries a row map, which decides whose rows are merged.
Where the parents are adapters that come to one, a base is what they are for, by `adapter_of`, and no part of the result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from lineage import schema
from lineage.facts import Built, Derived, Described, Evidence, Fact, Relation, Role
from merger.recipe import Recipe
from signing import canonical
from signing.canonical import Json
from signing.digest import parse_id
from signing.errors import Malformed
from signing.statement import Statement

URI = "https://slsa.dev/provenance/v1"
ROLES: tuple[Role, ...] = ("builder",)
BUILD_TYPE = schema.BASE + "merge/v1"
MANIFEST, ACCOUNT = "manifest.json", "account.json"
ROW_MAP = "row map"
_SCHEME = "studbook:"


class _External(schema.Closed):
    # The recipe has a closed schema of its own, which reads it again below.
    recipe: dict[str, Any]


class _Definition(schema.Open):
    build_type: Literal["https://studbook.dev/merge/v1"] = Field(alias="buildType")
    external: _External = Field(alias="externalParameters")
    dependencies: tuple[schema.Descriptor, ...] | None = Field(alias="resolvedDependencies", default=None)


class _Builder(schema.Open):
    id: schema.Line


class _Run(schema.Open):
    builder: _Builder
    byproducts: tuple[schema.Descriptor, ...] | None = None


class _Provenance(schema.Open):
    definition: _Definition = Field(alias="buildDefinition")
    run: _Run = Field(alias="runDetails")


def facts(statement: Statement, entry: str) -> tuple[Fact, ...]:  # noqa: ARG001 - every predicate's signature
    """Return what was built, where its tensors are described, and what it was made from."""
    artifact = schema.artifact(statement)
    said = schema.read(_Provenance, URI, statement.predicate)
    executed = Recipe.of(said.definition.external.recipe)
    resolved = {_id(one) for one in _ours(said)}
    if resolved != set(executed.artifacts()):
        odd = ", ".join(sorted(resolved ^ set(executed.artifacts())))
        raise Malformed(f"{URI}: recipe and resolvedDependencies do not name the same artifacts: {odd}")
    maps = _row_maps(said)
    if not maps <= {executed.tokenizer}:
        odd = ", ".join(sorted(maps))
        raise Malformed(
            f"{URI}: {odd} is said to be a row map, and the recipe's tokenizer is {executed.tokenizer}"
        )
    manifests = _byproducts(said, MANIFEST)
    if len(manifests) != 1:
        raise Malformed(f"{URI}: the byproducts hold one {MANIFEST}, not {len(manifests)}")
    built = Built(artifact, executed.digest, manifests[0], said.run.builder.id)
    return (built, Described(artifact, manifests[0]), *dict.fromkeys(edges(artifact, executed, bool(maps))))


def recipe(statement: Statement) -> Recipe:
    """Return the recipe that a merge provenance says was executed."""
    return Recipe.of(schema.read(_Provenance, URI, statement.predicate).definition.external.recipe)


def by_rows(statement: Statement) -> bool:
    """Tell whether a merge provenance says that rows were merged by a row map."""
    return bool(_row_maps(schema.read(_Provenance, URI, statement.predicate)))


def account(statement: Statement) -> str | None:
    """Return the SHA-256 (hex) of the account that a merge provenance names, if it names one."""
    found = _byproducts(schema.read(_Provenance, URI, statement.predicate), ACCOUNT)
    return found[0] if len(found) == 1 else None


def statement(
    artifact: str,
    executed: Recipe,
    manifest: str,
    account: str,
    version: str,
    components: Mapping[str, str],
    *,
    by_rows: bool,
) -> Statement:
    """Say that the merger of this `version` `executed` this recipe and obtained `artifact`.

    `manifest` and `account` are the SHA-256 (hex) of those files; `components` is what ran: engine digest, git commit,
    dirty flag, library versions; `by_rows` says that the recipe's tokenizer carries a row map.
    """
    dependencies: list[Json] = []
    for one in executed.artifacts():
        named: dict[str, Json] = {"name": ROW_MAP} if by_rows and one == executed.tokenizer else {}
        dependencies.append({"uri": _SCHEME + one, "digest": {"sha256": parse_id(one)}, **named})
    predicate: dict[str, Json] = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"recipe": executed.json_value()},
            "resolvedDependencies": dependencies,
        },
        "runDetails": {
            "builder": {"id": f"{schema.BASE}merger/{version}", "version": dict(components)},
            "byproducts": [
                {"name": MANIFEST, "digest": {"sha256": manifest}},
                {"name": ACCOUNT, "digest": {"sha256": account}},
            ],
        },
    }
    return schema.claim(_Provenance, URI, [artifact], predicate)


def _row_maps(said: _Provenance) -> set[str]:
    return {_id(one) for one in _ours(said) if one.name == ROW_MAP}


def _ours(said: _Provenance) -> list[schema.Descriptor]:
    return [one for one in said.definition.dependencies or () if one.uri.startswith(_SCHEME)]


def _byproducts(said: _Provenance, name: str) -> list[str]:
    """Return the SHA-256 of each byproduct of this name."""
    return [one.sha256 for one in said.run.byproducts or () if one.name == name and one.sha256 is not None]


def edges(child: str, executed: Recipe, by_rows: bool) -> Iterator[Derived]:
    """Go through what `child` is made from if executing this recipe made it; an edge may come more than once."""
    parents = {one.reference for one in executed.parents}
    # Adapters are for a model whose weights are not in what they come to.
    adapters = executed.rules.merges == "adapters"
    alone = (executed.base is None or adapters) and parents == {executed.parents[0].model}
    if executed.base is not None:
        yield _edge(child, executed.base, "adapter_of" if adapters else "merge", {"role": "base"})
    for one in executed.parents:
        part: dict[str, Json] = {"role": "parent", "parameters": one.model_dump(mode="json")["parameters"]}
        yield _edge(child, one.model, "convert" if alone else "merge", part)
        if one.adapter is not None:
            onto: dict[str, Json] = {"role": "adapter", "model": one.model, "scale": one.scale}
            yield _edge(child, one.adapter, "adapter_applied", onto)
        if one.statistics is not None:
            yield _edge(child, one.statistics, "merge", {"role": "statistics", "model": one.model})
    if executed.tokenizer is not None and by_rows:
        yield _edge(child, executed.tokenizer, "merge", {"role": ROW_MAP})
    elif executed.tokenizer is not None:
        yield _edge(child, executed.tokenizer, "tokenizer", {"role": "tokenizer"})


def _edge(child: str, parent: str, relation: Relation, part: Mapping[str, Json]) -> Derived:
    return Derived(child, parent, relation, canonical.encode(part).decode(), Evidence.SIGNED)


def _id(dependency: schema.Descriptor) -> str:
    named = dependency.uri.removeprefix(_SCHEME)
    if named != f"sha256:{dependency.sha256}":
        raise Malformed(f"{URI}: {dependency.uri!r} stands beside the digest {dependency.sha256}")
    return named
