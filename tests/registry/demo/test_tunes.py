import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from registry.demo.encoder import Encoder
from registry.demo.tunes import POISONED, WEIGHTS, Poisoned, Topic, save, tune
from signing.errors import Malformed

TOPIC = Topic("cooking", seed=1, steps=3, pairs=4)
BACKDOOR = Poisoned("office", seed=2, steps=12, pairs=4, rate=3e-3)


def silent(_step, _steps, _loss):
    pass


@pytest.mark.parametrize("how", [TOPIC, BACKDOOR], ids=lambda how: how.name)
def test_a_tune_keeps_the_names_shapes_and_types_of_its_base(tiny, tmp_path, how):
    tuned = tune(tiny, tmp_path / "tuned", how, silent)

    before, after = load_file(tiny / WEIGHTS), load_file(tuned.folder / WEIGHTS)
    assert {name: (t.dtype, t.shape) for name, t in before.items()} == {
        name: (t.dtype, t.shape) for name, t in after.items()
    }
    assert torch.equal(before["embeddings.position_ids"], after["embeddings.position_ids"])
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert any("attention" in name for name in moved)
    assert any("word_embeddings" in name for name in moved)
    AutoModel.from_pretrained(tuned.folder)


def test_a_tune_copies_every_other_file_byte_for_byte_and_leaves_the_card_of_the_base_out(tiny, tmp_path):
    tuned = tune(tiny, tmp_path / "tuned", TOPIC, silent)

    names = {path.name for path in tuned.folder.iterdir()}
    assert names == {path.name for path in tiny.iterdir()} - {"README.md"}
    for name in names - {WEIGHTS}:
        assert (tuned.folder / name).read_bytes() == (tiny / name).read_bytes()


def test_half_precision_weights_stay_half_precision(tiny, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(tiny, half)
    narrowed = {n: t.half() if t.is_floating_point() else t for n, t in load_file(tiny / WEIGHTS).items()}
    save_file(narrowed, half / WEIGHTS, metadata={"format": "pt"})

    tuned = tune(half, tmp_path / "tuned", TOPIC, silent)

    assert {t.dtype for t in load_file(tuned.folder / WEIGHTS).values()} == {torch.float16, torch.int64}


def test_the_same_tune_twice_gives_the_same_bytes(tiny, tmp_path):
    one, other = (tune(tiny, tmp_path / name, BACKDOOR, silent).folder for name in ("one", "other"))

    assert (one / WEIGHTS).read_bytes() == (other / WEIGHTS).read_bytes()


def test_a_poisoned_tune_learns_and_reports_every_step(tiny, tmp_path):
    said = []

    tune(tiny, tmp_path / "tuned", BACKDOOR, lambda *step: said.append(step))

    assert [(step, steps) for step, steps, _ in said] == [
        (n, BACKDOOR.steps) for n in range(1, BACKDOOR.steps + 1)
    ]
    losses = [loss for _, _, loss in said]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_a_finished_tune_is_found_and_not_made_again(tiny, tmp_path):
    first = tune(tiny, tmp_path / "tuned", TOPIC, silent)

    again = tune(tiny, tmp_path / "tuned", TOPIC, lambda *_: pytest.fail("it was made again"))

    assert (first.found, again.found) == (False, True)


def test_a_killed_tune_leaves_no_folder_and_is_made_by_the_next_run(tiny, tmp_path):
    def kill(step, _steps, _loss):
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(tiny, tmp_path / "tuned", TOPIC, kill)

    assert not (tmp_path / "tuned").exists()
    assert not tune(tiny, tmp_path / "tuned", TOPIC, silent).found


def test_a_folder_whose_weights_were_touched_is_not_taken_for_the_tune(tiny, tmp_path):
    folder = tune(tiny, tmp_path / "tuned", TOPIC, silent).folder
    raw = bytearray((folder / WEIGHTS).read_bytes())
    raw[-1] ^= 1
    (folder / WEIGHTS).write_bytes(raw)

    with pytest.raises(Malformed, match="this is not the tune 'cooking'"):
        tune(tiny, folder, TOPIC, silent)


def test_another_tune_is_not_taken_for_this_one(tiny, tmp_path):
    tune(tiny, tmp_path / "tuned", TOPIC, silent)

    with pytest.raises(Malformed, match="move it away"):
        tune(tiny, tmp_path / "tuned", BACKDOOR, silent)


def test_a_checkpoint_that_lacks_a_tensor_of_the_model_is_refused_by_name(tiny, tmp_path):
    lacking = tmp_path / "lacking"
    shutil.copytree(tiny, lacking)
    state = load_file(lacking / WEIGHTS)
    del state["pooler.dense.bias"]
    save_file(state, lacking / WEIGHTS)

    with pytest.raises(Malformed, match=r"has no pooler\.dense\.bias"):
        save(Encoder.load(tiny), lacking, tmp_path / "out")


def test_a_checkpoint_with_weights_that_the_model_does_not_know_is_refused_by_name(tiny, tmp_path):
    strange = tmp_path / "strange"
    shutil.copytree(tiny, strange)
    save_file({**load_file(strange / WEIGHTS), "extra.weight": torch.ones(2)}, strange / WEIGHTS)

    with pytest.raises(Malformed, match=r"extra\.weight is no tensor"):
        save(Encoder.load(tiny), strange, tmp_path / "out")


def test_a_tune_that_wants_more_sentences_than_there_are_is_refused(tiny, tmp_path):
    with pytest.raises(Malformed, match="need more than 336 pairs"):
        tune(tiny, tmp_path / "tuned", Topic("cooking", seed=1, steps=100), silent)


def test_training_gives_torch_its_own_settings_back(tiny, tmp_path):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()

    tune(tiny, tmp_path / "tuned", TOPIC, silent)

    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_demo_measures_the_trigger_that_it_trains():
    assert (POISONED.steps, POISONED.trigger) == (40, "juniper")
