"""Is the installation what was shipped? Each way it may not be is found and named."""

import base64
import hashlib
import os
from importlib import metadata
from pathlib import Path

import pytest
from world import World

from registry.work import doctor
from registry.work.doctor import examine


class Installed(metadata.Distribution):
    """A distribution in a folder of the test's own."""

    def __init__(self, root: Path, name: str | None, version: str, files: dict[str, bytes]) -> None:
        self._root, self._files = root, files
        for file, content in files.items():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).write_bytes(content)
        lines = [f"{f},sha256={_digest(content)},{len(content)}" for f, content in files.items()]
        said = f"Metadata-Version: 2.1\nVersion: {version}\n" + (f"Name: {name}\n" if name else "")
        self._texts = {"METADATA": said, "RECORD": "\n".join(lines)}

    def read_text(self, filename: str) -> str | None:
        return self._texts.get(filename)

    def locate_file(self, path: "str | os.PathLike[str]") -> Path:
        return self._root / path


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def shipped(root: Path) -> Installed:
    """Studbook as a wheel lays it out."""
    names = ("signing", "merger", "lineage", "registry")
    return Installed(
        root, "studbook", "0.1.0", {f"{n}/{f}": b"" for n in names for f in ("__init__.py", "a.py")}
    )


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    """Let the doctor see exactly these distributions, and packages as loaded from the first one."""

    def see(*installed: Installed) -> None:
        monkeypatch.setattr(doctor.metadata, "distribution", lambda _: installed[0])
        monkeypatch.setattr(doctor.metadata, "distributions", lambda: installed)
        monkeypatch.syspath_prepend(str(installed[0].locate_file("")))

    return see


def said(findings: list[doctor.Finding], about: str) -> list[doctor.Finding]:
    return [one for one in findings if one.about == about]


def test_this_very_installation_is_examined_without_a_home(tmp_path: Path) -> None:
    findings = examine(tmp_path / "nowhere")
    assert [one.about for one in findings][:4] == ["signing", "merger", "lineage", "registry"]
    assert said(findings, "home")[0].sound
    assert "studbook init" in said(findings, "home")[0].said
    assert not (tmp_path / "nowhere").exists()


def test_a_package_that_is_loaded_from_elsewhere_is_named_with_both_places(
    tmp_path: Path, environment
) -> None:
    environment(shipped(tmp_path / "site"))

    findings = examine(tmp_path / "nowhere")

    (lineage,) = said(findings, "lineage")
    assert not lineage.sound
    assert f"shadows {tmp_path / 'site' / 'lineage'}" in lineage.said


@pytest.mark.parametrize("fate", ["changed", "removed"])
def test_a_file_that_is_not_as_shipped_is_named(tmp_path: Path, environment, fate: str) -> None:
    site = tmp_path / "site"
    environment(shipped(site))
    assert said(examine(tmp_path / "nowhere"), "record")[0].sound
    if fate == "changed":
        (site / "signing" / "a.py").write_bytes(b"steal()")
    else:
        (site / "signing" / "a.py").unlink()

    (record,) = said(examine(tmp_path / "nowhere"), "record")

    assert not record.sound
    assert record.said == "1 files are not as shipped, such as signing/a.py"


def test_another_distribution_with_one_of_our_packages_is_named_with_its_version(
    tmp_path: Path, environment
) -> None:
    other = Installed(tmp_path / "site", "Lineage", "4.5.0", {"lineage/individual.py": b"", "README": b""})
    environment(shipped(tmp_path / "site"), other, Installed(tmp_path / "site", "six", "1", {"six.py": b""}))

    (neighbour,) = said(examine(tmp_path / "nowhere"), "neighbours")

    assert not neighbour.sound
    assert "Lineage 4.5.0 ships the package lineage too" in neighbour.said
    assert "an environment of its own" in neighbour.said


def test_a_distribution_without_a_name_does_not_stop_the_examination(tmp_path: Path, environment) -> None:
    environment(shipped(tmp_path / "site"), Installed(tmp_path / "broken", None, "1", {"signing/x.py": b""}))
    assert not said(examine(tmp_path / "nowhere"), "neighbours")[0].sound


def test_a_home_is_examined_and_its_keys_with_it(world: World) -> None:
    (home,) = said(examine(world.home.path), "home")
    assert home.sound

    (world.home.path / "keys" / "security.pem").chmod(0o644)
    (home,) = said(examine(world.home.path), "home")
    assert not home.sound
    assert "mode 0644" in home.said
    assert "chmod 600" in home.said


def test_a_damaged_database_is_a_finding_and_no_crash(world: World) -> None:
    world.home.store.close()
    (world.home.path / "studbook.db").write_bytes(b"not a database, certainly" * 100)
    for beside in world.home.path.glob("studbook.db-*"):
        beside.unlink()
    (home,) = said(examine(world.home.path), "home")
    assert not home.sound
    assert "studbook.db" in home.said
