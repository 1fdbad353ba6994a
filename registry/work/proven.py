"""What a registry says of an artifact, proven under a pinned root: how it was built, and which files it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lineage import predicates
from lineage.authority import TrustedRoot
from lineage.facts import Built, Registered
from lineage.predicates import signature
from registry.store import Absent
from registry.work.fetch import Source
from registry.work.logged import Provenance
from registry.work.verify import prove
from signing.bundle import Bundle
from signing.dsse import Envelope
from signing.errors import Malformed, Refused, Untrusted
from signing.statement import Statement


class Unproven(Refused):
    """What had to be proven is not there, not understood, or not vouched for by what is pinned."""


@dataclass(frozen=True, slots=True)
class Found:
    """A proven provenance, and the SHA-256 of the manifest that it names."""

    provenance: Provenance
    manifest: str


@contextmanager
def proving(*kinds: type[Refused]) -> Iterator[None]:
    """Turn refusals of these kinds, inside the block, into a reason why nothing is executed."""
    try:
        yield
    except kinds as error:
        raise Unproven(str(error)) from error


def provenance(source: Source, root: TrustedRoot, artifact: str, build: str) -> Found:
    """Return how `artifact` was built by entry `build`; `Untrusted` if the registry answers with another entry."""
    with proving(Absent):
        bundle = Bundle.parse(source.bundle(build))
    with proving(Refused):
        proven = prove(bundle, root).proven
        facts = predicates.facts(proven.statement, proven.entry)
    built = next((fact for fact in facts if isinstance(fact, Built)), None)
    if built is None or (built.artifact, proven.entry) != (artifact, build):
        raise Untrusted(
            f"{source.name} was asked for the provenance {build} of {artifact}, and answered with entry {proven.entry}"
        )
    return Found(Provenance.of(artifact, build, proven.statement), built.manifest)


def files(source: Source, root: TrustedRoot, artifact: str) -> Mapping[str, str]:
    """Return the files of an artifact, SHA-256 by name, as a registration lists them."""
    # A way of making it that is unknown here is malformed to this version; it is not what is asked about.
    with proving(Absent, Malformed):
        bundles = [Bundle.parse(raw) for raw in source.bundles(artifact)]
    with proving(Refused):
        for bundle in bundles:
            if Statement.parse(Envelope.parse(bundle.envelope).payload).predicate_type != signature.URI:
                continue
            proven = prove(bundle, root).proven
            for fact in predicates.facts(proven.statement, proven.entry):
                if isinstance(fact, Registered) and fact.artifact == artifact:
                    return dict(fact.files)
    raise Unproven(f"nothing that {source.name} says about {artifact} signs its list of files")
