"""Signatures both ways with the reference tool, unmodified, in an environment of its own: what each signs, the other checks."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from certificates import Holder, issue, root, signer
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from making import floats, safetensors
from others import installed

from signing import dsse, oms, sigstore
from signing.digest import SIGNATURE, sha256_hex
from signing.keys import PrivateKey
from signing.sigstore import SigstoreBundle
from signing.statement import Statement, Subject

# The tool does not import without pyOpenSSL, and does not ask for it.
REFERENCE = ("model-signing==1.1.1", "pyOpenSSL==26.4.0")
SHARDS = {
    f"model-0000{n}-of-00002.safetensors": safetensors({f"w{n}": ("F32", (64,), floats([n] * 64))})
    for n in (1, 2)
}
FOLDERS: dict[str, dict[str, bytes]] = {
    "one": {"model.safetensors": safetensors({"w": ("F32", (2,), floats([1, 2]))})},
    # Sorted by path and by text, these come in two orders.
    "nested": {"a/x": b"1", "a-b/x": b"2", "a/b/c/d/y": b"3", "config.json": b"{}", "z/.gitignore": b""},
    "unicode": {"é.txt": b"1", "漢字/数 据.bin": b"2", "Ωmega": b"3", "🐕.json": b"{}", "plain": b"4"},
    "sharded": {"config.json": b"{}", "model.safetensors.index.json": b'{"weight_map": {}}', **SHARDS},
    "kept by others": {"w": b"1", ".git/HEAD": b"ref", ".gitattributes": b"*", ".github/x.yml": b"x"},
}  # fmt: skip
Folder = Callable[[str], Path]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Run the reference tool; returns what it said."""
    return partial(
        installed(tmp_path_factory.mktemp("reference") / "environment", *REFERENCE), program="model_signing"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Write one of the folders, always with the same bytes."""

    def write(name: str) -> Path:
        for file, data in FOLDERS[name].items():
            path = tmp_path / "model" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / "model"

    return write


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's key, its public half, and a certificate for it under a root."""
    place = tmp_path_factory.mktemp("keys")
    authority = root(days=(0, 36500))
    middle = issue("middle", authority, authority=True, days=(0, 36500))
    ann = signer(middle, days=(0, 36500))
    late = signer(middle, days=(0, 1), key=ann.key)
    wanted: dict[str, Holder] = {"root": authority, "middle": middle, "ann": ann, "late": late}
    for name, holder in wanted.items():
        (place / f"{name}.pem").write_bytes(holder.pem)
    assert isinstance(ann.key, PrivateKey)
    (place / "key.pem").write_bytes(ann.key.pem())
    (place / "key.pem").chmod(0o600)
    (place / "key.pub").write_bytes(ann.key.public.pem())
    return place


def files(folder: Path) -> list[Path]:
    """Return the files that are signed, none of what is kept by others."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name != SIGNATURE
        and not path.relative_to(folder).parts[0].startswith(".git")
    )


def change(folder: Path) -> None:
    data = bytearray(files(folder)[-1].read_bytes() or b"\0")
    data[0] ^= 1
    files(folder)[-1].write_bytes(data)


TAMPERINGS: dict[str, Callable[[Path], object]] = {
    "a changed byte": change,
    "an added file": lambda folder: (folder / "extra.py").write_bytes(b""),
    "a removed file": lambda folder: files(folder)[0].unlink(),
    "a renamed file": lambda folder: files(folder)[0].rename(folder / "renamed"),
}


@pytest.mark.system
@pytest.mark.parametrize("name", FOLDERS)
def test_they_accept_what_we_sign(reference, typed, folder: Folder, name: str, tmp_path: Path) -> None:
    model = folder(name)
    typed(tmp_path, "init")
    typed(tmp_path, "keys", "export", "publisher", "--public", "--out", "publisher.pem")
    typed(tmp_path, "sign", model)

    words = (
        "verify",
        "key",
        "--public_key",
        tmp_path / "publisher.pem",
        "--signature",
        model / SIGNATURE,
        model,
    )
    assert "Verification succeeded" in reference(*words)


@pytest.mark.system
def test_they_accept_what_add_signs(reference, typed, folder: Folder, tmp_path: Path) -> None:
    model = folder("sharded")
    typed(tmp_path, "init")
    typed(tmp_path, "keys", "export", "publisher", "--public", "--out", "publisher.pem")
    typed(tmp_path, "add", model, "--name", "kennel/model", "--sign")

    words = (
        "verify",
        "key",
        "--public_key",
        tmp_path / "publisher.pem",
        "--signature",
        model / SIGNATURE,
        model,
    )
    assert "Verification succeeded" in reference(*words)


@pytest.mark.system
@pytest.mark.parametrize("how", ["key", "certificate"])
@pytest.mark.parametrize("name", FOLDERS)
def test_we_accept_what_they_sign(reference, typed, folder: Folder, keys: Path, name: str, how: str) -> None:
    model = folder(name)
    reference(*theirs(how, keys), "--signature", model / SIGNATURE, model)

    said = typed(model.parent, "verify", model, *asked(how, keys)).stdout

    assert "byte for byte" in said
    for path in files(model):
        assert f"{sha256_hex(path.read_bytes())}  {path.relative_to(model)}\n" in said
    assert said.count("\n  ") == len(files(model)) + (2 if how == "key" else 3)


def theirs(how: str, keys: Path) -> list[object]:
    words: list[object] = ["sign", how, "--private_key", keys / "key.pem"]
    if how == "certificate":
        chain = ("--certificate_chain", keys / "middle.pem", "--certificate_chain", keys / "root.pem")
        words += ["--signing_certificate", keys / "ann.pem", *chain]
    return words


def asked(how: str, keys: Path) -> list[object]:
    return ["--key", keys / "key.pub"] if how == "key" else ["--certificate-chain", keys / "root.pem"]


@pytest.mark.system
@pytest.mark.parametrize("tampering", TAMPERINGS)
@pytest.mark.parametrize("name", FOLDERS)
def test_t1_both_refuse_a_changed_folder_whoever_signed(
    reference, typed, folder: Folder, keys: Path, name: str, tampering: str, tmp_path: Path
) -> None:
    model = folder(name)
    typed(tmp_path, "sign", model, "--key", keys / "key.pem", "--out", "ours.sig")
    reference(*theirs("key", keys), "--signature", tmp_path / "theirs.sig", model)

    TAMPERINGS[tampering](model)

    # A folder without files is no artifact, so there the question itself is refused.
    code, verdict = (1, "no: ") if files(model) else (2, "holds no files")
    for signature in ("ours.sig", "theirs.sig"):
        words = ("--signature", signature, "--key", keys / "key.pub")
        said = typed(tmp_path, "verify", model, *words, code=code)
        assert verdict in said.stdout + said.stderr
        words = ("--public_key", keys / "key.pub", "--signature", tmp_path / signature, model)
        assert "Signature mismatch" in reference("verify", "key", *words, code=1)


@pytest.mark.system
def test_t2_a_signature_that_they_accept_for_every_folder_is_refused_here(
    reference, typed, folder: Folder, keys: Path, tmp_path: Path
) -> None:
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["."]}
    universal = Statement((Subject("m", sha256_hex(b"")),), oms.URI, {"serialization": how, "resources": []})
    key = PrivateKey.parse((keys / "key.pem").read_bytes())
    bundle = SigstoreBundle(dsse.sign(universal.encode(), [key]), sigstore.hint(key.public))
    (tmp_path / "any.sig").write_bytes(bundle.encode())
    model = folder("nested")

    words = ("--public_key", keys / "key.pub", "--signature", tmp_path / "any.sig", model)
    assert "Verification succeeded" in reference("verify", "key", *words)
    said = typed(tmp_path, "verify", model, "--signature", "any.sig", "--key", keys / "key.pub", code=2)
    assert "may ignore only" in said.stderr


@pytest.mark.system
def test_t2_files_that_their_signer_left_out_are_not_left_out_here(
    reference, typed, folder: Folder, keys: Path, tmp_path: Path
) -> None:
    model = folder("nested")
    words = ("--ignore-paths", model / "a", "--signature", tmp_path / "hole.sig", model)
    reference(*theirs("key", keys), *words)

    said = typed(tmp_path, "verify", model, "--signature", "hole.sig", "--key", keys / "key.pub", code=2)

    assert "may ignore only" in said.stderr


@pytest.mark.system
def test_a_certificate_that_expired_is_good_to_them_and_refused_here(
    reference, typed, folder: Folder, keys: Path, tmp_path: Path
) -> None:
    """They judge a certificate as of its first day, which its holder chose; here it is judged now."""
    model = folder("one")
    chain = ("--certificate_chain", keys / "middle.pem")
    signing = ("--private_key", keys / "key.pem", "--signing_certificate", keys / "late.pem", *chain)
    reference("sign", "certificate", *signing, "--signature", tmp_path / "late.sig", model)

    words = ("--certificate_chain", keys / "root.pem", "--signature", tmp_path / "late.sig", model)
    assert "Verification succeeded" in reference("verify", "certificate", *words)
    root_pem = ("--certificate-chain", keys / "root.pem")
    said = typed(tmp_path, "verify", model, "--signature", "late.sig", *root_pem, code=1)
    assert "good from 2026-01-01 00:00 to 2026-01-02 00:00 UTC" in said.stderr


@pytest.mark.system
def test_a_key_that_openssl_wrote_signs_for_both(reference, typed, folder: Folder, tmp_path: Path) -> None:
    """`openssl ecparam -genkey` writes the older form of a private key."""
    key = PrivateKey.generate("ecdsa-p256")
    old = load_pem_private_key(key.pem(), None)
    (tmp_path / "old.pem").write_bytes(
        old.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    (tmp_path / "old.pem").chmod(0o600)
    (tmp_path / "old.pub").write_bytes(key.public.pem())
    model = folder("one")
    typed(tmp_path, "sign", model, "--key", "old.pem")
    words = ("--public_key", tmp_path / "old.pub", "--signature", model / SIGNATURE, model)
    assert "Verification succeeded" in reference("verify", "key", *words)
