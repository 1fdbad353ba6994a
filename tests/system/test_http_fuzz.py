"""Schemathesis asks everything the description allows, and what it forbids: never a server error, never an undescribed answer."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from making import floats, write_model
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from world import World

from lineage.predicates import derivation
from registry.app import create
from registry.work.add import Declared, add

EXAMPLES = 12
FUZZED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
# A wrong request may also be refused for its length, which no schema can say: a letter is up to twelve bytes of a URL.
CONFIG = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 414, 415, 422, 428, 429, 431, "5xx"]
"""
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


def populated(world: World) -> Mapping[str, list[object]]:
    """Fill a world with one of everything; return what its paths and queries may be about."""
    base = world.model(name="kennel/base", license="mit")
    tuned = world.model(base, name="kennel/tuned")
    merged = world.model(base, tuned, relation="merge")
    stub = "hf:Someone/Base"
    world.publish("publisher", derivation.statement(base, [derivation.Parent(stub, "quantize")]))
    folder = write_model(world.folder / "stored", {"w": ("F32", (4,), floats([1, 2, 3, 4]))})
    stored = add(world.home, folder, Declared(), copy=True).description
    reported = world.report(tuned, "compromised")
    artifacts = [base, tuned, merged, stored.artifact, stub]
    return {
        "artifact": artifacts,
        "ancestor": [*artifacts, base[:20], "kennel/base"],
        "ref": [*artifacts, base[:20], "kennel/tuned", "kennel/tuned@v1"],
        "digest": [file.sha256 for file in stored.manifest.files] + [stored.manifest.digest],
        "name": [file.name for file in stored.manifest.files],
        "entry": world.logged(),
        "incident": [reported],
        "tile": ["0/000.p/3", "entries/000.p/1", "entries/000", "0/x000/001"],
        **{number: list(range(world.size() + 1)) for number in ("index", "size", "old", "new")},
    }


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory):
    world = World(tmp_path_factory.mktemp("world"))
    known = populated(world)
    schema = schemathesis.openapi.from_asgi("/openapi.json", create(world.home))
    return world, known, {one.ok().label: one.ok() for one in schema.get_all_operations()}


@pytest.mark.system
def test_no_request_breaks_the_registry(fuzzed) -> None:
    world, known, operations = fuzzed
    for label, operation in operations.items():
        for mode in MODES:
            _fuzz(operation, mode, known, label)
    world.check()


def _fuzz(operation, mode: GenerationMode, known: Mapping[str, list[object]], label: str) -> None:
    # What no schema can say, such as that an index is below a size, makes a request of the right form a wrong one.
    unsayable = [positive_data_acceptance]

    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    @FUZZED
    def ask(case, data) -> None:
        for place in (case.path_parameters, case.query):
            for name in known.keys() & (place or {}).keys():
                if mode is GenerationMode.POSITIVE and data.draw(st.integers(0, 3)):
                    place[name] = data.draw(st.sampled_from(known[name]))
        response = case.call()
        assert response.status_code < 500, (label, response.status_code, response.content)
        case.validate_response(response, excluded_checks=unsayable)

    try:
        ask()
    except Unsatisfiable:
        # Where there is nothing to say there is nothing to say wrongly.
        assert mode is GenerationMode.NEGATIVE
        assert not any((operation.path_parameters, operation.query, operation.body)), label


@contextmanager
def served(world: World) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-c",
        "from registry.cli.main import main; main()",
        "serve",
        "--port",
        str(port),
    ]
    root, log = Path(__file__).parents[2], world.folder / "serve.log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--home", str(world.home.path)], cwd=root, stdout=told, stderr=told
        )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        assert process.wait(30) == 0
        assert b"Traceback" not in log.read_bytes()
        assert b'"status": 500' not in log.read_bytes()


@pytest.mark.system
def test_no_request_breaks_a_registry_that_runs(world: World) -> None:
    populated(world)
    config = world.folder / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [str(Path(sys.executable).with_name("schemathesis")), f"--config-file={config}"]
    command += ["run", "--workers=1", "--no-color"]
    command += ["--max-time=120", "--exclude-checks=positive_data_acceptance", "--suppress-health-check=all"]

    with served(world) as url:
        # Two at a time, and each in a process of its own: the parser of CPython 3.11 counts how deep it is for all threads
        # at once (python/cpython#106905), and a fuzzer of two threads ends in its SystemError now and then.
        logs = [world.folder / f"fuzzer-{seed}.log" for seed in (1, 2)]
        fuzzers = []
        for seed, log in enumerate(logs, 1):
            with log.open("w") as told:
                words = [*command, f"--seed={seed}", f"{url}/openapi.json"]
                fuzzers.append(subprocess.Popen(words, cwd=world.folder, stdout=told, stderr=told))
        codes = [fuzzer.wait() for fuzzer in fuzzers]

    for code, log in zip(codes, logs, strict=True):
        assert code == 0, log.read_text()[-10_000:]
    world.check()
