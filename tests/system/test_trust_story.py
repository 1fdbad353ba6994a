"""The whole story of trust, with real processes: several operators around one registry, one who lies, a theft, and a fork.

Everybody types commands. Only the thief and the operator who forks do what those can do who hold somebody's files: the thief
has a copied key, the operator an old copy of the home.
"""

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from parties import Cast, Party, after, copied, fetched, served, together

from lineage.predicates import derivation, incident, license, name, provenance, rebuild  # noqa: A004
from registry.settings import now
from signing.keys import PublicKey


@pytest.fixture
def cast(tmp_path: Path, typed: Callable[..., subprocess.CompletedProcess[str]]) -> Cast:
    who = ("kennel", "ann", "bob", "eve", "auditor", "client", "thief")
    return Cast(*(Party(typed, tmp_path / one) for one in who), tmp_path)


@pytest.mark.system
def test_t8_t11_t12_t14_trust_is_built_stolen_revoked_and_forked(cast: Cast) -> None:
    cast.found()
    with served(cast.kennel.home) as cast.url:
        _rebuilt_by_two_and_denied_by_a_liar(cast)
        size = _followed(cast)
        copied(cast.kennel.home, cast.folder / "earlier")
        size += _stolen_and_revoked(cast)
    _forked(cast, size)


def _rebuilt_by_two_and_denied_by_a_liar(cast: Cast) -> None:
    """Two operators rebuild everything and agree; a third, who rebuilds nothing, lies both ways and is named for it."""
    kennel, ann, bob, eve, client, made = cast.kennel, cast.ann, cast.bob, cast.eve, cast.client, cast.made
    at, pinned = ("--registry", cast.url), cast.pin("root.json")
    builds = {one["about"][0]: one["entry"] for one in kennel.log() if one["statement"] == provenance.URI}
    for artifact, differs in ((made["lie"], ()), (made["denied"], ("layers.0.w",))):
        said = rebuild.statement(artifact, builds[artifact], "eve", now(), differs).predicate
        eve.states(artifact, rebuild.URI, said, "--key", eve.pem, *at)

    run = ("rebuilder", "run", *at, "--threads", "1", "--backend", "numpy", "--key")
    assert ann.refused(*run, ann.pem, code=2) == (
        f"no trusted root is pinned for {cast.url}: name the file that you got from somebody you trust with --root, or take"
        " the one it shows with --insecure-first-use"
    )
    for judged in together(*(lambda p=p: p.each(*run, p.pem, *pinned, code=1) for p in (ann, bob))):
        outcomes = {one["artifact"]: one["outcome"] for one in judged}
        merges = [made[one] for one in ("right", "denied", "wrong")]
        assert outcomes == {**dict.fromkeys(merges, "passed"), made["lie"]: "failed"}
        (differs,) = [one["differs"] for one in judged if one["artifact"] == made["lie"]]
        assert differs == ["layers.0.w", "model.safetensors"]

    stated = {one["artifact"]: one for one in kennel.says("rebuilds", "quorum")}
    assert stated.keys() == {made["right"], made["wrong"]}
    assert all(sorted(one["operators"]) == ["ann", "bob"] and one["new"] for one in stated.values())
    (disputed,) = client.says("show", made["denied"], *at)["rebuilds"]
    assert (disputed["outcome"], len(disputed["quorum"])) == ("disputed", 2)
    assert disputed["failed"][0]["verifier"].endswith("/eve")
    said = {one["operator"]: one for one in client.says("rebuilders", *at)["rebuilders"]}
    (passed,), (failed,) = said["eve"]["passed_mismatches"], said["eve"]["failed_matches"]
    assert (passed["artifact"], sorted(passed["by"])) == (made["lie"], ["ann", "bob"])
    assert (failed["artifact"], sorted(failed["by"])) == (made["denied"], ["ann", "bob"])
    assert all(said[who]["passed_mismatches"] == said[who]["failed_matches"] == [] for who in ("ann", "bob"))

    client("bundle", made["right"], *at, "--out", "right.bundles")
    agreed = stated[made["right"]]["entry"]
    with (client.folder / "right.bundles").open("ab") as file:
        file.write(fetched(f"{cast.url}/entries/{agreed}/bundle"))
    found = client.says("verify", "right.bundles", *pinned)
    assert found["refused"] == found["void"] == []
    proven = {one["entry"]: one for one in found["proven"]}
    assert (proven[agreed]["operators"], proven[agreed]["says"]) == (["kennel"], "quorum of 2 verdicts")
    # Statement, place, key, operator and time are what they were when it was logged.
    owners = {
        PublicKey.parse((one.folder / "pub").read_bytes()).id: who
        for who, one in (("ann", ann), ("bob", bob))
    }
    logged = {one["entry"]: one for one in kennel.log()}
    for entry, one in proven.items():
        assert {what: one[what] for what in ("index", "statement", "keys")}.items() <= logged[entry].items()
        assert one["operators"] == [owners.get(key, "kennel") for key in one["keys"]]
        assert datetime.fromtimestamp(one["time"], UTC).strftime("%Y-%m-%d %H:%M:%S") == logged[entry]["time"]


