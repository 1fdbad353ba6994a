"""`studbook log redact`: it says what will be gone, asks, and removes it for ever."""

import pytest
from making import floats, write_model


@pytest.fixture
def registry(terminal):
    terminal.holds("init", "--operator", "acme")
    write_model(terminal.folder / "m", {"w": ("F32", (2,), floats([1, 2]))})
    terminal.holds("add", "m", "--name", "acme/jane-doe")
    return terminal


def test_an_entry_is_redacted_and_every_command_says_so(registry) -> None:
    artifact = registry.holds("show", "acme/jane-doe")["artifact"]
    done = registry.holds("log", "redact", "1", "--order", "court 17", "--yes")
    assert (done["leaves"], done["redacted_by"], done["unknown"]) == ([1], 4, [artifact])

    assert registry.holds("log", "fsck")["remarks"] == ["entry 1 is redacted by entry 4: court 17"]
    listed = registry.holds("log", "show")["entries"]
    assert listed[1]["statement"] == "removed by an order"
    unknown = registry("status", artifact)
    assert unknown.code == 1
    assert "unknown" in unknown.out
    assert "was removed; its leaf and proof remain" in registry("log", "prove", "1").err
    assert registry("verify", "m").code != 0

    again = registry("log", "redact", done["entry"], "--order", "court 17", "--yes")
    assert again.code == 2
    assert "the payload of entry 1 is gone already" in again.err


def test_it_asks_before_it_removes(registry, monkeypatch) -> None:
    import io
    import sys

    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    refused = registry("log", "redact", "3", "--order", "court 17")
    assert refused.code == 1
    assert "entry 3, a name/v1, loses its words for ever" in refused.err
    assert registry.holds("show", "acme/jane-doe")["names"] == ["acme/jane-doe"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert registry("log", "redact", "3", "--order", "court 17").code == 0
    assert registry("show", "acme/jane-doe").code == 2


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("99", "the log has no entry 99"),
        ("f" * 64, "is no entry of this log"),
        ("0", "a 'rooted' fact is never removed"),
    ],
)
def test_what_cannot_be_redacted_is_refused(registry, entry, sentence) -> None:
    refused = registry("log", "redact", entry, "--order", "x", "--yes")
    assert refused.code == 2
    assert sentence in refused.err
