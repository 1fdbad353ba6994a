"""Everything said of an artifact travels as one file, and is verified where nobody has seen the registry."""

import shutil
import subprocess
import sys
from pathlib import Path

from evidence import bundle, measured, reviewed
from processes import environment
from world import World

from lineage.predicates import incident_change
from signing import canonical

# Whoever connects, or looks a name up, is stopped; the command then fails, and with it the test.
OFFLINE = """
import sys
def refuse(event, _):
    if event.startswith("socket.") and event != "socket.__new__":
        raise AssertionError(event)
sys.addaudithook(refuse)
from registry.cli.main import main
main()
"""


def verified(folder: Path, *words: str) -> tuple[int, dict]:
    """Run `studbook verify` in a process of its own: no home, no network, nothing but what lies in `folder`."""
    empty = folder / "empty"
    empty.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, "verify", *words, "--root", "trusted_root.json", "--json"],
        cwd=folder,
        env=environment(STUDBOOK_HOME=str(empty / "home"), HOME=str(empty)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not any(empty.iterdir()), "verifying leaves nothing behind"
    return done.returncode, canonical.decode((done.stdout or done.stderr).encode())


def test_a_merge_is_verified_offline_with_its_ancestors_verdicts_and_incidents(
    world: World, tmp_path: Path
) -> None:
    base = world.model(name="kennel/base", license="mit")
    tuned = world.model(base, name="kennel/tuned", license="mit")
    merged = world.merge("linear", base, tuned)
    world.rebuild(merged)
    world.publish("publisher", measured(merged), reviewed(tuned))
    unrelated = world.model(name="kennel/other")
    incident = world.report(tuned, "data-poisoned", unrelated)
    world.report(unrelated, "withdrawn")
    world.publish("security", incident_change.statement(incident, "resolved", "the data is gone"))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(world.home.path / "trusted_root.json", elsewhere)
    (elsewhere / "merged.jsonl").write_bytes(b"".join(line + b"\n" for line in bundle(world, merged)))
    world.check()

    code, found = verified(elsewhere, "merged.jsonl", "--as", merged)

    assert (code, found["void"], found["refused"], found["unregistered"]) == (0, [], [], [])
    assert [one["index"] for one in found["proven"]][:2] == [0, 1], "the trusted root comes first"
    kinds = {one["statement"].rpartition("/")[0].rpartition("/")[2] for one in found["proven"]}
    assert kinds >= {"root", "signature", "manifest", "license", "name", "derivation", "provenance", "review"}
    assert kinds >= {"verification_summary", "test-result", "incident", "incident-change"}
    assert {one for line in found["proven"] for one in line["about"]} == {base, tuned, merged, unrelated}
    assert not any(unrelated in one["about"] for one in found["proven"] if tuned not in one["about"])
    assert {(one["child"], one["parent"], one["relation"]) for one in found["edges"]} == {
        (tuned, base, "finetune"),
        (merged, base, "merge"),
        (merged, tuned, "merge"),
    }
    assert {one["evidence"] for one in found["edges"]} == {"signed"}
    assert [one["passed"] for one in found["edges"] if one["child"] == merged] == [
        ["https://studbook.dev/rebuilder/kennel"]
    ] * 2
    (told,) = found["incidents"]
    assert (told["incident"]["id"], told["incident"]["stage"]) == (incident, "resolved")
    assert set(told["reaches"]) == {tuned, merged, unrelated}
    assert (found["as_of"], found["log"]) == (world.size(), world.home.root().origin)
    assert "somebody may have said" in found["limit"]


def test_without_ancestors_a_file_says_what_it_does_not_hold(world: World, tmp_path: Path) -> None:
    base = world.model()
    child = world.model(base)
    shutil.copy(world.home.path / "trusted_root.json", tmp_path)
    lines = bundle(world, child, ancestors=False)
    (tmp_path / "child.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))

    code, found = verified(tmp_path, "child.jsonl")

    assert (code, found["unregistered"]) == (0, [base])
    assert {one for line in found["proven"] for one in line["about"]} == {child}
    world.check()


def test_a_key_that_is_ended_later_voids_its_lines_in_older_files(world: World, tmp_path: Path) -> None:
    anna = world.join("anna", "publisher")
    artifact = world.artifact()
    world.advance(1)
    review = world.say(reviewed(artifact), anna)
    lines = bundle(world, artifact)
    (tmp_path / "older.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    shutil.copy(world.home.path / "trusted_root.json", tmp_path)
    assert verified(tmp_path, "older.jsonl")[0] == 0

    world.end(anna, world.time - 1)
    shutil.copy(world.home.path / "trusted_root.json", tmp_path)
    code, found = verified(tmp_path, "older.jsonl")

    (void,) = found["void"]
    assert (code, void["entry"], void["operators"]) == (1, review.entry, ["anna"])
    assert f"good from {world.time - 1} to {world.time - 1}, and the time is {world.time}" in void["why"]
    assert [one["entry"] for one in found["proven"]].count(review.entry) == 0
    newer = bundle(world, artifact)
    (tmp_path / "newer.jsonl").write_bytes(b"".join(line + b"\n" for line in newer))
    assert verified(tmp_path, "newer.jsonl")[0] == 0, "what counts no longer is not handed out"
    world.check()
