"""Every command once as people type it and once as programs do: it holds, it parses, and both say the same."""

import shutil
from pathlib import Path

import pytest
from making import floats, write_lora, write_model

from lineage.authority import TrustedRoot
from merger.folder import describe


@pytest.fixture
def puppies(terminal, kennel):
    """A home of one's own, with everything the kennel has."""
    shutil.rmtree(terminal.folder)
    shutil.copytree(kennel.folder, terminal.folder, symlinks=True)
    for name in ("base", "one", "two", "spare", "both"):
        assert terminal("add", name).code == 0
    return terminal


def test_init_makes_a_home_that_can_be_checked_and_is_completed_by_running_again(terminal) -> None:
    said = terminal("init", "--operator", "vet")
    assert said.code == 0
    assert str(terminal.home) in said.out.replace("\n", "")
    keys = {path.name: path.stat().st_mode & 0o777 for path in (terminal.home / "keys").iterdir()}
    assert keys == dict.fromkeys(("root.pem", "log.pem", "publisher.pem", "security.pem"), 0o600)
    before = terminal.state()

    again = terminal.holds("init", "--operator", "vet")

    assert terminal.state() == before
    assert again["operator"] == "vet"
    assert terminal.holds("log", "fsck") == {
        "checkpoints": 1,
        "findings": [],
        "size": 1,
        "remarks": [],
        "waiting": 0,
    }


def test_add_says_the_id_that_the_folder_has(puppies) -> None:
    value = puppies.holds("add", "spare", "--copy")
    assert value["artifact"] == describe(puppies.folder / "spare").artifact
    assert (value["files"], value["tensors"]) == (3, 1)
    assert value["artifact"] in puppies("add", "spare").out


def test_merge_says_recipe_seed_and_entries_and_makes_the_folder(puppies) -> None:
    (puppies.folder / "dare.yaml").write_text(
        "merge_method: dare_linear\nbase_model: kennel/base\nmodels:\n"
        "  - {model: kennel/one, parameters: {weight: 1, density: 0.5}}\ndtype: float32\n"
    )
    value = puppies.holds(
        "merge", "dare.yaml", "--out", "deep/down/dare", "--seed", "7", "--name", "kennel/dare"
    )
    made = puppies.folder / "deep" / "down" / "dare"
    assert describe(made).artifact == value["artifact"]
    assert value["resumed"] == []
    assert len(value["entries"]) == 4

    again = puppies("merge", "dare.yaml", "--out", "again", "--seed", "7", "--threads", "4", "--read", "2")
    assert again.code == 0
    assert value["artifact"] in again.out
    assert value["recipe"] in again.out
    assert "note:" in again.err

    assert (
        "was not in the document and is part of the recipe now"
        in puppies("merge", "dare.yaml", "--out", "unseeded").err
    )


def test_rebuild_says_the_same_bytes_and_lifts_the_evidence(puppies) -> None:
    assert puppies.holds("rebuild", "kennel/both", "--threads", "1")["same"] is True
    assert "the same bytes" in puppies("rebuild", "both").out
    assert {edge["evidence"] for edge in puppies.holds("show", "kennel/both")["parents"]} == {"reproduced"}


@pytest.mark.parametrize("ref", ["kennel/both", "kennel/both@v1", "both", "./both", "id", "prefix"])
def test_every_way_to_name_an_artifact_means_it(kennel, ref: str) -> None:
    artifact = describe(kennel.folder / "both").artifact
    named = {"id": artifact, "prefix": artifact[:15]}.get(ref, ref)
    assert kennel.holds("show", named)["artifact"] == artifact
    assert artifact in kennel("show", named).out


def test_ancestors_descendants_and_why_tell_one_story(kennel) -> None:
    up = kennel.holds("ancestors", "kennel/both")
    assert {(one["distance"], *one["names"]) for one in up["relatives"]} == {
        (1, "kennel/one"),
        (1, "kennel/two"),
        (2, "kennel/base"),
    }
    down = kennel.holds("descendants", "kennel/base")
    assert {edge["evidence"] for edge in down["edges"]} == {"signed"}
    assert len(down["relatives"]) == 3
    way = kennel.holds("why", "kennel/base", "kennel/both")
    assert way["paths"] == "2"
    assert len(way["witness"]) == 3
    for words in (("ancestors", "kennel/both"), ("why", "kennel/base", "kennel/both")):
        assert "kennel/base" in kennel(*words).out
    said = kennel("descendants", "kennel/base").out
    assert all(word in said for word in ("3 descendants", "kennel/both", "finetune", "merge", "mit"))


