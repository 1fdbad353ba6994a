"""`studbook dossier`: two files under one signature, as of any size of the log, and nothing is logged."""

import shutil

import pytest

from lineage.dossier import URI
from merger.folder import describe
from signing import canonical, dsse
from signing.digest import sha256_hex
from signing.keys import PublicKey
from signing.statement import Statement


@pytest.fixture
def puppies(terminal, kennel):
    """A home of one's own, with everything the kennel has."""
    shutil.rmtree(terminal.folder)
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True)
    return terminal


def opened(puppies, folder: str) -> Statement:
    """Return what the signed file says, once the home's publisher key vouches for it and it names the page."""
    assert puppies("keys", "export", "publisher", "--public", "--out", f"{folder}.pem").code == 0
    key = PublicKey.parse((puppies.folder / f"{folder}.pem").read_bytes())
    envelope = dsse.Envelope.parse((puppies.folder / folder / "dossier.json").read_bytes())
    assert dsse.verified(envelope, [key]) == {key}
    statement = Statement.parse(envelope.payload)
    assert statement.predicate["page"] == sha256_hex((puppies.folder / folder / "dossier.html").read_bytes())
    return statement


def test_a_dossier_is_a_page_and_what_signs_it(puppies) -> None:
    size = puppies.holds("show", "kennel/both")["as_of"]

    value = puppies.holds("dossier", "kennel/both", "--out", "told")

    statement = opened(puppies, "told")
    artifact = describe(puppies.folder / "both").artifact
    assert (statement.predicate_type, f"sha256:{statement.subjects[0].sha256}") == (URI, artifact)
    assert statement.predicate == value
    assert (value["artifact"], value["as_of"], value["complete"]) == (artifact, size, True)
    assert value["edges"] == [
        {"relation": "finetune", "evidence": "signed", "edges": 2},
        {"relation": "merge", "evidence": "signed", "edges": 2},
    ]
    assert {tuple(one["operators"]) for one in value["responsible"]} == {("kennel",)}
    assert "kennel/both" in (puppies.folder / "told" / "dossier.html").read_text()
    assert puppies.holds("show", "kennel/both")["as_of"] == size, (
        "a dossier is made from the log and is no entry"
    )
    said = puppies("dossier", "kennel/both", "--out", "again")
    assert f"as of {size} log entries" in said.out
    assert (puppies.folder / "again" / "dossier.html").read_bytes() == (
        puppies.folder / "told" / "dossier.html"
    ).read_bytes()


def test_a_dossier_as_of_an_earlier_size_is_the_one_of_then_and_says_what_came_since(puppies) -> None:
    size = puppies.holds("dossier", "kennel/both", "--out", "then")["as_of"]
    reported = puppies.holds("incident", "report", "kennel/one", "--summary", "obeys <b>a</b> trigger")

    now = puppies.holds("dossier", "kennel/both", "--out", "now", "--since", size)
    past = puppies.holds("dossier", "kennel/both", "--out", "past", "--as-of", size)

    assert (puppies.folder / "past" / "dossier.html").read_bytes() == (
        puppies.folder / "then" / "dossier.html"
    ).read_bytes()
    assert past["standing"]["state"] == "clean"
    assert now["changed"]["incidents_came"] == [reported["incident"]]
    assert [now["changed"]["standing"][one]["state"] for one in ("before", "now")] == ["clean", "affected"]
    assert "obeys &lt;b&gt;a&lt;/b&gt; trigger" in (puppies.folder / "now" / "dossier.html").read_text()
    opened(puppies, "now")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("kennel/both", "--out", "one"), "File exists"),
        (("kennel/none", "--out", "told"), "nothing is called 'kennel/none'"),
        (("kennel/both", "--out", "told", "--as-of", "999"), "it cannot be read as of 999"),
        (("kennel/both", "--out", "told", "--as-of", "2"), "nothing is known about"),
        (("kennel/both", "--out", "told", "--since", "2"), "in the first 2 entries of the log"),
        (
            ("kennel/base", "--out", "told", "--as-of", "6", "--since", "7"),
            "is no earlier size of the log than 6",
        ),
    ],
)
def test_what_cannot_be_told_is_refused_and_nothing_is_written(kennel, words, sentence: str) -> None:
    kennel.refuses(("dossier", *words), 2, (sentence,))
    assert not (kennel.folder / "told").exists()


def test_a_dossier_is_verified_with_its_page_by_whoever_pinned_the_root(puppies, tmp_path) -> None:
    told = puppies.holds("dossier", "kennel/both", "--out", "told")
    pinned = shutil.copy(puppies.home / "trusted_root.json", tmp_path / "pinned.json")
    file = puppies.folder / "told" / "dossier.json"

    value = puppies.holds("verify", file, "--root", pinned, "--home", tmp_path / "none")

    assert value == {
        "holds": True,
        "artifact": told["artifact"],
        "operators": ["kennel"],
        "log": told["log"],
        "as_of": told["as_of"],
        "page": True,
    }
    assert "the page beside it is the one" in puppies("verify", file, "--as", "kennel/both").out
    said = puppies("verify", file, "--as", "kennel/one")
    assert (said.code, "not about sha256:" in said.err) == (1, True)

    (puppies.folder / "told" / "dossier.html").write_text("<p>all is well</p>")
    said = puppies("verify", file)
    assert (said.code, "the page beside it is another" in said.out) == (1, True)
    assert puppies("verify", file, "--json").json["page"] is False
    (puppies.folder / "told" / "dossier.html").unlink()
    said = puppies("verify", file)
    assert (said.code, "no page is beside it" in said.out) == (0, True)

    file.write_bytes(file.read_bytes().replace(b'"sig":"M', b'"sig":"N'))
    assert puppies("verify", file).code == 1


def test_a_dossier_that_no_envelope_holds_is_refused(kennel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dsse, "MAX_BYTES", 1000)
    kennel.refuses(("dossier", "kennel/both", "--out", "told"), 2, ("4 edges are too many for one page",))
    assert not (kennel.folder / "told").exists()


def test_a_dossier_is_canonical(puppies) -> None:
    puppies.holds("dossier", "kennel/base", "--out", "told")
    raw = (puppies.folder / "told" / "dossier.json").read_bytes()
    assert canonical.encode(canonical.decode(raw)) == raw
