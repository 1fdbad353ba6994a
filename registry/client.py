"""A registry over HTTP: the same answers, asked of somebody who is not trusted.

An answer that is about something else than what was asked is refused, and a refusal arrives as the class and the
sentence it left with. Whether an answer is *true* is for `studbook verify`, which checks the signatures in `bundles`
against a trusted root that was pinned beforehand. Nothing proves what a name means: a registry that lies about it answers
truthfully about another artifact. Who must know gives the full id, learned elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from pydantic import BaseModel, ValidationError

from lineage.schema import STUB
from lineage.subjects import Scope
from registry import received
from registry.answers import LineageOut, VerdictOut, WhyOut
from registry.incidents import IncidentOut, IncidentsOut
from registry.licensed import LicenseOut, UseOut
from registry.outcomes import RebuildersOut
from registry.selected import EVERYTHING, SelectionOut
from registry.site import Site
from registry.store.log import Receipt
from signing import canonical
from signing.bundle import Bundle
from signing.canonical import Json
from signing.dsse import Envelope
from signing.errors import Malformed, Untrusted

# The lineage of 10,000 ancestors has some 10 MiB; what is larger is an attack on the reader's memory.
MAX_BYTES = 256 << 20
# What is read page by page must end somewhere, or a registry could feed its reader for ever.
MAX_INCIDENTS = 100_000
_Model = TypeVar("_Model", bound=BaseModel)
_ID = re.compile(rf"sha256:[0-9a-f]{{64}}|{STUB}")


class Remote:
    """Answers questions by asking the registry at a URL; close it, or use it in a `with` block."""

    def __init__(self, url: str, timeout: float = 30) -> None:
        """Ask the registry at `url`, which may have a path, waiting `timeout` seconds for each piece of an answer."""
        self.site = Site(url, timeout)
        self.shown = self.site.shown
        self._admit: Callable[[bytes], object] = lambda _: None
        self.judge: Callable[[str, int], object] = lambda *_: None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.site.close()

    def follow(self, admit: Callable[[bytes], object], judge: Callable[[str, int], object]) -> None:
        """From now on hand the checkpoint of every bundle and receipt to `admit`, which refuses those of another log.

        What an answer says of the log itself, its name and its size, is handed to `judge`, which does as much.
        """
        self._admit, self.judge = admit, judge

    def resolve(self, ref: str) -> str:
        """Return the artifact that the registry says `ref` means: a hint of where to look, and no proof of anything.

        No signature is checked here, so what this returns must not become what bytes or bundles are verified against.
        """
        match self._get("/resolve", ref=ref):
            case {"ref": said, "artifact": str(artifact)} if said == ref and _ID.fullmatch(artifact):
                pass
            case _:
                raise Malformed(f"{self.shown} was asked what {ref!r} means, and did not say")
        if ref.startswith(("sha256:", "hf:")) and not artifact.startswith(ref):
            raise Untrusted(f"{self.shown} was asked for {ref}, and answered with {artifact}")
        return artifact

    def verdict(self, ref: str) -> VerdictOut:
        """Return everything about an artifact."""
        artifact = self.meant(ref)
        found = self.ask(VerdictOut, f"/artifacts/{artifact}")
        self.same(artifact, found.artifact)
        return found

    def license(self, ref: str, asked: UseOut, card: str | None = None) -> LicenseOut:
        """Return what the registry says that the licenses in the lineage of an artifact say about a use of it."""
        if card is not None:
            raise Malformed(f"{self.shown} judges no cards: ask without one, or ask a home")
        artifact = self.meant(ref)
        found = self.ask(LicenseOut, f"/artifacts/{artifact}/license", **asked.query())
        self.same(artifact, found.artifact)
        self.same(f"the use {asked.query()}", f"the use {found.asked.query()}")
        return found

    def ancestors(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what an artifact is made of, as far as it is asked for."""
        return self._lineage(ref, "ancestors", asked)

    def descendants(self, ref: str, asked: SelectionOut = EVERYTHING) -> LineageOut:
        """Return what is made of an artifact, as far as it is asked for."""
        return self._lineage(ref, "descendants", asked)

    def export(self, ref: str, form: str, scope: Scope, asked: SelectionOut = EVERYTHING) -> str:
        """Return what the registry exports of an artifact and its relatives: text that names it, and that is safe to show."""
        artifact = self.meant(ref)
        found = self.text(f"/artifacts/{artifact}/export/{form}", scope=scope, **asked.query())
        # A list of edges that has none names nobody.
        self.same(artifact, *([artifact] if artifact in found or len(found.splitlines()) == 1 else []))
        return found

    def text(self, path: str, **query: str) -> str:
        """Return the text of a path, which is safe to show."""
        try:
            found = self.request("GET", path, params=query).decode()
        except UnicodeDecodeError:
            raise Malformed(f"{self.shown}{path} is no text") from None
        hiding = received.hiding(found)
        if hiding is not None:
            raise Malformed(f"{self.shown}{path} holds a character that hides what is shown: {hiding!r}")
        return found

    def why(self, ancestor: str, descendant: str) -> WhyOut:
        """Return how one artifact descends from another."""
        above, below = self.meant(ancestor), self.meant(descendant)
        found = self.ask(WhyOut, f"/artifacts/{below}/why", ancestor=above)
        self.same(above, found.ancestor)
        self.same(below, found.descendant)
        if found.witness and (found.witness[0], found.witness[-1]) != (above, below):
            raise Untrusted(f"{self.shown} shows a way that does not lead from {above} to {below}")
        return found

    def incidents(self) -> tuple[IncidentOut, ...]:
        """Return every incident, oldest first."""
        found: dict[str, IncidentOut] = {}
        page = self.ask(IncidentsOut, "/incidents")
        while True:
            before = len(found)
            found |= {one.id: one for one in page.incidents}
            if page.next is None:
                return tuple(found.values())
            if len(found) == before or len(found) > MAX_INCIDENTS:
                raise Malformed(f"{self.shown} lists incidents without an end: {len(found)} so far")
            page = self.ask(IncidentsOut, "/incidents", after=page.next)

    def rebuilders(self) -> RebuildersOut:
        """Return how the verdicts of each rebuilder compare with the others'."""
        return self.ask(RebuildersOut, "/rebuilders")

    def bundles(self, artifact: str) -> tuple[bytes, ...]:
        """Return the encoded bundles of every entry that says what the artifact is and how it was made.

        Each is about this artifact by its own statement; its signatures and proofs are for `signing.bundle.verify`.
        """
        if _ID.fullmatch(artifact) is None:
            raise Malformed(f"bundles are asked for by a full artifact id, not by {artifact!r}")
        lines = tuple(self.request("GET", f"/artifacts/{artifact}/bundles").split(b"\n")[:-1])
        for bundle in self._admitted(lines):
            self.same(artifact, *received.subjects(bundle))
        return lines

    def bundle(self, ref: str, *, ancestors: bool) -> tuple[bytes, ...]:
        """Return, as encoded bundles, what the registry says was said of an artifact, and of its ancestors if asked.

        Some of it is about this artifact; what it proves, and what it leaves out, `studbook verify` tells.
        """
        artifact = self.meant(ref)
        asked = {"ancestors": "true" if ancestors else "false"}
        lines = tuple(self.request("GET", f"/artifacts/{artifact}/bundle", params=asked).split(b"\n")[:-1])
        self.same(artifact, *(one for bundle in self._admitted(lines) for one in received.named(bundle)))
        return lines

    def entry(self, entry: str) -> bytes:
        """Return the encoded bundle of an entry; which one it is about is for whoever asked to see."""
        line = self.request("GET", f"/entries/{entry}/bundle").removesuffix(b"\n")
        self._admitted([line])
        return line

    def publish(self, raw: bytes) -> Receipt:
        """Append the signed statement `raw` to the registry's log and return what proves it.

        The receipt is about this statement; its checkpoint is for whoever pinned the log's key to check.
        """
        entry = Envelope.parse(raw).entry
        receipt = received.receipt(self.shown, self.request("POST", "/entries", content=raw), entry)
        self._admit(receipt.checkpoint)
        return receipt

    def _admitted(self, lines: Sequence[bytes]) -> list[Bundle]:
        """Return the bundles in these lines, once their checkpoints are those of the log that is followed."""
        bundles = [Bundle.parse(line) for line in lines]
        for note in dict.fromkeys(bundle.checkpoint for bundle in bundles):
            self._admit(note)
        return bundles

    def meant(self, ref: str) -> str:
        """Return the id that `ref` is, or the one that the registry says it means: see `resolve`."""
        return ref if _ID.fullmatch(ref) else self.resolve(ref)

    def _lineage(self, ref: str, direction: str, asked: SelectionOut) -> LineageOut:
        artifact = self.meant(ref)
        found = self.ask(LineageOut, f"/artifacts/{artifact}/{direction}", **asked.query())
        # One that does not know the question answers another: it leaves out nothing.
        self.same(f"the selection {asked.query()}", f"the selection {found.asked.query()}")
        self.same(f"{direction} of {artifact}", f"{found.direction} of {found.artifact}")
        return found

    def same(self, asked: str, *told: str) -> None:
        """Refuse an answer that is about other things than the one that was asked about."""
        if asked not in told:
            about = ", ".join(told) or "nothing"
            raise Untrusted(f"{self.shown} was asked about {asked}, and answered about {about}")

    def ask(self, model: type[_Model], path: str, **query: str) -> _Model:
        """Return the answer of a path, read as `model` and safe to show."""
        return self._read(model, self._get(path, **query))

    def post(self, model: type[_Model], path: str, content: bytes, query: dict[str, str]) -> _Model:
        """Return the answer to what is posted to a path, read as `model` and safe to show."""
        return self._read(model, self._value("POST", path, query, content))

    def _read(self, model: type[_Model], value: Json) -> _Model:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            raise self._unlike(error) from None

    def _unlike(self, error: ValidationError) -> Malformed:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        return Malformed(f"{self.shown} answered what this Studbook does not read: {where}: {fault['msg']}")

    def _get(self, path: str, **query: str) -> Json:
        """Return the value of an answer, which is safe to show."""
        return self._value("GET", path, query, None)

    def _value(self, method: str, path: str, query: dict[str, str], content: bytes | None) -> Json:
        value = canonical.decode(self.request(method, path, params=query, content=content))
        covert = received.covert(value)
        if covert is not None:
            raise Malformed(f"{self.shown}{path} holds a character that hides what is shown: {covert!r:.80}")
        return value

    def request(
        self, method: str, path: str, *, params: dict[str, str] | None = None, content: bytes | None = None
    ) -> bytes:
        """Return the body of an answer, read as far as one may be long, or raise the refusal that it is."""
        return self.site.request(method, path, MAX_BYTES, params, content)
