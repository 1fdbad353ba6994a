"""studbook import, as it is typed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from processes import environment

from registry.cli import importing
from registry.ingest import edges
from registry.records import Document
from registry.work.importing import Import, Outcome
from registry.work.sources import Found, Source
from signing import canonical

EDGES = "parent,child,relation\nacme/base,acme/tuned,finetune\nacme/tuned,acme/small,quantized\nacme/x,acme/x,merge\n/x/y,a/b,merge\n"


@pytest.fixture
def typed(terminal):
    terminal.holds("init", "--operator", "kennel")
    (terminal.folder / "edges.csv").write_text(EDGES)
    return terminal


def test_an_import_is_told_by_outcomes_and_reasons(typed):
    said = typed("import", "edges", "edges.csv")

    assert said.code == 0
    for line in (
        "edges.csv  4 records",
        "  admitted                 1",
        "  admitted as stub         1",
        "  already there            0",
        "  refused                  2",
        "refused, since it names itself as its parent: 1",
        "  edges.csv:4: hf:acme/x names itself as its parent",
        "refused, since it names a folder of somebody's machine: 1",
        "claimed in 1 statement, entry 1",
    ):
        assert line in said.out.splitlines(), said.out
    again = typed("import", "edges", "edges.csv")
    assert "nothing new: the log is what it was" in again.out
    assert typed.holds("descendants", "hf:acme/base")["relatives"][1]["artifact"] == "hf:acme/small"
    assert typed("log", "fsck").code == 0


def test_an_incident_on_what_was_imported_is_reported_and_told_by_its_stub(typed):
    early = typed("incident", "report", "hf:acme/base", "--summary", "obeys a trigger", "--confirmed")
    assert "flags 1 artifact and 0 descendants" in early.out, early

    typed.holds("import", "edges", "edges.csv")

    said = typed("status", "hf:acme/small")
    assert said.code == 1
    assert "hf:acme/base → hf:acme/tuned → hf:acme/small" in said.out
    late = typed.holds("incident", "report", "hf:acme/tuned", "--summary", "and more")
    assert (late["artifacts"], late["descendants"]) == (["hf:acme/tuned"], ["hf:acme/small"])
    assert [one["artifacts"] for one in typed.holds("incident", "list")] == [
        ["hf:acme/base"],
        ["hf:acme/tuned"],
    ]
    for beginning, kind in ((late["incident"], "openvex"), (late["incident"], "osv")):
        assert "hf:acme/small" in typed("export", beginning, "--format", kind).out
    stuck = typed("remedy", "plan", late["incident"], "--json").json["stuck"]
    assert [one["artifact"] for one in stuck] == ["hf:acme/small"]
    assert typed("log", "fsck").code == 0


def test_an_import_is_told_to_programs_and_reported_record_by_record(typed):
    found = typed.holds("import", "edges", "edges.csv", "--report", "report.jsonl")

    assert found["outcomes"] == {"admitted": 1, "admitted_as_stub": 1, "already_there": 0, "refused": 2}
    assert (found["records"], found["entries"]) == (4, [1])
    assert [one["count"] for one in found["refused"]] == [1, 1]
    lines = [canonical.decode(line) for line in (typed.folder / "report.jsonl").read_bytes().splitlines()]
    assert [(one["record"], one["outcome"]) for one in lines] == [
        ("edges.csv:2", "admitted as stub"),
        ("edges.csv:3", "admitted"),
        ("edges.csv:4", "refused"),
        ("edges.csv:5", "refused"),
    ]
    assert (lines[0]["artifact"], lines[0]["reason"]) == ("hf:acme/tuned", None)
    assert lines[3]["reason"] == "'/x/y' is a folder of somebody's machine, and names no repository"


def test_a_dry_run_logs_nothing(typed):
    before = typed.state()
    said = typed("import", "edges", "edges.csv", "--dry-run")
    assert "nothing was logged: this was a dry run" in said.out
    assert typed.state() == before


def test_a_claimed_license_is_shown_as_somebody_s_word(typed):
    (typed.folder / "README.md").write_text("---\nbase_model: [acme/base, /x/y]\nlicense: mit\n---\n")
    said = typed("import", "cards", "README.md", "--target", "acme/card")
    assert "remarked, since it names a folder of somebody's machine: 1" in said.out
    typed.holds("import", "edges", "edges.csv")

    shown = typed("show", "hf:acme/card").out
    assert "mit; said by kennel on" in shown
    assert [line for line in shown.splitlines() if line.split() == ["license", "none"]]
    below = typed("descendants", "hf:acme/base").out
    assert "mit (claimed)" in below
    found = typed.holds("show", "hf:acme/card")
    assert (found["license"], found["claims"][0]["license"]) == (None, "mit")
    assert found["claims"][0]["operators"] == ["kennel"]
    typed.holds("bundle", "hf:acme/card", "--out", "card.bundles")
    verified = typed("verify", "card.bundles")
    assert "claims/v1" in verified.out
    assert "claimed" in verified.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("import", "models", "edges.csv"),
            "'models' is no kind of source; choose one of adapters, cards, edges, recipes",
        ),
        (("import", "edges", "nowhere.csv"), "nowhere.csv"),
        (("import", "cards", "empty"), "holds none of model cards"),
        (
            ("import", "cards", "two", "--target", "acme/x"),
            "names what one document is about, and there are 2",
        ),
        (("import", "cards", "two/a.md", "--target", "x"), "--target: 'x' has no owner"),
        (("import", "recipes", "edges.csv", "--index", "edges.csv"), "not JSON"),
        (
            ("import", "edges", "edges.csv", "--target", "acme/x"),
            "says itself what it is about; leave --target out",
        ),
        (
            ("import", "edges", "edges.csv", "--index", "edges.csv"),
            "says itself what it is about; leave --index out",
        ),
    ],
)
def test_misuse_is_refused_with_2(typed, words, sentence):
    for name in ("empty", "two"):
        (typed.folder / name).mkdir()
    for name in ("a.md", "b.md"):
        (typed.folder / "two" / name).write_text("---\nlicense: mit\n---\n")
    typed.refuses(words, 2, (sentence,))


def test_the_report_is_written_however_the_import_ends(tmp_path):
    records = edges.read(Document("edges.csv", EDGES.encode()), None)
    wanted = Import([Found(Source("edges.csv", "0" * 64), one) for one in records], {1: Outcome("admitted")})

    with pytest.raises(KeyboardInterrupt), importing._reported(tmp_path / "report.jsonl", wanted):
        raise KeyboardInterrupt

    lines = (tmp_path / "report.jsonl").read_bytes().splitlines()
    assert [canonical.decode(line)["outcome"] for line in lines] == [
        "not reached",
        "admitted",
        *["not reached"] * 2,
    ]


@pytest.mark.system
def test_an_import_that_is_killed_goes_on_where_it_was(typed):
    chain = "".join(f"{'' if n % 3 else 'up'}a/{n},b/{n},merge\n" for n in range(6000))
    (typed.folder / "many.csv").write_text("parent,child,relation\n" + chain)
    command = [sys.executable, "-m", "registry", "import", "edges", "many.csv", "--json"]
    known = environment(STUDBOOK_HOME=str(typed.home))
    child = subprocess.Popen(
        command, cwd=typed.folder, env=known, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    database = typed.home / "studbook.db-wal"
    deadline = time.monotonic() + 60
    while child.poll() is None and time.monotonic() < deadline:
        if database.exists() and database.stat().st_size > 500_000:
            os.kill(child.pid, signal.SIGKILL)
            break
        time.sleep(0.01)
    child.wait()

    found = typed.holds("import", "edges", "many.csv")

    outcomes = found["outcomes"]
    assert sum(outcomes.values()) == 6000
    assert outcomes["already_there"] % 1000 == 0
    assert typed.holds("import", "edges", "many.csv")["outcomes"]["already_there"] == 6000
    assert typed("log", "fsck").code == 0
