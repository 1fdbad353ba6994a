"""Weights over HTTP: what the sketches that are kept here say, as the home says it, and what is only suspected."""

from collections.abc import Sequence

import pytest
from fastapi.testclient import TestClient
from refusals import problem
from tuning import weights, write
from world import World

from registry import afar
from registry.app import create
from registry.client import Remote
from registry.deps import Limits
from registry.store import lineage
from registry.work import parents, sketches
from registry.work.add import Declared, add
from registry.work.findings import ParentageOut
from registry.work.shelf import described
from signing import canonical
from signing.errors import Malformed, Untrusted


def model(
    world: World, name: str, tensors: dict, bases: Sequence[str] = (), relation: str = "finetune"
) -> str:
    folder = write(world.folder / name, tensors)
    declared = Declared(parents=[(base, relation) for base in bases])
    return add(world.home, folder, declared).description.artifact


@pytest.fixture
def tuned(world: World) -> dict[str, str]:
    """A base, three tunes of it, one that is a tune scaled up, and one that lies about its parent."""
    found = {"base": model(world, "base", weights(1))}
    for number, name in enumerate(("one", "two", "three")):
        found[name] = model(world, name, weights(1, number), [found["base"]])
    base, own = weights(1), weights(1, 0)
    scaled = {name: base[name] + 2 * (one - base[name]) for name, one in own.items()}
    found["scaled"] = model(world, "scaled", scaled, [found["base"]])
    found["liar"] = model(world, "liar", weights(1, 9), [found["two"]])
    return found


def test_the_answer_is_the_one_that_the_home_gives_and_nothing_is_logged(
    world: World, api: TestClient, tuned: dict[str, str]
) -> None:
    before = world.size()

    found = {name: api.get(f"/artifacts/{one}/parentage").json() for name, one in tuned.items()}

    assert found == {
        name: parents.compare(world.home, one).model_dump(mode="json") for name, one in tuned.items()
    }
    assert [one["parent"] for one in found["scaled"]["suspects"]] == [tuned["one"]]
    assert [one["outcome"] for one in found["liar"]["parents"]] == ["contradicted"]
    assert {one["as_of"] for one in found.values()} == {before} == {world.size()}
    world.check()


def test_suspicions_come_in_pages_and_are_all_that_the_home_lists(
    world: World, api: TestClient, tuned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parents, "PAGE", 2)
    listed, asked, looked = [], {}, []

    while True:
        page = api.get("/suspicions", params=asked).json()
        listed += page["artifacts"]
        looked.append(page["compared"])
        if page["next"] is None:
            break
        asked = {"after": page["next"]}

    assert looked == [2, 2, 2]
    assert listed == [one.model_dump(mode="json") for one in parents.review(world.home, lambda _: None)]
    assert {tuned["scaled"], tuned["liar"]} <= {one["artifact"] for one in listed}


def test_a_request_reads_no_weights_and_tells_no_path(
    world: World, api: TestClient, tuned: dict[str, str]
) -> None:
    digest = tuned["one"].removeprefix("sha256:")
    (path,) = (world.home.path / "sketches").glob(f"*/{digest}")
    raw = path.read_bytes()

    path.write_bytes(raw[:-9])
    problem(api.get(f"/artifacts/{tuned['two']}/parentage"), "malformed", f"{digest} cannot be read")
    path.write_bytes(path.with_name(tuned["two"].removeprefix("sha256:")).read_bytes())
    problem(api.get(f"/artifacts/{tuned['one']}/parentage"), "untrusted", f"{digest} is no sketch of")
    assert str(world.folder) not in api.get(f"/artifacts/{tuned['one']}/parentage").text
    path.unlink()
    problem(api.get(f"/artifacts/{tuned['one']}/parentage"), "absent", "no sketch of")

    # A parent that is here by its files alone is not read for who asks.
    parent = path.with_name(tuned["base"].removeprefix("sha256:"))
    parent.unlink()
    said = api.get(f"/artifacts/{tuned['scaled']}/parentage").json()
    assert (said["compared"], said["parents"][0]["outcome"]) == (len(tuned) - 3, "undecided")
    assert not path.exists()
    assert not parent.exists()
    assert sketches.of(world.home, tuned["one"]).encode() == raw


