"""The page of a dossier: everything in it is text, whoever wrote it, and nothing is left blank."""

from html.parser import HTMLParser

from exported import pedigrees
from hypothesis import HealthCheck, given, settings

from lineage.dossier import dossier
from lineage.subjects import Pedigree
from registry.export import plain
from registry.page import page

TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "table", "tr", "th", "td", "em",
}  # fmt: skip
ATTRIBUTES = {("html", "lang"), ("meta", "charset"), ("meta", "http-equiv"), ("meta", "content")}


class Reader(HTMLParser):
    """Reads a page as a browser would, as far as tags and text go."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str]] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {(tag, name) for name, _ in attrs}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def told(subject: Pedigree) -> dict:
    return dossier(subject, {edge.entry: ("kennel",) for edge in subject.edges})


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(subject=pedigrees())
def test_law_what_strangers_wrote_is_text_and_nothing_more(subject: Pedigree) -> None:
    said = told(subject)

    read = Reader(page(said))

    assert read.tags <= TAGS
    assert read.attributes <= ATTRIBUTES
    assert read.open == []
    named = plain(said["names"][0]) if said["names"] else said["artifact"]
    assert read.words.count(f"Dossier of {named}") == 2
    for one in said["incidents"]:
        assert not one["summary"] or plain(one["summary"]) in read.words
    for node in said["ancestors"]["unknown"]:
        assert any(node in word for word in read.words)
    assert page(said) == page(said)


def test_a_page_loads_nothing_and_says_what_is_unknown_and_that_nothing_changed() -> None:
    said = {
        "artifact": "sha256:00",
        "names": [],
        "time": 1_750_000_000,
        "license": None,
        "complete": False,
        "standing": {"state": "unknown", "missing": ["hf:x/y"]},
        "edges": [],
        "evaluations": [{"metric": "accuracy", "operators": ["vet", "kennel"]}],
        "changed": None,
    }

    text = page(said)

    assert "default-src 'none'" in text
    assert "http://" not in text.replace("http-equiv", "")
    words = Reader(text).words
    assert words[words.index("license") : words.index("license") + 2] == ["license", "unknown"]
    assert words[words.index("complete") : words.index("complete") + 2] == ["complete", "no"]
    assert words[words.index("names") : words.index("names") + 2] == ["names", "none"]
    assert words[words.index("edges") : words.index("edges") + 2] == ["edges", "none"]
    assert "2025-06-15T15:06:40Z" in words
    assert "vet, kennel" in words
    assert words[words.index("Changed") + 1] == "compared with nothing earlier"
    changed = {"since": 5, "came": ["sha256:01"], "evidence": [{"before": "signed", "now": "reproduced"}]}
    words = Reader(page(said | {"changed": changed})).words
    assert words[words.index("since") : words.index("since") + 9] == [
        "since",
        "5",
        "came",
        "sha256:01",
        "evidence",
        "before",
        "now",
        "signed",
        "reproduced",
    ]
