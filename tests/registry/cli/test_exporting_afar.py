"""`export` and `dossier` with --registry: the registry's own words, in files, and of dossiers under the key of whoever asks."""

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL
from world import World

from lineage.subjects import Pedigree, Reach
from registry import afar, exports, site
from registry.app import create
from registry.client import Remote
from registry.page import page
from registry.store import subjects
from registry.work.dossier import compiled
from signing import canonical, dsse
from signing.errors import Untrusted
from signing.keys import PublicKey
from signing.statement import Statement

Asks = Callable[..., object]


@pytest.fixture
def base(world: World) -> str:
    made = world.model(name="acme/base", license="mit")
    world.model(made)
    return made


@pytest.fixture
def told(world: World, terminal, monkeypatch: pytest.MonkeyPatch) -> Asks:
    """Type a command with --registry, insist that it holds, and return its value."""
    terminal.home = terminal.folder / "hers"  # the world has its own beside it
    assert terminal("init", "--operator", "anna").code == 0
    client = TestClient(create(world.home), base_url=URL)
    monkeypatch.setattr(site.httpx, "Client", lambda **_: client)

    def holds(*words: str) -> object:
        said = terminal(*words, "--registry", URL, "--json")
        assert said.code == 0, said
        # What is served in this process writes its own lines before the answer.
        return canonical.decode(said.out.splitlines()[-1].encode())

    return holds


@pytest.mark.parametrize("form", exports.formats(Pedigree))
def test_an_export_of_a_registry_is_the_one_that_its_home_makes(
    world: World, base: str, told: Asks, terminal, form: str
) -> None:
    value = told("export", "acme/base", "--format", form, "--ancestors", "--out", "told")

    with world.home.store.reading() as connection:
        due = exports.formats(Pedigree)[form].text(subjects.pedigree(connection, base, "ancestors"))
    assert (terminal.folder / "told").read_bytes().decode() == due
    assert value == {"format": form, "as_of": None, "complete": None, "file": "told", "text": None}


@pytest.mark.parametrize("form", exports.formats(Reach))
def test_an_advisory_of_a_registry_is_found_by_the_beginning_of_an_incident(
    world: World, base: str, told: Asks, form: str
) -> None:
    incident = world.report(base, "compromised")

    value = told("export", incident[:10], "--format", form)

    with world.home.store.reading() as connection:
        assert value["text"] == exports.formats(Reach)[form].text(
            subjects.reach(connection, incident, world.home.policy())
        )


def test_an_advisory_about_another_incident_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with Remote(URL) as remote:
        monkeypatch.setattr(Remote, "request", lambda *_, **__: b"{}")
        with pytest.raises(Untrusted, match="was asked about abcd, and answered about nothing"):
            afar.advisory(remote, "abcd", "osv")


def test_a_dossier_of_a_registry_is_signed_by_whoever_asks_for_it(
    world: World, base: str, told: Asks, terminal
) -> None:
    value = told("dossier", "acme/base", "--out", "told")
    said = terminal("dossier", "acme/base", "--out", "again", "--registry", URL)

    assert terminal("keys", "export", "publisher", "--public", "--out", "anna.pem").code == 0
    key = PublicKey.parse((terminal.folder / "anna.pem").read_bytes())
    envelope = dsse.Envelope.parse((terminal.folder / "told" / "dossier.json").read_bytes())
    assert dsse.verified(envelope, [key]) == {key}
    statement = Statement.parse(envelope.payload)
    own = compiled(world.home.store, base)
    assert statement.predicate == value == {**own, "page": value["page"]}
    assert (terminal.folder / "told" / "dossier.html").read_text() == page(own)
    assert f"by the word of {URL}: whoever signs it answers for it" in " ".join(said.out.split())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "acme/none", "--format", "csv"), "nothing is called 'acme/none'"),
        (("export", "acme/base", "--format", "pdf"), "'pdf' is no format"),
        (("export", "00000000", "--format", "osv"), "no incident '00000000' was reported"),
        (("dossier", "acme/none", "--out", "nowhere"), "nothing is called 'acme/none'"),
        (("dossier", "acme/base", "--out", "nowhere", "--as-of", "99"), "the log has"),
        (("dossier", "acme/base", "--out", "nowhere", "--key", "none.pem"), "none.pem"),
    ],
)
@pytest.mark.usefixtures("base", "told")
def test_what_cannot_be_told_is_refused_in_a_sentence(terminal, words, sentence: str) -> None:
    refused = terminal(*words, "--registry", URL)
    assert (refused.code, sentence in " ".join(refused.err.split())) == (2, True), refused
    assert not (terminal.folder / "nowhere").exists()
