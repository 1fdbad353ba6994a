import re
import subprocess
import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import digest
from signing.errors import Malformed

EMPTY_FILE = digest.sha256_hex(b"")


def the_line() -> str:
    """Return the shell line of the manual, as it stands there."""
    first, second = re.findall(r"^    (.*)$", digest.__doc__, re.MULTILINE)
    return first.removesuffix("\\") + second


def shell_id(folder: Path) -> str:
    done = subprocess.run(["bash", "-c", the_line()], cwd=folder, check=True, capture_output=True, text=True)
    return "sha256:" + done.stdout.removesuffix("  -\n")


def write(folder: Path, files: dict[str, bytes]) -> dict[str, str]:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return {name: digest.sha256_hex(data) for name, data in files.items()}


def walk(folder: Path) -> dict[str, str]:
    """Return what a caller hands over: every regular file that is part of the artifact."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: digest.sha256_hex(path.read_bytes()) for name, path in found.items() if not digest.ignored(name)
    }


def good(name: str) -> bool:
    try:
        digest.check_names([name])
    except Malformed:
        return False
    return True


PARTS = st.text(st.sampled_from("abZ09 ._-+~'\"$*?[#é模型ß😀"), min_size=1, max_size=6)
NAMES = st.lists(PARTS, min_size=1, max_size=3).map("/".join).filter(good)


def test_the_id_is_what_the_shell_line_prints(tmp_path):
    write(
        tmp_path,
        {
            "model.safetensors": b"weights",
            "config.json": b"{}",
            "sub/tokenizer.json": b"t",
            "sub-2/a": b"sorts before sub/ and after sub",
            "sub/.gitignore": b"nested, so part of it",
            "模型 é'$(x).bin": b"names are data",
            "model.sig": b"a signature of it",
            "sub/model.sig": b"another",
            ".git/HEAD": b"ref",
            ".gitattributes": b"",
            ".gitignore": b"",
            ".github/workflow": b"",
            ".cache/huggingface/x": b"",
        },
    )
    files = walk(tmp_path)
    assert len(files) == 6
    assert digest.artifact_id(files) == shell_id(tmp_path)


@settings(max_examples=25, deadline=None)
@given(names=st.lists(NAMES, min_size=1, max_size=6, unique=True))
def test_the_id_is_what_the_shell_line_prints_for_any_names(tmp_path_factory, names):
    try:
        digest.check_names(names)
    except Malformed:
        return
    folder = tmp_path_factory.mktemp("artifact")
    files = write(folder, {name: name.encode() for name in names})
    assert digest.artifact_id(files) == shell_id(folder)


@given(files=st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=4), min_size=2, max_size=4))
def test_t1_a_swapped_or_renamed_file_changes_the_id(files):
    hashed = {name: digest.sha256_hex(data) for name, data in files.items()}
    first, second, *_ = hashed
    swapped = hashed | {first: hashed[second], second: hashed[first]}
    renamed = {("g" if name == first else name): value for name, value in hashed.items()}
    assert (digest.artifact_id(swapped) == digest.artifact_id(hashed)) == (hashed[first] == hashed[second])
    assert digest.artifact_id(renamed) != digest.artifact_id(hashed)
    assert digest.artifact_id(dict(reversed(hashed.items()))) == digest.artifact_id(hashed)


@pytest.mark.parametrize("name", ["", "/", "/etc/passwd", "a//b", "a/", "..", "../a", "a/../b", ".", "./a"])
def test_t5_a_path_does_not_leave_its_folder(name):
    with pytest.raises(Malformed, match="relative path"):
        digest.check_names([name])


@pytest.mark.parametrize("name", ["a\\b", "..\\a", "C:a", "a:stream", "//?/C:/a".lstrip("/")])
def test_t5_a_path_does_not_leave_its_folder_on_windows(name):
    with pytest.raises(Malformed, match="Windows"):
        digest.check_names([name])


@pytest.mark.parametrize(
    "name", ["a.", "a /b", "sub./a", "NUL", "con.txt", "x/Aux.safetensors", "lpt¹", "com0 .x"]
)
def test_t5_windows_stores_the_name_as_it_is(name):
    with pytest.raises(Malformed, match="Windows"):
        digest.check_names([name])


@pytest.mark.parametrize(
    "name",
    ["a\nb", "a\0", "\x1b[2J", "a\x7f", "a\u202eb", "a\u200bb", "\ud800", "a\u2028b", "\U000e0041", "\ue000"],
)
def test_t5_a_name_holds_nothing_unseen(name):
    with pytest.raises(Malformed, match="invisible"):
        digest.check_names([name])


def test_t5_a_space_that_shows_is_no_control_character():
    digest.check_names(["a\u00a0b"])


@pytest.mark.parametrize(
    ("one", "other"),
    [("README.md", "readme.MD"), ("straße", "STRASSE"), ("é", "É"), ("Å", "å"), ("sub/A", "SUB/a")],
)
def test_t5_twins_under_case_folding_are_refused(one, other):
    digest.check_names([one])
    digest.check_names([other])
    with pytest.raises(Malformed, match="case folding"):
        digest.check_names([one, other])


@pytest.mark.parametrize("name", ["e\u0301", "\u212b", "\u2126"])
def test_t5_normalisation_twins_are_refused(name):
    with pytest.raises(Malformed, match="form C"):
        digest.check_names([name])
    digest.check_names([unicodedata.normalize("NFC", name)])


# "!" and "-" come before "/", so between a name and those below it in plain order.
@pytest.mark.parametrize(
    "names", [["a", "a/b"], ["A/B/c", "a"], ["x/y/z", "x/y"], ["a", "a!b", "a-b/c", "a/b/c/d"]]
)
def test_t5_a_file_is_no_folder(names):
    with pytest.raises(Malformed, match="cannot be a file and hold"):
        digest.check_names(names)


def test_t5_names_that_only_begin_alike_are_files_apart():
    digest.check_names(["a", "a!/b", "ab/c", "a-b/c"])


def test_t5_a_very_deep_name_is_checked_at_once():
    start = time.process_time()
    digest.check_names([f"{'a/' * 500}{number}" for number in range(1_000)])
    with pytest.raises(Malformed, match="longer than 1024 bytes"):
        digest.check_names(["a/" * 300_000 + "b"])
    assert time.process_time() - start < 2


def test_t5_a_name_is_as_long_as_every_system_stores():
    digest.check_names(["é" * 512])
    with pytest.raises(Malformed, match="longer than 1024 bytes"):
        digest.check_names(["é" * 512 + "a"])


def test_t5_links_are_not_followed_here(tmp_path):
    """Whether a path is a link is the caller's to see: this package opens nothing, and `find -type f` skips links."""
    write(tmp_path, {"a": b"a"})
    (tmp_path / "link").symlink_to("a")
    assert digest.artifact_id({"a": digest.sha256_hex(b"a")}) == shell_id(tmp_path)


