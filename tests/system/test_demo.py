"""The whole story, twice in a row, as a user runs it."""

import re
from pathlib import Path

import pytest

from registry.demo.story import FIRST, MARK, SECOND, THIRD
from registry.demo.tunes import POISONED as TUNE

POISONED = f"demo/{TUNE.name}"


def told(done) -> str:
    """Check one run of the demo by what it says; return that."""
    text = done.stdout
    assert "Traceback" not in text + done.stderr
    for word in (
        "init",
        "add",
        "merge",
        "ancestors",
        "rebuild",
        "incident report",
        "descendants",
        "why",
        "remedy plan",
        "remedy run",
        "verify",
        "log fsck",
    ):
        assert f"$ studbook {word}" in text, word
    assert "the same bytes" in text
    assert "intact" in text
    assert "changed: model.safetensors" in text
    for name, which in ((FIRST, "first"), (SECOND, "second"), (THIRD, "third")):
        flagged = text.split(f"$ studbook status merged/{which}")[1].split("$ studbook")[0]
        assert name in flagged
        assert "affected" in flagged
        assert f"by way of {POISONED}" in flagged
    assert "3 artifacts corrected, and none descends from" in text
    assert text.count("bit for bit the merge that never had the poisoned tune") == 3
    harmless = re.findall(r"\$ studbook status demo/\S+\n(.*?)(?=\$ studbook)", text, re.DOTALL)
    assert any("clean" in one for one in harmless)
    return text


@pytest.mark.system
def test_the_demo_runs_twice_in_a_row_and_flags_all_three_generations(tmp_path: Path, typed) -> None:
    first = told(typed(tmp_path, "demo", "--dir", "story", COLUMNS="160"))
    second = told(typed(tmp_path, "demo", "--dir", "story", COLUMNS="160"))

    assert "MB downloaded" in first
    assert "nothing downloaded" in second
    ids = [
        set(re.findall(rf"{name}  (sha256:[0-9a-f]{{64}})", text))
        for text in (first, second)
        for name in (FIRST, SECOND, THIRD)
    ]
    assert ids[:3] == ids[3:]
    assert all(ids)
    for text in (first, second):
        print(re.search(r"the story took .*", text)[0])  # noqa: T201 - how long it took is part of the answer


@pytest.mark.system
def test_a_demo_does_not_take_a_folder_that_is_somebody_s(tmp_path: Path, typed) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    assert "is not empty" in typed(tmp_path, "demo", "--dir", "thesis", code=2).stderr
    assert not (tmp_path / "thesis" / MARK).exists()
