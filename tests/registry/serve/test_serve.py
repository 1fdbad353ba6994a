"""A real process on a real port gives the answers that the home gives, and ends in order."""

import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import repeat
from pathlib import Path

import httpx
import pytest
from evidence import REVIEW
from processes import environment
from world import SIGNERS, World

from lineage.predicates import derivation
from lineage.predicates import license as license_predicate
from registry import problems
from registry.client import Remote
from registry.home import Home
from registry.licensed import UseOut
from registry.local import Local
from registry.serve import run
from registry.store import artifacts
from registry.work.verify import Holds, verify_folder
from signing import canonical, dsse
from signing.bundle import Bundle, verify
from signing.errors import Malformed, Refused
from signing.log import Leaf

# Servers and mirrors of their own take half a minute: `make system` waits for them.
pytestmark = pytest.mark.system

# The clock of the serving process is the real one, and an answer says when it was judged.
JUDGED = {"judged": 0}


def told(answer) -> object:
    return answer.model_copy(update=JUDGED) if hasattr(answer, "judged") else answer


def outcome(ask, *args: str) -> object:
    try:
        return told(ask(*args))
    except Refused as error:
        return type(error), str(error)


def test_every_question_has_the_same_answer_here_and_there(world: World, serving) -> None:
    base = world.model(name="kennel/base", license="apache-2.0")
    tuned, other = world.model(base, name="kennel/tuned"), world.model()
    merged = world.model(base, tuned, relation="merge", name="kennel/merged")
    stub = "hf:Someone/Base@" + "0f" * 20
    world.publish("publisher", derivation.statement(other, [derivation.Parent(stub, "quantize")]))
    world.report(tuned, "compromised")
    world.retract(world.report(base, "license", stage="reported"))
    local = Local(world.home.store, world.home.now)
    unknown = f"sha256:{'0' * 64}"

    with Remote(serving.url) as remote:
        for ref in (base, tuned, merged, other, base[:20], "kennel/merged", stub, unknown, unknown[:20]):
            for question in ("resolve", "verdict", "ancestors", "descendants"):
                here, there = getattr(local, question), getattr(remote, question)
                assert outcome(there, ref) == outcome(here, ref), (question, ref)
            licensed = [partial(one.license, asked=UseOut(commercial=True)) for one in (remote, local)]
            assert outcome(licensed[0], ref) == outcome(licensed[1], ref)
        for artifact in (base, tuned, merged, other, stub, unknown):
            assert outcome(remote.bundles, artifact) == outcome(local.bundles, artifact)
            for ancestors in (True, False):
                asked = [partial(one.bundle, ancestors=ancestors) for one in (remote, local)]
                assert outcome(asked[0], artifact) == outcome(asked[1], artifact)
        for pair in (
            (base, merged),
            ("kennel/base", "kennel/merged"),
            (merged, base),
            (unknown, base),
            (stub, other),
        ):
            assert outcome(remote.why, *pair) == outcome(local.why, *pair)
        assert remote.incidents() == local.incidents()
        assert len(remote.incidents()) >= 2
    world.check()


def test_a_folder_is_verified_against_a_registry_that_is_not_trusted(world: World, serving) -> None:
    artifact = world.model()
    folder, root = max(world.folder.glob("model-*"), key=lambda one: int(one.name[6:])), world.home.root()

    with Remote(serving.url) as remote:
        found = verify_folder(folder, None, remote, root)
        assert isinstance(found, Holds)
        assert found.artifact == artifact

        with (folder / "config.json").open("a") as file:
            file.write(" ")
        assert verify_folder(folder, artifact, remote, root).changed == ("config.json",)


