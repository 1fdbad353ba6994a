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
# Real headers of models with thousands of tensors stay below 2 MiB; more is an attack on the reader's memory.
HEADER_LIMIT = 8 << 20
# numpy and torch both refuse more dimensions than this.
RANK_LIMIT = 64
NAME_LIMIT = 1024
SIZES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}
FLOATS = ("F64", "F32", "F16", "BF16")
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
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

_CLOSED = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(BaseModel):
    """One file of the artifact."""

    model_config = _CLOSED
    name: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)


class Tensor(BaseModel):
    """One tensor: its safetensors dtype, its shape, the file that holds it and the digest of its bytes."""

    model_config = _CLOSED
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

    model_config = _CLOSED
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
            if min(tensor.shape, default=0) < 0 or not _held(tensor.shape, tensor.dtype):
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


class Entry(BaseModel):
    """One tensor as a safetensors header places it: bytes `begin` to `end` of the data."""

    model_config = _CLOSED
    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


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


def header(raw: bytes, data_size: int, where: str) -> list[Entry]:
    """Check a safetensors header against its own file and return its tensors in the order of their bytes.

    `raw` is the JSON text, `data_size` the number of bytes that follow it, `where` names the file in errors. Every
    byte of the data belongs to exactly one tensor, or the file is refused before any library opens it (threat T4).
    """
    value = canonical.decode(raw.rstrip(b" "))
    if not isinstance(value, dict):
        raise Malformed(f"{where}: the header is no JSON object")
    metadata = value.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise Malformed(f"{where}: __metadata__ is no object of strings")
    entries = sorted(
        (_entry(where, name, said) for name, said in value.items()), key=lambda e: (e.begin, e.end)
    )
    at = 0
    for entry in entries:
        if entry.begin != at:
            fault = "overlaps what stands before it" if entry.begin < at else "leaves a hole before it"
            raise Malformed(f"{where}: {entry.name} starts at byte {entry.begin}, not {at}: it {fault}")
        at = entry.end
    if at != data_size:
        raise Malformed(f"{where}: its tensors cover {at} bytes of the {data_size} in the file")
    return entries


def weight_files(names: Sequence[str], index: bytes | None) -> dict[str, set[str] | None]:
    """Say which files hold the weights, each with the tensor names the index puts there (None: whatever it holds).

    `names` are the artifact's file names, `index` the bytes of `model.safetensors.index.json` if there is one.
    """
    if index is not None and SINGLE in names:
        raise Malformed(
            f"both {SINGLE} and {INDEX} are there, and programs differ in which of them they load"
        )
    if index is None:
        found = (
            [SINGLE] if SINGLE in names else [n for n in names if n.endswith(".safetensors") and "/" not in n]
        )
        return dict.fromkeys(utf8(found))
    value = canonical.decode(index)
    where = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(where, dict) or not all(isinstance(file, str) for file in where.values()):
        raise Malformed(f"{INDEX}: weight_map is no object of file names")
    files: dict[str, set[str] | None] = {file: set() for file in utf8({str(f) for f in where.values()})}
    for tensor, file in where.items():
        if file not in names:
            raise Malformed(f"{INDEX}: {tensor} is said to be in {file}, which is not there")
        placed = files[str(file)]
        if placed is not None:
            placed.add(tensor)
    return files


def _entry(where: str, name: str, said: canonical.Json) -> Entry:
    label = f"{where}: tensor {name!r:.80}"
    if not name or len(name.encode()) > NAME_LIMIT or not name.isprintable():
        raise Malformed(f"{label}: a tensor's name is printable and of 1 to {NAME_LIMIT} bytes")
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise Malformed(f"{label}: says {said!r:.80}, not dtype, shape and data_offsets")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise Malformed(f"{label}: its type {dtype!r:.40} is none of {' '.join(SIZES)}")
    if not _sizes(shape) or len(shape) > RANK_LIMIT:
        raise Malformed(f"{label}: its shape {shape!r:.80} is no list of at most {RANK_LIMIT} sizes")
    if not _sizes(offsets) or len(offsets) != 2:
        raise Malformed(f"{label}: its data_offsets {offsets!r:.80} are no begin and end")
    begin, end = offsets
    need = math.prod(shape) * SIZES[dtype]
    if end - begin != need or not _held(shape, dtype):
        takes = str(need) if _held(shape, dtype) else "more than 2^63"
        raise Malformed(
            f"{label}: {dtype} {shape!r:.80} takes {takes} bytes, its data_offsets hold {end - begin}"
        )
    return Entry(name=name, dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _sizes(value: canonical.Json) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)


def _held(shape: Sequence[int], dtype: str) -> bool:
    """Tell whether libraries hold a tensor of at most 64 sizes; those that they multiply may be too large beside one of 0."""
    return math.prod(filter(None, shape)) * SIZES[dtype] < 1 << 63
