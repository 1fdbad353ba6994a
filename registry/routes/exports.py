"""Exports: what the log says about an artifact or an incident, in formats that other people's tools read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from lineage.subjects import Pedigree, Reach
from registry import exports
from registry.asked import SelectionDep
from registry.deps import DESCENDANTS, Artifact, Hex, HomeDep, LocalDep, Relatives
from registry.exports import Format
from registry.problems import documented
from registry.store import Absent, subjects
from signing.errors import Malformed

router = APIRouter()

_OF_ARTIFACTS, _OF_INCIDENTS = exports.formats(Pedigree), exports.formats(Reach)

ArtifactFormat = Annotated[
    str,
    Path(pattern=f"^({'|'.join(_OF_ARTIFACTS)})$", description="which format", examples=["cyclonedx"]),
]
IncidentFormat = Annotated[
    str, Path(pattern=f"^({'|'.join(_OF_INCIDENTS)})$", description="which format", examples=["openvex"])
]


def _answered(formats: Mapping[str, Format[Any]]) -> dict[int | str, dict[str, Any]]:
    types = sorted({one.MEDIA_TYPE for one in formats.values()})
    content = {one: {"schema": {"type": "object" if "json" in one else "string"}} for one in types}
    return documented(Absent, Malformed, answers={200: {"description": "The document", "content": content}})


@router.get(
    "/artifacts/{artifact:artifact}/export/{form}",
    response_class=Response,
    responses=_answered(_OF_ARTIFACTS),
)
def export_artifact(
    artifact: Artifact,
    form: ArtifactFormat,
    answers: LocalDep,
    asked: SelectionDep,
    scope: Relatives = "both",
) -> Response:
    """Return what the log says about an artifact and its relatives; the document says how many entries it is as of.

    Where only some of the relatives are asked for, it says that it is not complete.
    """
    text = answers.export(artifact, form, scope, asked)
    return Response(text, media_type=_OF_ARTIFACTS[form].MEDIA_TYPE)


@router.get(
    "/incidents/{incident}/export/{form}", response_class=Response, responses=_answered(_OF_INCIDENTS)
)
def export_incident(incident: Hex, form: IncidentFormat, home: HomeDep) -> Response:
    """Return what an incident means for every artifact that was made of those it names."""
    with home.store.reading() as connection:
        subject = subjects.reach(connection, incident, home.policy(), DESCENDANTS)
    known = _OF_INCIDENTS[form]
    return Response(known.text(subject), media_type=known.MEDIA_TYPE)
