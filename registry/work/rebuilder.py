"""Rebuild what a registry holds, elsewhere and for somebody else: prove, fetch, execute, compare, sign, publish.

The registry is not believed. A provenance and the lists of files are proven under a pinned root, every byte by its SHA-256,
and nothing that is fetched is run. What is left behind at a kill is continued: bytes, finished shards; a verdict that was
published is no longer due. What cannot be executed gets no verdict, since silence is not a FAILED (3-trust, "Verdicts on a
rebuild").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from lineage.authority import TrustedRoot
from lineage.predicates import rebuild
from merger.execute import Result
from merger.folder import Progress, describe
from merger.manifest import Manifest
from merger.replay import Differs, Same, compare
from registry.settings import Clock, now
from registry.store import Absent
from registry.store.log import Receipt
from registry.work import proven
from registry.work.engine import NUMPY, Computer
from registry.work.fetch import Fetched, Source
from registry.work.logged import Provenance
from registry.work.proven import Unproven, proving
from registry.work.rebuild import by_files, derive
from registry.work.shelf import Shelved, laid_out
from registry.work.verify import prove
from signing import dsse
from signing.bundle import Bundle
from signing.errors import Forbidden, Malformed, Refused, Untrusted
from signing.keys import PrivateKey
from signing.log import Leaf

# A manifest of a model with 100,000 tensors has 20 MiB; what is longer is not read into memory for a verdict's sake.
_MANIFEST_LIMIT = 64 << 20


class Step(StrEnum):
    """A moment before or after a step, at which a process can stop: the fault table goes through all."""

    BEGUN = "nothing done"
    PROVEN = "the provenance and the lists of files are proven"
    FETCHED = "every byte is here"
    EXECUTED = "executed and compared"
    SIGNED = "the verdict is signed, not published"
    PUBLISHED = "the verdict is published"


@dataclass(frozen=True, slots=True)
class NotExecutable:
    """It could not be executed here, for this reason; no verdict is given."""

    why: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one provenance (entry id) of an artifact, and the receipt of the verdict if there is one."""

    artifact: str
    build: str
    outcome: Same | Differs | NotExecutable
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Means:
    """What a rebuilder may take of its machine."""

    computer: Computer = NUMPY
    threads: int = 2
    factor: int = 1
    memory: int | None = None


# Draws a bar: what is done, of how many bytes.
Bar = Callable[[str, int], AbstractContextManager[Progress]]


