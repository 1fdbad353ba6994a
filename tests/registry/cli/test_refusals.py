"""Hostile and mistaken input: one sentence with the values in it, the right exit code, and nothing changed."""

import os
import shutil
from pathlib import Path

import pytest
from making import floats, write_model

# words, exit code, and what the sentence must say
QUESTIONS: dict[str, tuple[tuple[str, ...], int, tuple[str, ...]]] = {
    "an unknown name": (("show", "kennel/nobody"), 2, ("kennel/nobody", "namespace/name")),
    "an unknown id": (("show", "sha256:" + "0" * 64), 2, ("no artifact sha256:000",)),
    "a prefix too short": (("show", "sha256:abc"), 2, ("8 to 64",)),
    "a prefix of capitals": (("show", "sha256:ABCDEF01"), 2, ("lower-case",)),
    "an unregistered folder": (("show", "./stray"), 2, ("`studbook add ./stray`",)),
    "an unregistered folder without a dot": (("ancestors", "stray"), 2, ("`studbook add stray`",)),
    "an unknown stub": (("descendants", "hf:acme/nobody"), 2, ("hf:acme/nobody",)),
    "a name that is markup": (("show", "[/red]"), 2, ("[/red]",)),
    "a name that is a style": (("show", "[bold]x"), 2, ("[bold]x",)),
    "why of nobody": (("why", "kennel/base", "kennel/nobody"), 2, ("kennel/nobody",)),
    "status of nobody": (("status", "kennel/nobody"), 2, ("kennel/nobody",)),
    "status of a changed folder": (("status", "./stray"), 2, ("is registered here",)),
    "verify of nothing": (("verify", "nowhere"), 2, ("nowhere is not a folder",)),
    "verify of a stray folder": (("verify", "stray"), 1, ("is not registered", "--as")),
    "verify as nobody": (("verify", "both", "--as", "kennel/nobody"), 2, ("kennel/nobody",)),
    "verify as another": (("verify", "both", "--as", "kennel/one"), 1, ()),
    "verify of a file that is no bundle": (("verify", "recipe.yaml"), 2, ("JSON",)),
    "verify of an empty file": (("verify", "empty"), 2, ("holds no bundle",)),
    "verify with no root": (("verify", "both", "--root", "nowhere"), 2, ("no trusted root at nowhere",)),
    "verify with a root that is none": (("verify", "both", "--root", "recipe.yaml"), 2, ("JSON",)),
    "rebuild of what no recipe made": (("rebuild", "kennel/base"), 2, ("not made by a recipe",)),
    "a rebuilder of nobody": (("rebuilder", "run", "--registry", "http://127.0.0.1:1", "--key", "nowhere.pem"), 2, ("nowhere.pem",)),
    "a rebuilder of no registry": (("rebuilder", "run", "--registry", "kennel", "--key", "nowhere.pem"), 2, ("nowhere.pem",)),
    "rebuild on a device numpy has not": (("rebuild", "kennel/both", "--device", "cuda"), 2, ("--backend torch",)),
    "bundle of nobody": (("bundle", "kennel/nobody"), 2, ("kennel/nobody",)),
    "bundle into a missing folder": (("bundle", "kennel/one", "--out", "no/such"), 2, ("no/such", "No such file")),
    "attest about nobody": (("attest", "kennel/nobody", "--type", "https://example.org/x", "--predicate", "empty"), 2, ("kennel/nobody",)),
    "attest by a file that is not there": (("attest", "kennel/one", "--type", "https://example.org/x", "--predicate", "nowhere"), 2, ("nowhere",)),
    "attest by a file that is no JSON": (("attest", "kennel/one", "--type", "https://example.org/x", "--predicate", "recipe.yaml"), 2, ("JSON",)),
    "attest in no type": (("attest", "kennel/one", "--type", "review", "--predicate", "both/config.json"), 2, ("'review'", "is a URI")),
    "attest in a reserved type": (("attest", "kennel/one", "--type", "https://slsa.dev/x", "--predicate", "both/config.json"), 2, ("https://slsa.dev/x", "takes any other")),
    "attest what a reader refuses": (("attest", "kennel/one", "--type", "https://in-toto.io/attestation/test-result/v0.1", "--predicate", "both/config.json"), 2, ("result",)),
    "attest by a key that is not there": (("attest", "kennel/one", "--type", "https://example.org/x", "--predicate", "both/config.json", "--key", "nowhere"), 2, ("nowhere",)),
    "attest at a registry by a name": (("attest", "kennel/one", "--type", "https://example.org/x", "--predicate", "both/config.json", "--registry", "http://127.0.0.1:9"), 2, ("an artifact id is",)),
    "prove an entry that is not": (("log", "prove", "999"), 2, ("no entry 999", "it has")),
    "prove a number of many digits": (("log", "prove", "9" * 40), 2, ("9" * 40,)),
    "prove nothing": (("log", "prove", "kennel/nobody"), 2, ("kennel/nobody",)),
    "prove into a missing folder": (("log", "prove", "1", "--out", "no/such"), 2, ("no/such", "No such file")),
    "add nothing": (("add", "nowhere"), 2, ("nowhere is not a folder",)),
    "add a file": (("add", "recipe.yaml"), 2, ("recipe.yaml is not a folder",)),
    "add an empty folder": (("add", "hollow"), 2, ("holds no files",)),
    "add a link": (("add", "linked"), 2, ("config.json is a link",)),
    "add a pipe": (("add", "piped"), 2, ("neither a file nor a folder",)),
    "add a bomb": (("add", "bomb"), 2, ("header",)),
    "add with an odd relation": (("add", "stray", "--relation", "stolen"), 2, ("'stolen'", "finetune")),
    "add with an unknown base": (("add", "stray", "--base", "kennel/nobody"), 2, ("kennel/nobody",)),
    "add with a base that is a stray folder": (("add", "stray", "--base", "./hollow"), 2, ("`studbook add ./hollow`",)),
    "add with a search and no base": (("add", "stray", "--made-by", "aim"), 2, ("aim searched among models", "--base")),
    "add with a search of another relation": (("add", "stray", "--base", "kennel/base", "--made-by", "aim", "--relation", "prune"), 2, ("says prune",)),
    "add with a search of many words": (("add", "stray", "--base", "kennel/base", "--made-by", "a search"), 2, ("algorithm", "a search")),
    "add with evidence that is not there": (("add", "stray", "--base", "kennel/base", "--made-by", "aim", "--evidence", "nowhere"), 2, ("nowhere",)),
    "add with a recipe that is no digest": (("add", "stray", "--base", "kennel/base", "--made-by", "aim", "--found", "recipe.yaml"), 2, ("recipe.yaml",)),
    "add with evidence of no search": (("add", "stray", "--base", "kennel/base", "--evidence", "recipe.yaml"), 2, ("--made-by",)),
    "add with a bad name": (("add", "stray", "--name", "no namespace"), 2, ("no namespace",)),
    "add with a bad license": (("add", "stray", "--license", "mit & more"), 2, ("mit & more",)),
    "add with no threads": (("add", "stray", "--threads", "0"), 2, ("--threads",)),
    "report on nobody": (("incident", "report", "kennel/nobody", "--summary", "x"), 2, ("kennel/nobody",)),
    "report on half a stub": (("incident", "report", "hf:acme", "--summary", "x"), 2, ("'hf:acme' is no stub", "hf:owner/name")),
    "report on a branch of a stub": (("incident", "report", "hf:acme/base@main", "--summary", "x"), 2, ("'hf:acme/base@main' is no stub",)),
    "report on nothing": (("incident", "report", "--summary", "x"), 2, ("at least one artifact, key, tensor or range of names",)),
    "report on half a tensor": (("incident", "report", "--tensor", "abc", "--summary", "x"), 2, ("'abc' is no tensor", "REF:NAME")),
    "report on a tensor of nobody": (("incident", "report", "--tensor", "kennel/nobody:w", "--summary", "x"), 2, ("kennel/nobody",)),
    "report on a tensor that is not there": (("incident", "report", "--tensor", "kennel/one:w", "--summary", "x"), 2, ("kennel/one has no tensor 'w'",)),
    "report on an unknown key": (("incident", "report", "--key", "00000000", "--summary", "x"), 2, ("'00000000' names 0 keys",)),
    "report of an odd kind": (("incident", "report", "kennel/one", "--summary", "x", "--kind", "bad"), 2, ("'bad'", "compromised")),
    "report of odd weight": (("incident", "report", "kennel/one", "--summary", "x", "--severity", "so-so"), 2, ("'so-so'", "critical")),
    "report of two lines": (("incident", "report", "kennel/one", "--summary", "x\ny"), 2, ("summary",)),
    "report that rewrites the screen": (("incident", "report", "kennel/one", "--summary", "\x1b[2Jfine"), 2, ("summary",)),
    "report without a summary": (("incident", "report", "kennel/one"), 2, ("--summary",)),
    "amend nothing": (("incident", "amend", "00000000", "--reason", "x"), 2, ("incident list",)),
    "retract nothing": (("incident", "retract", "", "--reason", "x"), 2, ("8 to 64",)),
    "retract what is not": (("incident", "retract", "00000000", "--reason", "x"), 2, ("incident list",)),
    "a relation to nothing": (("add", "spare", "--relation", "quantize"), 2, ("name that with --base",)),
    "an unknown command": (("launder", "kennel/one"), 2, ("launder", "--help")),
    "an unknown option": (("show", "kennel/one", "--force"), 2, ("--force",)),
    "a missing argument": (("show",), 2, ("ref", "--help")),
    "a registry at no URL": (("show", "kennel/one", "--registry", "ftp://x"), 2, ("ftp://x",)),
    "a registry that is not there": (("show", "kennel/one", "--registry", "http://127.0.0.1:9"), 2, ("does not answer",)),
    "a home that is another's": (("init", "--operator", "thief"), 2, ("home of kennel, not of thief",)),
    "a home in a full folder": (("init", "--home", "one"), 2, ("config.json", "no home")),
    "a home in a file": (("init", "--home", "recipe.yaml"), 2, ("recipe.yaml",)),
    "no home": (("show", "kennel/one", "--home", "nowhere"), 2, ("`studbook init --home nowhere`",)),
    "serve no home": (("serve", "--home", "nowhere"), 2, ("`studbook init --home nowhere`",)),
    "no text": (("show", "\udcff"), 2, ("not UTF-8",)),
}  # fmt: skip

