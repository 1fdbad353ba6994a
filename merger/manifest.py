"""The manifest: which tensors an artifact holds, where, and the digest of every 2^20 bytes of each.

A manifest is a pure function of the artifact's files, so everyone who describes an artifact signs the same bytes.
Tensor digest = BLAKE3-256 over the concatenated BLAKE3-256 digests of its 2^20-byte blocks; the block digests are one
file of their own, named in the manifest by SHA-256, so that any block can be checked alone and by any thread.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence

from blake3 import blake3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from signing import canonical
from signing.digest import check_names
from signing.errors import Malformed

BLOCK = 1 << 20
DIGEST = 32
# numpy and torch both refuse more dimensions than this.
RANK_LIMIT = 64
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
FLOATS = ("F64", "F32", "F16", "BF16")
# Files that say which row of the embeddings means which word, and how a conversation is written.
VOCABULARY = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "added_tokens.json",
    "chat_template.jinja",
    "chat_template.json",
)

CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(BaseModel):
    """One file of the artifact."""

    model_config = CLOSED
    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Tensor(BaseModel):
    """One tensor: its safetensors dtype, its shape, the file that holds it and the digest of its bytes."""

    model_config = CLOSED
    name: str
    dtype: str
    shape: tuple[int, ...]
    file: str
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def elements(self) -> int:
        """Return the number of elements; a tensor without dimensions has one."""
        return math.prod(self.shape)

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self.elements * SIZES[self.dtype]

    @property
    def blocks(self) -> int:
        """Return the number of 2^20-byte blocks."""
        return -(-self.size // BLOCK)


class Manifest(BaseModel):
    """The files and tensors of one artifact, each sorted by UTF-8 name; `blocks` names the block digests' file."""

    model_config = CLOSED
    v: str = Field(default="1", pattern="^1$")
    files: tuple[File, ...]
    tensors: tuple[Tensor, ...]
    blocks: str = Field(pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def parse(cls, raw: bytes) -> Manifest:
        """Read a manifest, strictly."""
        canonical.decode(raw)  # refuses duplicate keys and the rest that pydantic would let pass
        try:
            manifest = cls.model_validate_json(raw)
        except ValidationError as error:
            fault = error.errors(include_url=False)[0]
            where = ".".join(map(str, fault["loc"]))
            raise Malformed(f"manifest: {where}: {fault['msg']}, not {fault['input']!r:.80}") from None
        files, tensors = [f.name for f in manifest.files], [t.name for t in manifest.tensors]
        check_names(files)
        if files != utf8(set(files)) or tensors != utf8(set(tensors)):
            raise Malformed("manifest: its files and its tensors are not sorted by name, each once")
        for tensor in manifest.tensors:
            if tensor.dtype not in SIZES:
                raise Malformed(f"manifest: {tensor.name} has the unknown type {tensor.dtype!r:.40}")
            if tensor.file not in files:
                raise Malformed(
                    f"manifest: {tensor.name} is said to be in {tensor.file!r:.80}, which it does not list"
                )
            if len(tensor.shape) > RANK_LIMIT:
                raise Malformed(
                    f"manifest: {tensor.name} has the shape {tensor.shape!r:.80}, no list of at most {RANK_LIMIT} sizes"
                )
            if min(tensor.shape, default=0) < 0 or not held(tensor.shape, tensor.dtype):
                raise Malformed(
                    f"manifest: {tensor.name} has the shape {tensor.shape!r:.80}, which no tensor of {tensor.dtype} can have"
                )
        return manifest

    def encode(self) -> bytes:
        """Return the canonical bytes (RFC 8785) whose SHA-256 names this manifest."""
        return canonical.encode(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """Return SHA-256 over the canonical bytes, in hex."""
        return hashlib.sha256(self.encode()).hexdigest()

    def offsets(self) -> Mapping[str, int]:
        """Return, for each tensor name, the index of its first block in the block digests' file."""
        at, where = 0, {}
        for tensor in self.tensors:
            where[tensor.name] = at
            at += tensor.blocks
        return where


def block_digest(data: bytes | memoryview) -> bytes:
    """Return the BLAKE3-256 digest of one block."""
    return blake3(data).digest()


def block_digests(data: bytes | memoryview) -> bytes:
    """Return the digests of data that begins with a block, one after another; its last block may be short."""
    view = memoryview(data)
    return b"".join(block_digest(view[at : at + BLOCK]) for at in range(0, len(view), BLOCK))


def tensor_digest(blocks: bytes) -> str:
    """Return the digest of a tensor, in hex, from its blocks' concatenated digests."""
    return blake3(blocks).hexdigest()


def utf8(names: Iterable[str]) -> list[str]:
    """Sort names by their UTF-8 bytes, the order every list here is in."""
    return sorted(names, key=str.encode)


def held(shape: Sequence[int], dtype: str) -> bool:
    """Tell whether libraries hold a tensor of at most 64 sizes; those that they multiply may be too large beside one of 0."""
    return math.prod(filter(None, shape)) * SIZES[dtype] < 1 << 63
