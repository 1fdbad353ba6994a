"""Several parties around one registry: each has a folder, a home and keys of its own, and types commands in fresh processes."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import create_server
from typing import Any

from making import floats, write_model
from processes import environment

from lineage.predicates import provenance
from merger.folder import describe
from signing.bundle import Bundle
from signing.dsse import Envelope
from signing.statement import Statement

Type = Callable[..., subprocess.CompletedProcess[str]]
RECIPE = """\
merge_method: linear
models:
  - {{model: kennel/one, parameters: {{weight: {0}}}}}
  - {{model: kennel/two, parameters: {{weight: 0.5}}}}
dtype: float32
"""


@contextmanager
def served(home: Path, port: int | None = None) -> Iterator[str]:
    """Serve a home in a process of its own, until the block ends."""
    if port is None:
        with create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    command = [sys.executable, "-m", "registry", "serve", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with suppress(OSError), urllib.request.urlopen(f"{url}/health") as answer:
                assert answer.status == 200
                break
            assert server.poll() is None
            time.sleep(0.1)
        else:
            raise AssertionError(f"nothing answers at {url}")
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        assert server.wait(30) == 0


def fetched(url: str) -> bytes:
    """Return what anybody gets who asks for a URL."""
    with urllib.request.urlopen(url) as answer:
        return answer.read()


class Party:
    """Somebody who types `studbook` commands in a folder and with a home of their own."""

    def __init__(self, typed: Type, folder: Path) -> None:
        folder.mkdir()
        self._typed, self.folder, self.home = typed, folder, folder / "home"
        self.pem = self.home / "keys" / "publisher.pem"

    def __call__(self, *words: object, code: int = 0) -> str:
        """Type a command that ends with this exit code; return what it answered."""
        return self._typed(self.folder, *words, code=code).stdout

    def each(self, *words: object, code: int = 0) -> list[Any]:
        """Type a command with --json; return the values that it printed, one a line."""
        said = self._typed(self.folder, *words, "--json", code=code).stdout.splitlines()
        return [json.loads(line) for line in said]

    def says(self, *words: object, code: int = 0) -> Any:
        """Type a command with --json; return its one value."""
        (value,) = self.each(*words, code=code)
        return value

    def refused(self, *words: object, code: int = 1) -> str:
        """Type a command that is refused; return the one sentence that it is refused with."""
        done = self._typed(self.folder, *words, "--json", code=code)
        assert done.stdout == ""
        return json.loads(done.stderr.splitlines()[-1])["error"]

    def model(self, name: str, shift: float) -> str:
        """Write a small model, register it under kennel/NAME with a license, and store it; return the artifact."""
        values = floats([shift + i / 7 for i in range(64)])
        write_model(self.folder / name, {"layers.0.w": ("F32", (64,), values)})
        return self.says("add", name, "--name", f"kennel/{name}", "--license", "mit", "--copy")["artifact"]

    def states(self, artifact: str, uri: str, predicate: Mapping[str, object], *where: object) -> dict:
        """Sign a statement of any type about an artifact, and log it."""
        return self.says(*self._attest(artifact, uri, predicate), *where)

    def tries(self, artifact: str, uri: str, predicate: Mapping[str, object], *where: object) -> str:
        """Sign a statement that is refused; return the sentence that it is refused with."""
        return self.refused(*self._attest(artifact, uri, predicate), *where)

    def _attest(self, artifact: str, uri: str, predicate: Mapping[str, object]) -> tuple[object, ...]:
        (self.folder / "predicate.json").write_text(json.dumps(predicate))
        return "attest", artifact, "--type", uri, "--predicate", "predicate.json"

    def log(self) -> list[dict]:
        """Return what the log of this home lists, entry by entry."""
        return self.says("log", "show")["entries"]


def forged(party: Party, truth: str, artifact: str) -> str:
    """Register a merge with one bit moved, and let its builder swear that the recipe of the true one made it."""
    folder = shutil.copytree(party.folder / truth, party.folder / f"{truth}-forged")
    path = folder / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)
    lie = party.says("add", folder.name)["artifact"]
    bundles = [Bundle.parse(line.encode()) for line in party("log", "prove", artifact).splitlines()]
    statements = [Statement.parse(Envelope.parse(one.envelope).payload) for one in bundles]
    (said,) = [one.predicate for one in statements if one.predicate_type == provenance.URI]
    manifest = {"name": provenance.MANIFEST, "digest": {"sha256": describe(folder).manifest.digest}}
    run = {**said["runDetails"], "byproducts": [manifest, *said["runDetails"]["byproducts"][1:]]}
    party.states(lie, provenance.URI, {**said, "runDetails": run})
    return lie


def copied(home: Path, to: Path) -> None:
    """Copy a home that is in use, as its operator backs it up."""
    shutil.copytree(home, to, ignore=shutil.ignore_patterns("studbook.db*"))
    with (
        closing(sqlite3.connect(home / "studbook.db")) as of,
        closing(sqlite3.connect(to / "studbook.db")) as copy,
    ):
        of.backup(copy)


def after(time_of_entry: int) -> None:
    """Wait until what is logged is later than an entry: a log counts in seconds."""
    while time.time() < time_of_entry + 1:
        time.sleep(0.05)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Let several parties type at once; return what each was answered, in their order."""
    with ThreadPoolExecutor(3) as pool:
        return [one.result() for one in [pool.submit(call) for call in calls]]