MERGES: dict[str, tuple[bytes | None, tuple[str, ...], int, tuple[str, ...]]] = {
    "an existing target": (None, ("--out", "one"), 2, ("one exists already",)),
    "a target below a file": (None, ("--out", "recipe.yaml/out"), 2, ("recipe.yaml",)),
    "a target that cannot be written": (None, ("--out", "/proc/out"), 2, ("/proc/",)),
    "a bad name": (None, ("--name", "both"), 2, ("'both'",)),
    "a bad seed": (b"merge_method: dare_linear\nbase_model: kennel/base\nmodels: [{model: kennel/one, parameters: {weight: 1, density: 0.5}}]\n", ("--seed", "lucky"), 2, ("lucky",)),
    "an unknown device": (None, ("--device", "cuda"), 2, ("--backend torch",)),
    "an unknown backend": (None, ("--backend", "abacus"), 2, ("abacus",)),
    "no UTF-8": (b"merge_method: \xff\xfe", (), 2, ("no UTF-8 text", "0xff")),
    "ten megabytes": (b"# " + b"x" * 10_000_000, (), 2, ("longer than",)),
    "nothing at all": (b"", (), 2, ("no document",)),
    "a YAML tag": (b"merge_method: !!python/object/apply:os.system ['touch pwned']\n", (), 2, ("YAML tag",)),
    "an unknown key": (b"merge_method: linear\nexec: rm\nmodels: [{model: kennel/one, parameters: {weight: 1}}]\n", (), 2, ("exec",)),
    "an unknown method": (b"merge_method: voodoo\n", (), 2, ("voodoo", "dare_ties")),
    "a model at a URL": (b"merge_method: linear\nmodels: [{model: 'https://evil.example/m', parameters: {weight: 1}}]\n", (), 2, ("evil.example",)),
    "a model nobody knows": (b"merge_method: linear\nmodels: [{model: kennel/nobody, parameters: {weight: 1}}]\n", (), 2, ("kennel/nobody",)),
    "an unregistered folder": (b"merge_method: linear\nmodels: [{model: ./stray, parameters: {weight: 1}}]\n", (), 2, ("`studbook add ./stray`",)),
    "shapes that disagree": (b"merge_method: linear\nmodels: [{model: kennel/one, parameters: {weight: 1}}, {model: kennel/square, parameters: {weight: 1}}]\n", (), 2, ("layers.0.weight", "(4, 4)", "(2, 2)")),
    "a weight that is no number": (b"merge_method: linear\nmodels: [{model: kennel/one, parameters: {weight: heavy}}]\n", (), 2, ("heavy",)),
    "brackets in the sentence": (b"merge_method: linear\nslices:\n- sources:\n  - {model: kennel/one, layer_range: [2, 1]}\n", (), 2, ("[2, 1]", "[first, end]")),
    "a canonical recipe of a stranger": (b'{"arithmetic":"1","method":"linear","parents":[{"model":"sha256:' + b"e" * 64 + b'","parameters":{"weight":"1"}}],"parameters":{"normalize":true},"shard_bytes":"5000000000","allow_nonfinite":false}', (), 2, ("no artifact sha256:eeee",)),
    "a canonical recipe with a key too many": (b'{"arithmetic":"1","shell":"id"}', (), 2, ("recipe",)),
}  # fmt: skip


