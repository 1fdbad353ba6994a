"""Keys that the tests of signing share; making one is slow, and none of these tests changes one."""

import pytest

from signing.keys import PrivateKey


@pytest.fixture(scope="session")
def publisher() -> PrivateKey:
    return PrivateKey.generate("ecdsa-p256")


@pytest.fixture(scope="session")
def second() -> PrivateKey:
    return PrivateKey.generate("ecdsa-p256")


@pytest.fixture(scope="session")
def log_key() -> PrivateKey:
    return PrivateKey.generate("ed25519")
