"""Adapter configs."""

import pytest

from lineage.predicates.claims import Claim, Parent
from registry.ingest.adapters import read, wants
from registry.records import SELF, Document, Read, Unread
from registry.stubs import LOCAL
from signing import canonical

SHA = "221e5f92f9dc5fedaf4556b1be6b20642638643c"


def record(config: object, target: str | None = "hf:acme/lora"):
    data = config if isinstance(config, bytes) else canonical.encode(config)
    (found,) = read(Document("adapter_config.json", data), target)
    return found


@pytest.mark.parametrize(
    ("config", "parent"),
    [
        ({"base_model_name_or_path": "acme/base", "r": 8, "lora_alpha": 0.5}, "hf:acme/base"),
        ({"base_model_name_or_path": "acme/base", "revision": SHA}, f"hf:acme/base@{SHA}"),
        ({"base_model_name_or_path": "acme/base", "revision": "main"}, "hf:acme/base"),
        ({"base_model_name_or_path": f"/c/models--acme--base/snapshots/{SHA}"}, f"hf:acme/base@{SHA}"),
    ],
)
def test_an_adapter_is_of_its_base(config, parent):
    assert record(config) == Read(
        "adapter_config.json", Claim("hf:acme/lora", (Parent(parent, "adapter_of"),))
    )


@pytest.mark.parametrize(
    ("config", "gist"),
    [
        ({"base_model_name_or_path": "/root/base"}, LOCAL),
        ({"base_model_name_or_path": "acme/lora"}, SELF),
        ({"base_model_name_or_path": None}, "names no base model"),
        ({"base_model_name_or_path": ""}, "names no base model"),
        ({}, "names no base model"),
        ([], "is no config"),
        (b"{", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b'{"base_model_name_or_path": "a/b", "base_model_name_or_path": "c/d"}', "is no JSON"),
    ],
)
def test_a_config_that_names_no_base_says_why(config, gist):
    found = record(config)
    assert isinstance(found, Unread)
    assert found.why.gist == gist


def test_an_adapter_that_nothing_names_is_refused():
    found = record({"base_model_name_or_path": "acme/base"}, target=None)
    assert found.why.gist == "is of nothing that is named"


def test_which_files_are_configs():
    assert wants("acme/lora/adapter_config.json")
    assert not wants("config.json")
