"""Licenses: what the licenses in an artifact's lineage say about a use of it, and what is recorded of each license."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from lineage.schema import NAME, STUB, WORD
from merger.recipe import Recipe
from registry.deps import AfterArtifact, Artifact, HomeDep, LocalDep, RawBody, Under
from registry.found import GateOut
from registry.licensed import JudgedPage, LicenseOut, UseOut
from registry.problems import UNREAD, Stalled, TooLarge, documented
from registry.proposal import ProposalOut
from registry.ruleset import KnownOut, known
from registry.store import Absent, log
from registry.store.gate import decision
from registry.work.judging import page
from registry.work.terms import RECIPE_LIMIT, answer
from signing.canonical import decode
from signing.errors import Malformed

router = APIRouter()

_ID = f"(sha256:[0-9a-f]{{64}}|{STUB})"
Commercial = Annotated[bool, Query(description="whether it is to be used commercially", examples=[True])]
Territory = Annotated[
    str | None,
    Query(pattern="^[A-Z]{2}$", description="where: two letters of ISO 3166-1, or EU", examples=["EU"]),
]
Users = Annotated[
    int | None, Query(ge=0, lt=10**15, description="by how many monthly users", examples=[1000])
]
Revenue = Annotated[
    int | None, Query(ge=0, lt=10**15, description="at which revenue, in US dollars a year", examples=[1000])
]
Distributing = Annotated[bool, Query(description="whether it is distributed, too", examples=[True])]
Gated = Annotated[
    bool | None, Query(description="whether it is given only to who accepts its terms", examples=[True])
]


Gone = Annotated[
    str | None,
    Query(
        pattern=f"^({_ID}(,{_ID})*)?$",
        max_length=10_000,
        description="its ancestors that are deleted or renamed upstream, by id, commas between; empty if none of them is",
        examples=["hf:acme/base"],
    ),
]

Called = Annotated[
    str | None,
    Query(
        pattern=f"^{NAME}(@{WORD})?$",
        max_length=300,
        description="what the result will be called, namespace/name[@revision]",
        examples=["acme/sentinel"],
    ),
]


@router.get("/artifacts/{artifact:artifact}/license", responses=documented(Absent, Malformed))
def ask_license(
    artifact: Artifact,
    answers: LocalDep,
    commercial: Commercial = False,
    territory: Territory = None,
    monthly_users: Users = None,
    revenue: Revenue = None,
    distributing: Distributing = True,
    gated: Gated = None,
    gone: Gone = None,
) -> LicenseOut:
    """Return what the licenses in the lineage of an artifact say about a use of it; this is not legal advice."""
    asked = UseOut(
        commercial=commercial,
        territory=territory,
        monthly_users=monthly_users,
        revenue=revenue,
        distributing=distributing,
        gated=gated,
        gone=None if gone is None else tuple(gone.split(",")) if gone else (),
    )
    return answers.license(artifact, asked)


@router.get("/conflicts", responses=documented(Absent, Malformed))
def conflicts(home: HomeDep, under: Under = None, after: AfterArtifact = None) -> JudgedPage:
    """Return what the licenses say of everything registered here, or of what descends from one artifact, and that one itself."""
    with home.store.reading() as connection:
        return page(connection, home.now(), under, after)


@router.get("/license-gate", responses=documented())
def license_gate(home: HomeDep) -> GateOut:
    """Return whether names are held to what the licenses say, since when, and why."""
    with home.store.reading() as connection:
        return GateOut.of(decision(connection), log.size(connection))


@router.post(
    "/license-proposals",
    responses=documented(Absent, Malformed, TooLarge, Stalled, others=[UNREAD]),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "A canonical recipe, of at most 4 MiB; `license` is what it declares, if that is decided.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }
    },
)
def propose_license(raw: RawBody, home: HomeDep, name: Called = None) -> ProposalOut:
    """Return which licenses the result of a recipe may declare, and what has to go along; nothing is written."""
    if len(raw) > RECIPE_LIMIT:
        raise TooLarge(f"the recipe has {len(raw)} bytes; at most {RECIPE_LIMIT} are taken here")
    return answer(home, Recipe.of(decode(raw)), name)


@router.get("/licenses", responses=documented())
def licenses() -> tuple[KnownOut, ...]:
    """Return what is recorded of every known license, and what was read for it."""
    return known()
