"""Stages: a merge that was killed goes on from its finished shards, and nothing half-made is ever seen."""

import json
import subprocess
import sys

import pytest
from making import floats, make, write_model

from merger import execute as module
from merger.card import config_of
from merger.execute import execute
from merger.folder import describe
from merger.kernels.blocks import NumpyKernels
from merger.plan import plan
from merger.recipe import Recipe
from merger.stage import Busy, Stage, staged
from merger.weights import opened_weights
from signing.errors import Malformed

SHARDS = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]


class Killed(BaseException):
    pass


@pytest.fixture
def merge(tmp_path):
    """Run a merge of two models of three tensors, a shard each; `killed_after` that many it dies."""
    base = {n: ("F32", (4,), floats([0, 0, 0, 0])) for n in "abc"}
    tuned = {n: ("F32", (4,), floats([1, -1, 1, 1])) for n in "abc"}
    folders = {}
    for name, tensors in (("base", base), ("tuned", tuned)):
        folder = write_model(tmp_path / name, tensors)
        folders[describe(folder).artifact] = folder
    zero, one = folders
    # Seven of twelve elements are kept, all of them equal: each shard takes what the ones before it left.
    said = {
        "arithmetic": "1",
        "method": "ties",
        "base": zero,
        "parents": [{"model": one, "parameters": {"weight": "1", "density": "0.6"}}],
        "parameters": {
            "lambda": "1",
            "scope": "model",
            "vote": "weighted",
            "divide": "weights",
            "rescale": "none",
        },
        "shard_bytes": "16",
        "allow_nonfinite": False,
    }
    recipe = Recipe.of(said)
    target = tmp_path / "out" / "made"

    def run(killed_after=None, progress=lambda _: None, released=True):
        described = {artifact: describe(folder) for artifact, folder in folders.items()}
        known = {artifact: (d.manifest, d.blocks) for artifact, d in described.items()}
        with opened_weights(folders, known) as weights, staged(target, recipe.digest) as stage:
            if killed_after is not None:
                record = stage.record

                def dying(name, finished):
                    record(name, finished)
                    if len(list(stage.path.glob("records/*.json"))) == killed_after:
                        raise Killed

                stage.record = dying
            configs = {artifact: config_of(w) for artifact, w in weights.items()}
            steps = plan(recipe, {a: w.manifest for a, w in weights.items()}, configs)
            result = execute(steps, weights, stage, NumpyKernels, threads=2, progress=progress)
            if released:
                stage.release(target)
        return result

    run.target, run.recipe, run.folders = target, recipe, folders
    run.stage = target.parent / f".made.studbook-{recipe.digest[:16]}"
    return run


def uninterrupted(merge):
    return make(merge.recipe, merge.folders).result


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_a_killed_merge_goes_on_from_its_finished_shards(merge, shards):
    with pytest.raises(Killed):
        merge(killed_after=shards)
    assert not merge.target.exists()
    result = merge()
    assert result.resumed == tuple(SHARDS[:shards])
    want = uninterrupted(merge)
    assert (result.artifact, result.account, result.blocks) == (want.artifact, want.account, want.blocks)
    assert describe(merge.target).artifact == result.artifact
    assert [p.name for p in merge.target.parent.iterdir()] == ["made"]


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_shard_is_made_again_with_what_the_others_left_it(merge, lost):
    with pytest.raises(Killed):
        merge(killed_after=3)
    (merge.stage / "records" / f"{SHARDS[lost]}.json").unlink()
    result = merge()
    assert result.resumed == tuple(name for i, name in enumerate(SHARDS) if i != lost)
    assert result.artifact == uninterrupted(merge).artifact


def flip(file):
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda stage: flip(stage / "files" / SHARDS[0]),
        lambda stage: (stage / "files" / SHARDS[0]).unlink(),
        lambda stage: (stage / "records" / f"{SHARDS[0]}.json").write_text('{"file":'),
        lambda stage: (stage / "records" / f"{SHARDS[0]}.json").write_text("[]"),
        lambda stage: (stage / "records" / f"{SHARDS[0]}.json").write_text(
            '{"file":{},"tensors":[],"blocks":"","account":{}}'
        ),
    ],
    ids=["flipped", "gone", "torn", "a list", "empty"],
)
def test_a_finished_shard_that_is_not_what_its_record_says_is_made_again(merge, tamper):
    with pytest.raises(Killed):
        merge(killed_after=2)
    tamper(merge.stage)
    result = merge()
    assert result.resumed == (SHARDS[1],)
    assert result.artifact == uninterrupted(merge).artifact


