import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing import canonical, oms
from signing.digest import IGNORED, artifact_id, sha256_hex
from signing.errors import Malformed
from signing.statement import Statement, Subject

A, B = sha256_hex(b"a"), sha256_hex(b"b")
NAMES = st.lists(
    st.sampled_from(["a", "a-b/x", "a/x", "b", "config.json", "é", "z/z"]), min_size=1, unique=True
)
NAMES = NAMES.filter(lambda names: not {"a", "a/x"} <= set(names))

# The resources of bundles in the OpenSSF model-signing-spec's conformance suite, verify/positive/key-multi-file,
# and the root digest that its reference tool computed over them.
RESOURCES = {
    "config.json": "5e472403951781d18d5f790aa5b3316a5f535fc37a1052f6659c9c6af82e3643",
    "subdir/adapter.bin": "58b991c23d339f9d25eccb315cf8ba9edb608bb60be3be6c73b03a4481dc7682",
    "weights.bin": "4555555dc68d872c2270ba89ecc5f6f094812f65372b37e50071fe5168031c49",
}
ROOT = "f80be2143728d736125937042ab2e36657a156208e98982b99ba13b869c51310"
SERIALIZATION = {
    "method": "files",
    "ignore_paths": [".gitignore", ".gitattributes", ".git", ".github"],
    "hash_type": "sha256",
    "allow_symlinks": False,
}


def listed(files):
    return [{"digest": digest, "algorithm": "sha256", "name": name} for name, digest in files.items()]


def claim(resources, *, root=None, uri=oms.URI, subjects=1, **serialization):
    """Return a model signature with these resources, in this order, as any signer might write one."""
    if root is None:
        root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    how = {key: value for key, value in (SERIALIZATION | serialization).items() if value is not ...}
    predicate = {"resources": resources, "serialization": how, "later": 1}
    return Statement((Subject("model", root),) * subjects, uri, predicate)


def test_the_signature_of_the_conformance_suite_is_read():
    found = oms.files(claim(listed(RESOURCES), root=ROOT))
    assert found == RESOURCES
    assert oms.statement("model", RESOURCES).subjects == (Subject("model", ROOT),)


def test_a_signature_is_written_as_the_reference_tool_reads_it():
    assert canonical.decode(oms.statement("m", {"b": B, "a": A}).encode()) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "m", "digest": {"sha256": sha256_hex(bytes.fromhex(A + B))}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [".cache", ".git", ".gitattributes", ".github", ".gitignore", "model.sig"],
            },
            "resources": [
                {"name": "a", "algorithm": "sha256", "digest": A},
                {"name": "b", "algorithm": "sha256", "digest": B},
            ],
        },
    }


@given(NAMES)
def test_what_is_written_is_read_back(names):
    files = {name: sha256_hex(name.encode()) for name in names}
    assert oms.files(Statement.parse(oms.statement("m", files).encode())) == files


@given(NAMES)
def test_both_orders_in_use_are_read_and_no_third(names):
    files = {name: sha256_hex(name.encode()) for name in names}
    by_point, by_part = sorted(files), sorted(files, key=lambda name: name.split("/"))
    for order in (by_point, by_part, by_point[::-1]):
        statement = claim(listed({name: files[name] for name in order}))
        if order in (by_point, by_part):
            assert oms.files(statement) == files
        else:
            with pytest.raises(Malformed, match="sorted by name"):
                oms.files(statement)


def test_t1_the_root_digest_is_no_identity():
    """A renamed file keeps the OMS root digest; the artifact id, made from the same statement, changes."""
    one, other = oms.statement("m", {"a": A, "b": B}), oms.statement("m", {"a": A, "c": B})
    assert one.subjects == other.subjects
    assert artifact_id(oms.files(one)) != artifact_id(oms.files(other))


@pytest.mark.parametrize(
    ("ignored", "holds"),
    [
        ([], True),
        (..., True),
        (list(IGNORED), True),
        (["."], False),
        (["ignore-me"], False),
        ([".git/"], False),
        ([7], False),
        (".git", False),
        (None, False),
    ],
)
def test_t2_a_signer_cannot_leave_anything_out(ignored, holds):
    statement = claim(listed({"a": A}), ignore_paths=ignored)
    if holds:
        assert oms.files(statement) == {"a": A}
    else:
        with pytest.raises(Malformed, match="may ignore only"):
            oms.files(statement)


def test_t2_a_signature_of_nothing_is_refused():
    with pytest.raises(Malformed, match="at least one file"):
        oms.files(claim([], ignore_paths=[]))
    with pytest.raises(Malformed, match="at least one file"):
        oms.statement("m", {})


@pytest.mark.parametrize(
    "how",
    [
        {"method": "shards"},
        {"hash_type": "blake3"},
        {"allow_symlinks": True},
        {"shard_size": 9},
        {"method": ...},
    ],
)
def test_one_way_of_listing_files_is_read(how):
    with pytest.raises(Malformed, match="the serialization of a model signature is"):
        oms.files(claim(listed({"a": A}), **how))


@pytest.mark.parametrize("name", ["../a", "/a", "a\nb", ".git/config", "model.sig", "CON"])
def test_t5_unsafe_names_are_refused_in_a_signature(name):
    with pytest.raises(Malformed, match="the file name"):
        oms.files(claim(listed({name: A})))
    with pytest.raises(Malformed, match="the file name"):
        oms.statement("m", {name: A})


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (claim(listed({"a": A}), root=B), f"hash to .*, and the signature is about {B}"),
        (claim(listed({"a": A}), subjects=2), "hash to"),
        (claim(listed({"a": A}) * 2), "each once"),
        (claim(listed({"a": A}), uri="https://model_signing/Digests/v0.1"), "no model signature"),
        (claim([{"name": "a", "digest": A, "algorithm": "blake3"}]), "the algorithm sha256"),
        (claim([{"digest": A, "algorithm": "sha256"}]), "a resource has a name"),
        (claim(listed({"a": A.upper()})), "lower-case hex"),
        (claim(listed({"a": "00"})), "lower-case hex"),
        (
            Statement((Subject("m", A),), oms.URI, {"resources": listed({"a": A})}),
            "a serialization and a list",
        ),
        (
            Statement((Subject("m", A),), oms.URI, {"resources": {}, "serialization": {}}),
            "a serialization and a list",
        ),
    ],
)
def test_what_breaks_the_profile_is_refused(statement, sentence):
    with pytest.raises(Malformed, match=sentence):
        oms.files(statement)


def test_a_model_has_a_name():
    with pytest.raises(Malformed, match="names the model"):
        oms.statement("", {"a": A})
