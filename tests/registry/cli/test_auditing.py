"""Somebody's log on the command line: followed, copied and convicted, by what was pinned and nothing else."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from auditing import Held, Signed, copied
from world import World

from lineage.predicates import redaction
from lineage.residue import Residue
from registry.home import Home
from registry.store import log
from registry.work.memory import Notebook
from registry.work.misstated import MAX_BYTES
from registry.work.reader import Reader
from signing import canonical
from signing.errors import Untrusted
from signing.proof import Proof


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(kennel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """The kennel's log as files, handed out by an ordinary web server."""
    home, folder = Home.open(kennel.home), tmp_path_factory.mktemp("site")
    copied(Held(SimpleNamespace(home=home)), home.root(), folder)
    (folder / "root.json").write_bytes(home.root().encode())
    home.store.close()
    with serving(folder) as url:
        yield SimpleNamespace(url=url, folder=folder)


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Hand out a folder of files, and give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def size(kennel) -> int:
    return len(kennel.holds("log", "show")["entries"])


def test_a_log_is_audited_under_the_homes_own_pin(kennel, terminal, site) -> None:
    terminal.home = kennel.home
    words = ("log", "audit", site.url, "--state", "state")

    first, second = terminal.holds(*words), terminal.holds(*words)

    assert first["size"] == first["verified"] == size(kennel)
    assert second == first | {"verified": 0}
    said = terminal(*words)
    assert f"has {first['size']} entries under version 1 of its trusted root; 0 are new" in said.out
    assert first["root"] in said.out


def test_what_a_log_says_of_itself_is_not_taken_in_silence(terminal, site) -> None:
    words = ("log", "audit", site.url)
    said = terminal(*words)
    assert said.code == 2
    assert "--root" in said.err
    assert "--insecure-first-use" in said.err

    loud = terminal(*words, "--insecure-first-use")
    assert loud.code == 0
    assert "INSECURE" in loud.err
    assert "is taken by its word alone, and pinned if the log holds by it" in loud.err
    # It is pinned from now on, and nobody is asked again.
    again = terminal(*words)
    assert (again.code, again.err) == (0, "")
    assert terminal(*words, "--insecure-first-use").err == ""
    assert not terminal.home.exists()


def test_a_named_root_is_the_one_that_counts(terminal, site) -> None:
    assert terminal("log", "audit", site.url, "--root", site.folder / "root.json").code == 0
    # It is pinned from now on, for this log; a home's own root is not, for a log that is not the home's.
    assert terminal("log", "audit", site.url).code == 0
    terminal.holds("init")
    assert terminal("log", "audit", site.url).code == 0
    said = terminal("log", "audit", site.url, "--state", "another")
    assert said.code == 2
    assert "no trusted root is pinned for" in said.err
    said = terminal(
        "log", "audit", site.url, "--root", terminal.home / "trusted_root.json", "--state", "another"
    )
    assert said.code == 1
    assert "does not sign its log as the pinned trusted root says" in said.err


def test_t16_an_older_root_than_the_pinned_one_is_no_root_to_audit_by(world, terminal, tmp_path) -> None:
    copy, words = tmp_path / "copy", ("--state", "state", "--root")
    (terminal.folder / "old.json").write_bytes(world.home.root().encode())
    world.join("ann", "rebuilder")
    (terminal.folder / "new.json").write_bytes(world.home.root().encode())
    copied(Held(world), world.home.root(), copy)
    with serving(copy) as url:
        assert terminal("log", "audit", url, *words, "new.json").code == 0
        said = terminal("log", "audit", url, *words, "old.json")
    assert said.code == 1
    assert "version 2 of the trusted root is pinned, and this is version 1" in said.err


