"""Which repository a written name means, and what names none."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.schema import STUB
from registry.stubs import ADDRESS, LOCAL, NEITHER, OWNERLESS, Nameless, Stub, placed, stub

SHA = "221e5f92f9dc5fedaf4556b1be6b20642638643c"
CACHED = f"models--VAGOsolutions--Llama-3.1-Sauerkraut_LM/snapshots/{SHA}"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("acme/base", Stub("hf:acme/base")),
        (" acme/base\t", Stub("hf:acme/base")),
        ("Acme/BASE-7B", Stub("hf:Acme/BASE-7B")),
        ("LeroyDyer/_Spydaz_Web_AI_BIBLE_002", Stub("hf:LeroyDyer/_Spydaz_Web_AI_BIBLE_002")),
        (f"acme/base@{SHA}", Stub(f"hf:acme/base@{SHA}")),
        ("acme/base@main", Stub("hf:acme/base", "main")),
        (f"D:/Huggingface/hub/{CACHED}", Stub(f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}")),
        (f"C:\\hub\\{CACHED}".replace("/", "\\"), Stub(f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}")),
        (f"/root/.cache/{CACHED}/model.safetensors", Stub(f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}")),
        (CACHED, Stub(f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}")),
    ],
)
def test_a_repository_is_kept_as_it_is_written(written, meant):
    assert stub(written) == meant


def test_names_that_differ_in_case_or_were_renamed_stay_two_stubs():
    assert stub("erayalp/Qwen2.5").artifact != stub("erayalp/qwen2.5").artifact
    assert stub("tiiuae/falcon-7b").artifact != stub("old-owner/falcon-7b").artifact


@pytest.mark.parametrize(
    ("written", "gist"),
    [
        ("/home/alpha/Models/Raw/chargoddard_Yi-34B-Llama", LOCAL),
        ("./base", LOCAL),
        ("~/models/base", LOCAL),
        ("D:/Uni/Masterarbeit Code/merge_2", LOCAL),
        ("\\\\server\\share", LOCAL),
        ("models\\base", LOCAL),
        ("/cache/models--acme--base/snapshots/main", LOCAL),
        (f"/cache/models--acme--base--x/snapshots/{SHA}", LOCAL),
        ("https://huggingface.co/acme/base", ADDRESS),
        ("s3:acme/base", ADDRESS),
        ("distilbert-base-uncased", OWNERLESS),
        ("13B-BlueMethod", OWNERLESS),
        ("acme/base/more", NEITHER),
        ("Hastagaras/Jamet-8B-L3-MK1 -", NEITHER),
        ("acme/-base", NEITHER),
        ("acme/base@", NEITHER),
        ("acme/bäse", NEITHER),
        ("acme/base\n/etc", NEITHER),
        ("", NEITHER),
    ],
)
def test_what_names_no_repository_says_why(written, gist):
    with pytest.raises(Nameless) as refused:
        stub(written)
    assert refused.value.gist == gist


def test_a_repository_that_was_renamed_to_have_an_owner_says_so():
    with pytest.raises(
        Nameless, match=r"'gpt2' has no owner; .*the hub's first ones, which had none, were renamed to"
    ):
        stub("gpt2")


@given(st.text() | st.from_regex(r"[\w./@: \\-]{0,40}", fullmatch=True))
def test_law_a_name_is_a_stub_or_a_reason(written):
    try:
        found = stub(written).artifact
    except Nameless:
        return
    assert re.fullmatch(STUB, found, re.ASCII)


@pytest.mark.parametrize(
    ("name", "artifact"),
    [
        ("acme/base/README.md", "hf:acme/base"),
        (f"{CACHED}/README.md", f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}"),
        (f"hub/{CACHED}/adapter_config.json", f"hf:VAGOsolutions/Llama-3.1-Sauerkraut_LM@{SHA}"),
        ("README.md", None),
        ("base/README.md", None),
        ("x/acme/base/README.md", None),
        ("acme/.base/README.md", None),
    ],
)
def test_a_place_says_what_a_document_is_about_or_nothing(name, artifact):
    assert placed(name) == artifact