def test_a_statement_published_from_afar_is_proven_by_its_receipt(world: World, serving) -> None:
    statement = license_predicate.statement(world.model(), "mit", world.time)
    raw = dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()
    root = world.home.root()

    with Remote(serving.url) as remote:
        receipt = remote.publish(raw)
        assert remote.publish(raw) == receipt

    bundle = Bundle(raw, Leaf.parse(receipt.leaf), receipt.index, receipt.proof, receipt.checkpoint)
    assert verify(bundle, root.public(*SIGNERS), root.origin, root.public("log")[0]).statement == statement
    world.check([receipt])


def test_whoever_has_a_key_attests_from_a_machine_without_a_home(
    world: World, serving, tmp_path: Path
) -> None:
    artifact, key = world.artifact(), world.join("lab", "rebuilder")
    (tmp_path / "key.pem").write_bytes(key.pem())
    (tmp_path / "key.pem").chmod(0o600)
    (tmp_path / "review.json").write_text('{"verdict": "fine"}')
    words = ["attest", artifact, "--type", REVIEW, "--predicate", "review.json", "--key", "key.pem"]

    done = subprocess.run(
        [sys.executable, "-m", "registry", *words, "--registry", serving.url, "--json"],
        cwd=tmp_path,
        env=environment(STUDBOOK_HOME=str(tmp_path / "none")),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (found,) = world.verdict(artifact).attestations
    assert (found.entry, found.operators) == (canonical.decode(done.stdout.encode())["entry"], ("lab",))
    assert not (tmp_path / "none").exists()
    world.check()


def test_statements_of_many_senders_at_once_are_all_logged(world: World, serving) -> None:
    artifact, key = world.model(), world.home.keys("publisher")
    statements = [license_predicate.statement(artifact, "mit", issued) for issued in range(40)]
    raws = [dsse.sign(one.encode(), [key]).encode() for one in statements]
    before = world.size()

    with Remote(serving.url) as remote, ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(remote.publish, raws))

    assert sorted(one.index for one in receipts) == list(range(before, before + len(raws)))
    world.check(receipts)


def test_more_who_ask_at_once_than_there_are_connections_are_all_answered(world: World, serving) -> None:
    base = world.model(name="crowd/base")
    merged = world.model(base, world.model(base), relation="merge")
    paths = [
        f"/artifacts/{merged}/why?ancestor=crowd/base",
        f"/resolve?ref={merged[:20]}",
        f"/artifacts/{base}/files",
    ]

    def ask(client: httpx.Client, number: int) -> int:
        return client.get(serving.url + paths[number % 3 if number > 60 else 0]).status_code

    # Whoever held one connection while waiting for another, or for a thread, would hold up all others for 30 seconds.
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(limits=limits, timeout=20) as client, ThreadPoolExecutor(60) as pool:
        statuses = list(pool.map(ask, repeat(client), range(180)))

    assert statuses == [200] * 180


def test_large_bytes_are_refused_before_they_are_sent_whole(world: World, serving) -> None:
    artifact = world.model()
    sent = 0

    def pieces():
        nonlocal sent
        for _ in range(256):
            sent += 1 << 20
            yield b"x" * (1 << 20)

    response = httpx.put(f"{serving.url}/blobs/sha256/{'0' * 64}?artifact={artifact}", content=pieces())
    assert response.status_code == 403
    response = httpx.post(f"{serving.url}/entries", content=pieces())
    assert response.status_code == 413
    assert sent < 512 << 20


@pytest.mark.parametrize(
    ("status", "fields", "length"),
    [(200, 100, 65_534), (414, 1, 65_535), (431, 101, 1_000), (431, 1, 900_000)],
)
def test_a_head_that_is_too_long_is_refused_as_described(
    serving, status: int, fields: int, length: int
) -> None:
    url = "/health?".ljust(length, "x")
    head = f"GET {url} HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * (fields - 1) + "\r\n"
    with socket.create_connection(("127.0.0.1", serving.port)) as connection:
        connection.settimeout(10)
        connection.sendall(head.encode())
        answer = connection.makefile("rb").readline()

    assert answer.split()[1] == str(status).encode()
    assert status == 200 or status in problems.UNHEARD


