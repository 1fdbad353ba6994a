"""The description of the API is complete, and changes only on purpose."""

from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from world import World

from registry import problems
from registry.app import create
from signing import canonical

SNAPSHOT = Path(__file__).with_name("openapi.yaml")


@pytest.fixture
def described(world: World) -> dict:
    with TestClient(create(world.home)) as api:
        return api.get("/openapi.json").json()


def operations(described: dict) -> list[tuple[str, dict]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_api_is_the_one_in_the_snapshot(described: dict, tmp_path: Path) -> None:
    del described["info"]["version"]
    if described != yaml.safe_load(SNAPSHOT.read_text()):
        found = tmp_path / SNAPSHOT.name
        found.write_text(yaml.safe_dump(described, sort_keys=True, width=110, allow_unicode=True))
        pytest.fail(f"the API changed; if that is meant: cp {found} {SNAPSHOT}")


def test_every_operation_says_what_it_does_and_answers(described: dict) -> None:
    for name, operation in operations(described):
        assert operation["description"], name
        assert operation["tags"], name
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), name
        assert {"421", "500", "503"} <= answers.keys(), name
        assert ("422" in answers) == bool(operation.get("parameters") or operation.get("requestBody")), name
        for status, answer in answers.items():
            assert answer["description"], (name, status)
            if int(status) in problems.UNHEARD:
                assert answer.keys() == {"description"}, (name, status)
            elif status >= "4" and not name.startswith("HEAD"):
                schema = answer["content"]["application/problem+json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (name, status)
                assert answer["content"]["application/problem+json"]["examples"], (name, status)


def test_every_parameter_is_described_with_an_example(described: dict) -> None:
    for name, operation in operations(described):
        for parameter in operation.get("parameters", ()):
            said = parameter.get("description") or parameter["schema"].get("description")
            assert said, (name, parameter["name"])
            if parameter["required"]:
                assert parameter["schema"].get("examples"), (name, parameter["name"])


def test_operations_have_names_of_their_own(described: dict) -> None:
    ids = [operation["operationId"] for _, operation in operations(described)]

    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere(described: dict) -> None:
    schemas = described["components"]["schemas"]
    text = canonical.encode(described).decode()
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}

    assert named <= schemas.keys()
    assert "HTTPValidationError" not in schemas
    assert described["info"]["title"] == "Studbook"