@pytest.mark.parametrize(
    ("words", "notebook"),
    [(("audit", "--state", "state"), "state"), (("mirror", "copy"), "copy/.audit")],
    ids=("audit", "mirror"),
)
@pytest.mark.parametrize(
    "how", [("--insecure-first-use",), ("--root", "impostor.json")], ids=("taken", "given")
)
def test_t16_who_stands_in_for_a_log_that_was_seen_is_not_pinned(
    world, terminal, words, notebook, how
) -> None:
    (terminal.folder / "elsewhere").mkdir()
    impostor = World(terminal.folder / "elsewhere")
    impostor.home.store.close()
    impostor.home = Home.create(terminal.folder / "another", "kennel", clock=lambda: world.time)
    for name, one in {"honest": world, "impostor": impostor}.items():
        (terminal.folder / f"{name}.json").write_bytes(one.home.root().encode())
        copied(Held(one), one.home.root(), terminal.folder / name)
    Reader(Held(world), Notebook(terminal.folder / notebook))
    command, *more = words

    with serving(terminal.folder / "impostor") as url:
        said = terminal("log", command, url, *more, *how)
    assert (said.code, "what is remembered in " in said.err) == (1, True)
    assert not (terminal.folder / notebook / "trusted_root.json").exists()

    with serving(terminal.folder / "honest") as url:
        assert terminal("log", command, url, *more, "--root", "honest.json").code == 0
        assert terminal("log", command, url, *more).code == 0


def test_t16_a_root_that_the_log_does_not_hold_is_not_pinned_for_its_key_alone(world, terminal) -> None:
    copied(Held(world), world.home.root(), terminal.folder / "copy")
    document = canonical.decode(world.home.root().encode())
    false = document | {"keys": [key | {"contact": "mallory"} for key in document["keys"]]}
    (terminal.folder / "copy" / "trusted-root").write_bytes(canonical.encode(false))
    with serving(terminal.folder / "copy") as url:
        said = terminal("log", "audit", url, "--state", "state", "--home", "none", "--insecure-first-use")
    assert (said.code, "version 1 of the trusted root is" in said.err) == (1, True)
    assert not (terminal.folder / "state" / "trusted_root.json").exists()


def test_a_log_is_copied_and_the_copy_holds(kennel, terminal, site) -> None:
    terminal.home = kennel.home
    first = terminal.holds("log", "mirror", site.url, "copy")
    assert first["size"] == first["verified"] == size(kennel)
    said = terminal("log", "mirror", site.url, "copy")
    assert said.code == 0
    assert f"copy holds all {size(kennel)} entries of" in said.out
    assert (terminal.folder / "copy" / "checkpoint").read_bytes() == (site.folder / "checkpoint").read_bytes()
    (terminal.folder / "full").mkdir()
    (terminal.folder / "full" / "thesis.tex").touch()
    said = terminal("log", "mirror", site.url, "full")
    assert (said.code, "holds thesis.tex and is no mirror" in said.err) == (2, True)


def test_a_mirror_that_lies_is_named_with_exit_1(kennel, terminal, site) -> None:
    terminal.home = kennel.home
    path = site.folder / f"tile/entries/000.p/{size(kennel)}"
    good = path.read_bytes()
    path.write_bytes(good.replace(b'"time":', b'"tide":', 1))
    try:
        said = terminal("log", "audit", site.url, "--state", "state")
        machine = terminal("log", "audit", site.url, "--state", "state", "--json")
    finally:
        path.write_bytes(good)
    assert said.code == machine.code == 1
    assert "disagree: one of them is corrupt" in said.err
    assert "disagree" in canonical.decode(machine.err.encode())["error"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("log", "audit", "http://127.0.0.1:9"), "does not answer"),
        (("log", "audit", "ftp://kennel"), "http:// or https://"),
        (("log", "audit", "{url}/nowhere"), "/nowhere/checkpoint is not there"),
        (("log", "audit", "{url}", "--root", "nowhere"), "no trusted root at nowhere"),
        (("log", "audit", "{url}", "--follow", "0"), "--follow"),
        (("log", "mirror", "{url}"), "folder"),
        (("log", "evidence", "nowhere"), "nowhere"),
        (("log", "evidence", "recipe.yaml"), "not JSON"),
        (("log", "consistency", "1", "999999"), "no checkpoint of 999999 entries was signed; near it are"),
        (("log", "consistency", "0", "1"), "old"),
        (("log", "prove", "999", "--tlog-proof"), "no entry 999"),
    ],
)
def test_a_question_that_is_none_is_refused_in_one_sentence(kennel, terminal, site, words, says) -> None:
    terminal.home = kennel.home
    (terminal.folder / "recipe.yaml").write_text("merge_method: linear\n")
    said = terminal(*(word.format(url=site.url) for word in words))
    assert said.code == 2, said
    assert says in said.err
    assert "Traceback" not in said.err
    assert {one.name for one in terminal.folder.iterdir()} == {"recipe.yaml"}


