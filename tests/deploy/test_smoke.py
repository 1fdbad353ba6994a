"""What the stack would start starts, answers and stops; and its files agree with the program about port and home."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from registry.serve import PORT

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CONTAINER = (DEPLOY / "Containerfile").read_text()


@pytest.mark.system
def test_the_smoke_test_passes_from_this_environment():
    done = subprocess.run(
        [str(DEPLOY / "smoke.sh")],
        env={"PATH": "/usr/bin:/bin", "STUDBOOK_BIN": f"{sys.prefix}/bin", "LC_ALL": "C.UTF-8"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("smoke: ok\n")


def test_the_container_serves_the_programs_port_as_nobody_in_particular():
    assert f"EXPOSE {PORT}\n" in CONTAINER
    assert f'"--port", "{PORT}"' in CONTAINER
    assert f"http://127.0.0.1:{PORT}/health" in CONTAINER
    last = CONTAINER.rpartition("\nFROM ")[2]
    assert "\nUSER 10001\n" in last


def test_the_container_is_built_from_files_that_exist():
    copied = [line.split()[1:-1] for line in CONTAINER.splitlines() if line.startswith("COPY ")]
    named = [one for words in copied for one in words if not words[0].startswith("--from")]
    assert [one for one in named if not (ROOT / one).exists()] == []


def test_compose_keeps_the_home_in_its_volume_and_listens_on_loopback():
    stack = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    init, service = stack["services"]["init"], stack["services"]["registry"]
    [volume] = service["volumes"]
    name, _, place = volume.partition(":")
    assert name in stack["volumes"]
    assert init["volumes"] == service["volumes"]
    assert f"STUDBOOK_HOME={place}/" in CONTAINER
    assert service["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    assert service["depends_on"]["init"]["condition"] == "service_completed_successfully"
    assert (
        DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]
    ).resolve() == DEPLOY / "Containerfile"