def test_why_without_a_way_exits_1_and_says_so(kennel) -> None:
    assert kennel("why", "kennel/both", "kennel/base").code == 1
    assert "does not descend" in kennel("why", "kennel/spare", "kennel/both").out
    assert kennel("why", "kennel/spare", "kennel/both", "--json").json["paths"] == "0"


def test_status_of_a_clean_folder_and_name_holds(kennel) -> None:
    assert kennel.holds("status", "both")["standing"]["state"] == "clean"
    assert "clean" in kennel("status", "kennel/both").out


def test_an_incident_on_a_key_is_reported_by_its_beginning_and_listed_with_what_it_selects(puppies) -> None:
    (key,) = (one["key"] for one in puppies.holds("keys", "list")["keys"] if one["role"] == "publisher")
    reported = puppies.holds("incident", "report", "--key", key[:12], "--summary", "stolen")

    assert reported["selectors"] == [f"key:{key}"]
    named = {
        puppies.holds("show", f"kennel/{name}")["artifact"]
        for name in ("base", "one", "two", "spare", "both")
    }
    assert set(reported["artifacts"]) == named
    assert reported["descendants"] == []
    (listed,) = puppies.holds("incident", "list")
    assert listed["selectors"] == [f"key:{key}"]
    assert set(listed["artifacts"]) == named
    assert f"key:{key[:12]}" in puppies("incident", "list").out
    puppies.holds("incident", "retract", reported["incident"], "--reason", "found again")


def test_an_incident_on_a_tensor_is_reported_by_its_name_and_searched_for(puppies) -> None:
    reported = puppies.holds(
        "incident", "report", "--tensor", "kennel/one:layers.0.weight", "--summary", "trigger"
    )

    one, both = (puppies.holds("show", f"kennel/{name}")["artifact"] for name in ("one", "both"))
    assert (reported["artifacts"], reported["descendants"], reported["unread"]) == ([one], [both], [])
    (selector,) = reported["selectors"]
    again = puppies.holds(
        "incident", "report", "--tensor", selector.removeprefix("tensor:"), "--summary", "too"
    )
    assert again["artifacts"] == [one]
    found = puppies.holds("incident", "search")
    assert found["tensors"] == [selector.removeprefix("tensor:")]
    assert found["read"] == 5
    assert list(found["holders"].values()) == [[]]
    assert "looked for 1 tensor in 5 manifests" in puppies("incident", "search").out
    assert puppies.holds("log", "fsck")["findings"] == []
    for incident in (reported, again):
        puppies.holds("incident", "retract", incident["incident"], "--reason", "a mistake")


def test_an_incident_on_names_is_reported_listed_and_says_what_an_order_removed(puppies) -> None:
    reported = puppies.holds("incident", "report", "--name", "Kennel/o*", "--summary", "all of these")
    one = puppies.holds("show", "kennel/one")["artifact"]
    assert (reported["selectors"], reported["artifacts"], reported["removed"]) == (
        ["name:kennel/o*"],
        [one],
        0,
    )
    assert "name:kennel/o*" in puppies("incident", "list").out
    listed = puppies.holds("log", "show")
    index = next(
        entry["index"]
        for entry in listed["entries"]
        if entry["statement"].endswith("name/v1") and one in str(entry)
    )
    assert puppies("log", "redact", str(index), "--order", "court 17", "--yes").code == 0
    said = puppies("status", one)
    assert said.code == 1
    assert (
        f"incident {reported['incident'][:12]} selects by names, and of what it may select by 1 binding"
        in said.out
    )
    assert "1 binding" in puppies("incident", "report", "--name", "kennel/o*", "--summary", "again").out
    assert puppies("incident", "report", "--name", "kennel", "--summary", "x").code == 2
    assert puppies.holds("log", "fsck")["findings"] == []


