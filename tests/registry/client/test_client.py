"""A registry is not trusted: what it did not get asked, and what could mislead a reader, is refused."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from world import World

from lineage.predicates import license as license_predicate
from lineage.predicates import redaction as redaction_predicate
from registry import afar, client
from registry.answers import VerdictOut
from registry.app import create
from registry.client import Remote
from registry.licensed import LicenseOut, UseOut
from registry.selected import SelectionOut
from registry.store import log, redaction
from signing import canonical, dsse
from signing.errors import Malformed, Refused, Untrusted

Answer = tuple[int, bytes]
ONE, OTHER = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class Liar:
    """A registry that answers whatever the story says, path by path."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        liar = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                status, body = liar.answers[urlsplit(self.path).path]
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 - the name http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def says(self, path: str, value: object, status: int = 200) -> None:
        self.answers[path] = (status, value if isinstance(value, bytes) else canonical.encode(value))


@pytest.fixture
def liar() -> Iterator[Liar]:
    one = Liar()
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def remote(liar: Liar) -> Iterator[Remote]:
    with Remote(liar.url) as one:
        yield one


def verdict(artifact: str, **changes: object) -> dict:
    standing = {"state": "clean", "incidents": [], "missing": []}
    told = {
        "artifact": artifact,
        "names": [],
        "files": 1,
        "license": None,
        "inherited": [],
        "standing": standing,
        "parents": [],
        "rebuilds": [],
        "evaluated": "never",
        "evaluations": [],
        "attestations": [],
        "claims": [],
        "corrections": [],
        "same": [],
        "contradictions": [],
        "comparisons": [],
        "as_of": 1,
        "judged": 1,
        "complete": True,
    }
    assert VerdictOut.model_validate(told)
    return told | changes


def license_answer(artifact: str, **changes: object) -> dict:
    told = {
        "artifact": artifact,
        "names": {artifact: []},
        "outcome": "ok",
        "notice": "not legal advice",
        "asked": {},
        "declared": {"state": "resolved", "licenses": ["mit"]},
        "commercial": "yes",
        "flow_down": "notice",
        "monthly_users": None,
        "revenue": None,
        "at_least": False,
        "terms": [],
        "findings": [],
        "left_out": 0,
        "doubts": [],
        "unasked": [],
        "contradictions": [],
        "rules": 1,
        "as_of": 1,
        "complete": True,
    }
    assert LicenseOut.model_validate(told)
    return told | changes


def relative(artifact: str, *incidents: str) -> dict:
    rest = {"distance": 1, "names": [], "license": None, "claimed": None, "seen": True}
    return {"artifact": artifact, "incidents": list(incidents)} | rest


def lineage(artifact: str, direction: str) -> dict:
    empty = {"names": [], "relatives": [], "incidents": [], "edges": [], "as_of": 1, "complete": True}
    return {"artifact": artifact, "direction": direction} | empty


def influence(artifact: str) -> dict:
    empty = {"names": [], "descendants": [], "uncounted": [], "as_of": 1, "complete": True}
    return {"artifact": artifact} | empty


def reach(artifact: str, direction: str) -> dict:
    empty = {"relatives": [], "incidents": [], "total": 0, "next": None, "as_of": 1, "complete": True}
    return {"artifact": artifact, "direction": direction} | empty


def incident(number: int) -> dict:
    said = dict.fromkeys(("kind", "severity", "stage", "summary", "contact"), "x")
    return {"id": f"{number:064x}", "artifacts": [ONE]} | said


def why(ancestor: str, descendant: str, *witness: str) -> dict:
    rest = {"names": {}, "edges": [], "as_of": 1, "complete": True}
    return {"ancestor": ancestor, "descendant": descendant, "paths": "1", "witness": list(witness)} | rest


@pytest.mark.parametrize(
    ("path", "value", "ask"),
    [
        (f"/artifacts/{ONE}", verdict(OTHER), lambda remote: remote.verdict(ONE)),
        (f"/artifacts/{ONE}/license", license_answer(OTHER), lambda remote: remote.license(ONE, UseOut())),
        (
            f"/artifacts/{ONE}/license",
            license_answer(ONE, asked={"territory": "US"}),
            lambda remote: remote.license(ONE, UseOut(territory="EU")),
        ),
        (f"/artifacts/{ONE}/ancestors", lineage(OTHER, "ancestors"), lambda remote: remote.ancestors(ONE)),
        (f"/artifacts/{ONE}/ancestors", lineage(ONE, "descendants"), lambda remote: remote.ancestors(ONE)),
        (f"/artifacts/{ONE}/descendants", lineage(ONE, "ancestors"), lambda remote: remote.descendants(ONE)),
        (
            f"/artifacts/{ONE}/ancestors",
            lineage(ONE, "ancestors"),
            lambda remote: remote.ancestors(ONE, SelectionOut(standing="affected")),
        ),
        (f"/artifacts/{ONE}/influence", influence(OTHER), lambda remote: afar.influence(remote, ONE)),
        (
            f"/artifacts/{ONE}/reach",
            reach(OTHER, "descendants"),
            lambda remote: afar.reach(remote, ONE, "descendants", 5, None, named=True),
        ),
        (
            f"/artifacts/{ONE}/reach",
            reach(ONE, "ancestors"),
            lambda remote: afar.reach(remote, ONE, "descendants", 5, "9.1.1", named=False),
        ),
        (f"/artifacts/{ONE}/why", why(OTHER, OTHER), lambda remote: remote.why(OTHER, ONE)),
        (f"/artifacts/{ONE}/why", why(ONE, ONE), lambda remote: remote.why(OTHER, ONE)),
        (f"/artifacts/{ONE}/why", why(OTHER, ONE, ONE, OTHER), lambda remote: remote.why(OTHER, ONE)),
        ("/resolve", {"ref": ONE[:20], "artifact": OTHER}, lambda remote: remote.resolve(ONE[:20])),
        ("/resolve", {"ref": "hf:a/b", "artifact": "hf:a/c"}, lambda remote: remote.resolve("hf:a/b")),
    ],
)
def test_an_answer_about_something_else_is_not_believed(
    liar: Liar, remote: Remote, path: str, value: object, ask: Callable[[Remote], object]
) -> None:
    liar.says(path, value)

    with pytest.raises(Untrusted, match=liar.url):
        ask(remote)