def test_the_log_continues_what_it_signed_before(kennel) -> None:
    home = Home.open(kennel.home)
    with home.store.reading() as connection:
        sizes = [one for one, _ in log.checkpoints(connection)]
    home.store.close()

    found = kennel.holds("log", "consistency", sizes[1], sizes[-1])

    assert (found["old"], found["new"]) == (sizes[1], sizes[-1])
    assert len(found["checkpoints"]) == 2
    said = kennel("log", "consistency", sizes[1], sizes[-1])
    assert f"{sizes[-1]} entries begin with the {sizes[1]} that were signed before" in said.out
    for one in (*found["proof"], *found["roots"]):
        assert one in said.out
    said = kennel("log", "consistency", sizes[-1], sizes[1])
    assert (said.code, "there is no consistency proof" in said.err) == (2, True)


def test_a_redaction_that_misstates_is_shown_by_the_file_that_an_audit_left(world, terminal) -> None:
    world.license(world.artifact(), "mit")
    source, root = Signed.of(world), world.home.root()
    copied(source, root, terminal.folder / "copy")
    entry = world.logged()[-1]
    said = redaction.statement(entry, "court 17", Residue("https://studbook.dev/license/v1", ()))
    source.append(said, [world.home.keys("root")], time=1_800_000_000)
    with pytest.raises(Untrusted):
        copied(source, root, terminal.folder / "copy")
    (terminal.folder / "root.json").write_bytes(root.encode())
    words = ("log", "evidence", "copy/.audit/redaction-3.json", "--root", "root.json")

    found = terminal.holds(*words)

    assert (found["redaction"], found["removed"], found["signed"]) == (3, entry, ["kennel"])
    assert "its fact 0 is said to be none, and is" in found["difference"]
    said = terminal(*words)
    assert f"logged as entry 3 a redaction, signed by kennel, that misstates entry {entry}" in said.out


def test_evidence_is_no_longer_than_evidence_can_be(kennel, terminal) -> None:
    terminal.home = kennel.home
    with (terminal.folder / "long.json").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    said = terminal("log", "evidence", "long.json")
    assert (said.code, f"long.json has more than {MAX_BYTES} bytes" in said.err) == (2, True)


def test_a_tlog_proof_is_written_and_verified(kennel, terminal) -> None:
    terminal.home = kennel.home
    said = terminal("log", "prove", "3", "--tlog-proof", "--out", "three.tlog-proof")
    assert "1 proof written to three.tlog-proof" in said.err
    proof = Proof.parse((terminal.folder / "three.tlog-proof").read_bytes())
    assert terminal("log", "prove", "3", "--tlog-proof").out.encode() == proof.encode()

    found = terminal.holds("verify", "three.tlog-proof")["logged"]
    assert (found["index"], found["log_size"]) == (3, int(proof.checkpoint.split(b"\n")[1]))
    said = terminal("verify", "three.tlog-proof")
    assert f"entry {found['entry']}, 3 of {found['log_size']}" in said.out
    for key in found["keys"]:
        assert key in said.out

    bent = proof.encode().replace(b"index 3", b"index 2")
    (terminal.folder / "bent").write_bytes(bent)
    assert terminal("verify", "bent").code == 1
    (terminal.folder / "bare").write_bytes(Proof(3, proof.hashes, proof.checkpoint).encode())
    said = terminal("verify", "bare")
    assert (said.code, "does not hold the leaf" in said.err) == (2, True)
    said = terminal("verify", "three.tlog-proof", "--as", "kennel/one")
    assert (said.code, "leave out --as" in said.err) == (2, True)


def test_a_tlog_proof_is_of_one_entry(kennel, terminal) -> None:
    terminal.home = kennel.home
    assert len(terminal("log", "prove", "kennel/both").out.splitlines()) == 2
    said = terminal("log", "prove", "kennel/both", "--tlog-proof")
    assert (said.code, "a tlog-proof is of one entry" in said.err) == (2, True)
