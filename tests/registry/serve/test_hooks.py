"""A serving process tells subscribers by itself, what was logged beside it too."""

import signal
import time

from receiving import receiving
from world import World

from registry.work.hooks import add


def test_a_registry_tells_by_itself_and_ends_in_order(world: World, start) -> None:
    with receiving() as receiver:
        _, secret = add(world.home, receiver.url, "all", "")
        assert secret is not None
        with start(world.home.path) as server:
            world.report(world.model(), "compromised")
            until = time.monotonic() + 60
            while not receiver.got and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(0.5)  # what was answered is written down then

            assert server.ends(signal.SIGTERM) == 0

    assert [got.holds(secret) for got in receiver.got] == [True]
    assert any('"state": "delivered"' in line for line in server.said)
    assert all("whsec_" not in line for line in server.said)
    world.check()
