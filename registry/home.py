"""A home: one folder with everything of one registry (5-service, "Storage": one folder, local first).

    studbook.db        the log and what is folded from it, unless the setting `database` names another place
    blobs/             stored files, by SHA-256
    keys/              private keys: root, log, publisher, security; mode 0600
    trusted_root.json  the trusted root in force, what clients pin

`Home.create` is `studbook init`. It can be stopped anywhere and run again: each step finds what it made and goes on,
and `trusted_root.json`, written last, is what makes the folder a home. The database comes first and keys are made only
while its log is empty, so that what was lost later is missed and never made anew in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from lineage.authority import TrustedRoot
from lineage.facts import Role
from lineage.predicates import root as root_predicate
from lineage.status import Policy
from registry.publish import publish_all
from registry.settings import Clock, Settings, now
from registry.signer import Step
from registry.store import Absent, keys, log, pin, trust
from registry.store.blobs import Blobs
from registry.store.disk import alone
from registry.store.engine import Database, place
from registry.store.log import Receipt
from registry.store.schema import migrate
from registry.writer import Writer
from signing import canonical, dsse
from signing.canonical import Json
from signing.errors import Refused, Untrusted
from signing.keys import Kind, PrivateKey
from signing.statement import Statement

# Which file holds the key of a role. One person on one machine publishes, builds and rebuilds with one key; the
# security key is apart, because what it says stops other people's work (3-trust, T27).
KEY_FILES: dict[Role, str] = {
    "root": "root",
    "log": "log",
    "publisher": "publisher",
    "builder": "publisher",
    "rebuilder": "publisher",
    "security": "security",
}
_KINDS: dict[str, Kind] = {name: "ed25519" if name == "log" else "ecdsa-p256" for name in KEY_FILES.values()}
_OPERATOR = "local"
_PINNED = "trusted_root.json"
_OURS = frozenset({"keys", "blobs", "studbook.db", _PINNED})


class Home:
    """One registry on this machine: its store, blobs and keys, and the way into its log."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        settings: Settings,
        at: Callable[[Step], object],
        ask: keys.Ask | None = None,
    ) -> None:
        """Hold the home at `path`; `open` and `create` say whether there is one.

        `ask` gives the passphrase of a sealed key where the settings have none.
        """
        self.path = path
        self.blobs = Blobs(path / "blobs")
        self.store = Database(place(path, settings), settings.busy_seconds)
        self.settings, self._clock, self._at = settings, clock, at
        secret = settings.passphrase
        self._passphrase = None if secret is None else secret.get_secret_value().encode()
        self.ask: keys.Ask = ask if ask and self._passphrase is None else lambda _: self._passphrase
        self._writer: Writer | None = None

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        clock: Clock = now,
        settings: Settings | None = None,
        at: Callable[[Step], object] = lambda _: None,
        ask: keys.Ask | None = None,
    ) -> Home:
        """Open the home at `path`, which `create` completed."""
        if not (path / _PINNED).is_file():
            raise Absent(f"{path} is no Studbook home: `studbook init --home {path}` makes or completes one")
        settings = settings or Settings()
        if settings.database is None and not (path / "studbook.db").exists():
            raise Absent(
                f"{path} has no studbook.db: restore it, or set STUDBOOK_DATABASE to the PostgreSQL database that holds"
                " its log"
            )
        home = cls(path, clock, settings, at, ask)
        home.store.check_schema()
        with home.store.reading() as connection:
            pin.renew(connection, path / _PINNED)
        return home

    @classmethod
    def create(
        cls,
        path: Path,
        operator: str | None = None,
        *,
        clock: Clock = now,
        settings: Settings | None = None,
        at: Callable[[Step], object] = lambda _: None,
    ) -> Home:
        """Make the home at `path`, or complete one that was not finished: keys, database, first log entry.

        A new home is the `operator`'s, `local` if none is named; a home that exists refuses another one.
        """
        settings = settings or Settings()
        with alone(path, lambda: path.mkdir(mode=0o700, parents=True, exist_ok=True)):
            found = {one.name for one in path.iterdir()}
            if found and not found & _OURS:
                raise Refused(
                    f"{path} holds {', '.join(sorted(found)[:4])} and is no home: name an empty folder"
                )
            if settings.database is None:
                _check_database(path)
            migrate(place(path, settings), settings.busy_seconds)
            home = cls(path, clock, settings, at)
            home._complete(operator)
        return home

    def writer(self) -> Writer:
        """Return the log writer of this process, which first covers what a stopped process left uncovered."""
        if self._writer is None:
            pinned, log_key = self.path / _PINNED, self.keys("log")
            self._writer = Writer(self.store, pinned, log_key, self._clock, self.settings, self._at)
        return self._writer

    def check_keys(self) -> None:
        """Refuse a home whose log, by its trusted root, was written with other keys than the ones here."""
        root = self.root()
        keys.require(self.path / "keys", _KINDS)
        found = self.keys("log").public
        if found != root.log().public:
            raise Untrusted(
                f"{self.path / 'keys' / 'log.pem'} is the key {found.id}, and the trusted root names"
                f" {root.log().public.id} for the log {root.origin}: restore the key that belongs to this log"
            )
        for role in ("root", "publisher", "security"):
            self.operator(role)

    def keys(self, role: Role) -> PrivateKey:
        """Return the private key with which this home speaks in `role`."""
        return keys.load(self.key_file(role), self.ask)

    def key_file(self, role: Role) -> Path:
        """Return where the private key lies with which this home speaks in `role`."""
        if role not in KEY_FILES:
            raise Absent(f"a home holds no {role} key; it has {', '.join(KEY_FILES)}")
        return self.path / "keys" / f"{KEY_FILES[role]}.pem"

    def policy(self) -> Policy:
        """Return how statuses of incidents are read here, as of now."""
        return Policy(self.now(), self.settings.not_affected_stops)

    def now(self) -> int:
        """Return the time by this home's clock, in unix seconds."""
        return self._clock()

    def operator(self, role: Role) -> str:
        """Return the operator that the trusted root in force names for this home's key in `role`."""
        key = self.keys(role).public
        for one in self.root().keys:
            if one.public == key:
                return one.operator
        raise Untrusted(f"the {role} key {key.id} of {self.path} is not in the trusted root in force")

    def root(self) -> TrustedRoot:
        """Return the trusted root in force."""
        root = self._root()
        if root is None:
            raise Absent(f"{self.path} has an empty log: run `studbook init --home {self.path}`")
        return root

    def say(self, role: Role, *statements: Statement) -> list[Receipt]:
        """Sign `statements` in `role` and log them together or not at all."""
        return self.say_all([(role, statement) for statement in statements])

    def say_all(self, said: Sequence[tuple[Role, Statement]]) -> list[Receipt]:
        """Sign each statement in its role and log all of them in this order, or none."""
        signers = {role: self.keys(role) for role, _ in said}
        raws = [dsse.sign(statement.encode(), [signers[role]]).encode() for role, statement in said]
        return publish_all(self.writer(), raws)

    def _root(self) -> TrustedRoot | None:
        with self.store.reading() as connection:
            return trust.root(connection)

    def _complete(self, operator: str | None) -> None:
        """Make what an empty log lacks, or refuse what a log in use has lost; then pin the trusted root."""
        with self.store.reading() as connection:
            size, root = log.size(connection), trust.root(connection)
            if size:
                pin.check(connection, self.path / _PINNED)
        if size == 0:
            if (self.path / _PINNED).exists():
                raise Refused(
                    f"{self.path} has {_PINNED}, and the log in {self.store.name} is empty: restore it from a backup;"
                    " a second log under one name is not begun"
                )
            keys.make(self.path / "keys", _KINDS, self._passphrase)
            self._found(operator or _OPERATOR)
            return
        keys.require(self.path / "keys", _KINDS)
        self.writer()  # covers what a stopped `init` left, and pins it
        if root is not None and operator is not None and operator not in {key.operator for key in root.keys}:
            raise Refused(f"{self.path} is the home of {root.keys[0].operator}, not of {operator}")
        with self.store.reading() as connection:
            pin.renew(connection, self.path / _PINNED)

    def _found(self, operator: str) -> None:
        """Log the first trusted root, signed by the root key that it names."""
        roles: dict[str, list[Role]] = {}
        for role, name in KEY_FILES.items():
            roles.setdefault(name, []).append(role)
        start = str(self._clock())
        listed: list[Json] = [
            {
                "operator": operator,
                "roles": list[Json](roles[name]),
                "namespaces": ["*"],
                "contact": operator,
                "pem": self.keys(roles[name][0]).public.pem().decode(),
                "validFor": {"start": start, "end": None},
            }
            for name in roles
        ]
        # The log is named after its key, so that no two homes sign checkpoints under one name.
        origin = f"studbook.local/{self.keys('log').public.id[:16]}"
        document: Json = {"version": "1", "threshold": "1", "origin": origin, "keys": listed}
        self.say("root", root_predicate.statement(TrustedRoot.parse(canonical.encode(document))))


def _check_database(path: Path) -> None:
    """Refuse a folder that a home left behind and whose database is gone."""
    left = [one for one in (_PINNED, "keys/log.pem") if (path / one).exists()]
    if left and not (path / "studbook.db").exists():
        raise Refused(
            f"{path} has {' and '.join(left)}, and studbook.db is missing: restore it from a backup, or name an"
            " empty folder; a second log under one name is not begun"
        )