def test_of_everything_made_of_a_hub_only_ids_are_looked_at(
    world: World, api: TestClient, tuned: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = api.get(f"/artifacts/{tuned['base']}/parentage").json()
    read: list[int] = []
    nodes = lineage._nodes
    monkeypatch.setattr(
        lineage, "_nodes", lambda at, some, size: (read.extend(some), nodes(at, some, size))[1]
    )

    assert api.get(f"/artifacts/{tuned['base']}/parentage").json() == before
    assert before["suspects"] == [], "its tunes are no suspects"
    assert len(read) == 1
    with world.home.store.reading() as connection:
        some = [*tuned.values(), "sha256:" + "0" * 64]
        assert lineage.made_of(connection, tuned["base"], some) == set(tuned.values())
        assert lineage.made_of(connection, tuned["two"], some) == {tuned["two"], tuned["liar"]}


def test_what_cannot_be_read_of_one_is_told_and_keeps_nobody_from_the_others(
    world: World, api: TestClient, tuned: dict[str, str]
) -> None:
    whole = {one["artifact"]: one for one in api.get("/suspicions").json()["artifacts"]}
    with world.home.store.reading() as connection:
        manifest, _ = described(world.home, connection, tuned["one"])
    world.home.blobs.path(manifest.digest).unlink()
    (path,) = (world.home.path / "sketches").glob(f"*/{tuned['three'].removeprefix('sha256:')}")
    path.write_bytes(path.read_bytes()[:-9])

    page = api.get("/suspicions").json()

    found = {one["artifact"]: one for one in page["artifacts"]}
    assert (page["compared"], page["next"]) == (len(tuned), None)
    assert (
        f"manifest sha256:{manifest.digest} of {tuned['one']} is not stored" in found[tuned["one"]]["unread"]
    )
    assert "cannot be read" in found[tuned["three"]]["unread"]
    assert found[tuned["liar"]]["parents"] == whole[tuned["liar"]]["parents"]
    assert found[tuned["scaled"]]["unread"] is None
    assert {one.artifact for one in parents.review(world.home, lambda _: None) if one.unread} == {
        tuned["one"],
        tuned["three"],
    }


def test_what_has_no_sketch_and_what_is_no_artifact_is_refused(api: TestClient) -> None:
    problem(api.get(f"/artifacts/sha256:{'0' * 64}/parentage"), "absent", "0" * 64)
    problem(api.get("/artifacts/hf:acme/base/parentage"), "absent", "hf:acme/base")
    problem(api.get("/artifacts/word/parentage"), "malformed", "artifact")
    problem(api.get("/suspicions", params={"after": "word"}), "malformed", "after")
    assert api.get("/suspicions").json()["artifacts"] == []


def test_of_many_that_compare_at_once_some_are_sent_away(world: World, tuned: dict[str, str]) -> None:
    with TestClient(create(world.home, limits=Limits(comparisons=0))) as api:
        for path in (f"/artifacts/{tuned['one']}/parentage", "/suspicions"):
            problem(api.get(path), "busy", "0 comparisons of weights are made already", 503)
    with TestClient(create(world.home, limits=Limits(comparisons=1))) as api:
        # A place is given back, also by who is refused.
        for _ in range(2):
            problem(api.get("/suspicions", params={"after": "word"}), "malformed", "after")
            problem(api.get(f"/artifacts/sha256:{'0' * 64}/parentage"), "absent", "0" * 64)
            assert api.get("/suspicions").status_code == 200


def test_a_registry_without_an_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = iter(range(1, 1000))

    def told(*_: object, **__: object) -> bytes:
        last = f"sha256:{next(pages):064x}"
        return canonical.encode({"artifacts": [], "compared": 1, "next": last, "as_of": 1})

    monkeypatch.setattr(Remote, "request", told)
    monkeypatch.setattr(afar, "MAX_PAGES", 7)
    with Remote("http://127.0.0.1:1") as remote, pytest.raises(Malformed, match="without an end: 7 pages"):
        afar.suspicions(remote)
    assert next(pages) == 9

    monkeypatch.setattr(
        Remote,
        "request",
        lambda *_, **__: canonical.encode(
            {"artifacts": [], "compared": 1, "next": f"sha256:{5:064x}", "as_of": 1}
        ),
    )
    with Remote("http://127.0.0.1:1") as remote, pytest.raises(Malformed, match="goes back"):
        afar.suspicions(remote)


def test_an_answer_about_something_else_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (f"sha256:{digit * 64}" for digit in "12")
    told = ParentageOut(
        artifact=one, origin=None, r2=None, exact=None, parents=(), suspects=(), compared=3, as_of=7
    )
    monkeypatch.setattr(Remote, "request", lambda *_, **__: canonical.encode(told.model_dump(mode="json")))

    with Remote("http://127.0.0.1:1") as remote:
        assert afar.parentage(remote, one) == told
        with pytest.raises(Untrusted, match="was asked about"):
            afar.parentage(remote, other)