def _followed(cast: Cast) -> int:
    """An auditor verifies every entry and remembers; the log grows, and only what is new is verified; return its size."""
    words = ("log", "audit", cast.url, "--root", cast.folder / "root.json")
    first, listed = cast.auditor.says(*words), len(cast.kennel.log())
    assert (first["size"], first["verified"], first["trusted_root"]) == (listed, listed, 4)
    cast.made["three"] = cast.kennel.model("three", 3)
    second = cast.auditor.says(*words)
    assert (second["size"], second["verified"]) == (listed + 4, 4)
    return second["size"]


def _stolen_and_revoked(cast: Cast) -> int:
    """What the stolen key said until the end stands, what it said since falls, and what followed from it; return the growth."""
    kennel, client, thief, made, url = cast.kennel, cast.client, cast.thief, cast.made, cast.url
    right, three = made["right"], made["three"]
    at, old = ("--registry", url), ("--root", cast.folder / "root.json")
    last, merged, honest = kennel.log()[-1], {(made["one"], "merge"), (made["two"], "merge")}, cast.asked()
    assert honest == {
        "edges": merged,
        "above": {made["one"], made["two"]},
        "below": set(),
        "standing": "clean",
        "incidents": 0,
        "license": "mit",
        "outcomes": ["reproduced"],
        "name": made["one"],
    }
    after(now())
    there = ("--key", shutil.copy(kennel.pem, thief.folder / "stolen.pem"), *at)
    thefts = [
        thief.states(artifact, said.predicate_type, said.predicate, *there)
        for artifact, said in (
            (right, derivation.statement(right, [derivation.Parent(three, "merge")])),
            (right, license.statement(right, "proprietary", now())),
            (three, name.statement(three, "kennel/one", None, now())),
        )
    ]
    alarm = incident.statement([right], "compromised", "high", "confirmed", "x", contact="x", issued=now())
    assert "with the role security" in thief.tries(right, alarm.predicate_type, alarm.predicate, *there)
    reported = kennel.says("incident", "report", three, "--summary", "obeys a trigger word", "--confirmed")
    assert reported["descendants"] == [right], "the stolen edge carries it"
    assert cast.asked() == honest | {
        "edges": {*merged, (three, "merge")},
        "above": {made["one"], made["two"], three},
        "below": {right},
        "standing": "affected",
        "incidents": 1,
        "license": "proprietary",
        "name": three,
    }
    assert client.says("status", right, *at, code=1)["standing"]["state"] == "affected"
    two = [fetched(f"{url}/entries/{one['entry']}/bundle") for one in (last, thefts[0])]
    (client.folder / "two.bundles").write_bytes(b"".join(two))
    assert [one["operators"] for one in client.says("verify", "two.bundles", *old)["proven"]] == [
        ["kennel"]
    ] * 2

    revoked = kennel.says("root", "revoke", last["keys"][0], "--at", f"entry:{last['index']}")

    assert (revoked["version"], revoked["voided"]) == (5, [one["index"] for one in thefts])
    assert cast.asked() == honest
    fell = {one["index"]: one["void_since"] for one in kennel.log() if one["void_since"] is not None}
    assert fell == {one["index"]: revoked["index"] for one in thefts}
    more = license.statement(right, "mit", now())
    assert "of kennel is good from" in thief.tries(right, more.predicate_type, more.predicate, *there)
    kennel("root", "rotate", "publisher")
    kennel.states(right, more.predicate_type, more.predicate)
    assert client.says("status", right, *at)["standing"]["state"] == "clean"
    assert client.says("status", three, *at, code=1)["standing"]["state"] == "affected", (
        "it was reported itself"
    )
    assert kennel.says("log", "fsck")["findings"] == []
    new = cast.pin("new.json")
    found = client.says("verify", "right.bundles", *new)
    assert (len(found["proven"]) > 8, found["void"], found["refused"]) == (True, [], [])
    found = client.says("verify", "two.bundles", *new, code=1)
    assert [one["entry"] for one in found["proven"]] == [last["entry"]]
    (void,) = found["void"]
    assert void["entry"] == thefts[0]["entry"]
    end = found["proven"][0]["time"]
    assert void["why"].endswith(f" to {end}, and the time is {void['time']}"), void["why"]
    # A revocation is no fork: who follows the log goes on.
    audited = cast.auditor.says("log", "audit", url, *new)
    assert (audited["verified"], audited["trusted_root"]) == (len(thefts) + 4, 6)
    assert cast.ann.each("rebuilder", "run", *at, "--key", cast.ann.pem) == [], "all that is due is judged"
    return audited["verified"]


