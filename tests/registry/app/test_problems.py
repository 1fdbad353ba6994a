"""Every refusal has one status, one name and one way back."""

import importlib
import json
import pkgutil
import sqlite3

import pytest
from sqlalchemy.exc import OperationalError

import lineage
import merger
import registry
import signing
from registry import problems
from registry.line import Busy
from registry.problems import REFUSALS, Stalled, TooLarge, Unsatisfiable
from registry.store import Absent
from registry.store.gate import Contradicted
from signing import canonical
from signing.errors import Forbidden, Malformed, Refused, Untrusted

TABLE = {
    Refused: (409, "refused"),
    Malformed: (422, "malformed"),
    TooLarge: (413, "too-large"),
    Unsatisfiable: (416, "unsatisfiable"),
    Untrusted: (403, "untrusted"),
    Forbidden: (403, "forbidden"),
    Absent: (404, "absent"),
    Contradicted: (409, "license-conflict"),
    Stalled: (408, "stalled"),
    Busy: (503, "busy"),
}


def caused(error: Refused, cause: Exception) -> Refused:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", TABLE, ids=lambda error: error.__name__)
def test_a_refusal_becomes_its_problem_and_comes_back_as_itself(error: type[Refused]) -> None:
    sentence = "the mlp weights disagree on shape, (4096, 11008) and (4096, 14336)"

    said, headers = problems.refused(error(sentence), "/entries")

    status, name = TABLE[error]
    assert (said.status, said.type) == (status, f"https://studbook.dev/problems/{name}")
    assert (said.detail, said.instance) == (sentence, "/entries")
    assert said.title
    assert ("Retry-After" in headers) == (status == 503)
    assert ("Content-Range" in headers) == (status == 416)
    back = problems.raised(said.status, problems.encode(said), "http://kennel")
    assert (type(back), str(back)) == (error, sentence)


def test_the_table_names_every_class_that_http_treats_apart() -> None:
    assert TABLE.keys() == REFUSALS.keys()
    names = [kind.name for kind in (*REFUSALS.values(), *problems.OTHERS)]
    assert len(set(names)) == len(names)


def test_a_class_without_a_row_is_answered_as_the_nearest_one_with_a_row() -> None:
    for package in (signing, lineage, merger, registry):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if (
                not module.name.startswith(("registry.demo", "merger.kernels.device"))
                and "__main__" not in module.name
            ):
                importlib.import_module(module.name)
    waiting = [Refused]
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        assert problems.kind_of(error("a sentence")).status < 500 or issubclass(error, Busy)


@pytest.mark.parametrize(
    "cause", [json.JSONDecodeError("x", "x", 0), UnicodeDecodeError("utf-8", b"x", 0, 1, "x")]
)
def test_what_is_no_json_at_all_is_a_bad_request(cause: Exception) -> None:
    assert problems.kind_of(caused(Malformed("not JSON"), cause)).status == 400
    assert problems.kind_of(caused(TooLarge("too large"), cause)).status == 413


@pytest.mark.parametrize(
    "cause", [OSError(28, "No space left"), OperationalError("x", {}, sqlite3.OperationalError("x"))]
)
def test_what_the_machine_fails_at_is_told_to_nobody(cause: Exception) -> None:
    said, headers = problems.refused(
        caused(Refused("/home/me/studbook.db: disk I/O error"), cause), "/health"
    )

    assert (said.status, said.type) == (503, "https://studbook.dev/problems/unavailable")
    assert "/home/me" not in said.detail
    assert headers["Retry-After"]


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"{}", b"[]", b"\xff"])
def test_an_error_that_is_no_problem_is_a_refusal_all_the_same(body: bytes) -> None:
    back = problems.raised(502, body, "http://kennel")

    assert (type(back), str(back)) == (Refused, "http://kennel answered with status 502 and no reason")


def test_a_problem_of_no_known_class_says_who_had_it() -> None:
    said = problems.problem(problems.UNEXPECTED, "the log has it under request 7", "/x")

    back = problems.raised(500, problems.encode(said), "http://kennel")

    assert type(back) is Refused
    assert str(back) == "http://kennel: The registry made a mistake: the log has it under request 7"


def test_a_problem_is_canonical_json() -> None:
    said = problems.problem(problems.METHOD, 'a "quoted" é', "/x")

    assert canonical.decode(problems.encode(said)) == said.model_dump()
