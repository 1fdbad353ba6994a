"""A signed dossier is what a publisher who is trusted now says, of this log, and nothing else passes for one."""

from collections.abc import Mapping

import pytest
from world import OPERATOR, World

from lineage.dossier import URI
from registry.work.dossier import BEGINNING, Vouched, vouched
from signing import dsse
from signing.canonical import Json
from signing.errors import Malformed, Untrusted
from signing.keys import PrivateKey
from signing.statement import Statement, Subject

ARTIFACT = "ab" * 32


def signed(world: World, key: PrivateKey, uri: str = URI, **other: Json) -> bytes:
    said: Mapping[str, Json] = {
        "artifact": f"sha256:{ARTIFACT}",
        "log": world.home.root().origin,
        "as_of": 7,
        "page": "cd" * 32,
    }
    return dsse.sign(Statement((Subject("x", ARTIFACT),), uri, said | other).encode(), [key]).encode()


def test_a_publisher_vouches_for_a_dossier(world: World) -> None:
    raw = signed(world, world.home.keys("publisher"))

    assert raw.startswith(BEGINNING)
    assert vouched(raw, world.home.root(), world.time) == Vouched(
        f"sha256:{ARTIFACT}", (OPERATOR,), world.home.root().origin, 7, "cd" * 32
    )


def test_nobody_else_does(world: World) -> None:
    for key in (
        PrivateKey.generate("ecdsa-p256"),
        world.home.keys("security"),
        world.join("vet", "rebuilder"),
    ):
        with pytest.raises(Untrusted, match="no key that may publish now, by version"):
            vouched(signed(world, key), world.home.root(), world.time)


def test_a_key_that_was_ended_vouches_for_nothing_any_more(world: World) -> None:
    key = world.join("vet", "publisher")
    raw = signed(world, key)
    assert vouched(raw, world.home.root(), world.time).operators == ("vet",)
    world.advance(60)

    world.end(key, world.time - 1)

    with pytest.raises(Untrusted, match="no key that may publish now"):
        vouched(raw, world.home.root(), world.time)


def test_a_dossier_of_another_log_is_none_of_this_root_s(world: World) -> None:
    raw = signed(world, world.home.keys("publisher"), log="elsewhere/log")
    with pytest.raises(Untrusted, match="made from the log elsewhere/log"):
        vouched(raw, world.home.root(), world.time)


@pytest.mark.parametrize(
    ("uri", "other"),
    [
        ("https://studbook.dev/license/v1", {}),
        (URI, {"artifact": f"sha256:{'ef' * 32}"}),
        (URI, {"as_of": "7"}),
        (URI, {"page": None}),
    ],
)
def test_another_statement_of_a_publisher_is_no_dossier(
    world: World, uri: str, other: dict[str, Json]
) -> None:
    with pytest.raises(Malformed, match="and no dossier"):
        vouched(signed(world, world.home.keys("publisher"), uri, **other), world.home.root(), world.time)
