"""One world for every story: a home over the real code, keys, a clock that the story sets, tiny models.

A story speaks in verbs (`model merge publish report retract license waive decide bind join end advance crash`) and ends in `check`, which folds the
log again and verifies the bundle of every entry offline.
"""

import os
import shutil
import weakref
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np
from applying import pair, write_adapter
from clusters import ON_POSTGRESQL, cluster
from making import floats, write_model, write_statistics
from measuring import measured
from strategies import tensors

from lineage.authority import TrustedRoot
from lineage.facts import Relation, Role, Waived
from lineage.finding import Finding
from lineage.incidents import Kind, Severity
from lineage.predicates import (
    derivation,
    incident,
    incident_change,
    license_gate,
    name,
    same_as,
    signature,
    waiver,
)
from lineage.predicates import license as license_predicate
from lineage.predicates import redaction as redaction_predicate
from lineage.predicates import root as root_predicate
from lineage.standing import Standing
from lineage.status import Policy
from lineage.verdict import Verdict, assess
from merger.methods import METHODS
from registry.fsck import Report, fsck
from registry.home import Home
from registry.publish import publish
from registry.settings import Settings
from registry.signer import Step
from registry.store import flagging, lineage, log, redaction, refs
from registry.store.log import Receipt
from registry.work.add import Declared, add
from registry.work.logged import find
from registry.work.make import make
from registry.work.prepared import prepare
from registry.work.rebuild import Rebuilt, rederive
from registry.work.shelf import shelved
from signing import canonical, checkpoint, merkle
from signing.bundle import Bundle, verify
from signing.digest import artifact_id
from signing.dsse import sign
from signing.keys import PrivateKey
from signing.statement import Statement

OPERATOR = "kennel"
BEGINNING = 1_750_000_000
SIGNERS: tuple[Role, ...] = ("root", "publisher", "builder", "rebuilder", "security")
CRASHED = 9


@cache
def _template() -> TemporaryDirectory[str]:
    """Make one home with `studbook init`; every world begins as a copy of it."""
    folder = TemporaryDirectory(prefix="studbook-world-")
    settings = Settings(database=cluster().url(_database())) if ON_POSTGRESQL else None
    Home.create(
        Path(folder.name) / "home", OPERATOR, clock=lambda: BEGINNING, settings=settings
    ).store.close()
    return folder