def _forked(cast: Cast, honest: int) -> None:
    """The operator goes back to a copy from before the theft and logs something else: whoever saw the log refuses it."""
    kennel, client, auditor, ann, url = cast.kennel, cast.client, cast.auditor, cast.ann, cast.url
    port, at, pinned = int(url.rpartition(":")[2]), ("--registry", url), ("--root", cast.folder / "new.json")
    kennel.home.rename(cast.folder / "honest")
    (cast.folder / "earlier").rename(kennel.home)
    for shift, one in enumerate(("four", "five"), 4):
        kennel.model(one, shift)
    report = kennel.says("log", "fsck")
    assert report["findings"] == [], "by itself it is a log like any other"
    forked = report["size"]
    assert forked > honest
    with served(kennel.home, port):
        for refused in together(
            lambda: auditor.refused("log", "audit", url, *pinned),
            lambda: client.refused("show", "kennel/one", *at),
            lambda: ann.refused("rebuilder", "run", *at, "--key", ann.pem),
        ):
            assert f"is forked: it signed {honest} entries with the root" in refused
            assert f"and {forked} entries with the root" in refused
        told = client.refused("verify", kennel.folder / "one", *at, *pinned)
        assert "is forked" in told, "with a root that was pinned no less"
        # Who saw nothing since that copy was made cannot tell: that takes witnesses.
        assert cast.bob.each("rebuilder", "run", *at, "--key", cast.bob.pem) == []
    for who in (auditor, client):
        (evidence,) = who.folder.glob("studbook-audits/*/fork-*.json")
        assert who.says("log", "evidence", evidence, *pinned)["sizes"] == [honest, forked]

    shutil.rmtree(kennel.home)
    (cast.folder / "honest").rename(kennel.home)
    with served(kennel.home, port):
        assert client.says("show", "kennel/one", *at)["artifact"] == cast.made["one"]
        # Every entry by itself, from the first on, and every table by its log.
        whole = auditor.says("log", "audit", url, *pinned, "--state", "anew")
        assert (whole["verified"], whole["trusted_root"]) == (honest, 6)
    report = kennel.says("log", "fsck")
    assert (report["findings"], report["waiting"], report["size"]) == ([], 0, honest)