class Rebuilder:
    """One operator's rebuilder of one registry, with its bytes and stages below `home`."""

    def __init__(
        self,
        home: Path,
        source: Source,
        root: TrustedRoot,
        key: PrivateKey,
        means: Means,
        *,
        clock: Clock = now,
        bar: Bar = lambda *_: nullcontext(lambda _: None),
        at: Callable[[Step], object] = lambda _: None,
    ) -> None:
        """Judge what `source` holds by the pinned `root`; `at` is called at every step.

        Raises `Forbidden` if by that root the key is no rebuilder's: nobody would take its verdicts.
        """
        self._home, self._source, self._root, self._key = home, source, root, key
        self._means, self._clock, self._bar, self._at = means, clock, bar, at
        self._fetched = Fetched(source, home)
        self.operator = _operator(root, key, clock())

    def run(self, limit: int | None = None) -> Iterator[Judged]:
        """Judge what is due, oldest first, at most as many as `limit` with a verdict."""
        verdicts = 0
        for artifact, build in self._source.due(self.operator):
            if limit is not None and verdicts >= limit:
                return
            judged = self.judge(artifact, build)
            verdicts += judged.receipt is not None
            yield judged

    def judge(self, artifact: str, build: str) -> Judged:
        """Execute one provenance again, and publish the verdict; `Untrusted` if the registry lies about bytes."""
        self._at(Step.BEGUN)
        try:
            found = proven.provenance(self._source, self._root, artifact, build)
            wanted = found.provenance.recipe.artifacts()
            files = {
                one: proven.files(self._source, self._root, one) for one in dict.fromkeys((*wanted, artifact))
            }
            self._at(Step.PROVEN)
            inputs = self._inputs({one: files[one] for one in wanted})
        except Unproven as error:
            return Judged(artifact, build, NotExecutable(str(error)), None)
        signed = self._manifest(found.manifest, files[artifact])
        self._at(Step.FETCHED)
        try:
            outcome = self._execute(found.provenance, inputs, files[artifact], signed)
        except Refused as error:
            return Judged(artifact, build, NotExecutable(str(error)), None)
        self._at(Step.EXECUTED)
        return Judged(artifact, build, outcome, self._publish(artifact, build, outcome))

    def _inputs(self, wanted: Mapping[str, Mapping[str, str]]) -> Mapping[str, Shelved]:
        """Fetch the files of these artifacts, and describe each as its bytes are."""
        left: dict[str, int] = {}
        for artifact, files in wanted.items():
            for name, digest in files.items():
                try:
                    left[digest] = self._fetched.missing(digest)
                except Absent:
                    raise Unproven(f"{name} of {artifact} is not stored at {self._source.name}") from None
        with self._bar("fetching", sum(left.values())) as progress:
            for digest in left:
                self._fetched.fetch(digest, progress)
        return {artifact: self._shelved(artifact, files) for artifact, files in wanted.items()}

    def _shelved(self, artifact: str, files: Mapping[str, str]) -> Shelved:
        folder = laid_out(self._home, self._fetched.blobs, artifact, files)
        with proving(Malformed):
            found = describe(folder, self._means.threads)
        if found.artifact != artifact:
            raise Untrusted(
                f"{folder} is not {artifact}, though it was fetched as that: remove it, and begin again"
            )
        return Shelved(folder, found.manifest, found.blocks)

    def _manifest(self, digest: str, files: Mapping[str, str]) -> Manifest | None:
        """Return the manifest with this digest, if it can be had and lists these files: it tells tensors apart."""
        try:
            if self._fetched.missing(digest) > _MANIFEST_LIMIT:
                return None
            self._fetched.fetch(digest)
            signed = Manifest.parse(b"".join(self._fetched.blobs.read(digest)))
        except (Absent, Malformed):
            return None
        # Whoever signs a provenance names a manifest, and may name another artifact's.
        return signed if {file.name: file.sha256 for file in signed.files} == files else None

    def _execute(
        self,
        found: Provenance,
        inputs: Mapping[str, Shelved],
        files: Mapping[str, str],
        signed: Manifest | None,
    ) -> Same | Differs:
        def telling(again: Result, _: Path) -> Same | Differs:
            return by_files(files, again) if signed is None else compare(signed, again.manifest)

        means, first = self._means, inputs[found.recipe.first].manifest
        with self._bar("rebuilding", sum(tensor.size for tensor in first.tensors)) as progress:
            outcome, _ = derive(
                found,
                inputs,
                self._home / "rebuilds" / found.entry[:16],
                telling,
                means.computer,
                threads=means.threads,
                factor=means.factor,
                memory=means.memory,
                progress=progress,
            )
        return outcome

    def _publish(self, artifact: str, build: str, outcome: Same | Differs) -> Receipt:
        names = () if isinstance(outcome, Same) else outcome.names()
        verdict = rebuild.statement(artifact, build, self.operator, self._clock(), names)
        envelope = dsse.sign(verdict.encode(), [self._key])
        self._at(Step.SIGNED)
        receipt = self._source.publish(envelope.encode())
        leaf = Leaf.parse(receipt.leaf)
        prove(Bundle(envelope.encode(), leaf, receipt.index, receipt.proof, receipt.checkpoint), self._root)
        self._at(Step.PUBLISHED)
        return receipt


def _operator(root: TrustedRoot, key: PrivateKey, time: int) -> str:
    """Return the operator for whom a key may judge rebuilds at `time`, by the pinned root."""
    for one in root.keys:
        if one.public == key.public:
            if "rebuilder" not in one.roles or not one.valid(time):
                raise Forbidden(
                    f"the key {key.public.id} of {one.operator} holds {', '.join(one.roles)}, good from"
                    f" {one.valid_for.start} to {one.valid_for.end or 'now'}: it is no rebuilder's at {time}"
                )
            return one.operator
    raise Forbidden(
        f"the key {key.public.id} is not in version {root.version} of the pinned trusted root: ask {root.origin} to"
        " take it in as a rebuilder's, and pin the version that does"
    )
