"""Checking in part and from afar: samples, merges made elsewhere, single weights. None of it is logged."""

import json
import random
import shutil
from pathlib import Path

import pytest
from making import floats, write_model
from world import World

from lineage.predicates import provenance
from merger.claim import Fault
from merger.folder import Changed, describe
from registry.store import Absent
from registry.work.add import Declared, add
from registry.work.against import Against, compare
from registry.work.attribute import weigh
from registry.work.logged import Provenance, find
from registry.work.prepared import prepare
from registry.work.sample import Checked, check
from signing.digest import sha256_hex
from signing.errors import Malformed, Untrusted


def sampled(world: World, ref: str, count: int = 5) -> Checked:
    before = world.size()
    found = check(world.home, find(world.home, ref), count, below=random.Random(3).randrange)
    assert world.size() == before
    return found


def folder(world: World, number: int) -> Path:
    return world.folder / f"model-{number}"


def flip(path: Path, element: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[8 + int.from_bytes(raw[:8], "little") + 4 * element] ^= 1
    path.write_bytes(raw)


def sworn(world: World, truth: Provenance, doctored: Path, account: bytes | None = None) -> str:
    """Register a doctored folder and swear, with the real keys, that the recipe of `truth` made it."""
    added = add(world.home, doctored, Declared()).description
    digest = str(truth.account)
    if account is not None:
        digest = sha256_hex(account)
        world.home.blobs.put(digest, [account])
    manifest = added.manifest.digest
    said = provenance.statement(
        added.artifact, truth.recipe, manifest, digest, "0.1.0", {"engine": "honest"}, by_rows=False
    )
    world.publish("builder", said)
    return added.artifact


@pytest.mark.parametrize("method", ["linear", "slerp", "ties", "dare_ties"])
def test_a_sample_of_an_honest_merge_is_the_same_and_logs_nothing(world: World, method: str) -> None:
    merged = world.merge(method, world.model(), world.model(), *([world.model()] if "ties" in method else []))
    found = sampled(world, merged)
    assert (found.sampled.faults, found.here, found.sampled.total) == ((), True, 2)
    shutil.rmtree(folder(world, 4 if "ties" in method else 3))
    assert (sampled(world, merged).sampled.faults, sampled(world, merged).here) == ((), False)
    world.check()


def test_t11_a_forged_value_a_forged_file_and_a_forged_account_are_found(world: World) -> None:
    merged = world.merge("slerp", world.model(), world.model())
    truth = find(world.home, merged)
    doctored = shutil.copytree(folder(world, 3), world.folder / "doctored")
    flip(doctored / "model.safetensors", 5)
    assert sampled(world, sworn(world, truth, doctored)).sampled.faults == (
        Fault("layers.0.weight", 0, "its bytes are others than those signed"),
    )

    evil = shutil.copytree(folder(world, 3), world.folder / "evil")
    (evil / "config.json").write_bytes(b'{"auto_map":{"AutoModel":"evil.Model"}}')
    assert [fault.name for fault in sampled(world, sworn(world, truth, evil)).sampled.faults] == [
        "config.json"
    ]

    account = json.loads(b"".join(world.home.blobs.read(str(truth.account))))
    account["tensors"]["norm"]["scalars"]["first"] = (0.75).hex()
    other = shutil.copytree(folder(world, 3), world.folder / "other")
    (other / "README.md").write_bytes(b"\n")
    lie = sworn(world, truth, other, json.dumps(account, separators=(",", ":"), sort_keys=True).encode())
    found = {fault.name: fault.said for fault in sampled(world, lie).sampled.faults}
    assert "the account's scalars" in found["norm"]
    with pytest.raises(Untrusted, match="norm: the account's scalars"):
        weigh(world.home, find(world.home, lie), "norm[0]")
    world.check()


def test_a_sample_says_where_the_merge_s_own_files_are_not_those_signed(world: World) -> None:
    merged = world.merge("linear", world.model(), world.model())
    flip(folder(world, 3) / "model.safetensors", 2)
    (fault,) = sampled(world, merged).sampled.faults
    assert (fault.name, fault.block) == ("layers.0.weight", 0)
    assert "differs from what was signed in block 0" in fault.said
    with pytest.raises(Changed, match="differs from what was signed in block 0"):
        weigh(world.home, find(world.home, merged), "layers.0.weight[0,0]")


def test_without_an_account_there_is_nothing_to_sample(world: World) -> None:
    merged = world.merge("linear", world.model(), world.model())
    truth = find(world.home, merged)
    world.home.blobs.path(str(truth.account)).unlink()
    with pytest.raises(Absent, match=f"the account sha256:{truth.account} of {merged} is not stored here"):
        sampled(world, merged)


def against(world: World, recipe: str, where: Path) -> Against:
    before = world.size()
    found = compare(world.home, prepare(world.home, recipe.encode()), where)
    assert world.size() == before
    assert list((world.home.path / "rebuilds").iterdir()) == []
    return found


def linear(*models: str) -> str:
    lines = [f"  - {{model: '{model}', parameters: {{weight: 0.5}}}}" for model in models]
    return "\n".join(["merge_method: linear", "dtype: float32", "models:", *lines])


def test_a_merge_made_elsewhere_is_measured_tensor_by_tensor(world: World) -> None:
    one, two = world.model(), world.model()
    world.merge("linear", one, two)
    made = shutil.copytree(folder(world, 3), world.folder / "elsewhere")
    recipe = linear(one, two)
    same = against(world, recipe, made)
    assert (same.same, same.tensors, same.apart) == (True, 2, ())

    (made / "config.json").write_bytes(b"{}")
    (made / "tokenizer.json").unlink()
    (made / "extra.txt").write_text("x")
    found = against(world, recipe, made)
    assert found.same
    assert found.files == (("config.json", "differs"), ("extra.txt", "extra"), ("tokenizer.json", "missing"))

    flip(made / "model.safetensors", 5)
    flip(made / "model.safetensors", 7)
    found = against(world, recipe, made)
    (apart,) = found.apart
    assert (apart.tensor, apart.elements, apart.differing, apart.first, apart.ulp) == (
        "layers.0.weight",
        16,
        2,
        5,
        1,
    )
    assert found.within(1)
    assert not found.same


def test_missing_extra_and_other_tensors_are_named(world: World) -> None:
    one, two = world.model(), world.model()
    other = write_model(
        world.folder / "elsewhere",
        {"layers.0.weight": ("BF16", (4, 4), floats(range(16), "BF16")), "more": ("F32", (1,), floats([1]))},
    )
    found = against(world, linear(one, two), other)
    assert {apart.tensor: apart.odd for apart in found.apart} == {
        "layers.0.weight": "BF16 of shape [4, 4] in the folder, F32 of shape [4, 4] by the recipe",
        "more": "not made by the recipe",
        "norm": "missing in the folder",
    }
    assert not found.within(1 << 40)
    empty = world.folder / "empty"
    empty.mkdir()
    (empty / "config.json").write_text("{}")
    with pytest.raises(Malformed, match="empty holds no safetensors weights to compare"):
        against(world, linear(one, two), empty)


def test_a_merge_of_an_unknown_seed_is_explained_by_its_masks(world: World) -> None:
    base, one, two = world.model(), world.model(), world.model()
    world.merge("dare_ties", base, one, two)
    recipe = (
        f"merge_method: dare_ties\ndtype: float32\nseed: 8\nbase_model: {base}\nmodels:\n"
        f"  - {{model: '{one}', parameters: {{weight: 0.5, density: 0.5}}}}\n"
        f"  - {{model: '{two}', parameters: {{weight: 0.5, density: 0.5}}}}\n"
    )
    found = against(world, recipe, folder(world, 4))
    assert not found.same
    assert {masks.tensor for masks in found.masks} == {apart.tensor for apart in found.apart}
    assert all(masks.explained.share == 1 and masks.rescale == "65536/t" for masks in found.masks)
    assert found.unexplained is None

    many = "".join(
        f"  - {{model: '{one}', parameters: {{weight: 0.1, density: 0.{i}}}}}\n" for i in range(1, 10)
    )
    found = against(world, recipe.partition("  -")[0] + many, folder(world, 4))
    assert found.masks == ()
    assert "9 parents have 2^9 masks; at most 8 parents are tried" in str(found.unexplained)


def test_a_weight_says_who_put_what_into_it(world: World) -> None:
    base, one, two = world.model(), world.model(), world.model()
    merged = world.merge("task_arithmetic", base, one, two)
    found = weigh(world.home, find(world.home, merged), "layers.0.weight[1,2]")
    assert (found.same, found.dtype, found.method) == (True, "F32", "task_arithmetic")
    assert found.stored == found.derived.result == pytest.approx(found.derived.base + 1.5)
    assert [(p.factor, p.kept, p.agreed) for p in found.derived.parts] == [(0.5, None, None)] * 2
    assert [p.contribution for p in found.derived.parts] == pytest.approx([0.5, 1.0])
    assert found.scalars == {"factors": [(0.5).hex(), (0.5).hex()], "scale": (1.0).hex()}
    with pytest.raises(Malformed, match="has no tensor 'nose'"):
        weigh(world.home, find(world.home, merged), "nose[1]")

    doctored = shutil.copytree(folder(world, 4), world.folder / "doctored")
    flip(doctored / "model.safetensors", 6)
    lie = sworn(world, find(world.home, merged), doctored)
    assert weigh(world.home, find(world.home, lie), "layers.0.weight[1,2]").same is False
    assert weigh(world.home, find(world.home, lie), "layers.0.weight[1,3]").same is True
    shutil.rmtree(doctored)
    gone = weigh(world.home, find(world.home, lie), "layers.0.weight[1,2]")
    assert (gone.stored, gone.same) == (None, None)
    assert describe(folder(world, 4)).artifact == merged