@dataclass
class Cast:
    """Who is in the story, and what there is to talk about."""

    kennel: Party
    ann: Party
    bob: Party
    eve: Party
    auditor: Party
    client: Party
    thief: Party
    folder: Path
    url: str = ""
    made: dict[str, str] = field(default_factory=dict)

    def pin(self, file: str) -> tuple[str, Path]:
        """Hand the trusted root that is in force to everybody, another way than by the registry."""
        return "--root", shutil.copy(self.kennel.home / "trusted_root.json", self.folder / file)

    def found(self) -> None:
        """A registry with two parents, three merges and a wrong one; three rebuilders of other operators, whom it takes in."""
        kennel, made = self.kennel, self.made
        rebuilders = {"ann": self.ann, "bob": self.bob, "eve": self.eve}
        together(
            *(
                lambda n=n, p=p: p("init", "--operator", n)
                for n, p in {"kennel": kennel, **rebuilders}.items()
            )
        )
        together(
            *(
                lambda p=p: p("keys", "export", "rebuilder", "--public", "--out", "pub")
                for p in rebuilders.values()
            )
        )
        for shift, one in enumerate(("one", "two")):
            made[one] = kennel.model(one, shift)
        for one, weight in (("right", "0.5"), ("denied", "0.25"), ("wrong", "0.125")):
            (kennel.folder / "recipe.yaml").write_text(RECIPE.format(weight))
            made[one] = kennel.says("merge", "recipe.yaml", "--out", one)["artifact"]
        for operator, party in rebuilders.items():
            words = ("root", "add-key", party.folder / "pub", "--operator", operator, "--role", "rebuilder")
            version = kennel.says(*words)["version"]
        assert version == 4
        made["lie"] = forged(kennel, "wrong", made["wrong"])

    def asked(self) -> dict:
        """What the registry answers about edges, closure, standing, terms and names, by commands and over plain HTTP."""
        ask, right, three = self.client.says, self.made["right"], self.made["three"]
        paths = {"show": right, "ancestors": right, "descendants": three}
        told = together(*(lambda w=w: ask(*w, "--registry", self.url) for w in paths.items()))
        for (what, artifact), answer in zip(paths.items(), told, strict=True):
            path = f"/artifacts/{artifact}{'' if what == 'show' else f'/{what}'}"
            plain = json.loads(fetched(self.url + path))
            assert plain == answer | {one: plain[one] for one in plain.keys() & {"judged"}}
        shown, above, below = told
        return {
            "edges": {(one["parent"], one["relation"]) for one in shown["parents"]},
            "above": {one["artifact"] for one in above["relatives"]},
            "below": {one["artifact"] for one in below["relatives"]},
            "standing": shown["standing"]["state"],
            "incidents": len(shown["standing"]["incidents"]),
            "license": shown["license"],
            "outcomes": [one["outcome"] for one in shown["rebuilds"]],
            "name": json.loads(fetched(f"{self.url}/resolve?ref=kennel/one"))["artifact"],
        }
