"""What a format is made of, for the dictionary that a fuzzer puts together inputs from."""

from collections.abc import Iterable


def members(names: str) -> list[bytes]:
    """Return the names, apart by spaces, as members of a JSON object begin."""
    return [f'"{name}":'.encode() for name in names.split()]


def texts(words: Iterable[str]) -> list[bytes]:
    """Return the words as JSON texts."""
    return [f'"{word}"'.encode() for word in words]


def marks(escaped: str) -> list[bytes]:
    r"""Return what is spelled, apart by spaces, with bytes as Python escapes them: `\n` or `\xc2\x85`."""
    return [one.encode().decode("unicode_escape").encode("latin-1") for one in escaped.split()]


JSON = marks(r"null true false 0 -0 1 -1 1.0 1e3 9007199254740991 [] {} \\u0000 \\u001b \\ud800")
