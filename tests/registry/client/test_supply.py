"""What a rebuilder asks of a registry that is not trusted: lists without end, and ranges that are others, are refused."""

import pytest
from rebuilding import URL, build_of, store, supply
from world import World

from registry import supply as supplying
from registry.routes import rebuilds
from registry.store import Absent
from registry.work.shelf import shelved
from signing.errors import Malformed, Untrusted


@pytest.fixture
def merges(world: World) -> list[str]:
    models = [world.model(), world.model()]
    store(world, *models)
    return [world.merge(method, *models) for method in ("linear", "slerp")]


def test_what_is_due_comes_page_by_page(
    world: World, merges: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilds, "PAGE", 1)
    with supply(world) as source:
        assert list(source.due("ann")) == [(one, build_of(world, one)) for one in merges]


@pytest.mark.parametrize("page", ["empty", "endless"])
def test_a_list_without_an_end_is_cut(
    world: World, merges: list[str], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setattr(supplying, "MAX_DUE", 3)
    one = [{"artifact": merges[0], "build": build_of(world, merges[0])}] if page == "endless" else []
    with supply(world) as source:
        answer = supplying.RebuildsOut.model_validate({"rebuilds": one, "next": "0" * 64})
        monkeypatch.setattr(source._remote, "ask", lambda *_, **__: answer)
        with pytest.raises(Malformed, match=f"{URL} lists rebuilds without an end"):
            list(source.due("ann"))


def test_bytes_come_whole_or_from_where_they_are_asked_for(world: World, merges: list[str]) -> None:
    manifest = shelved(world.home, merges)[merges[0]].manifest.digest
    whole = b"".join(world.home.blobs.read(manifest))
    with supply(world) as source:
        assert source.size(manifest) == len(whole)
        for start in (0, 1, len(whole) - 1):
            with source.blob(manifest, start) as (at, chunks):
                assert (at, b"".join(chunks)) == (start, whole[start:])
        with pytest.raises(Absent, match=f"{URL} does not hold /blobs/sha256/{'0' * 64}"):
            source.size("0" * 64)
        with pytest.raises(Absent), source.blob("0" * 64, 0):
            pass


def test_a_range_that_was_not_asked_for_is_refused(
    world: World, merges: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = shelved(world.home, merges)[merges[0]].manifest.digest
    with supply(world) as source:
        asked = source._remote.site.stream
        monkeypatch.setattr(
            source._remote.site,
            "stream",
            lambda *words, headers: asked(*words, headers=headers | {"Range": "bytes=7-"}),
        )
        with pytest.raises(Untrusted, match="from byte 5 on, and sent 'bytes 7-"), source.blob(manifest, 5):
            pass