@pytest.mark.parametrize(
    ("path", "value", "ask", "says"),
    [
        ("/resolve", {"ref": "a/b", "artifact": "../../x"}, lambda r: r.resolve("a/b"), "did not say"),
        ("/resolve", {"ref": "a/c", "artifact": ONE}, lambda r: r.resolve("a/b"), "did not say"),
        ("/resolve", [], lambda r: r.resolve("a/b"), "did not say"),
        (f"/artifacts/{ONE}", {}, lambda r: r.verdict(ONE), "does not read: artifact: Field required"),
        (f"/artifacts/{ONE}", verdict(ONE, more=1), lambda r: r.verdict(ONE), "does not read: more: Extra"),
        (
            f"/artifacts/{ONE}",
            verdict(ONE, names=["a\x1b[2Jb"]),
            lambda r: r.verdict(ONE),
            "hides what is shown",
        ),
        (
            f"/artifacts/{ONE}",
            verdict(ONE, license="a\u202eb"),
            lambda r: r.verdict(ONE),
            "hides what is shown",
        ),
        (f"/artifacts/{ONE}", b'{"artifact":1,"artifact":2}', lambda r: r.verdict(ONE), "occurs twice"),
        (f"/artifacts/{ONE}", b"<html>", lambda r: r.verdict(ONE), "not JSON"),
        ("/incidents", {"incidents": []}, lambda r: r.incidents(), "does not read"),
        (
            f"/artifacts/{ONE}/descendants",
            lineage(ONE, "descendants") | {"relatives": [relative(OTHER, "f" * 64)]},
            lambda r: r.descendants(ONE),
            f"{OTHER} has the incidents {'f' * 64}, which are not told",
        ),
        (
            "/incidents",
            {"incidents": [incident(1)], "next": f"{1:064x}"},
            lambda r: r.incidents(),
            "without an end: 1 so far",
        ),
        (
            f"/artifacts/{ONE}/bundle",
            b"{}\n",
            lambda r: r.bundle(ONE, ancestors=True),
            "a bundle of version 1 has exactly",
        ),
        (f"/artifacts/{ONE}/bundles", b"{}\n", lambda r: r.bundles(ONE), "a bundle of version 1 has exactly"),
    ],
)
def test_an_answer_that_is_not_one_is_refused(
    liar: Liar, remote: Remote, path: str, value: object, ask: Callable[[Remote], object], says: str
) -> None:
    liar.says(path, value)

    with pytest.raises(Malformed, match=says):
        ask(remote)


