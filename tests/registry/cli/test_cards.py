"""What the files of a folder say is read by `add`, and told beside what was signed by whoever asks about the artifact."""

import shutil

from making import floats, write_model

from merger.folder import describe


def test_show_status_and_license_say_where_a_card_differs_and_hold_all_the_same(terminal, kennel) -> None:
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    base = describe(kennel.folder / "base").artifact
    made = write_model(terminal.folder / "tuned", {"norm": ("F32", (4,), floats([1, 2, 3, 4]))})
    (made / "README.md").write_text("---\nbase_model: acme/[red]other\nlicense: mit\n---\n")
    (made / "mergekit.yml").write_text("merge_method: linear\nmodels:\n  - model: acme/other\n")
    added = terminal.holds(
        "add", "tuned", "--name", "kennel/fresh", "--license", "apache-2.0", "--base", "kennel/base"
    )
    lines = [
        "license differs: README.md gives the license mit, and its publisher declares apache-2.0",
        "parent not signed: mergekit.yml names hf:acme/other as a parent, and its publisher signs no such parent",
        f"parent not mentioned: its publisher signs the parent {base}, and mergekit.yml does not name it",
    ]

    again = terminal.holds(
        "add", "tuned", "--name", "kennel/fresh", "--license", "apache-2.0", "--base", "kennel/base"
    )
    assert set(again["entries"]) <= set(added["entries"]), "the log answers with the first receipts"
    for words in (("show", "kennel/fresh"), ("status", "tuned"), ("license", "kennel/fresh")):
        said = " ".join(terminal(*words).out.split())
        assert all(one in said for one in lines), said
        assert [one["kind"] for one in terminal(*words, "--json").json["contradictions"]] == [
            "license differs",
            "parent not signed",
            "parent not mentioned",
        ]
    assert terminal("status", "tuned").code == 0, "it is a finding, and no flag"
    assert terminal("verify", "tuned").code == 0


def test_a_card_that_names_more_parents_than_are_signed_is_remarked(terminal, kennel) -> None:
    shutil.copytree(kennel.home, terminal.home, symlinks=True)
    made = write_model(terminal.folder / "many", {"norm": ("F32", (4,), floats([1, 2, 3, 5]))})
    named = "".join(f"- acme/m{number}\n" for number in range(1001))
    (made / "README.md").write_text(f"---\nbase_model:\n{named}---\n")

    said = terminal("add", "many")

    assert (said.code, "note: README.md names 1001 parents" in said.err) == (0, True), said
