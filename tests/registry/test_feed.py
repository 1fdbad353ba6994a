"""The feed of incidents, held to RFC 4287 and read by a parser that is not ours."""

from urllib.parse import urlsplit
from uuid import UUID
from xml.etree import ElementTree as ET

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from world import World

from lineage.around import Change, Incident
from lineage.subjects import AsOf
from registry import feed
from registry.app import create
from registry.routes import incidents as pages

ATOM = "{http://www.w3.org/2005/Atom}"
AT = AsOf("studbook.local/abc", 7, 1_750_000_000)


def check(text: str) -> ET.Element:
    """Hold a document to what RFC 4287 requires (4.1.1, 4.1.2, 4.2.6, 4.2.7)."""
    root = ET.fromstring(text)
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    for one in (root, *entries):
        for name in ("id", "title", "updated"):
            (found,) = one.findall(ATOM + name)
            assert found.text, name
        assert UUID((one.findtext(f"{ATOM}id") or "").removeprefix("urn:uuid:"))
        assert one.findtext(f"{ATOM}updated", "").endswith("Z")
        for link in one.findall(f"{ATOM}link"):
            assert urlsplit(link.attrib["href"]).scheme == "http"
            assert link.attrib["href"].startswith("http://here/studbook/")
    # An author above all entries, a link to itself, and of each entry one alternate and content as text.
    assert root.findtext(f"{ATOM}author/{ATOM}name")
    assert [one.attrib["rel"] for one in root.findall(f"{ATOM}link")] == ["self"]
    for one in entries:
        assert [link.attrib["rel"] for link in one.findall(f"{ATOM}link")].count("alternate") == 1
        (content,) = one.findall(f"{ATOM}content")
        assert content.attrib == {"type": "text"}
        assert all(category.attrib["term"] for category in one.findall(f"{ATOM}category"))
    ids = [one.findtext(f"{ATOM}id") for one in (root, *entries)]
    assert len(set(ids)) == len(ids)
    return root


def change(summary: str, reason: str | None = None, contact: str = "vet", index: int = 3) -> Change:
    incident = Incident("a" * 64, ("sha256:1",), "compromised", "high", "confirmed", summary, contact)
    return Change(index, f"{index:064x}", 1_750_000_000 + index, incident, "confirmed", reason)


@given(st.text(min_size=1), st.none() | st.text(), st.text(min_size=1))
def test_law_whatever_strangers_wrote_is_a_feed_and_text_in_it(summary, reason, contact) -> None:
    found = [change(summary, reason, contact, index) for index in (3, 2)]

    root = check(feed.text(AT, found, "http://here/studbook/"))

    known = {"feed", "entry", "id", "title", "updated", "author", "name", "link", "category", "content"}
    assert {one.tag for one in root.iter()} <= {ATOM + name for name in known}
    assert len(root.findall(f"{ATOM}entry")) == 2


def test_what_xml_cannot_hold_and_what_would_be_markup_are_shown() -> None:
    root = check(feed.text(AT, [change("<script>&\x00\ufffe\u202e", "]]>")], "http://here/studbook/"))

    assert (root.findtext(f"{ATOM}entry/{ATOM}title") or "").endswith("<script>&\\u0000\\ufffe\\u202e")
    assert "]]>" in (root.findtext(f"{ATOM}entry/{ATOM}content") or "")


def test_a_feed_without_entries_is_one() -> None:
    check(feed.text(AT, [], "http://here/studbook/"))


@pytest.fixture
def api(world: World):
    with TestClient(create(world.home), base_url="http://here", root_path="/studbook") as client:
        yield client


def entries(api: TestClient) -> list[ET.Element]:
    answer = api.get("/incidents.atom")
    assert (answer.status_code, answer.headers["content-type"]) == (200, feed.MEDIA_TYPE)
    return check(answer.text).findall(f"{ATOM}entry")


def test_each_report_and_change_is_an_entry_newest_first_under_ids_that_stay(
    world: World, api: TestClient
) -> None:
    assert entries(api) == []
    first = world.report(world.model(), "compromised", stage="reported")
    world.advance(60)
    second = world.report(world.model(), "data-poisoned")
    before = [one.findtext(f"{ATOM}id") for one in entries(api)]
    world.advance(60)

    world.retract(first, "looked <again>")

    found = entries(api)
    stages = [one.findtext(f"{ATOM}title", "").partition(":")[0] for one in found]
    assert stages == ["retracted", "confirmed", "reported"]
    assert [one.findtext(f"{ATOM}id") for one in found][1:] == before
    links = [one.find(f"{ATOM}link").attrib["href"] for one in found]
    assert links == [f"http://here/studbook/incidents/{one}" for one in (first, second, first)]
    assert "looked <again>" in found[0].findtext(f"{ATOM}content", "")
    assert api.get(urlsplit(links[0]).path.removeprefix("/studbook")).json()["id"] == first
    times = [one.findtext(f"{ATOM}updated", "") for one in found]
    assert times == sorted(times, reverse=True)
    world.check()


def test_whoever_has_it_is_told_so_and_a_change_is_another_one(world: World, api: TestClient) -> None:
    world.report(world.model(), "compromised")
    answer = api.get("/incidents.atom")
    assert answer.headers["cache-control"] == "no-cache"

    again = api.get("/incidents.atom", headers={"If-None-Match": answer.headers["etag"]})
    world.report(world.model(), "compromised")
    changed = api.get("/incidents.atom", headers={"If-None-Match": answer.headers["etag"]})

    assert (again.status_code, again.content, changed.status_code) == (304, b"", 200)


def test_it_ends_after_so_many_and_begins_with_the_newest(
    world: World, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "CHANGES", 2)
    reported = [world.report(world.model(), "compromised") for _ in range(3)]

    found = entries(api)

    assert [one.find(f"{ATOM}link").attrib["href"][-64:] for one in found] == reported[:0:-1]
