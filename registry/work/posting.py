"""Post a message to an address that somebody else chose, without being led elsewhere (3-trust, [lineage]; SSRF).

The name is resolved once, what it means is checked, and the connection goes to that checked address: a name that means
something else a moment later changes nothing. Redirections are not followed, no proxy of the environment is used, and of
an answer only its status is read.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from threading import Timer
from typing import NamedTuple
from urllib.parse import urlsplit

from signing.errors import Malformed, Refused

SECONDS = 15.0
"""What one attempt may take as a whole."""
_LONGEST = 2000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Resolve = Callable[[str, int], list[str]]
"""Returns the addresses that a host name means."""


class Place(NamedTuple):
    """Where a URL leads."""

    tls: bool
    host: str
    port: int
    target: str


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses that a host name means, by this machine's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def place(url: str) -> Place:
    """Read the URL of a hook: https, or http to a loopback address; without user, password and fragment."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Malformed(f"{url!r:.200} is no URL: {error}") from error
    plain = all("!" <= character <= "~" for character in url)
    if not plain or len(url) > _LONGEST or not host or parts.username is not None or parts.fragment:
        raise Malformed(
            f"{url!r:.200} is no URL of a hook: https://host/path in ASCII, without user, password and fragment"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise Malformed(f"{url!r:.200}: a hook is told over https, or over http on this machine alone")
    tls = parts.scheme == "https"
    query = f"?{parts.query}" if parts.query else ""
    return Place(tls, host, port or (443 if tls else 80), (parts.path or "/") + query)


def checked(to: Place, *, private: bool, resolve: Resolve = resolved) -> str:
    """Return an address that a place means; refuse one with any that is not public, unless `private` ones are allowed."""
    try:
        found = resolve(to.host, to.port)
    except (OSError, UnicodeError) as error:
        raise Refused(f"{to.host} means no address: {error}") from error
    if not found:
        raise Refused(f"{to.host} means no address")
    for one in found:
        address = ipaddress.ip_address(one.partition("%")[0])
        local = not to.tls and address.is_loopback
        if not (local or (to.tls and (private or _public(address)))):
            raise Refused(
                f"{to.host} means {one}, which is no public address; STUDBOOK_HOOK_PRIVATE=true allows private ones"
            )
    return found[0]


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    private: bool,
    resolve: Resolve = resolved,
    trust: ssl.SSLContext | None = None,
    seconds: float = SECONDS,
) -> int:
    """Send `body` to `url` and return the status of the answer; `Refused`, with the reason, if there is none in time."""
    to = place(url)
    address = checked(to, private=private, resolve=resolve)
    context = (trust or ssl.create_default_context()) if to.tls else None
    connection = _Checked(to, address, seconds, context)
    # A byte now and then would renew the time limit of each read for ever.
    late = Timer(seconds, connection.cut)
    late.start()
    try:
        connection.request("POST", to.target, body, {"content-type": "application/json", **headers})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise Refused(f"{to.host} did not answer: {error or type(error).__name__}") from error
    finally:
        late.cancel()
        connection.close()


class _Checked(http.client.HTTPConnection):
    """A connection to the address that was checked, and no other, in the name of the host."""

    def __init__(self, to: Place, address: str, seconds: float, context: ssl.SSLContext | None) -> None:
        super().__init__(to.host, to.port, timeout=seconds)
        self.default_port = 443 if to.tls else 80
        self._address, self._context = address, context

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            # In two steps, so that `cut` finds the socket that the handshake waits on.
            wrapped = self._context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock = wrapped
            wrapped.do_handshake()

    def cut(self) -> None:
        """End the connection from another thread: whoever waits on it finds it closed."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _public(inner)
    return address.is_global and not address.is_multicast
