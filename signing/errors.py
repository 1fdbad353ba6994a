"""Why something was refused, as far as a caller would act differently.

`Malformed` is the sender's mistake and stays one however often it is sent; `Untrusted` may hold tomorrow with
another key, proof or checkpoint; `Forbidden` holds for somebody else.
"""

# Enough for every sentence of ours; the values in it are a stranger's, and may be megabytes.
LONGEST = 2000


class Refused(ValueError):
    """The value was not accepted; the message is a sentence that says why, with the values in it."""

    def __init__(self, sentence: str) -> None:
        """Keep the sentence as it can be shown: on one line, and of bounded length."""
        # Values in it go to terminals and logs, where control characters would act: ESC rewrites what is shown around it.
        shown = "".join(map(_shown, sentence[: LONGEST + 1]))
        super().__init__(shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…")


def _shown(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


class Malformed(Refused):
    """The bytes are not what they claim to be."""


class Untrusted(Refused):
    """Well-formed, but nothing trusted vouches for it, or its proof does not hold."""


class Forbidden(Untrusted):
    """The signature holds, and its key may not say this."""
