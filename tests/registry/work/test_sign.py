"""model.sig on disk: written whole or not at all, never over another unasked, and every change of the folder is named."""

import os
import shutil
from pathlib import Path

import pytest
from certificates import day, root, signer
from cryptography import x509
from world import World

from registry.store import Absent
from registry.work.add import Declared, add
from registry.work.sign import Vouched, check_identity, hold, read, sign
from registry.work.verify import Fails
from signing import dsse, sigstore
from signing.certificate import certified
from signing.digest import SIGNATURE, artifact_id, sha256_hex
from signing.errors import Malformed, Refused, Untrusted
from signing.keys import PrivateKey
from signing.oms import statement
from signing.sigstore import SigstoreBundle

KEY = PrivateKey.generate("ecdsa-p256")
FILES = {"config.json": b"{}", "deep/er/weights.bin": b"weights", "é漢.txt": b"words"}
DIGESTS = {name: sha256_hex(data) for name, data in FILES.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "model"


def held(folder: Path, file: Path | None = None) -> Vouched | Fails:
    return hold(folder, read(folder, file), KEY.public)


def test_a_folder_is_signed_and_holds(folder: Path) -> None:
    made = sign(folder, KEY, folder / SIGNATURE)

    assert made.files == DIGESTS
    assert made.artifact == artifact_id(DIGESTS)
    assert held(folder) == made
    assert (folder / SIGNATURE).stat().st_mode & 0o777 == 0o644
    assert {one.name for one in folder.iterdir()} == {"config.json", "deep", "é漢.txt", SIGNATURE}


def test_a_signature_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    made = sign(folder, KEY, tmp_path / "elsewhere.sig")

    assert held(folder, tmp_path / "elsewhere.sig") == made
    with pytest.raises(Absent, match=r"model\.sig is no file; name the signature of .* with --signature"):
        held(folder)


CHANGES = {
    "a changed byte": (lambda f: (f / "config.json").write_bytes(b"[]"), ("config.json",), (), ()),
    "an added file": (lambda f: (f / "extra.py").write_bytes(b""), (), (), ("extra.py",)),
    "an added file below": (lambda f: (f / "deep" / "a").write_bytes(b""), (), (), ("deep/a",)),
    "a removed file": (lambda f: (f / "é漢.txt").unlink(), (), ("é漢.txt",), ()),
    "a renamed file": (
        lambda f: (f / "config.json").rename(f / "konfig.json"), (), ("config.json",), ("konfig.json",),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_t1_every_change_is_named_by_file(folder: Path, case: str) -> None:
    change, changed, missing, extra = CHANGES[case]
    sign(folder, KEY, folder / SIGNATURE)
    change(folder)

    assert held(folder) == Fails(artifact_id(DIGESTS), changed, missing, extra)


def test_an_existing_signature_is_replaced_only_if_asked(folder: Path) -> None:
    sign(folder, KEY, folder / SIGNATURE)
    before = (folder / SIGNATURE).read_bytes()
    other = PrivateKey.generate("ecdsa-p256")

    with pytest.raises(
        Refused, match=r"model\.sig exists, and a signature is not replaced unasked: add --force"
    ):
        sign(folder, other, folder / SIGNATURE)
    assert (folder / SIGNATURE).read_bytes() == before

    sign(folder, other, folder / SIGNATURE, force=True)
    assert hold(folder, read(folder, None), other.public)


def test_a_signature_that_appears_meanwhile_is_not_replaced(folder: Path) -> None:
    def appears(_: int) -> None:
        (folder / SIGNATURE).write_bytes(b"somebody's")

    with pytest.raises(Refused, match="exists, and a signature is not replaced unasked"):
        sign(folder, KEY, folder / SIGNATURE, progress=appears)
    assert (folder / SIGNATURE).read_bytes() == b"somebody's"


@pytest.mark.parametrize("force", [False, True])
def test_t5_nothing_is_written_through_a_link(folder: Path, tmp_path: Path, force: bool) -> None:
    (tmp_path / "victim").write_bytes(b"mine")
    (folder / SIGNATURE).symlink_to(tmp_path / "victim")

    with pytest.raises(Refused, match="is no regular file, so no signature is written over it"):
        sign(folder, KEY, folder / SIGNATURE, force=force)
    assert (tmp_path / "victim").read_bytes() == b"mine"


def test_a_folder_is_not_replaced_by_a_signature(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(Refused, match="is no regular file"):
        sign(folder, KEY, tmp_path / "out", force=True)


@pytest.mark.parametrize("name", ["signature.json", "deep/model.sig", "deep/signature", ".git/x"])
def test_a_signature_is_no_file_of_what_it_signs(folder: Path, name: str) -> None:
    (folder / ".git").mkdir()
    with pytest.raises(Malformed, match="lies in the folder that it signs and would be one of its files"):
        sign(folder, KEY, folder / name)


def test_a_signature_needs_a_folder_to_lie_in(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Absent, match=r"nowhere is no folder to write model\.sig in"):
        sign(folder, KEY, tmp_path / "nowhere" / SIGNATURE)


def test_a_signature_further_below_is_refused_because_tools_disagree_about_it(folder: Path) -> None:
    (folder / ".cache" / "x").mkdir(parents=True)
    (folder / ".cache" / "x" / SIGNATURE).write_bytes(b"")
    sign(folder, KEY, folder / SIGNATURE)
    (folder / "deep" / SIGNATURE).write_bytes(b"")

    with pytest.raises(Malformed, match=r"deep/model\.sig is a signature below the top"):
        sign(folder, KEY, folder / SIGNATURE, force=True)


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_signature_is_there_whole_or_not_at_all(
    folder: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(os if step == "fsync" else Path, step, lambda *_: os._exit(9))
            sign(folder, KEY, folder / SIGNATURE)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 9

    assert not (folder / SIGNATURE).exists()
    (left,) = folder.glob(".signing-*")
    # What it left is no file of the artifact, and is named before anything is signed again.
    with pytest.raises(Malformed, match=f"{left.name}/model.sig is a signature below the top"):
        sign(folder, KEY, folder / SIGNATURE)
    shutil.rmtree(left)
    assert sign(folder, KEY, folder / SIGNATURE).files == DIGESTS


def test_a_write_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        sign(folder, KEY, folder / SIGNATURE)
    assert {one.name for one in folder.iterdir()} == {"config.json", "deep", "é漢.txt"}


def test_t2_a_signature_of_every_folder_proves_none(folder: Path) -> None:
    how = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": ["."]}
    honest = statement("model", DIGESTS)
    subject = type(honest.subjects[0])("model", sha256_hex(b""))
    universal = type(honest)((subject,), honest.predicate_type, {"serialization": how, "resources": []})
    envelope = dsse.sign(universal.encode(), [KEY])
    (folder / SIGNATURE).write_bytes(SigstoreBundle(envelope, sigstore.hint(KEY.public)).encode())

    with pytest.raises(Malformed, match=r"may ignore only .* not \['\.'\]"):
        held(folder)


def test_t5_a_link_in_the_folder_is_refused(folder: Path) -> None:
    sign(folder, KEY, folder / SIGNATURE)
    (folder / "link").symlink_to("config.json")
    with pytest.raises(Malformed, match="link is a link"):
        held(folder)
    with pytest.raises(Malformed, match="link is a link"):
        sign(folder, KEY, folder / SIGNATURE, force=True)


def test_somebody_elses_signature_is_refused_before_anything_is_hashed(folder: Path) -> None:
    sign(folder, PrivateKey.generate("ecdsa-p256"), folder / SIGNATURE)

    def hashing(_: int) -> None:
        raise AssertionError("a file was hashed")

    with pytest.raises(Untrusted, match="the signature names the key"):
        hold(folder, read(folder, None), KEY.public, progress=hashing)


def test_a_certificate_says_who_signed(folder: Path) -> None:
    authority = root()
    ann = signer(authority, names=[x509.RFC822Name("ann@kennel.example")])
    signed = sigstore.sign(statement("model", DIGESTS), ann.key)
    bundle = SigstoreBundle(signed.envelope, certificates=(ann.der, authority.der))
    who = certified(bundle.certificates, authority.pem, day(1))

    found = hold(folder, bundle, who)

    assert isinstance(found, Vouched)
    assert found.signer == who
    check_identity(who, "CN=ann")
    check_identity(who, "ann@kennel.example")
    for other in ("ann", "CN=bob", "ANN@kennel.example", ""):
        with pytest.raises(Untrusted, match=f"is of CN=ann, ann@kennel.example, not of {other}"):
            check_identity(who, other)


def test_what_add_writes_is_what_the_log_holds(world: World, folder: Path) -> None:
    receipts = add(world.home, folder, Declared(name="kennel/model"), sign=True).receipts

    found = hold(folder, read(folder, None), world.home.keys("publisher").public)

    assert isinstance(found, Vouched)
    assert found.entry == world.logged()[receipts[0].index]
    with pytest.raises(Refused, match="exists, and a signature is not replaced unasked"):
        add(world.home, folder, Declared(), sign=True)
    size = world.size()
    add(world.home, folder, Declared(name="kennel/model"), sign=True, force=True)
    assert world.size() == size
    assert hold(folder, read(folder, None), world.home.keys("publisher").public) == found
    world.check()


def test_add_refuses_a_signature_before_it_logs_anything(world: World, folder: Path) -> None:
    (folder / SIGNATURE).write_bytes(b"somebody's")
    size = world.size()
    with pytest.raises(Refused, match="exists, and a signature is not replaced unasked"):
        add(world.home, folder, Declared(), sign=True)
    assert world.size() == size
    assert (folder / SIGNATURE).read_bytes() == b"somebody's"