def test_an_incident_is_reported_listed_shown_with_its_way_and_retracted(puppies) -> None:
    reported = puppies.holds(
        "incident",
        "report",
        "kennel/one",
        "kennel/one",
        "--kind",
        "data-poisoned",
        "--summary",
        "see :bug: in [red]",
    )
    assert len(reported["artifacts"]) == 1
    assert reported["descendants"] == [puppies.holds("show", "kennel/both")["artifact"]]

    said = puppies("status", "both")
    assert said.code == 1
    assert "kennel/one → kennel/both" in said.out
    assert "see :bug: in [red]" in said.out
    assert puppies("status", "both", "--json").json["standing"]["state"] == "affected"
    assert puppies("status", "kennel/two").code == 0
    (listed,) = puppies.holds("incident", "list")
    assert (listed["summary"], listed["stage"]) == ("see :bug: in [red]", "reported")
    assert reported["incident"][:12] in puppies("incident", "list").out
    assert "data-poisoned" in puppies("descendants", "kennel/one").out

    amended = puppies(
        "incident", "amend", reported["incident"][:12], "--reason", "seen", "--severity", "critical"
    )
    assert "amended, entry" in amended.out, amended
    (listed,) = puppies.holds("incident", "list")
    assert (listed["summary"], listed["severity"]) == ("see :bug: in [red]", "critical")
    assert puppies("incident", "amend", reported["incident"], "--reason", "nothing").code == 2

    assert puppies("incident", "retract", "", "--reason", "none named").code == 2
    assert puppies.holds("incident", "retract", reported["incident"][:12], "--reason", "a mistake")
    assert puppies("status", "both").code == 0
    assert [one["stage"] for one in puppies.holds("incident", "list")] == ["retracted"]
    assert puppies.holds("log", "fsck")["findings"] == []


def test_an_incident_moves_from_stage_to_stage_and_never_back(puppies) -> None:
    reported = [
        puppies.holds("incident", "report", "kennel/one", "--summary", f"number {number}", "--kind", kind)
        for number, kind in enumerate(("compromised", "withdrawn"))
    ]
    one, other = (found["incident"] for found in reported)
    move = ("--reason", "looked into")

    assert puppies.holds("incident", "confirm", one[:12], *move)["stage"] == "confirmed"
    assert f"incident {one[:12]} resolved, entry" in puppies("incident", "resolve", one, *move).out
    assert puppies("status", "both").code == 1  # bytes do not heal
    back = puppies("incident", "confirm", one, "--reason", "again")
    assert (back.code, "is resolved and becomes nothing else, not confirmed" in back.err) == (2, True)
    assert puppies("incident", "resolve", other, *move).code == 2
    assert puppies.holds("incident", "reject", other, *move)["stage"] == "rejected"

    assert [found["stage"] for found in puppies.holds("incident", "list")] == ["resolved", "rejected"]
    (hit,) = puppies("status", "both", "--json").json["standing"]["incidents"]
    assert hit["incident"]["id"] == one


def test_an_ancestor_that_nobody_saw_makes_status_exit_1(puppies) -> None:
    puppies.holds("add", "spare", "--base", "hf:acme/base")
    said = puppies("status", "spare")
    assert said.code == 1
    assert "unknown" in said.out
    assert "hf:acme/base" in said.out


def test_verify_says_what_was_proven_by_whom_and_where(kennel) -> None:
    value = kennel.holds("verify", "both")
    assert value["holds"] is True
    assert [one["operators"] for one in value["proven"]] == [["kennel"], ["kennel"]]
    keys = {one["role"]: one["key"] for one in kennel.holds("keys", "list")["keys"]}
    assert [one["keys"] for one in value["proven"]] == [[keys["publisher"]], [keys["builder"]]]
    assert {tuple(one["about"]) for one in value["proven"]} == {(value["artifact"],)}
    assert "byte for byte" in kennel("verify", "both").out


