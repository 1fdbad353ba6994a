"""Real processes: a registry that is served, two rebuilders with homes of their own, a liar, and whoever asks."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_server

import pytest
from making import floats, write_model
from processes import environment

from lineage.authority import TrustedRoot
from lineage.predicates import provenance
from lineage.predicates import root as root_predicate
from registry.home import Home
from registry.store import keys
from registry.work.add import Declared, add
from registry.work.rebuild import find
from signing import canonical
from signing.keys import PrivateKey

RECIPE = """\
merge_method: linear
models:
  - {{model: kennel/one, parameters: {{weight: {0}}}}}
  - {{model: kennel/two, parameters: {{weight: 0.5}}}}
dtype: float32
"""
LIAR = Path(__file__).with_name("liar.py")


@contextmanager
def served(home: Path) -> Iterator[str]:
    """Serve a home in a process of its own, until the block ends."""
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "registry", "serve", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            with suppress(OSError), urllib.request.urlopen(f"{url}/health") as answer:
                assert answer.status == 200
                break
            assert server.poll() is None
            time.sleep(0.1)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        assert server.wait(30) == 0


def admit(home: Home, folder: Path, *operators: str) -> None:
    """Put a rebuilder's key for each operator into the trusted root; leave the private keys and the root in `folder`."""
    document = canonical.decode(home.root().encode())
    for operator in operators:
        key = PrivateKey.generate("ecdsa-p256")
        keys.keep(folder / f"{operator}.pem", key)
        document["keys"].append(
            {
                "operator": operator,
                "roles": ["rebuilder"],
                "namespaces": [],
                "contact": operator,
                "pem": key.public.pem().decode(),
                "validFor": {"start": str(home.now()), "end": None},
            }
        )
    document["version"] = "2"
    home.say("root", root_predicate.statement(TrustedRoot.parse(canonical.encode(document))))
    (folder / "root.json").write_bytes(home.root().encode())


def forge(home: Home, folder: Path, truth: str) -> str:
    """Register a merge with one bit moved, and swear that the recipe of the true one made it."""
    path = folder / "wrong" / "model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.chmod(0o644)
    path.write_bytes(raw)
    added = add(home, path.parent, Declared()).description
    recipe = find(home, truth).recipe
    home.say(
        "builder",
        provenance.statement(
            added.artifact, recipe, added.manifest.digest, "ab" * 32, "0.1.0", {}, by_rows=False
        ),
    )
    return added.artifact


@pytest.mark.system
def test_t11_t12_two_rebuilders_come_to_a_quorum_and_the_liar_is_reported(
    tmp_path: Path, typed: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def holds(*words: object, code: int = 0) -> list[dict]:
        said = typed(tmp_path, *words, "--json", code=code).stdout.splitlines()
        return [json.loads(line) for line in said]

    typed(tmp_path, "init", "--operator", "kennel")
    for shift, name in enumerate(("one", "two")):
        write_model(
            tmp_path / name, {"layers.0.w": ("F32", (64,), floats([shift + i / 7 for i in range(64)]))}
        )
        typed(tmp_path, "add", name, "--name", f"kennel/{name}", "--license", "mit", "--copy")
    made = {}
    for name, weight in (("right", "0.5"), ("denied", "0.25"), ("wrong", "0.125")):
        (tmp_path / "recipe.yaml").write_text(RECIPE.format(weight))
        made[name] = holds("merge", "recipe.yaml", "--out", name)[0]["artifact"]
    home = Home.open(tmp_path / "home")
    admit(home, tmp_path, "ann", "bob", "eve")
    lie = forge(home, tmp_path, made["wrong"])
    builds = {artifact: find(home, artifact).entry for artifact in (*made.values(), lie)}

    with served(tmp_path / "home") as url:
        for artifact, differs in ((lie, ()), (made["denied"], ("layers.0.w",))):
            words = (url, tmp_path / "eve.pem", "eve", artifact, builds[artifact], *differs)
            subprocess.run(
                [sys.executable, LIAR, *map(str, words)],
                env=environment(),
                check=True,
                stdout=subprocess.DEVNULL,
            )
        run = ("rebuilder", "run", "--registry", url, "--threads", "1", "--backend", "numpy")
        for who in ("ann", "bob"):
            place = ("--key", tmp_path / f"{who}.pem", "--home", tmp_path / f"{who}'s")
            typed(tmp_path, *run, *place, code=1)  # nothing is pinned yet
            judged = holds(*run, *place, "--root", tmp_path / "root.json", code=1)
            assert {one["artifact"]: one["outcome"] for one in judged} == {
                **dict.fromkeys(made.values(), "passed"),
                lie: "failed",
            }
            assert [one["differs"] for one in judged if one["artifact"] == lie] == [
                ["layers.0.w", "model.safetensors"]
            ]
            assert holds(*run, *place) == []
        (stated,) = holds("rebuilds", "quorum")
        assert {one["artifact"] for one in stated} == {made["right"], made["wrong"]}
        assert all(one["operators"] == ["ann", "bob"] and one["new"] for one in stated)
        (shown,) = holds("show", made["denied"], "--registry", url)
        (rebuilt,) = shown["rebuilds"]
        assert (rebuilt["outcome"], len(rebuilt["quorum"])) == ("disputed", 2)
        assert rebuilt["failed"][0]["verifier"].endswith("/eve")
        (answer,) = holds("rebuilders", "--registry", url)
        said = {one["operator"]: one for one in answer["rebuilders"]}
        assert [one["artifact"] for one in said["eve"]["passed_mismatches"]] == [lie]
        assert [one["artifact"] for one in said["eve"]["failed_matches"]] == [made["denied"]]
        assert said["eve"]["passed_mismatches"][0]["by"] == ["ann", "bob"]
        assert all(
            said[who]["passed_mismatches"] == said[who]["failed_matches"] == [] for who in ("ann", "bob")
        )
        (tmp_path / "bundle").write_bytes(
            urllib.request.urlopen(f"{url}/entries/{stated[0]['entry']}/bundle").read()
        )
        (proof,) = holds("verify", "bundle", "--root", "root.json")[0]["proven"]
        assert (proof["entry"], proof["operators"]) == (stated[0]["entry"], ["kennel"])
    assert "intact" in typed(tmp_path, "log", "fsck").stdout
