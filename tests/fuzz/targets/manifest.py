"""Manifests: the bytes that are named by their SHA-256 have one spelling, and every tensor's blocks have their place."""

from fuzz.words import JSON, members, texts

from merger.manifest import SIZES, Manifest

MINUTES, LONGEST = 3, 65536
WORDS = (*members("v files tensors blocks name sha256 size dtype shape file digest"), *texts(SIZES), *JSON)


def read(data: bytes) -> None:
    found = Manifest.parse(data)
    again = Manifest.parse(found.encode())
    assert again == found
    assert again.digest == found.digest
    ends = [0]
    for tensor in found.tensors:
        assert found.offsets()[tensor.name] == ends[-1]
        ends.append(ends[-1] + tensor.blocks)