@cache
def _database() -> str:
    """The database that a world's own is a copy of."""
    return cluster().create()


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.time = BEGINNING
        shutil.copytree(Path(_template().name) / "home", folder / "home")
        self.settings = Settings(home=folder / "home")
        if ON_POSTGRESQL:
            copy = cluster().create("TEMPLATE", _database())
            weakref.finalize(self, cluster().drop, copy).atexit = False  # the server goes then
            self.settings = Settings(home=folder / "home", database=cluster().url(copy))
        self.home = Home.open(folder / "home", clock=lambda: self.time, settings=self.settings)
        self._made = 0

    def reopen(self) -> None:
        """Forget everything in memory, as a new process would."""
        self.home.store.close()
        self.home = Home.open(self.home.path, clock=lambda: self.time, settings=self.settings)

    # verbs

    def model(
        self,
        *parents: str,
        relation: Relation = "finetune",
        name: str | None = None,
        license: str | None = None,  # noqa: A002 - the one word for it
        scale: float = 1.0,
    ) -> str:
        """Write a tiny model that no other equals and register its folder; return the artifact id."""
        self._made += 1
        values = np.linspace(-scale, scale, 16) + self._made
        weights = {
            "layers.0.weight": ("F32", (4, 4), floats(values)),
            "norm": ("F32", (4,), floats(values[:4])),
        }
        folder = write_model(self.folder / f"model-{self._made}", weights)
        declared = Declared(name=name, license=license, parents=[(parent, relation) for parent in parents])
        return add(self.home, folder, declared).description.artifact

    def adapter(self, base: str) -> str:
        """Write a tiny LoRA adapter for `base` that no other equals and register its folder; return the artifact id."""
        self._made += 1
        factors = pair("layers.0", (4, 4), rank=2, seed=self._made)
        folder = write_adapter(self.folder / f"adapter-{self._made}", factors)
        declared = Declared(parents=[(base, "adapter_of")])
        return add(self.home, folder, declared).description.artifact

    def artifact(self, *parents: str, relation: Relation = "finetune", key: PrivateKey | None = None) -> str:
        """Register an artifact by its statements alone, with no bytes behind it and by any `key`: for laws over many."""
        self._made += 1
        files = {"model.safetensors": f"{self._made:064x}"}
        artifact = artifact_id(files)
        signer = key or self.home.keys("publisher")
        self.say(signature.statement(f"artifact-{self._made}", files), signer)
        if parents:
            self.derive(artifact, *parents, relation=relation, key=signer)
        return artifact

    def derive(
        self, child: str, *parents: str, relation: Relation = "finetune", key: PrivateKey | None = None
    ) -> Receipt:
        """Say, by the home's publisher key or another, that `child` was made from `parents`."""
        named = [derivation.Parent(artifact=parent, relation=relation, part={}) for parent in parents]
        return self.say(derivation.statement(child, named), key or self.home.keys("publisher"))

    def same(
        self, artifact: str, stub: str, by: same_as.Speaker = "publisher", key: PrivateKey | None = None
    ) -> Receipt:
        """Say, by the home's publisher key or another, that `artifact` is what `stub` names."""
        return self.say(same_as.statement(artifact, stub, by), key or self.home.keys("publisher"))

    def merge(self, method: str, first: str, *others: str, density: str = "0.5") -> str:
        """Merge for real, from mergekit's dialect; `first` is the base where the method has one."""
        self._made += 1
        rules = METHODS[method]
        chosen = others if rules.base == "needed" else (first, *others)
        own = {p.name: "0.5" for p in rules.parameters if p.per_parent and p.default is None}
        own |= {p.name: density for p in rules.parameters if p.per_parent and p.name == "density"}
        shared = {p.name: "0.5" for p in rules.parameters if not p.per_parent and p.default is None}
        lines = [f"merge_method: {method}", "dtype: float32", *(["seed: 7"] if rules.draws else [])]
        # The dialect takes the first end of a slerp from there.
        lines += [f"base_model: {first}"] if rules.base == "needed" or method == "slerp" else []
        lines += [f"parameters: {_flow(shared)}"] if shared else []
        lines += ["models:"]
        for model in chosen[: rules.parents[1]]:
            lines += [f"  - model: {model}", *([f"    parameters: {_flow(own)}"] if own else [])]
            if rules.statistics is not None:
                lines += [f"    statistics: {self.statistics(rules.statistics.kind, model)}"]
        prepared = prepare(self.home, "\n".join(lines).encode())
        return make(self.home, prepared, self.folder / f"model-{self._made}").result.artifact

    def statistics(self, kind: str, model: str) -> str:
        """Register statistics of a model, made up but of its shapes."""
        self._made += 1
        weights = (shelved(self.home, [model])[model].folder / "model.safetensors").read_bytes()
        found = measured(kind, tensors({"model.safetensors": weights}))
        folder = write_statistics(self.folder / f"statistics-{self._made}", kind, model, found)
        return add(self.home, folder, Declared(parents=[(model, "extract")])).description.artifact

    def rebuild(self, ref: str, threads: int = 1) -> Rebuilt:
        """Derive an artifact again, compare, and log the verdict."""
        return rederive(self.home, find(self.home, ref), threads=threads)

    def publish(self, role: Role, *statements: Statement) -> list[Receipt]:
        """Sign statements with this home's key for `role` and log all or none."""
        return self.home.say(role, *statements)

    def report(
        self,
        artifact: str | None,
        what: Kind,
        *more: str,
        severity: Severity = "high",
        stage: str = "confirmed",
        keys: Sequence[str] = (),
        tensors: Sequence[str] = (),
        names: Sequence[str] = (),
    ) -> str:
        """Open an incident with the security key, on artifacts, and on what it selects by keys, tensors and ranges of names; return its id."""
        named = more if artifact is None else (artifact, *more)
        summary = f"{what}, it seems"
        said = incident.statement(
            named,
            what,
            severity,
            stage,
            summary,
            contact="vet",
            issued=self.time,
            keys=keys,
            tensors=tensors,
            names=names,
        )
        return self.publish("security", said)[0].entry

    def retract(self, incident_id: str, reason: str = "a mistake") -> Receipt:
        return self.publish("security", incident_change.statement(incident_id, "retracted", reason))[0]

    def redact(self, entry: str, order: str = "order 17") -> Receipt:
        """Have the words of an entry removed."""
        with self.home.store.reading() as connection:
            left = redaction.left(connection, self.logged().index(entry))
        return self.publish("root", redaction_predicate.statement(entry, order, left))[0]

    def license(self, artifact: str, terms: str) -> Receipt:
        return self.publish("publisher", license_predicate.statement(artifact, terms, self.time))[0]

    def waive(
        self,
        artifact: str,
        finding: Finding,
        until: int,
        *,
        namespace: str = OPERATOR,
        key: PrivateKey | None = None,
    ) -> Receipt:
        """Accept a finding for names in a namespace, by the home's publisher key or another."""
        said = Waived(artifact, finding.kind, finding.origin, finding.license, namespace, "we asked", until)
        return self.say(waiver.statement(said, self.time), key or self.home.keys("publisher"))

    def decide(self, *, shut: bool) -> Receipt:
        """Shut the license gate, or open it."""
        said = license_gate.statement(self.home.root().origin, "a sale", self.time, shut=shut)
        return self.publish("publisher", said)[0]

    def bind(self, called: str, artifact: str, key: PrivateKey | None = None) -> Receipt:
        """Bind a name, by the home's publisher key or another."""
        said = name.statement(artifact, called, None, self.time)
        return self.say(said, key or self.home.keys("publisher"))

    def join(self, operator: str, *roles: Role, namespaces: Sequence[str] = ("*",)) -> PrivateKey:
        """Put a new key of `operator` into the trusted root, good from now on; return it."""
        key = PrivateKey.generate("ecdsa-p256")
        said = {
            "operator": operator,
            "roles": list(roles),
            "namespaces": list(namespaces),
            "contact": operator,
        }
        since = {"start": str(self.time), "end": None}
        self._reroot(lambda keys: keys.append(said | {"pem": _pem(key), "validFor": since}))
        return key

    def end(self, key: PrivateKey, at: int) -> Receipt:
        """Let the trusted root say that `key` was good until `at`, and no longer."""
        return self._reroot(
            lambda keys: [one["validFor"].update(end=str(at)) for one in keys if one["pem"] == _pem(key)]
        )

    def _reroot(self, change: Callable[[list[dict[str, Any]]], object]) -> Receipt:
        document = cast("dict[str, Any]", canonical.decode(self.home.root().encode()))
        change(document["keys"])
        document["version"] = str(int(document["version"]) + 1)
        return self.publish("root", root_predicate.statement(TrustedRoot.parse(canonical.encode(document))))[
            0
        ]

    def say(self, statement: Statement, *keys: PrivateKey) -> Receipt:
        """Sign a statement with keys that are none of this home's, and log it."""
        return publish(self.home.writer(), sign(statement.encode(), keys).encode())

    def advance(self, seconds: int) -> None:
        """Move the clock; a negative number sets it back."""
        self.time += seconds

    def crash(
        self, step: Step, role: Role, *statements: Statement, after: Callable[[], object] = lambda: None
    ) -> None:
        """Publish in a process of its own that dies at `step`, with no chance to tidy up; then call `after`."""
        self.home.store.close()
        child = os.fork()
        if child == 0:
            # Nothing but _exit may leave this branch, or the test would run on in two processes.
            try:
                stop = {step: lambda: os._exit(CRASHED)}
                at = lambda reached: stop.get(reached, lambda: None)()  # noqa: E731
                clock = lambda: self.time  # noqa: E731
                Home.open(self.home.path, clock=clock, settings=self.settings, at=at).say(role, *statements)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == CRASHED, f"the process did not reach {step!r}"
        after()
        self.reopen()

    # questions

    def verdict(self, artifact: str, size: int | None = None, policy: Policy | None = None) -> Verdict:
        with self.home.store.reading() as connection:
            return assess(lineage.around(connection, artifact, size), policy or Policy(self.time))

    def resolve(self, ref: str) -> str:
        with self.home.store.reading() as connection:
            return refs.resolve(connection, ref)

    def standing(self, artifact: str, size: int | None = None) -> Standing:
        return self.verdict(artifact, size).standing

    def descendants(self, artifact: str) -> set[str]:
        with self.home.store.reading() as connection:
            return {node.id for node in lineage.below(connection, artifact).nodes} - {artifact}

    def ancestors(self, artifact: str) -> set[str]:
        with self.home.store.reading() as connection:
            return {node.id for node in lineage.around(connection, artifact).nodes} - {artifact}

    def flagged(self, incident_id: str) -> set[str]:
        with self.home.store.reading() as connection:
            return set(flagging.flagged(connection, incident_id))

    def size(self) -> int:
        with self.home.store.reading() as connection:
            return log.size(connection)

    def logged(self) -> list[str]:
        with self.home.store.reading() as connection:
            return [one.entry for one in log.scan(connection)]

    # endings

    def fsck(self) -> Report:
        return fsck(self.home)

    def check(self, receipts: Sequence[Receipt] = ()) -> None:
        """Fold the log again, and prove every entry from its bundle alone; `receipts` still hold."""
        self.home.writer()  # covers what a crash left without a checkpoint
        report = self.fsck()
        assert report.findings == ()
        assert report.waiting == 0
        root = self.home.root()
        (log_key,) = root.public("log")
        with self.home.store.reading() as connection:
            for index in range(report.size):
                if log.read(connection, index).envelope is None:
                    assert _proven(log.receipt(connection, index), root), (
                        "what was redacted keeps leaf and proof"
                    )
                    continue
                bundle = Bundle.parse(log.bundle(connection, index).encode())
                proven = verify(bundle, root.public(*SIGNERS), root.origin, log_key)
                assert (proven.index, proven.time) == (index, bundle.leaf.time)
            for receipt in receipts:
                assert log.receipt(connection, receipt.index) == receipt


def _proven(receipt: Receipt, root: TrustedRoot) -> bool:
    """Tell whether a leaf stands in the tree of its checkpoint, which the log signed."""
    note = checkpoint.open_note(receipt.checkpoint, root.origin, root.log().public)
    top = merkle.inclusion_root(merkle.leaf_hash(receipt.leaf), receipt.index, receipt.size, receipt.proof)
    return checkpoint.Checkpoint.parse(note).root == top


def _pem(key: PrivateKey) -> str:
    return key.public.pem().decode()


def _flow(values: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in values.items()) + "}"
