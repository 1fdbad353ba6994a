"""What holds for every request, whatever it asks."""

import os
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy.exc import TimeoutError as NoConnection
from world import World

from lineage.predicates import license as license_predicate
from registry import routes
from registry.app import create
from registry.home import Home
from registry.signer import Step
from signing import dsse
from signing.errors import Refused

SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


class Observed:
    """An application around another that looks at the database at the moment a response begins."""

    def __init__(self, app, path: Path, events: list[object]) -> None:
        self.app, self.path, self.events = app, path, events

    async def __call__(self, scope, receive, send) -> None:
        async def sending(message) -> None:
            if message["type"] == "http.response.start":
                with sqlite3.connect(self.path) as other:
                    (entries,) = other.execute("SELECT count(*) FROM entry").fetchone()
                    (covered,) = other.execute("SELECT max(size) FROM checkpoint").fetchone()
                self.events.append((message["status"], entries, covered))
            await send(message)

        await self.app(scope, receive, sending if scope["type"] == "http" else send)


def test_a_commit_happens_before_its_response(world: World) -> None:
    artifact = world.model()
    statement = license_predicate.statement(artifact, "mit", world.time)
    raw = dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()
    before, events = world.size(), []
    home = Home.open(world.home.path, clock=world.home.now, settings=world.settings, at=events.append)
    app = Observed(create(home), world.home.path / "studbook.db", events)

    with TestClient(app) as api:
        assert api.post("/entries", content=raw).status_code == 201

    # Another connection sees the entry and the checkpoint over it when the first byte of the answer leaves.
    assert events == [*Step, (201, before + 1, before + 1)]


def test_a_transaction_ends_before_its_response(world: World) -> None:
    """A reader that outlived its handler would hold the write-ahead log of everybody else."""
    artifact = world.model()
    app = create(world.home)

    class Checkpointed:
        async def __call__(self, scope, receive, send) -> None:
            async def sending(message) -> None:
                if message["type"] == "http.response.start":
                    with sqlite3.connect(world.home.path / "studbook.db") as other:
                        # Truncating needs every reader gone: busy, frames in the log, frames moved.
                        assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() == (0, 0, 0)
                await send(message)

            await app(scope, receive, sending if scope["type"] == "http" else send)

    with TestClient(Checkpointed()) as api:
        for path in (f"/artifacts/{artifact}/files", "/checkpoint", f"/artifacts/{artifact}"):
            assert api.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/checkpoint", "/nothing", "/artifacts/x", "/openapi.json"])
def test_every_answer_has_the_same_security_headers(api: TestClient, path: str) -> None:
    headers = api.get(path, headers={"Origin": "https://evil.example"}).headers

    assert SECURITY.items() <= dict(headers).items()
    assert not any(name.startswith("access-control") for name in headers)
    # A cache may keep the checkpoint, and asks each time whether it is still the newest.
    assert headers["cache-control"] == ("no-cache" if path == "/checkpoint" else "no-store")


def test_no_page_of_ours_or_of_a_framework_runs_a_script(api: TestClient) -> None:
    assert [api.get(path).status_code for path in ("/docs", "/redoc", "/")] == [404, 404, 404]


def test_a_request_is_one_line_in_the_log_and_holds_no_secrets(api: TestClient) -> None:
    processors = [structlog.contextvars.merge_contextvars]
    with structlog.testing.capture_logs(processors=processors) as lines:
        headers = {"Authorization": "Bearer s3cret", "X-Request-Id": "mine\nforged"}
        response = api.get("/resolve?ref=kennel/private", headers=headers)

    (line,) = lines
    assert line["request"] == response.headers["x-request-id"] != "mine\nforged"
    assert line | {"milliseconds": 0, "request": ""} == {
        "event": "answered",
        "log_level": "info",
        "method": "GET",
        "path": "/resolve",
        "status": 404,
        "milliseconds": 0,
        "request": "",
    }