@pytest.fixture(scope="module")
def pound(kennel, tmp_path_factory):
    """The kennel again, in a folder of its own, with odd things lying about in it."""
    folder = tmp_path_factory.mktemp("pound")
    typed = type(kennel)(folder)
    shutil.copytree(kennel.folder, folder, dirs_exist_ok=True)
    square = {"layers.0.weight": ("F32", (2, 2), floats(range(4)))}
    write_model(folder / "square", square)
    write_model(folder / "stray", square | {"more": ("F32", (1,), floats([1]))})
    for name in ("base", "one", "two", "spare", "both", "square"):
        typed.holds("add", name, *(("--name", "kennel/square") if name == "square" else ()))
    (folder / "hollow").mkdir()
    (folder / "empty").touch()
    write_model(folder / "linked", square)
    (folder / "linked" / "config.json").unlink()
    (folder / "linked" / "config.json").symlink_to("/etc/passwd")
    (folder / "piped").mkdir()
    os.mkfifo(folder / "piped" / "model.safetensors")
    (folder / "bomb").mkdir()
    (folder / "bomb" / "model.safetensors").write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    return typed


@pytest.mark.parametrize("case", QUESTIONS)
def test_what_cannot_be_answered_is_refused_and_nothing_changes(pound, case: str) -> None:
    pound.refuses(*QUESTIONS[case])


@pytest.mark.parametrize("case", MERGES)
def test_t20_what_cannot_be_merged_is_refused_and_nothing_changes(pound, tmp_path: Path, case: str) -> None:
    raw, words, code, sentences = MERGES[case]
    recipe = pound.folder / "recipe.yaml"
    if raw is not None:
        recipe = tmp_path / "recipe"
        recipe.write_bytes(raw)
    target = () if "--out" in words else ("--out", "fresh/out")
    pound.refuses(("merge", str(recipe), *target, *words), code, sentences)
    assert not (pound.folder / "pwned").exists()