def test_an_answer_without_end_is_cut(liar: Liar, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BYTES", 1000)
    liar.says(f"/artifacts/{ONE}", b"[" + b" " * 5000 + b"]")

    with pytest.raises(Malformed, match="is longer than 1000 bytes"):
        remote.verdict(ONE)


def test_a_list_without_end_is_cut(liar: Liar, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_INCIDENTS", 5)
    page = [incident(number) for number in range(6)]
    liar.says("/incidents", {"incidents": page, "next": page[-1]["id"]})

    with pytest.raises(Malformed, match="lists incidents without an end: 6 so far"):
        remote.incidents()


def test_bundles_of_another_artifact_are_not_believed(world: World, liar: Liar, remote: Remote) -> None:
    mine, other = world.model(), world.model()
    with TestClient(create(world.home)) as api:
        honest = api.get(f"/artifacts/{mine}/bundles").content
        foreign = api.get(f"/artifacts/{other}/bundles").content

    liar.says(f"/artifacts/{mine}/bundles", honest)
    assert b"".join(line + b"\n" for line in remote.bundles(mine)) == honest
    for lie in (foreign, honest + foreign):
        liar.says(f"/artifacts/{mine}/bundles", lie)
        with pytest.raises(Untrusted, match=f"asked about {mine}, and answered about {other}"):
            remote.bundles(mine)


def test_a_file_about_something_else_is_not_what_was_asked_for(
    world: World, liar: Liar, remote: Remote
) -> None:
    mine, other = world.model(), world.model()
    with TestClient(create(world.home)) as api:
        honest = api.get(f"/artifacts/{mine}/bundle").content
        foreign = api.get(f"/artifacts/{other}/bundle").content
    liar.says(f"/artifacts/{mine}/bundle", honest)
    assert b"".join(line + b"\n" for line in remote.bundle(mine, ancestors=True)) == honest

    for lie in (foreign, honest.splitlines(keepends=True)[0], b""):
        liar.says(f"/artifacts/{mine}/bundle", lie)
        with pytest.raises(Untrusted, match=f"was asked about {mine}, and answered about"):
            remote.bundle(mine, ancestors=True)


def test_a_file_of_what_was_removed_is_about_what_it_was_about(
    world: World, liar: Liar, remote: Remote
) -> None:
    mine = world.artifact()
    with world.home.store.reading() as connection:
        left, entry = redaction.left(connection, 1), log.read(connection, 1).entry
    world.publish("root", redaction_predicate.statement(entry, "court 17", left))
    with TestClient(create(world.home)) as api:
        liar.says(f"/artifacts/{mine}/bundle", api.get(f"/artifacts/{mine}/bundle").content)
    assert len(remote.bundle(mine, ancestors=True)) == 2


def test_a_receipt_for_another_statement_is_not_believed(world: World, liar: Liar, remote: Remote) -> None:
    def raw(terms: str) -> bytes:
        statement = license_predicate.statement(world.model(), terms, world.time)
        return dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()

    mine, other = raw("mit"), raw("gpl-3.0")
    with TestClient(create(world.home)) as api:
        receipts = [api.post("/entries", content=one).json() for one in (mine, other)]
    honest, foreign = receipts

    liar.says("/entries", honest, 201)
    assert remote.publish(mine).index == honest["index"]
    lies = [
        foreign,
        honest | {"leaf": foreign["leaf"]},
        honest | {"entry": foreign["entry"]},
        honest | {"time": 0},
        honest | {"index": honest["size"]},
    ]
    for lie in lies:
        liar.says("/entries", lie, 201)
        with pytest.raises(Untrusted, match="was sent the statement"):
            remote.publish(mine)
    liar.says("/entries", {"thanks": True}, 201)
    with pytest.raises(Malformed, match="and gave no receipt"):
        remote.publish(mine)


def test_a_refusal_comes_back_with_its_sentence_and_nothing_that_hides(liar: Liar, remote: Remote) -> None:
    said = {"title": "x", "status": 403, "detail": "no \x1b[8m key", "instance": "/"}
    liar.says("/incidents", said | {"type": "https://studbook.dev/problems/untrusted"}, 403)

    with pytest.raises(Untrusted) as refusal:
        remote.incidents()

    assert str(refusal.value) == r"no \x1b[8m key"


@pytest.mark.parametrize("status", [301, 404, 418, 500, 502])
def test_whatever_is_not_an_answer_is_a_refusal_with_the_address(
    liar: Liar, remote: Remote, status: int
) -> None:
    liar.says("/incidents", b"<html>somewhere else</html>", status)

    with pytest.raises(Refused, match=f"{liar.url} answered with status {status} and no reason"):
        remote.incidents()


def test_a_registry_that_does_not_answer_is_named() -> None:
    with (
        Remote("http://127.0.0.1:1") as remote,
        pytest.raises(Refused, match=re.escape("http://127.0.0.1:1 does not answer")),
    ):
        remote.incidents()


def test_a_silent_registry_is_left_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with (
            Remote(url, timeout=0.2) as remote,
            pytest.raises(Refused, match=f"{url} does not answer: timed out"),
        ):
            remote.incidents()


@pytest.mark.parametrize(
    "url", ["", "kennel", "ftp://kennel", "http://", "file:///etc/passwd", "http://\x00", "kennel:80"]
)
def test_an_address_is_a_url(url: str) -> None:
    with pytest.raises(Malformed):
        Remote(url)


def test_a_password_in_the_address_is_not_repeated() -> None:
    with Remote("http://me:s3cret@127.0.0.1:1/base/") as remote, pytest.raises(Refused) as refusal:
        remote.incidents()

    assert str(refusal.value).startswith("http://127.0.0.1:1/base does not answer")


@pytest.mark.parametrize("artifact", ["kennel/base", ONE[:20], "../x", ""])
def test_bundles_are_asked_for_by_a_full_id(remote: Remote, artifact: str) -> None:
    with pytest.raises(Malformed, match="full artifact id"):
        remote.bundles(artifact)


def test_a_registry_may_live_below_a_path(liar: Liar) -> None:
    liar.says(f"/studbook/artifacts/{ONE}", verdict(ONE))

    with Remote(f"{liar.url}/studbook/") as remote:
        assert remote.verdict(ONE).artifact == ONE


def test_a_statement_that_is_none_never_leaves(remote: Remote) -> None:
    with pytest.raises(Malformed, match="a DSSE envelope is an object"):
        remote.publish(b"[]")
