"""Paths, common ancestors, roots, what is known and what changed, over HTTP: what the home answers."""

import pytest
from fastapi.testclient import TestClient
from world import World

from registry.routes import kinship as routes
from registry.work import kinship
from registry.work.difference import diff


@pytest.fixture
def family(world: World) -> dict[str, str]:
    base = world.model("hf:acme/base", name="kennel/base")
    left, right = world.model(base), world.model(base)
    merged = world.model(left, right, relation="merge", name="kennel/merged")
    return {"base": base, "left": left, "right": right, "merged": merged, "other": world.model()}


def test_every_answer_is_the_home_s(world: World, api: TestClient, family: dict[str, str]) -> None:
    store, base, merged = world.home.store, family["base"], family["merged"]

    found = api.get(f"/artifacts/{merged}/paths", params={"ancestor": "kennel/base"}).json()
    assert found == kinship.paths(store, base, merged).model_dump(mode="json")
    assert (found["count"], found["weight"]) == ("2", {"low": 0.0, "high": 1.0})
    others = f"kennel/base,{family['right']}"
    found = api.get(f"/artifacts/{family['left']}/common", params={"others": others}).json()
    assert found == kinship.common(store, [family["left"], base, family["right"]]).model_dump(mode="json")
    assert [one["artifact"] for one in found["ancestors"] if one["nearest"]] == [base]
    for path, answer in (("roots", kinship.roots), ("known", kinship.known)):
        assert api.get(f"/artifacts/{merged}/{path}").json() == answer(store, merged).model_dump(mode="json")
    found = api.get(f"/artifacts/{base}/diff", params={"since": 3, "scope": "descendants"}).json()
    assert found == diff(store, base, "descendants", since=3).model_dump(mode="json")
    assert len(found["descendants"]["came"]) == 3


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("{merged}/paths", 422, "query ancestor is missing"),
        ("{merged}/paths?ancestor=kennel/nobody", 404, "nothing is called 'kennel/nobody' here"),
        ("{merged}/paths?ancestor=kennel/merged", 422, "both of these are {merged}"),
        ("{merged}/common", 422, "query others is missing"),
        ("{merged}/common?others=/etc,x", 422, "query others: String should match pattern"),
        (
            "{merged}/common?others=kennel/merged",
            422,
            "from 2 to 16 artifacts have common ancestors, and 1 were",
        ),
        ("{merged}/common?others=kennel/base,kennel/nobody", 404, "nothing is called 'kennel/nobody' here"),
        ("{merged}/diff?since=0", 422, "query since: Input should be greater than or equal to 1"),
        ("{merged}/diff?until=9999", 409, "it cannot be read as of 9999"),
        ("{merged}/diff?since=9&until=8", 422, "a log of 9 entries is no earlier one than that of 8"),
        ("{merged}/diff?scope=cousins", 422, "query scope"),
        ("hf:acme/base/diff", 422, "hf:acme/base was never registered"),
    ],
)
def test_what_cannot_be_answered_says_why(
    api: TestClient, family: dict[str, str], path: str, status: int, says: str
) -> None:
    answer = api.get(f"/artifacts/{path.format(**family)}")

    assert answer.status_code == status, answer.json()
    assert says.format(**family) in answer.json()["detail"]


@pytest.mark.usefixtures("family")
@pytest.mark.parametrize(
    "what",
    ["paths?ancestor=kennel/base", "common?others=kennel/base", "roots", "known", "diff?since=1", "diff"],
)
def test_nothing_is_said_about_what_is_not_in_the_log(api: TestClient, what: str) -> None:
    assert api.get(f"/artifacts/sha256:{'0' * 64}/{what}").status_code == 404


def test_a_hub_is_not_compared_in_part(
    api: TestClient, family: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "DESCENDANTS", 2)
    path = f"/artifacts/{family['base']}/diff"

    refused = api.get(path)
    assert (refused.status_code, refused.json()["type"]) == (409, "https://studbook.dev/problems/refused")
    assert "has more than 2 descendants" in refused.json()["detail"]
    assert api.get(path, params={"scope": "ancestors"}).json()["complete"] is True
