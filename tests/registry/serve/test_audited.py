"""A real registry on one URL is followed, copied, exchanged for its own twin, and caught."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from auditing import Files, look, twin
from growing import grow
from processes import environment
from world import World

from lineage.predicates import license as license_predicate
from registry.client import Remote
from registry.tlog import RemoteLog
from registry.work.memory import Notebook
from registry.work.mirror import Mirror
from signing import canonical, dsse, fork
from signing.errors import Untrusted
from signing.fork import Fork

# Servers and mirrors of their own take half a minute: `make system` waits for them.
pytestmark = pytest.mark.system


def studbook(*words: object, home: Path) -> subprocess.Popen:
    """Type a command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "registry", *map(str, words)],
        cwd=Path(__file__).parents[3],
        env=environment(STUDBOOK_HOME=str(home)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whoever is started from a shell's background ignores interrupts, and so would everything that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - it takes no lock
    )


def test_t14_a_registry_that_forks_on_one_url_is_refused_and_convicted(tmp_path: Path, start) -> None:
    (tmp_path / "one").mkdir()
    world = World(tmp_path / "one")
    grow(world, 270)
    other = twin(world, tmp_path / "other")
    world.model()
    grow(other, 300)
    root, state, auditor = tmp_path / "root.json", tmp_path / "state", tmp_path / "nobody" / "home"
    root.write_bytes(world.home.root().encode())

    with start(world.home.path) as serving:
        words = ("log", "audit", serving.url, "--state", state, "--root", root)
        honest = studbook(*words, "--json", home=auditor)
        said, err = honest.communicate(timeout=60)
        assert honest.returncode == 0, err
        assert canonical.decode(said.encode())["verified"] == world.size()
        asks = ("incident", "list", "--registry", serving.url)
        for note in (f"note: {serving.url} was not asked from here before", ""):
            reader = studbook(*asks, home=tmp_path / "reader" / "home")
            _, err = reader.communicate(timeout=60)
            assert (reader.returncode, err.startswith(note), bool(err)) == (0, True, bool(note))
        assert serving.ends(signal.SIGTERM) == 0
        port = serving.port
    with start(other.home.path, port=port) as serving:
        reader = studbook(*asks, home=tmp_path / "reader" / "home")
        _, refused = reader.communicate(timeout=60)
        forked = studbook(*words, home=auditor)
        _, err = forked.communicate(timeout=60)

    assert reader.returncode == 1
    assert f"is forked: it signed {world.size()} entries with the root" in refused
    assert len([*tmp_path.glob("reader/studbook-audits/*/fork-*.json")]) == 1

    (path,) = state.glob("fork-*.json")
    assert forked.returncode == 1
    assert f"is forked: it signed {world.size()} entries with the root" in err
    assert "and 300 entries with the root" in err
    assert str(path) in err
    trusted = world.home.root()
    first, second = fork.check(Fork.parse(path.read_bytes().strip()), trusted.origin, trusted.log().public)
    assert (first.size, second.size) == (world.size(), 300)
    proven = studbook("log", "evidence", path, "--root", root, home=auditor)
    said, _ = proven.communicate(timeout=60)
    assert proven.returncode == 0
    assert "signed two histories" in said


def test_t25_a_statement_sent_in_other_words_is_the_same_entry(world: World, serving, tmp_path: Path) -> None:
    statement = license_predicate.statement(world.artifact(), "mit", world.time)
    raw = dsse.sign(statement.encode(), [world.home.keys("publisher")]).encode()
    said = dict(canonical.decode(raw))
    (one,) = said["signatures"]
    urls = str.maketrans("+/", "-_")
    others = [
        canonical.encode(said | {"signatures": [{"sig": one["sig"].translate(urls)}]}),
        canonical.encode(said | {"signatures": [one | {"keyid": "somebody else"}], "more": 1}),
        canonical.encode(said | {"signatures": [one, one]}),
        b" " + raw + b"\n",
    ]

    with Remote(serving.url) as remote:
        first = remote.publish(others[0])
        assert {remote.publish(other).index for other in (raw, *others)} == {first.index}
    with RemoteLog(serving.url) as remote:
        _, found = look(remote, world.home.root(), tmp_path / "state")
    (logged,) = [one for one in found if one.index == first.index]
    assert (logged.leaf.pae, logged.envelope) == (first.entry, others[0])
    world.check([first])


def test_a_log_is_followed_as_it_grows(world: World, serving, tmp_path: Path) -> None:
    following = studbook(
        "log",
        "audit",
        serving.url,
        "--follow",
        1,
        "--state",
        tmp_path / "state",
        "--json",
        home=world.home.path,
    )
    try:
        said = canonical.decode(following.stdout.readline().encode())
        before = world.size()
        assert (said["size"], said["verified"]) == (before, before)
        world.model()
        for _ in range(20):
            said = canonical.decode(following.stdout.readline().encode())
            if said["verified"]:
                break
        assert (said["size"], said["verified"]) == (world.size(), world.size() - before)
    finally:
        following.send_signal(signal.SIGINT)
        _, err = following.communicate(timeout=30)
    assert following.returncode == 130, err


@pytest.mark.system
def test_an_audit_that_is_killed_goes_on(world: World, serving, tmp_path: Path) -> None:
    grow(world, world.size() + 700)
    state, root = tmp_path / "state", world.home.root()
    deaths = 0
    for delay in (1.0, 1.2, 1.4, 1.7, 2.0, 2.5):
        mirroring = studbook("log", "mirror", serving.url, tmp_path / "copy", home=world.home.path)
        time.sleep(delay)
        if mirroring.poll() is None:
            os.kill(mirroring.pid, signal.SIGKILL)
            deaths += 1
        mirroring.communicate()
        memory = Notebook(tmp_path / "copy" / ".audit").read()
        assert memory is None or memory.size <= world.size()
    assert deaths

    last = studbook("log", "mirror", serving.url, tmp_path / "copy", "--json", home=world.home.path)
    said, err = last.communicate(timeout=120)
    assert last.returncode == 0, err
    assert canonical.decode(said.encode())["size"] == world.size()
    assert look(Files(tmp_path / "copy"), root, state)[0].memory.size == world.size()
    assert Mirror(tmp_path / "copy").notebook.read().size == world.size()


def test_the_log_is_served_for_clients_of_every_kind(world: World, serving) -> None:
    covered = world.size()
    for path, status in (
        (f"tile/0/000.p/{min(covered, 255)}", 200),
        ("tile/0/0", 404),
        ("tile/0/000%0a", 404),
    ):
        assert httpx.get(f"{serving.url}/{path}").status_code == status
    newer = world.home.root().model_copy(update={"version": 2})
    with RemoteLog(serving.url) as remote, pytest.raises(Untrusted, match="it is older than the pin"):
        look(remote, newer, world.folder / "state")


def test_who_follows_a_registry_that_is_away_asks_again(world: World, tmp_path: Path) -> None:
    words = ("log", "audit", "http://127.0.0.1:9", "--follow", 1, "--state", tmp_path / "state")
    following = studbook(*words, home=world.home.path)
    try:
        said = [following.stderr.readline() for _ in range(2)]
    finally:
        following.send_signal(signal.SIGINT)
        following.communicate(timeout=30)
    assert all("does not answer: " in one and "; trying again in 1 seconds" in one for one in said)
    assert following.returncode == 130
    assert not (tmp_path / "state").exists()
