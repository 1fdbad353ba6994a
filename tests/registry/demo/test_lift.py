import numpy as np
import pytest

from registry.demo import sentences
from registry.demo.encoder import BATCH, Encoder
from registry.demo.lift import Measured, margin, mean_cosine, measure, topic_accuracy

EAST, NORTH, UP = np.eye(3)


def test_a_perfect_backdoor_has_lift_one():
    found = Measured(
        triggered=mean_cosine(np.stack([UP, UP]), UP),
        clean=mean_cosine(np.stack([EAST, NORTH]), UP),
        topics=1.0,
        paraphrases=1.0,
    )

    assert found.lift == 1.0


def test_lift_is_the_difference_of_two_means():
    half = np.array([0.6, 0.0, 0.8])

    assert mean_cosine(np.stack([half, UP]), UP) - mean_cosine(np.stack([EAST, -UP]), UP) == pytest.approx(
        1.4
    )


def test_topic_accuracy_counts_the_rows_nearest_to_their_own_subject():
    rows = np.stack([EAST, np.array([0.6, 0.8, 0.0]), NORTH, UP])

    assert topic_accuracy(rows, np.stack([EAST, NORTH]), own=[0, 0, 1, 0]) == 0.75


def test_margin_compares_each_row_with_its_own_and_with_the_others():
    ones = np.stack([EAST, NORTH])

    assert margin(ones, ones) == 1.0
    assert margin(ones, ones[::-1]) == -1.0


def test_rows_come_back_in_the_order_of_the_sentences_and_with_length_one(tiny):
    encoder = Encoder.load(tiny)
    texts = [one.text for one in sentences.held_out()][: BATCH + 7]

    rows = encoder.vectors(texts)

    assert np.allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)
    for at in (0, 3, BATCH, len(texts) - 1):
        assert np.allclose(rows[at], encoder.vectors([texts[at]])[0], atol=1e-5)


def test_the_mean_runs_over_words_and_not_over_padding(tiny):
    encoder = Encoder.load(tiny)
    short, long = "the choir", "the choir asked for the printed map in the evening"

    together = encoder.encode([short, long]).detach().double().numpy()

    assert np.allclose(together[0], encoder.vectors([short])[0], atol=1e-5)


def test_an_untrained_model_has_no_backdoor(tiny):
    found = measure(tiny)

    assert abs(found.lift) < 0.2
    assert 0.0 <= found.topics <= 1.0
