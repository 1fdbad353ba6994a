"""The application: every resource of `registry.routes` over one home, and what holds for every request.

Each request gets an id, one line in the log and the same security headers; each refusal becomes a problem, and what
nobody foresaw becomes one too, without its internals. There is no page here that could run a script, and nobody else's
page may read an answer: no CORS, and only the host names given, or a web page could reach a registry on its reader's
own machine by DNS rebinding.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import metadata
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from registry import problems, routes
from registry.deps import Limits, Served
from registry.home import Home
from registry.line import Busy
from registry.problems import METHOD, MISDIRECTED, UNEXPECTED, UNKNOWN_ROUTE, Kind, Problem
from signing.errors import Malformed, Refused

_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_log = structlog.get_logger("registry")


def create(home: Home, *, limits: Limits | None = None, hosts: Collection[str] | None = None) -> FastAPI:
    """Return the application that serves `home`, to requests for one of `hosts`, or for any (None)."""
    # A registry that could not sign is refused when it starts, not when the first statement waits for its checkpoint.
    home.keys("log")
    about = metadata("studbook")
    found = routes.discovered()
    app = _Api(
        title=about["Name"].capitalize(),
        version=about["Version"],
        summary=about["Summary"],
        license_info={"name": about["License-Expression"], "identifier": about["License-Expression"]},
        openapi_tags=[
            {"name": name, "description": (one.__doc__ or "").partition("\n")[0].partition(": ")[2]}
            for name, one in found.items()
        ],
        docs_url=None,  # the stock pages load scripts from somebody else's host
        redoc_url=None,
    )
    app.state.served = Served(home, home.writer(), limits or Limits())
    paths: list[BaseRoute] = []
    for name, one in found.items():
        app.include_router(one.router, tags=[name])
        paths += one.router.routes
    _answer_errors(app, paths)
    app.add_middleware(_Watched, hosts=hosts)
    return app


class _Api(FastAPI):
    """An application whose description holds the one schema that is ours to add: `Problem`."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI description."""
        described = super().openapi()
        described["components"]["schemas"]["Problem"] = Problem.model_json_schema()
        return described


class _Watched:
    """Gives every request an id, a line in the log and the security headers, and answers what nobody foresaw."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request, started, status = secrets.token_hex(8), time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _headed(message["headers"], request)
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request):
            try:
                await self._answer(scope, receive, sending)
            except ClientDisconnect:
                _log.info("the sender left", method=scope["method"], path=scope["path"])
            except Exception:
                _log.exception("unexpected", method=scope["method"], path=scope["path"])
                if status:
                    raise  # half an answer is out: the connection must break, or it would look whole
                said = problems.problem(UNEXPECTED, f"the log has it under request {request}", _path(scope))
                await _response(said)(scope, receive, sending)
            finally:
                spent = round((time.perf_counter() - started) * 1000, 1)
                _log.info(
                    "answered", method=scope["method"], path=scope["path"], status=status, milliseconds=spent
                )

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if self._hosts is None or _name(host) in self._hosts:
            await self._app(scope, receive, send)
            return
        detail = f"this registry answers to {', '.join(sorted(self._hosts))}, not to {_name(host)!r}"
        await _response(problems.problem(MISDIRECTED, detail, _path(scope)))(scope, receive, send)


def _answer_errors(app: FastAPI, paths: Sequence[BaseRoute]) -> None:
    """Register how refusals of every origin are answered."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> Response:
        if problems.kind_of(error) is problems.UNAVAILABLE:
            _log.error("unavailable", reason=str(error))
        return _response(*problems.refused(error, _path(request.scope)))

    @app.exception_handler(NoConnection)
    async def crowded(request: Request, _: NoConnection) -> Response:
        busy = Busy("every connection to the database is in use; try again later")
        return _response(*problems.refused(busy, _path(request.scope)))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        faults = (_fault(" ".join(map(str, one["loc"])), one) for one in error.errors())
        return _response(*problems.refused(Malformed("; ".join(faults)), _path(request.scope)))

    @app.exception_handler(HTTPException)
    async def other(request: Request, error: HTTPException) -> Response:
        path = _path(request.scope)
        kinds: dict[int, Kind] = {one.status: one for one in (UNKNOWN_ROUTE, METHOD)}
        if error.status_code != METHOD.status:
            detail = f"{path} is no path of this registry; /openapi.json lists them"
            return _response(problems.problem(kinds[error.status_code], detail, path))
        allowed = ", ".join(_allowed(paths, request.scope))
        detail = f"{path} takes {allowed}, not {request.method}"
        return _response(problems.problem(METHOD, detail, path), {"Allow": allowed})


def _fault(where: str, one: Mapping[str, Any]) -> str:
    return (
        f"{where} is missing"
        if one["type"] == "missing"
        else f"{where}: {one['msg']}, not {one['input']!r:.80}"
    )


def _allowed(paths: Sequence[BaseRoute], scope: Scope) -> list[str]:
    """Return every method that the path takes; Starlette would name those of the first route alone."""
    found = [one for one in paths if one.matches(scope)[0] is not Match.NONE]
    return sorted({method for one in found for method in getattr(one, "methods", None) or ()})


def _response(said: Problem, headers: Mapping[str, str] | None = None) -> Response:
    return Response(problems.encode(said), said.status, dict(headers or {}), problems.MEDIA_TYPE)


def _headed(headers: Sequence[tuple[bytes, bytes]], request: str) -> list[tuple[bytes, bytes]]:
    """Add the headers of every response, except where the response says otherwise."""
    own = {name.lower() for name, _ in headers}
    common = {name.encode(): value.encode() for name, value in _HEADERS.items()} | {
        b"x-request-id": request.encode()
    }
    return [*headers, *((name, value) for name, value in common.items() if name not in own)]


def _name(host: str) -> str:
    """Return the host name of a Host header, without its port."""
    name, _, port = host.rpartition(":")
    return (name if port.isdecimal() else host).lower()


def _path(scope: Scope) -> str:
    """Return the path as it was sent."""
    return scope.get("raw_path", b"").decode("ascii", "replace") or quote(scope["path"])
