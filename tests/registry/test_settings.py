"""Settings come from the environment, and time from one clock."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from registry.settings import Settings, now


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDBOOK_HOME", "/srv/studbook")
    monkeypatch.setenv("STUDBOOK_BATCH", "7")
    assert Settings().home == Path("/srv/studbook")
    assert Settings().batch == 7


def test_without_an_environment_the_home_is_in_the_user_s_data_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STUDBOOK_HOME", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert Settings().home.name == "studbook"


@pytest.mark.parametrize(
    "name", ["QUEUE", "BATCH", "BUSY_SECONDS", "ANCESTORS", "LATE_ROWS", "CONFIRM_ALONE", "OPEN_INCIDENTS"]
)
def test_a_limit_of_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"STUDBOOK_{name}", "0")
    with pytest.raises(ValidationError, match="greater than 0"):
        Settings()


def test_the_clock_counts_whole_seconds() -> None:
    assert isinstance(now(), int)
    assert now() > 1_750_000_000