def test_every_request_has_an_id_of_its_own(api: TestClient) -> None:
    assert len({api.get("/health").headers["x-request-id"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8420", 200),
        ("127.0.0.1:8420", 200),
        ("[::1]:8420", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:localhost", 421),
        ("", 421),
    ],
)
def test_another_host_name_does_not_lead_here(world: World, host: str, status: int) -> None:
    """A web page whose name is rebound to this address is asked for under the page's name."""
    with TestClient(create(world.home, hosts={"localhost", "127.0.0.1", "[::1]"})) as api:
        response = api.get("/health", headers={"Host": host})

    assert response.status_code == status
    assert SECURITY.items() <= dict(response.headers).items()
    if status == 421:
        assert response.json()["type"] == "https://studbook.dev/problems/misdirected"


def test_a_path_says_every_method_it_takes(api: TestClient) -> None:
    digest = "0" * 64
    for method in ("DELETE", "POST", "PATCH", "OPTIONS"):
        response = api.request(method, f"/blobs/sha256/{digest}")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, PUT")
        assert response.json()["type"] == "https://studbook.dev/problems/method-not-allowed"
    assert api.get("/entries").headers["allow"] == "POST"


def test_an_unknown_path_is_a_problem_too(api: TestClient) -> None:
    response = api.get("/nothing/h%C3%A9re?x=1")

    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert response.json() == {
        "type": "https://studbook.dev/problems/unknown-route",
        "title": "There is nothing under this path",
        "status": 404,
        "detail": "/nothing/h%C3%A9re is no path of this registry; /openapi.json lists them",
        "instance": "/nothing/h%C3%A9re",
    }


def test_a_registry_that_could_not_sign_does_not_start(world: World) -> None:
    key = world.home.path / "keys" / "log.pem"
    key.chmod(0o644)
    with pytest.raises(Refused, match="has mode 0644"):
        create(world.home)

    key.rename(key.with_suffix(".gone"))
    with pytest.raises(Refused, match="there is no such key"):
        create(world.home)


def test_every_file_of_routes_is_served(world: World) -> None:
    found = routes.discovered()

    assert {"artifacts", "blobs", "entries", "health", "incidents", "lineage", "log"} <= found.keys()
    served = create(world.home).openapi()
    assert {tag["name"] for tag in served["tags"]} == found.keys()
    assert all(tag["description"] for tag in served["tags"])


def test_the_web_process_loads_nothing_that_merges(tmp_path: Path, world: World) -> None:
    base = world.model(name="kennel/base")
    world.model(base)
    script = """
import sys
from pathlib import Path
from fastapi.testclient import TestClient
from registry.app import create
from registry.home import Home
app = create(Home.open(Path(sys.argv[1])))
with TestClient(app) as api:
    for path in ("health", f"artifacts/{sys.argv[2]}", f"artifacts/{sys.argv[2]}/descendants", "openapi.json"):
        assert api.get("/" + path).status_code == 200, path
heavy = ("torch", "transformers", "safetensors", "merger.execute", "merger.weights", "merger.kernels.blocks", "alembic")
print(*(name for name in heavy if name in sys.modules))
"""
    root = Path(__file__).parents[3]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), "STUDBOOK_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script, str(world.home.path), base],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=root,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == ""


def test_who_finds_no_free_connection_is_asked_to_come_again(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted() -> None:
        raise NoConnection

    artifact = world.model()
    monkeypatch.setattr(world.home.store, "reading", exhausted)

    for path in (f"/artifacts/{artifact}", f"/artifacts/{artifact}/files", "/checkpoint", "/incidents"):
        response = api.get(path)
        assert (response.status_code, response.json()["type"]) == (
            503,
            "https://studbook.dev/problems/busy",
        )
        assert response.headers["retry-after"]


@pytest.mark.parametrize(
    "path", ["why?ancestor=kennel/base", "", "/files", "/bundles", "/ancestors", "/descendants"]
)
def test_an_answer_takes_one_connection_at_a_time(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    held, most, reading = 0, 0, world.home.store.reading

    @contextmanager
    def counted():
        nonlocal held, most
        held += 1
        most = max(most, held)
        try:
            with reading() as connection:
                yield connection
        finally:
            held -= 1

    base = world.model(name="kennel/base")
    tuned = world.model(base)
    monkeypatch.setattr(world.home.store, "reading", counted)

    assert api.get(f"/artifacts/{tuned}/{path}".replace("//", "/").rstrip("/")).status_code == 200
    assert (held, most) == (0, 1)