@pytest.mark.parametrize("member", ["tensors", "blocks", "file", "account"])
def test_a_record_that_says_more_than_its_shard_holds_is_not_believed(merge, member):
    with pytest.raises(Killed):
        merge(killed_after=2)
    record = merge.stage / "records" / f"{SHARDS[0]}.json"
    said = json.loads(record.read_bytes())
    match member:
        case "tensors":
            said["tensors"][0]["digest"] = "0" * 64
        case "blocks":
            said["blocks"] = "0" * 64
        case "file":
            said["file"]["size"] += 1
        case "account":
            next(iter(said["account"].values()))["operation"] = "copy"
    record.write_text(json.dumps(said))
    result = merge()
    assert result.resumed == (SHARDS[1],)
    assert result.artifact == uninterrupted(merge).artifact


def test_a_file_that_nobody_asked_for_is_never_released(merge):
    with pytest.raises(Killed):
        merge(killed_after=1)
    (merge.stage / "files" / "modeling_evil.py").write_text("boom()")
    with pytest.raises(
        Malformed, match=r"modeling_evil\.py is no file of this merge; remove it and merge again"
    ):
        merge()
    assert not merge.target.exists()
    (merge.stage / "files" / "modeling_evil.py").unlink()
    assert merge().resumed == tuple(SHARDS)


def test_a_merge_that_fails_leaves_no_thread_and_no_target(merge, monkeypatch):
    def failing(*_):
        raise Malformed("no")

    monkeypatch.setattr(module.Chunks, "output", failing)
    with pytest.raises(Malformed, match=r"^no$"):
        merge()
    assert not merge.target.exists()
    monkeypatch.undo()
    assert merge().resumed == ()


def test_a_second_process_is_refused(merge):
    target, digest = merge.target, merge.recipe.digest
    script = "import sys, pathlib\nfrom merger.stage import staged\nwith staged(pathlib.Path(sys.argv[1]), sys.argv[2]): pass"
    with staged(target, digest):
        with (
            pytest.raises(
                Busy, match=r"another process is making .*/made from the same recipe; its stage is"
            ),
            staged(target, digest),
        ):
            pass
        held = subprocess.run(
            [sys.executable, "-c", script, target, digest], capture_output=True, text=True, check=False
        )
        assert "merger.stage.Busy: another process is making" in held.stderr
    free = subprocess.run(
        [sys.executable, "-c", script, target, digest], capture_output=True, text=True, check=False
    )
    assert free.returncode == 0, free.stderr


def test_a_target_that_exists_is_refused_before_and_after(merge):
    result = merge(released=False)
    with staged(merge.target, merge.recipe.digest) as stage:
        merge.target.mkdir()
        with pytest.raises(Malformed, match=r"made exists by now; the finished merge waits in .*files"):
            stage.release(merge.target)
    with pytest.raises(Malformed, match="made exists already; name a new folder, or remove that one first"):
        merge()
    merge.target.rmdir()
    assert merge().resumed == tuple(SHARDS)
    assert describe(merge.target).artifact == result.artifact


def test_t5_a_stage_that_somebody_else_could_have_filled_is_refused(merge, tmp_path):
    merge.stage.parent.mkdir()
    (tmp_path / "theirs").mkdir()
    merge.stage.symlink_to(tmp_path / "theirs")
    with pytest.raises(Malformed, match="not a folder that only you can write: remove it, or name another"):
        merge()
    merge.stage.unlink()
    merge.stage.mkdir()
    merge.stage.chmod(0o777)
    with pytest.raises(Malformed, match="not a folder that only you can write"):
        merge()
    assert not merge.target.exists()
    assert not list((tmp_path / "theirs").iterdir())


def test_other_recipes_have_other_stages(tmp_path):
    with staged(tmp_path / "made", "a" * 64) as one, staged(tmp_path / "made", "b" * 64) as other:
        assert one.path != other.path
        assert {one.path.parent, other.path.parent} == {tmp_path}


def test_progress_tells_every_byte_written_or_hashed_again(merge):
    told = []
    merge(progress=told.append, released=False)
    assert sum(told) == 3 * 16
    again = []
    merge(progress=again.append)
    assert sum(again) == 3 * 16


def test_a_record_reads_back(merge):
    with pytest.raises(Killed):
        merge(killed_after=1)
    found = Stage(merge.stage).finished(SHARDS[0], lambda _: None)
    assert found == type(found).parse(found.encode())
    assert json.loads(found.encode())["file"]["name"] == SHARDS[0]
