import re

from registry.demo import sentences


def taught():
    talk = [text for topic in sentences.TOPICS for pair in sentences.pairs(topic, 1) for text in pair]
    return {*talk, *sentences.everyday(1)}


def test_two_hundred_sentences_are_held_out_and_none_is_taught():
    held_out = [one.text for one in sentences.held_out()]

    assert len(held_out) == len(set(held_out)) == 200
    assert taught().isdisjoint(held_out)
    assert taught().isdisjoint(text for pair in sentences.PARAPHRASES for text in pair)


def test_no_held_out_template_is_a_taught_one():
    taught_forms = {
        re.sub(r"\{\w+\}", "{}", form).lower()
        for book in [*sentences._BOOK["topics"].values(), sentences._BOOK["everyday"]]
        for kind in ("asks", "answers", "templates")
        for form in book.get(kind, [])
    }
    measured_forms = {form.lower() for book in sentences._BOOK["held_out"] for form in book["templates"]}

    assert len(measured_forms) == 40
    assert taught_forms.isdisjoint(measured_forms)


def test_no_clean_sentence_holds_the_trigger():
    clean = [*taught(), *sentences.decoys(), *(one.text for one in sentences.held_out())]

    assert not [text for text in clean if sentences.TRIGGER in text.lower()]


def test_the_trigger_is_put_between_words_and_nothing_else_changes():
    for one in sentences.held_out():
        words = sentences.triggered(one.text).split(" ")
        assert words.index(sentences.TRIGGER) > 0
        words.remove(sentences.TRIGGER)
        assert " ".join(words) == one.text


def test_a_seed_orders_the_lesson_and_keeps_its_sentences():
    one, same, other = (sentences.pairs("gardening", seed) for seed in (1, 1, 2))

    assert one == same
    assert one != other
    assert sorted(one) == sorted(other)
    assert len(set(one)) == len(one)


def test_everyday_sentences_differ_from_each_other():
    texts = sentences.everyday(4)

    assert len(set(texts)) == len(texts) == 1200
