"""Why something was refused, as far as a caller would act differently.

`Malformed` is the sender's mistake and stays one however often it is sent; `Untrusted` may hold tomorrow with
another key, proof or checkpoint; `Forbidden` holds for somebody else.
"""


class Refused(ValueError):
    """The value was not accepted; the message is a sentence that says why, with the values in it."""


class Malformed(Refused):
    """The bytes are not what they claim to be."""


class Untrusted(Refused):
    """Well-formed, but nothing trusted vouches for it, or its proof does not hold."""


class Forbidden(Untrusted):
    """The signature holds, and its key may not say this."""
