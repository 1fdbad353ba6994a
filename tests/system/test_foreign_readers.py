"""What is exported is read back by programs that others wrote for the format, in an environment of their own."""

import json
from pathlib import Path

import pytest
from exported import reached
from others import Run, installed
from world import World

from lineage.assessed import Assessed
from lineage.incidents import KINDS
from lineage.predicates import incident_status
from registry.exports import openvex, osv

pytestmark = pytest.mark.system

READERS = ("vexipy==0.3.0", "osv-utils==0.3.11")
# Each prints what it read of all the documents in a folder.
OPENVEX = """
import json, pathlib, sys, warnings
from vexipy import Document
warnings.simplefilter("ignore")
read = {}
for path in pathlib.Path(sys.argv[1]).glob("*.openvex"):
    found = Document.from_json(path.read_text())
    read[path.stem] = [[str(p.id), one.status.value] for one in found.statements for p in one.products]
print(json.dumps(read))
"""
OSV = """
import json, pathlib, sys
from osvutils.types.osv import OSV
read = {}
for path in pathlib.Path(sys.argv[1]).glob("*.osv"):
    found = OSV(**json.loads(path.read_text()))
    read[path.stem] = [found.id, [v for one in found.affected for v in one.versions], found.withdrawn is not None]
print(json.dumps(read))
"""


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return installed(tmp_path_factory.mktemp("readers") / "environment", *READERS)


@pytest.fixture
def documents(world: World, tmp_path: Path) -> Path:
    """An incident of every kind as OpenVEX and as OSV: reported, under each status, and retracted."""
    base = world.model(name="kennel/base")
    tuned, other = world.model(base, "hf:Someone/Base"), world.model(base)
    world.model(tuned, other, relation="merge")
    cleared = ("vulnerable_code_not_present", world.time + 86_400)
    states = {"affected": (None, None), "under_investigation": (None, None), "not_affected": cleared}
    folder = tmp_path / "documents"
    folder.mkdir()
    for kind in KINDS:
        incident = world.report(tuned, kind)
        _export(world, incident, folder, "reported")
        for state, why in states.items():
            said = Assessed(tuned, incident, state, *why, None, "looked into")
            world.publish("security", incident_status.statement(said, world.time))
            _export(world, incident, folder, state)
        world.retract(incident)
        _export(world, incident, folder, "retracted")
    return folder


def _export(world: World, incident: str, folder: Path, state: str) -> None:
    subject = reached(world, incident)
    for format_ in (openvex, osv):
        name = f"{subject.incident.what}-{state}.{format_.__name__.rpartition('.')[2]}"
        (folder / name).write_text(format_.text(subject))


def test_openvex_is_read_by_its_reader(readers: Run, documents: Path) -> None:
    read = json.loads(readers("-c", OPENVEX, documents))

    assert len(read) == 5 * len(KINDS)
    for name, statements in read.items():
        written = json.loads((documents / f"{name}.openvex").read_text())["statements"]
        assert statements == [[p["@id"], one["status"]] for one in written for p in one["products"]]
    found = {status for statements in read.values() for _, status in statements}
    assert found >= {"affected", "under_investigation", "not_affected"}


def test_osv_is_read_by_its_reader(readers: Run, documents: Path) -> None:
    read = json.loads(readers("-c", OSV, documents))

    assert len(read) == 5 * len(KINDS)
    for name, found in read.items():
        written = json.loads((documents / f"{name}.osv").read_text())
        versions = [version for one in written["affected"] for version in one["versions"]]
        assert found == [written["id"], versions, name.endswith("-retracted")]


@pytest.mark.parametrize(
    ("reader", "format_", "said", "unsaid", "told"),
    [
        (OPENVEX, "openvex", '"status":"affected"', '"status":"clean"', "'clean'"),
        (OSV, "osv", '"modified"', '"changed"', "modified\n  Field required"),
    ],
)
def test_the_readers_refuse_what_is_none(
    readers: Run, documents: Path, reader: str, format_: str, said: str, unsaid: str, told: str
) -> None:
    document = (documents / f"{KINDS[0]}-reported.{format_}").read_text()
    (documents / f"none.{format_}").write_text(document.replace(said, unsaid))

    assert told in readers("-c", reader, documents, code=1)
