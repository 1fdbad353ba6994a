"""Simulations as they are typed and over HTTP: what would change is said, and nothing does."""

import pytest
from fastapi.testclient import TestClient
from rebuilding import URL, supply
from world import World

from registry import afar
from registry.app import create
from registry.client import Remote
from registry.work import simulation
from signing import canonical
from signing.errors import Untrusted


def test_what_a_report_would_flag_is_told_and_nothing_changes(kennel) -> None:
    before = kennel.state()
    value = kennel.holds("simulate", "report", "kennel/base", "--kind", "data-poisoned")
    assert (value["flagged"], value["fresh"], value["spared"], value["levels"]) == (4, 4, 0, [1, 2, 1])

    said = kennel("simulate", "report", "kennel/base").out

    assert (
        "kennel/base, if it were compromised: 4 artifacts flagged, 4 of them reached by no incident now"
        in said
    )
    assert "by level: 1, 2, 1" in said
    assert "2  kennel/both" in said
    assert "nothing was reported" in said
    assert kennel.state() == before


def test_what_another_license_would_change_is_told_and_nothing_changes(kennel) -> None:
    before = kennel.state()
    value = kennel.holds("simulate", "license", "kennel/base", "cc-by-nc-4.0")
    assert (value["declared"], value["concerned"], value["changed"]) == ("mit", 4, 4)

    said = kennel("simulate", "license", "kennel/base", "cc-by-nc-4.0").out

    assert (
        "kennel/base, if it declared cc-by-nc-4.0 and not mit: other licenses would hold for 4 of 4 artifacts"
        in said
    )
    assert "+ cc-by-nc-4.0" in said
    assert "LIC-" in said
    assert "nothing was declared" in said
    assert "would hold for 0 of 4 artifacts" in kennel("simulate", "license", "kennel/base", "mit").out
    assert kennel.state() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("report", "kennel/base", "--kind", "bad"),
            "'bad' is no kind of incident; choose one of compromised",
        ),
        (("report", "kennel/nobody"), "nothing is called 'kennel/nobody' here"),
        (("license", "kennel/base", "mit & more"), "mit & more"),
        (("license", "kennel/nobody", "mit"), "nothing is called 'kennel/nobody' here"),
    ],
)
def test_what_cannot_be_simulated_is_refused(kennel, words, sentence: str) -> None:
    kennel.refuses(("simulate", *words), 2, (sentence,))


def test_over_http_it_is_what_the_home_answers(world: World) -> None:
    base = world.model(name="kennel/base", license="mit")
    world.merge("linear", world.model(base), world.model(base))
    store = world.home.store

    with supply(world) as source:
        remote = source._remote
        assert afar.simulated_report(remote, "kennel/base", "privacy") == simulation.report(
            world.home, base, "privacy"
        )
        assert afar.simulated_license(remote, base, "llama3") == simulation.license(store, base, "llama3")
    with TestClient(create(world.home), base_url=URL) as api:
        for path, status in (
            (f"{base}/simulated-report?kind=bad", 422),
            (f"{base}/simulated-report", 422),
            (f"{base}/simulated-license?license=a b", 422),
            (f"sha256:{'0' * 64}/simulated-report?kind=privacy", 404),
            (f"sha256:{'0' * 64}/simulated-license?license=mit", 404),
        ):
            assert api.get(f"/artifacts/{path}").status_code == status, path


def test_an_answer_to_another_question_is_not_believed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    base = world.model()
    report = simulation.report(world.home, base, "privacy")
    terms = simulation.license(world.home.store, base, "mit")

    with Remote(URL) as remote:
        for answer, ask in (
            (report, lambda: afar.simulated_report(remote, base, "license")),
            (terms, lambda: afar.simulated_license(remote, base, "llama3")),
        ):
            raw = canonical.encode(canonical.decode(answer.model_dump_json().encode()))
            monkeypatch.setattr(Remote, "request", lambda *_, raw=raw, **__: raw)
            with pytest.raises(Untrusted, match="was asked about"):
                ask()
