"""Webhook signatures, held against the specification's reference library."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from signing import webhook
from signing.errors import Malformed

secrets = st.binary(min_size=24, max_size=64).map(webhook.secret)


@given(
    secrets,
    st.from_regex("msg_[0-9a-f]{8}", fullmatch=True),
    st.integers(0, 2**31),
    st.text(st.characters(exclude_categories=["Cs"])),
)
def test_law_the_reference_library_makes_the_same_signature(secret, message, time, text) -> None:
    made = webhook.headers(secret, message, time, text.encode())

    sent = datetime.fromtimestamp(time, UTC)
    assert made == {
        "webhook-id": message,
        "webhook-timestamp": str(time),
        "webhook-signature": Webhook(secret).sign(message, sent, text),
    }


def test_the_secret_of_the_specification_s_libraries_signs_as_it_does_there() -> None:
    secret, message, time = (
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
    )

    made = webhook.headers(secret, message, time, b'{"test": 2432232314}')

    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "begins with whsec_"),
        ("whsec_!!secret!!", "base64"),
        (webhook.secret(b"x" * 23), "24 to 64 bytes, not 23"),
        (webhook.secret(b"x" * 65), "24 to 64 bytes, not 65"),
    ],
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(written, says) -> None:
    with pytest.raises(Malformed, match=says) as refused:
        webhook.key(written)
    assert written not in str(refused.value)
    assert "secret!!" not in str(refused.value)