@pytest.mark.parametrize("name", ["-", "-c", "--check"])
def test_a_name_is_no_option_of_sha256sum(name):
    with pytest.raises(Malformed, match="option"):
        digest.check_names([name])


@pytest.mark.parametrize(
    "name", [".git/config", "model.sig", "a/model.sig", ".GIT/config", "Model.Sig", ".Cache/x"]
)
def test_what_is_no_part_of_an_artifact_is_refused_in_one(name):
    with pytest.raises(Malformed, match="no part of an artifact"):
        digest.artifact_id({name: EMPTY_FILE})


@pytest.mark.parametrize(
    "name", [".gitmodules", ".gitfoo/a", ".GitX", ".cache", "model.sig/a", "a/MODEL.sig/b"]
)
def test_names_that_tools_disagree_about_are_refused(name):
    assert not digest.ignored(name)
    with pytest.raises(Malformed, match="tools disagree"):
        digest.check_names([name])


@pytest.mark.parametrize(
    "name", ["a/.gitignore", "sub/.cache/x", ".env", "model.sig.txt", "config.json", "console", "a/.git/HEAD"]
)
def test_ordinary_names_are_part_of_an_artifact(name):
    assert not digest.ignored(name)
    digest.check_names([name])


def test_an_artifact_has_files_and_digests():
    with pytest.raises(Malformed, match="at least one file"):
        digest.artifact_id({})
    with pytest.raises(Malformed, match="64 lower-case hex digits"):
        digest.artifact_id({"a": EMPTY_FILE.upper()})


def test_an_id_is_read_back():
    text = digest.artifact_id({"a": EMPTY_FILE})
    assert "sha256:" + digest.parse_id(text) == text


@pytest.mark.parametrize(
    "text", ["", EMPTY_FILE, "sha256:", "sha256:ab", f"SHA256:{EMPTY_FILE}", f"sha256:{EMPTY_FILE}\n"]
)
def test_what_is_no_id_is_refused(text):
    with pytest.raises(Malformed, match="artifact id"):
        digest.parse_id(text)
