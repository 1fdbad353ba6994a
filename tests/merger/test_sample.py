"""Sampling: an honest merge of every method passes; what was forged before the draw is found at the stated odds."""

import json
import math
import random
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest
from rings import here
from strategies import Case, big, on_disk

from merger.account import tensor_account
from merger.card import configs_of
from merger.chunks import Chunks
from merger.claim import Claim
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.manifest import BLOCK, DIGEST, SIZES, block_digest, tensor_digest
from merger.measure import Measured, measure, selected, targets
from merger.methods import METHODS
from merger.plan import Plan, plan
from merger.recipe import Recipe
from merger.sample import Block, Sampled, draw, escape, sample
from merger.shares import joined
from merger.steps import Compute, elements
from merger.weights import opened_weights
from signing.digest import sha256_hex

SHAPES = {"a": (3, 5, 7), "b": ((1 << 19) + (1 << 16) + 77,), "c": (0, 3), "d": ()}


def seeded(seed: int) -> Callable[[int], int]:
    return random.Random(seed).randrange


@dataclass
class Bench:
    """One merge with what was signed of it, to be doctored and sampled any number of times."""

    plan: Plan
    weights: dict
    claim: Claim

    def sample(self, count: int, seed: int = 1, claim: Claim | None = None, **how) -> Sampled:
        return sample(self.plan, self.weights, claim or self.claim, NumpyKernels, count, seeded(seed), **how)

    def found(self, count: int, claim: Claim, times: int) -> float:
        """Return the share of draws in which a forgery was found."""
        return sum(not self.sample(count, seed, claim).same for seed in range(times)) / times

    def with_account(self, change: Callable[[dict], None]) -> Claim:
        account = json.loads(json.dumps(self.claim.account))
        change(account)
        return replace(self.claim, account=account)

    def with_block(self, tensor: str, number: int, data: bytes) -> Claim:
        """Sign other bytes of one block, as somebody who holds the key would: consistent up to the manifest."""
        manifest = self.claim.manifest
        at = manifest.offsets()[tensor] + number
        blocks = self.claim.blocks
        blocks = blocks[: at * DIGEST] + block_digest(data) + blocks[(at + 1) * DIGEST :]
        first = manifest.offsets()
        tensors = tuple(
            t.model_copy(
                update={
                    "digest": tensor_digest(
                        blocks[first[t.name] * DIGEST : (first[t.name] + t.blocks) * DIGEST]
                    )
                }
            )
            for t in manifest.tensors
        )
        signed = manifest.model_copy(update={"tensors": tensors, "blocks": sha256_hex(blocks)})
        return replace(self.claim, manifest=signed, blocks=blocks)