def test_what_is_refused_there_is_refused_here_with_the_same_sentence(world: World, serving) -> None:
    statement = license_predicate.statement(f"sha256:{'ab' * 32}", "mit", world.time)
    raw = dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()
    home = Home.open(world.home.path)

    with Remote(serving.url) as remote:
        with pytest.raises(Refused) as there:
            remote.publish(raw)
        with pytest.raises(Malformed, match="a DSSE envelope is an object"):
            remote.publish(b"[]")
    with pytest.raises(Refused) as here:
        home.say("publisher", statement)
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))


def test_it_ends_in_order_and_says_nothing_but_log_lines(world: World, start) -> None:
    with start(world.home.path) as serving, httpx.Client() as client:
        client.get(f"{serving.url}/health")

        assert serving.ends(signal.SIGTERM) == 0

    events = [canonical.decode(line.encode())["event"] for line in serving.said]
    assert (events[0], events[-1]) == ("serving", "stopped")
    assert set(events) == {"serving", "answered", "stopped"}
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{serving.url}/health")
    world.check()


def test_a_request_that_is_under_way_is_answered_before_the_end(world: World, start) -> None:
    statement = license_predicate.statement(world.model(), "mit", world.time)
    raw = dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()
    head = f"POST /entries HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(raw)}\r\n\r\n".encode()

    before = world.size()

    with (
        start(world.home.path) as serving,
        socket.create_connection(("127.0.0.1", serving.port)) as connection,
    ):
        connection.sendall(head + raw[:10])
        time.sleep(0.3)
        serving.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        connection.sendall(raw[10:])
        answer = connection.recv(65536)
        assert serving.process.wait(timeout=30) == 0

    assert answer.startswith(b"HTTP/1.1 201")
    assert world.size() == before + 1
    world.check()


def test_who_falls_silent_holds_nobody_up(world: World, start) -> None:
    artifact = world.model()
    with world.home.store.reading() as connection:
        digest = artifacts.files(connection, artifact)["model.safetensors"]
    heads = ("POST /entries", f"PUT /blobs/sha256/{digest}?artifact={artifact}")
    with start(world.home.path, grace=1) as serving, ExitStack() as mutes:
        for head in heads:
            mute = mutes.enter_context(socket.create_connection(("127.0.0.1", serving.port)))
            mute.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx".encode())
        time.sleep(0.3)
        started = time.monotonic()
        assert serving.ends(signal.SIGINT) == 0
        assert time.monotonic() - started < 10
        assert any("left unanswered" in line for line in serving.said)
    world.check()


def test_who_falls_silent_is_told_so(serving) -> None:
    with socket.create_connection(("127.0.0.1", serving.port)) as mute:
        mute.sendall(b"POST /entries HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
        answer = mute.recv(65536)

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"after 3 bytes nothing came for 5 seconds" in answer


def test_a_port_that_is_taken_is_not_shared_in_silence(world: World, serving) -> None:
    with pytest.raises(
        Refused, match=f"127.0.0.1:{serving.port} cannot be listened on: Address already in use"
    ):
        run(Home.open(world.home.path), port=serving.port)


def test_an_address_is_numbers(world: World) -> None:
    with pytest.raises(Malformed, match=r"'kennel\.example' is no address to listen on"):
        run(Home.open(world.home.path), host="kennel.example")


def test_another_sites_page_cannot_read_a_registry_on_this_machine(serving) -> None:
    response = httpx.get(f"{serving.url}/incidents", headers={"Host": "evil.example"})

    assert response.status_code == 421
    assert httpx.get(f"http://localhost:{serving.port}/incidents").status_code == 200


def test_a_home_is_served_again_after_a_kill(world: World, start) -> None:
    artifact = world.model()
    with start(world.home.path) as serving:
        serving.process.kill()
        serving.process.wait()
    with start(world.home.path) as serving, Remote(serving.url) as remote:
        assert remote.verdict(artifact).artifact == artifact
    world.check()
