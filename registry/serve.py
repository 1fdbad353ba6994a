"""Serve a home over HTTP: one process, handlers on threads, an orderly end.

Granian accepts the connections. SIGTERM and SIGINT stop it: what was accepted is answered, then the database is closed.
A statement that is being logged when the process dies is either in the log or not; its sender asks again.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Collection
from threading import Event, Thread

import structlog
from fastapi import FastAPI
from granian.constants import Interfaces
from granian.server.embed import Server

from registry.app import create
from registry.deps import Limits
from registry.home import Home
from registry.work.hooks import deliver
from signing.errors import Malformed, Refused

PORT = 8420
_LOOK_SECONDS = 5.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def run(
    home: Home,
    host: str = "127.0.0.1",
    port: int = PORT,
    *,
    limits: Limits | None = None,
    names: Collection[str] = (),
    grace: float = 20,
) -> None:
    """Serve `home` at `host` and `port` until the process is told to stop, and end the process then.

    On a loopback address only requests for it, or for one of `names`, are answered; elsewhere for any name, unless
    `names` are given.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError as error:
        raise Malformed(f"{host!r} is no address to listen on: {error}") from error
    _check_free(host, port)
    hosts = {*names, *_LOOPBACK} if address.is_loopback else {*names} or None
    _configure_log()
    app = create(home, limits=limits, hosts=hosts)
    collect_rarely()
    ending = Event()
    courier = Thread(target=_deliver, args=(home, ending), name="hooks", daemon=True)
    courier.start()
    try:
        asyncio.run(_serve(app, host, port, grace))
    finally:
        ending.set()
        courier.join(grace)
        home.store.close()
    # Granian's threads outlive its server, and one that meets the interpreter while it is taken down aborts the
    # process: an orderly end would be reported as a crash. Everything is answered, committed and closed by now.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def collect_rarely() -> None:
    """Let no answer of a thousand rows wait for the garbage collector, which sees neither what is here already nor each of its rows.

    By Python's defaults it looks through all the rest once for every few hundred rows.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def _serve(app: FastAPI, host: str, port: int, grace: float) -> None:
    log, loop = structlog.get_logger("registry"), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, told: log.warning("event loop", reason=told["message"]))
    server = Server(
        app,
        host,
        port,
        interface=Interfaces.ASGINL,
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    serving, told = loop.create_task(server.serve()), asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, told.set)
    log.info("serving", host=host, port=port)
    waiting = loop.create_task(told.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    server.stop()  # type: ignore[no-untyped-call]  # granian does not annotate it
    _, late = await asyncio.wait({serving}, timeout=grace)
    if late:
        log.warning("some requests are left unanswered", seconds=grace)
    else:
        serving.result()
    log.info("stopped")


def _deliver(home: Home, ending: Event) -> None:
    """Tell hooks what they are due, now and again; what fails is due again, and is never the end of telling."""
    log = structlog.get_logger("registry")
    while not ending.wait(_LOOK_SECONDS):
        try:
            while not ending.is_set() and (sent := deliver(home, most=1)):
                log.info(
                    "hook", hook=sent[0].hook, entry=sent[0].entry, state=sent[0].state, said=sent[0].said
                )
        except Exception:
            log.exception("hooks")


def _check_free(host: str, port: int) -> None:
    """Refuse an address that is taken: with SO_REUSEPORT two registries would share its connections in silence."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refused(f"{host}:{port} cannot be listened on: {error.strerror}") from error


def _configure_log() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
