"""What fails inside is answered without its internals: paths, statements and traces are for whoever runs the registry."""

import sqlite3
import sys
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from world import World


def test_what_the_machine_fails_at_is_not_told(
    world: World, api: TestClient, capsys: pytest.CaptureFixture
) -> None:
    database = world.home.path / "studbook.db"
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE incident RENAME TO hidden")

    response = api.get("/incidents")

    assert (response.status_code, response.json()["type"]) == (
        503,
        "https://studbook.dev/problems/unavailable",
    )
    assert response.headers["retry-after"]
    for secret in (str(database), "incident.", "no such table"):
        assert secret not in response.json()["detail"]
    assert "no such table" in capsys.readouterr().out


def test_what_nobody_foresaw_is_answered_without_its_internals(
    world: World, api: TestClient, capsys: pytest.CaptureFixture
) -> None:
    base = world.model()
    child = world.model(base)
    with sqlite3.connect(world.home.path / "studbook.db") as connection:
        connection.execute("UPDATE edge SET evidence = 99")

    response = api.get(f"/artifacts/{child}")

    assert (response.status_code, response.json()["type"]) == (
        500,
        "https://studbook.dev/problems/unexpected",
    )
    assert response.json()["detail"] == f"the log has it under request {response.headers['x-request-id']}"
    assert response.headers["content-security-policy"]
    said = capsys.readouterr().out
    assert "99 is not a valid Evidence" in said
    assert Path(sys.modules["registry.local"].__file__).name in said