@pytest.fixture
def bench():
    """Open a case; everything is closed again when the test ends."""
    with ExitStack() as stack:
        disk = stack.enter_context(on_disk())

        def opened(case: Case) -> Bench:
            made = disk.make(case)
            recipe = Recipe.of(disk.recipe(case))
            folders = {one: disk.folders[one] for one in recipe.artifacts()}
            known = {one: describe(folder) for one, folder in folders.items()}
            pairs = {one: (d.manifest, d.blocks) for one, d in known.items()}
            weights = stack.enter_context(opened_weights(folders, pairs))
            configs = configs_of(recipe, weights)
            steps = plan(recipe, {one: w.manifest for one, w in weights.items()}, configs)
            claim = Claim(made.result.manifest, made.result.blocks, json.loads(made.result.account))
            return Bench(steps, weights, claim)

        yield opened


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize("out", here(["bfloat16"], ["bfloat16", "float64"]))
def test_an_honest_merge_is_the_same_wherever_it_is_looked_at(bench, method, out):
    one = bench(big(method, SHAPES, ("BF16", "F32", "BF16"), out_dtype=out, shard_bytes="1000000"))
    total = one.sample(1).total
    assert total == sum(-(-elements(s) * SIZES[s.dtype] // BLOCK) for s in one.plan.steps) > 3
    for seed in range(3):
        assert one.sample(2, seed).faults == ()
    whole = one.sample(1000, threads=3)
    assert whole.faults == ()
    assert len(whole.drawn) == total
    assert whole.escape(0.01) == 0.0
    computed = [s for s in one.plan.steps if isinstance(s, Compute)]
    assert whole.witnessed == any(s.sums or targets(s.cuts) for s in computed)


DRAWS = 100
TEN = {"w": (10 << 17,), "v": (3,)}


def missing(total: int, bad: int, count: int) -> float:
    """Return how likely `count` different ones of `total` hold none of the `bad` ones."""
    return math.comb(total - bad, count) / math.comb(total, count)


@pytest.mark.parametrize("method", here(["dare_ties"], ["dare_ties", "slerp", "ties"]))
@pytest.mark.parametrize("count", here([1], [1, 4]))
def test_one_altered_value_is_found_as_often_as_its_block_is_drawn(bench, method, count):
    one = bench(big(method, TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    chunks = Chunks(one.plan.recipe, one.weights, NumpyKernels)
    step = one.plan.steps[1]
    found = measure(chunks, step, map)
    data = bytearray(chunks.output(step, 1, found.scalars, found.selections).data[:BLOCK])
    data[5] ^= 1
    forged = one.with_block("w", 4, bytes(data))

    share = one.found(count, forged, DRAWS)

    assert one.sample(1000, claim=forged).faults[0].block == 4
    assert abs(share - (1 - missing(11, 1, count))) < 0.12
    assert 1 - share < escape(1 / 11, count) + 0.1


def forged_account(one: Bench, name: str, measured: Measured) -> Claim:
    """Sign what comes out of other scalars and selections, consistent in everything but one entry of a witness."""
    chunks = Chunks(one.plan.recipe, one.weights, NumpyKernels)
    step = next(step for step in one.plan.steps if step.name == name)
    made = [chunks.output(step, n, measured.scalars, measured.selections) for n in chunks.numbers(step)]
    shares = joined([part for output in made for part in output.shares])
    entry = tensor_account(step, measured, (0, 0), shares)
    claim = one.with_account(lambda said: said["tensors"].update({name: entry}))
    for number, output in enumerate(made):
        data = bytes(output.data)
        blocks = len(range(0, chunks.chunk * SIZES[step.dtype], BLOCK))
        for i, at in enumerate(range(0, len(data), BLOCK)):
            claim = replace(one, claim=claim).with_block(name, number * blocks + i, data[at : at + BLOCK])
    return claim


@pytest.mark.parametrize("count", here([1], [1, 3]))
def test_an_altered_witness_of_a_sum_is_found_where_it_was_altered(bench, count):
    one = bench(big("slerp", TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    chunks = Chunks(one.plan.recipe, one.weights, NumpyKernels)
    step = one.plan.steps[1]
    found = measure(chunks, step, map)
    sums = {name: list(values) for name, values in found.sums.items()}
    sums["dot"][9] += 5000.0
    scalars = chunks.recipe.rules.resolve(step.values, [sum_of(sums[n]) for n in ("dot", "first", "second")])
    forged = forged_account(one, "w", replace(found, scalars=scalars, sums=sums))
    assert scalars != found.scalars

    whole = one.sample(1000, claim=forged)
    # Entry 9 lies in chunk 1, which four blocks of the output come out of.
    assert [(fault.name, fault.said) for fault in whole.faults] == [
        ("w", "its part of the sum 'dot' is another than the one signed")
    ]
    assert abs(one.found(count, forged, DRAWS) - (1 - missing(11, 4, count))) < 0.12


def test_what_is_said_of_a_stack_is_held_to_the_recipe(bench):
    one = bench(big("cat", {"w": (10 << 17,)}, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    step = one.plan.steps[0]
    assert one.sample(1000).faults == ()
    for lie, words in [
        (lambda said: said.update(scalars=[(1.0).hex()] * 2), "account's scalars"),
        (lambda said: said.update(parents=[1, 0]), "account's parents"),
        (lambda said: said.update(operation="copy"), "account's operation"),
        (lambda said: said.update(sums={"dot": []}), "account's sums"),
    ]:
        forged = one.with_account(lambda said, lie=lie: lie(said["tensors"][step.name]))
        faults = one.sample(1, claim=forged).faults
        assert any(words in fault.said for fault in faults), (words, faults)
    manifest = one.claim.manifest
    for shape in ((), (0,), (7, 7)):
        lied = tuple(t.model_copy(update={"shape": shape}) for t in manifest.tensors)
        claim = replace(one.claim, manifest=manifest.model_copy(update={"tensors": lied}))
        faults = one.sample(1, claim=claim).faults
        assert any(f"signed as ('F64', {shape}" in fault.said for fault in faults)
    data = bytearray(Chunks(one.plan.recipe, one.weights, NumpyKernels).output(step, 1).data[:BLOCK])
    data[5] ^= 1
    (fault,) = one.sample(1000, claim=one.with_block(step.name, 4, bytes(data))).faults
    assert (fault.name, fault.block) == (step.name, 4)


def sum_of(values):
    result = values[0]
    for value in values[1:]:
        result += value
    return result


def test_altered_counts_of_a_selection_are_found_where_they_were_altered(bench):
    one = bench(big("ties", TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))

    def shift(said, by=1):
        blocks = said["tensors"]["w"]["selections"][0]["blocks"]
        blocks[2][0] += by
        blocks[18][0] -= by

    forged = one.with_account(shift)
    whole = one.sample(1000, claim=forged)
    assert {fault.said for fault in whole.faults} == {
        "its counts in selection 0 are others than those signed"
    }
    assert len(whole.faults) == 2
    # Eight blocks lie over either of the two: the chunks 0 and 2 of two and a half.
    assert abs(one.found(2, forged, DRAWS) - (1 - missing(11, 6, 2))) < 0.12


@pytest.mark.system
@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_an_account_counts_is_held_to_the_blocks_drawn(bench, method):
    one = bench(big(method, {"a": (3, 7), "w": (5 << 17,)}, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    large = max(one.plan.steps, key=elements).name
    small = min((step for step in one.plan.steps if elements(step)), key=elements).name
    assert one.sample(1000).faults == ()
    entry = one.claim.account["tensors"][large]
    shares = entry.get("shares", {})
    lies = [
        (small, {"nonfinite": {"inputs": 1, "outputs": 0}}, "its nonfinite are others"),
        (large, {"nonfinite": {"inputs": -1, "outputs": 0}}, "its nonfinite are others"),
        (large, {"nonfinite": 7}, "its nonfinite are others"),
        (large, {"shares": {"kept": [1]}}, "its shares are others"),
        (large, {"shares": None if "shares" in entry else {}}, "its shares are others"),
        (large, {"taste": "good"}, "which no account says"),
    ]
    for name, values in shares.items():
        least = "0x0.1p-1000" if name == "energy" else 3
        wrong = [values[:-1], [*values[:-1], least], [None] * len(values)]
        if name != "energy":
            wrong.append([value + (5 << 17) for value in values])
        lies += [(large, {"shares": shares | {name: lie}}, "its shares are others") for lie in wrong]
    for name, lie, words in lies:
        forged = one.with_account(lambda said, name=name, lie=lie: said["tensors"][name].update(lie))
        faults = one.sample(1000, claim=forged).faults
        assert any(fault.name == name and words in fault.said for fault in faults), (name, lie, faults)


def test_an_account_speaks_of_the_merge_s_tensors_alone(bench):
    one = bench(big("linear", {"v": (3,)}, ("F32", "F32", "F32")))
    forged = one.with_account(lambda said: said["tensors"].update(ghost={"operation": "compute"}))
    (fault,) = one.sample(1, claim=forged).faults
    assert "an entry of 'ghost', which is no tensor of this merge" in fault.said


def test_a_fence_from_other_quartiles_is_found(bench):
    rows = {"w": (1 << 9, 10 << 8), "v": (3,)}
    one = bench(big("arcee_fusion", rows, ("BF16", "BF16"), out_dtype="float64"))
    chunks = Chunks(one.plan.recipe, one.weights, NumpyKernels)
    step = one.plan.steps[1]
    found = measure(chunks, step, map)
    assert [target.count for target in targets(step.cuts)] == [983041, 655361, 327681]
    reaches = [*found.reaches[:2], replace(found.reaches[2], threshold=found.reaches[2].threshold + 1)]
    forged = forged_account(one, "w", replace(found, reaches=reaches, selections=selected(step, reaches)))

    whole = one.sample(1000, claim=forged)

    # Whatever block is drawn: counts of the numbers above another threshold are others there.
    assert {fault.said for fault in whole.faults} == {
        "its counts in selection 2 are others than those signed",
    }
    swapped = one.with_account(lambda said: said["tensors"]["w"]["selections"].reverse())
    faults = one.sample(1, claim=swapped).faults
    assert any("selection 0 does not keep the 983041 largest" in fault.said for fault in faults)


def test_what_does_not_add_up_is_found_wherever_one_looks(bench):
    one = bench(big("slerp", TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    trimmed = bench(big("ties", TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))

    def entry(said):
        return said["tensors"]["w"]

    lies = [
        (one, lambda said: entry(said)["scalars"].update(first=(0.5).hex()), "account's scalars"),
        (one, lambda said: entry(said)["sums"]["dot"].pop(), "no value for every block"),
        (one, lambda said: entry(said)["sums"]["dot"].__setitem__(0, "x"), "where a hex float stands"),
        (one, lambda said: entry(said)["sums"].pop("dot"), "the account has sums"),
        (one, lambda said: entry(said)["sums"]["first"].__setitem__(0, (-1e30).hex()), "give no scalars"),
        (one, lambda said: entry(said).update(parents=[1, 0]), "account's parents"),
        (one, lambda said: entry(said).update(operation="copy"), "account's operation"),
        (one, lambda said: said["tensors"].pop("w"), "has sums [], not"),
        (one, lambda said: said.update(recipe="0" * 64), "none of an execution of recipe"),
        (
            trimmed,
            lambda said: entry(said)["selections"][1].update(threshold="0"),
            "counts in selection 1 are others",
        ),
        (trimmed, lambda said: entry(said)["selections"][1].update(threshold="zz"), "no threshold in F32"),
        (trimmed, lambda said: entry(said)["selections"][0].update(threshold="ffffffff"), "no threshold in"),
        (trimmed, lambda said: entry(said)["selections"].pop(), "not the 2 selections"),
        (trimmed, lambda said: entry(said)["selections"][0].update(equals=-1), "keeps -1 equals of"),
        (trimmed, lambda said: entry(said)["selections"][0].update(equals=1 << 40), "equals of"),
        (trimmed, lambda said: entry(said)["selections"][0].pop("equals"), "not threshold, equals"),
        (trimmed, lambda said: entry(said)["selections"][0]["blocks"].__setitem__(0, [1, -1]), "no count of"),
        (
            trimmed,
            lambda said: entry(said)["selections"][0]["blocks"].__setitem__(0, [1, 0]),
            "does not keep",
        ),
    ]
    for at, lie, words in lies:
        faults = at.sample(1, claim=at.with_account(lie)).faults
        assert any(words in fault.said for fault in faults), (words, faults)


def test_counts_over_a_whole_model_are_held_to_one_number(bench):
    case = big("ties", TEN | {"u": (70000,)}, ("F32", "F32", "F32")).shared(scope="model")
    one = bench(case.each(density="0.9"))
    assert one.sample(1000).faults == ()

    forged = one.with_account(lambda said: said["tensors"]["u"]["selections"][0].update(equals=1))
    faults = one.sample(1, claim=forged).faults
    assert {fault.name for fault in faults} == {"u", "v", "w"}
    assert all("selection 0 does not keep the" in fault.said for fault in faults)


def test_every_small_file_and_every_tensor_is_what_the_recipe_makes(bench):
    one = bench(big("linear", {"v": (3,)}, ("F32", "F32", "F32")))
    manifest = one.claim.manifest
    evil = tuple(
        f.model_copy(update={"sha256": "ab" * 32}) if f.name == "config.json" else f for f in manifest.files
    )
    typed = tuple(t.model_copy(update={"dtype": "I32"}) for t in manifest.tensors)
    for changed, name, words in [
        ({"files": evil}, "config.json", "another file than the recipe makes"),
        ({"files": evil[1:]}, evil[0].name, "not among the files signed"),
        ({"files": (*evil, evil[0].model_copy(update={"name": "z.bin"}))}, "z.bin", "no file of this merge"),
        ({"tensors": typed}, "v", "signed as ('I32', (3,), 'model.safetensors'), made as ('F32'"),
        ({"tensors": ()}, "v", "signed as absent"),
    ]:
        claim = replace(one.claim, manifest=manifest.model_copy(update=changed))
        faults = one.sample(1, claim=claim).faults
        assert any(fault.name == name and words in fault.said for fault in faults), (name, faults)
    torn = tuple(t.model_copy(update={"digest": "00" * 32}) for t in manifest.tensors)
    claim = replace(one.claim, manifest=manifest.model_copy(update={"tensors": torn}))
    assert (
        one.sample(1, claim=claim).faults[0].said
        == "the digest signed is not that of its signed block digests"
    )


def test_every_block_is_drawn_alike_and_none_twice(bench):
    one = bench(big("linear", TEN, ("BF16", "BF16", "BF16"), out_dtype="float64"))
    seen: dict[Block, int] = {}
    for seed in range(1100):
        blocks, total = draw(one.plan, 3, seeded(seed))
        assert len(set(blocks)) == 3
        assert total == 11
        for block in blocks:
            seen[block] = seen.get(block, 0) + 1
    assert len(seen) == 11
    assert all(abs(count - 300) < 60 for count in seen.values())
    assert escape(0.05, 64) == pytest.approx(0.95**64)
    assert one.sample(3).escape(0.1) == escape(0.1, 3)