def test_verify_of_a_changed_copy_names_the_file_and_exits_1(kennel, tmp_path: Path) -> None:
    copy = shutil.copytree(kennel.folder / "both", tmp_path / "[red]copy")
    raw = bytearray((copy / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (copy / "model.safetensors").write_bytes(raw)

    said = kennel("verify", copy, "--as", "kennel/both")

    assert said.code == 1
    assert "changed: model.safetensors" in said.out
    assert "[red]copy" in said.out
    assert kennel("verify", copy, "--as", "kennel/both", "--json").json["changed"] == ["model.safetensors"]


def test_bundles_are_verified_from_a_file_with_nothing_but_the_pinned_root(kennel, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles.jsonl"
    assert kennel("log", "prove", "kennel/both", "--out", bundles).code == 0
    assert kennel("log", "prove", "kennel/both").out.encode() == bundles.read_bytes()
    pinned = shutil.copy(kennel.home / "trusted_root.json", tmp_path / "pinned.json")

    value = kennel.holds("verify", bundles, "--root", pinned, "--home", tmp_path / "none")

    artifact = describe(kennel.folder / "both").artifact
    assert [one["about"] for one in value["proven"]] == [[artifact], [artifact]]
    assert kennel("verify", bundles, "--as", "kennel/both").code == 0
    said = kennel("verify", bundles, "--as", "kennel/one")
    assert said.code == 1
    assert f"about {artifact}, not about" in said.err


def test_one_changed_character_in_a_file_of_bundles_exits_1_or_2(kennel, tmp_path: Path) -> None:
    bundles = tmp_path / "bundles.jsonl"
    kennel("log", "prove", 1, "--out", bundles)
    raw = bundles.read_bytes()
    for at in range(0, len(raw) - 1, 97):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        bundles.write_bytes(changed)
        said = kennel("verify", bundles)
        assert said.code in {1, 2}, (at, said)
        assert said.err.count("\n") == 1


def test_log_show_lists_entries_and_the_checkpoint(kennel) -> None:
    value = kennel.holds("log", "show")
    assert [row["index"] for row in value["entries"]] == list(range(len(value["entries"])))
    assert value["checkpoint"].splitlines()[1] == str(len(value["entries"]))
    assert [row["index"] for row in kennel.holds("log", "show", 3, 5)["entries"]] == [3, 4]
    assert value["checkpoint"].splitlines()[0] in kennel("log", "show").out


def test_log_prove_takes_an_index_an_entry_and_an_artifact(kennel) -> None:
    entry = kennel.holds("log", "show", 2, 3)["entries"][0]["entry"]
    assert kennel("log", "prove", 2).out == kennel("log", "prove", entry).out
    assert len(kennel("log", "prove", "kennel/both").out.splitlines()) == 2


def test_fsck_says_intact_and_names_what_is_not(puppies) -> None:
    assert "intact" in puppies("log", "fsck").out
    root = puppies.home / "trusted_root.json"
    root.write_bytes(root.read_bytes().replace(b'"version":"1"', b'"version":"9"'))

    said = puppies("log", "fsck")

    assert said.code == 1
    assert "is not the trusted root" in said.out.replace("\n", "")
    assert len(puppies("log", "fsck", "--json").json["findings"]) == 1
    TrustedRoot.parse(root.read_bytes().strip())


def test_doctor_looks_at_packages_and_home(kennel) -> None:
    found = {one["about"]: one["sound"] for one in kennel("doctor", "--json").json}
    assert {"signing", "merger", "lineage", "registry", "sqlite", "home"} <= found.keys()
    assert found["home"]


def test_an_adapter_is_its_base_s_adapter_where_nobody_says_more(terminal) -> None:
    terminal.holds("init")
    write_model(terminal.folder / "base", {"a": ("F32", (1,), floats([1]))})
    write_lora(terminal.folder / "lora", {"a": ("F32", (1,), floats([1]))}, {"peft_type": "LORA"})
    terminal.holds("add", "base", "--name", "kennel/base")
    terminal.holds("add", "lora", "--name", "kennel/lora", "--base", "kennel/base")
    (edge,) = terminal.holds("show", "kennel/lora")["parents"]
    assert edge["relation"] == "adapter_of"


def test_methods_say_which_of_them_clip(terminal) -> None:
    found = {one["method"] for one in terminal.holds("methods") if not one["clip"]}
    assert found == {"cat", "permute", "regmean", "transport"}
    assert "every method but cat, permute, regmean, transport takes clip" in terminal("methods").out


def test_version_and_help_need_no_home(terminal) -> None:
    assert terminal("--version").out.startswith("studbook 0.")
    for words in ((), ("merge",), ("incident",), ("log", "prove")):
        said = terminal(*words, "--help")
        assert said.code == 0
        assert "Usage" in said.out
    assert "hf:owner/name[@commit]" in terminal("add", "--help").out
    assert "namespace/name[@revision]" in terminal("show", "--help").out
    assert terminal.state() == {}


def test_narrow_terminals_keep_whole_what_is_copied_into_the_next_command(kennel) -> None:
    artifact = describe(kennel.folder / "one").artifact
    assert artifact[:15] in kennel("ancestors", "kennel/both", columns=40).out
    assert artifact in kennel("show", "kennel/one", columns=40).out
