"""Trusted roots for tests: three people, one log key, and what stands in a document about them."""

from lineage.predicates.root import Key, Period, TrustedRoot
from signing.keys import PrivateKey

ANN, BOB, CAT, LOG = (PrivateKey.generate("ecdsa-p256" if i < 3 else "ed25519").public for i in range(4))


def key(operator, public, *roles, namespaces=("*",), start=0, end=None):
    return Key(
        operator=operator,
        roles=roles,
        namespaces=namespaces,
        contact=f"{operator}@example.org",
        public=public,
        valid_for=Period(start=start, end=end),
    )


def trusted(*keys, version=1, threshold=1):
    log = key("log", LOG, "log")
    return TrustedRoot(version=version, threshold=threshold, origin="example.org/log", keys=(*keys, log))
