"""Bytes over HTTP from somebody who is not trusted: so many at most, in so much time, from that host alone.

A redirection is no answer: whoever is asked could otherwise send the asker to any machine that it can reach.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from registry import problems
from registry.store import Absent
from signing.errors import Malformed, Refused

# A byte now and then would hold the asker for ever: what a whole answer may take beside one second for each MiB.
PATIENCE = 120.0
# What a refusal may take to be said.
_MOST = 1 << 20


class Site:
    """Whoever answers at a URL; close it after use."""

    def __init__(self, url: str, timeout: float) -> None:
        """Ask whoever is at `url`, which may have a path, waiting `timeout` seconds for each piece of an answer."""
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise Malformed(f"{url!r} is no URL: {error}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise Malformed(f"a registry is at http:// or https:// and a host, not at {url!r}")
        encodings = {"Accept-Encoding": "gzip, identity"}
        self._client = httpx.Client(base_url=parsed, timeout=timeout, headers=encodings)
        # Without user and password, which a sentence on a screen must not repeat.
        self.shown = f"{parsed.scheme}://{parsed.netloc.decode('ascii')}{parsed.path}".rstrip("/")

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def file(self, path: str, most: int, **query: str) -> bytes:
        """Return the at most `most` bytes under a path; `Absent` if there are none, however that is said."""
        status, found = self._exchange("GET", path, most, query, None)
        if status == httpx.codes.NOT_FOUND:
            raise Absent(f"{self.shown}{path} is not there")
        return self._answer(status, found)

    def request(
        self, method: str, path: str, most: int, query: dict[str, str] | None, content: bytes | None
    ) -> bytes:
        """Return the body of an answer, of at most `most` bytes, or raise the refusal that it is."""
        return self._answer(*self._exchange(method, path, most, query, content))

    @contextmanager
    def stream(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        """Open an answer to be read bit by bit, as long as its reader likes, or raise the refusal that it is."""
        try:
            with self._client.stream(method, path, headers=headers) as response:
                if (
                    method == "HEAD" and response.status_code == httpx.codes.NOT_FOUND
                ):  # it has no body to say what
                    raise Absent(f"{self.shown} does not hold {path}")
                if not response.is_success:
                    raise self._refusal(response.status_code, self._read(response, path, _MOST))
                yield response
        except httpx.HTTPError as error:
            raise self._silent(error) from error

    def _answer(self, status: int, found: bytes) -> bytes:
        if not httpx.codes.is_success(status):
            raise self._refusal(status, found)
        return found

    def _refusal(self, status: int, found: bytes) -> Refused:
        return problems.raised(status, found, self.shown)

    def _silent(self, error: httpx.HTTPError) -> Refused:
        return Refused(f"{self.shown} does not answer: {str(error) or type(error).__name__}")

    def _exchange(
        self, method: str, path: str, most: int, query: dict[str, str] | None, content: bytes | None
    ) -> tuple[int, bytes]:
        try:
            with self._client.stream(method, path, params=query, content=content) as response:
                found = self._read(response, path, most)
        except httpx.HTTPError as error:
            raise self._silent(error) from error
        return response.status_code, found

    def _read(self, response: httpx.Response, path: str, most: int) -> bytes:
        found, started = bytearray(), time.monotonic()
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > most:
                raise Malformed(f"{self.shown}{path} is longer than {most} bytes")
            if time.monotonic() - started > PATIENCE + len(found) / 2**20:
                raise Refused(f"{self.shown}{path} came too slowly: {len(found)} bytes so far")
        return bytes(found)
