"""`studbook export`: a file or standard output, the same document as over HTTP, and a sentence for what is no format."""

import shutil

import pytest
from making import floats, write_model

from merger.folder import describe
from registry import exports
from signing import canonical

OF_ARTIFACTS = ("csv", "cyclonedx", "dot", "graphml", "spdx")


@pytest.mark.parametrize("form", OF_ARTIFACTS)
def test_an_artifact_is_exported_to_a_file_or_the_screen(kennel, form: str, tmp_path) -> None:
    artifact = describe(kennel.folder / "both").artifact

    printed = kennel("export", "kennel/both", "--format", form)
    assert printed.code == 0
    assert artifact in printed.out
    value = kennel.holds("export", "both", "--format", form, "--out", tmp_path / "told")
    assert (tmp_path / "told").read_bytes() == printed.out.encode()
    assert (value["format"], value["complete"], value["file"]) == (form, True, str(tmp_path / "told"))
    assert value["as_of"] == kennel.holds("show", "kennel/both")["as_of"]
    assert kennel.holds("export", artifact, "--format", form)["text"] == printed.out
    said = kennel("export", "kennel/both", "--format", form, "--out", tmp_path / "told")
    assert f"as of {value['as_of']} log entries, complete" in said.out


def test_relatives_are_those_that_were_asked_for(kennel) -> None:
    def rows(*words: str) -> int:
        return kennel("export", "kennel/one", "--format", "csv", *words).out.count("\n") - 1

    assert (rows("--ancestors"), rows("--descendants")) == (1, 1)
    assert rows() == rows("--ancestors", "--descendants") == 2


def test_an_incident_is_exported_by_the_beginning_of_its_id(terminal, kennel) -> None:
    shutil.rmtree(terminal.folder)
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True)
    reported = terminal.holds("incident", "report", "kennel/one", "--summary", "obeys a trigger")["incident"]
    both = describe(kennel.folder / "both").artifact

    record = canonical.decode(terminal("export", reported[:8], "--format", "osv").out.encode())
    assert record["id"].endswith(reported)
    assert both in [one["versions"][0] for one in record["affected"]]
    assert terminal("export", reported, "--format", "openvex").out.count("under_investigation") == 2
    assert terminal("export", "00000000", "--format", "osv").code == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("kennel/both", "--format", "pdf"), "'pdf' is no format; choose one of csv, cyclonedx"),
        (("kennel/none", "--format", "csv"), "nothing is called 'kennel/none' here"),
        (("kennel/both", "--format", "osv"), "'kennel/both' is no incident"),
        (("kennel/both", "--format", "openvex"), "is no incident"),
        (("0" * 8, "--format", "osv", "--ancestors"), "takes neither --ancestors nor --descendants"),
        (("0" * 8, "--format", "openvex"), "no incident '00000000' was reported"),
    ],
)
def test_what_cannot_be_exported_is_refused(kennel, words, sentence: str) -> None:
    kennel.refuses(("export", *words), 2, (sentence,))


def test_every_format_is_told_by_the_help(kennel) -> None:
    said = kennel("export", "--help").out
    assert [one for one in exports.discovered() if one not in said] == []


def test_a_folder_that_is_registered_is_a_reference(terminal) -> None:
    terminal.holds("init")
    write_model(terminal.folder / "one", {"w": ("F32", (2,), floats([1, 2]))})
    added = terminal.holds("add", "one")
    document = canonical.decode(terminal("export", "one", "--format", "cyclonedx").out.encode())
    assert document["metadata"]["component"]["version"] == added["artifact"]
