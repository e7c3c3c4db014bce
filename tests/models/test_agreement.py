"""Words that two decodes agree on stay."""

from hypothesis import given
from hypothesis import strategies as st

from models.agreement import Agreement

_words = st.lists(st.sampled_from(["si", "Sí,", "no", "con", "él", "habla.", "habla", "¿qué?", "—"]), max_size=8)


def test_nothing_is_stable_in_a_first_decode() -> None:
    assert Agreement().offer("my card is") == ("my card is", 0)


def test_what_two_decodes_share_is_stable() -> None:
    agreement = Agreement()
    agreement.offer("I want to can")
    text, stable = agreement.offer("I want to cancel my plan")
    assert text[:stable] == "I want to"
    assert agreement.stable == "I want to"


def test_the_last_word_of_speech_that_goes_on_may_be_half_a_word_and_waits() -> None:
    agreement = Agreement()
    assert agreement.offer("I want to can", whole=False) == ("I want to", 0)
    assert agreement.offer("I want to cancel my", whole=False) == ("I want to cancel", 9)
    assert agreement.offer("I want to cancel my", whole=False) == ("I want to cancel my", 19)


def test_a_last_word_that_is_likely_does_not_wait() -> None:
    agreement = Agreement()
    assert agreement.offer("I want to can", (0.9, 0.9, 0.9, 0.4), whole=False) == ("I want to", 0)
    assert agreement.offer("I want to cancel", (0.9,), whole=False) == ("I want to cancel", 9)


def test_an_unlikely_word_waits_and_all_behind_it_until_two_decodes_agree() -> None:
    agreement = Agreement()
    chances = (0.9, 0.1, 0.8, 0.9)
    assert agreement.offer("para odessa el modo", chances) == ("para", 0)
    assert agreement.offer("para odessa el modo mudo", (*chances, 0.9)) == ("para odessa el modo mudo", 19)


def test_likelihoods_are_of_the_last_words() -> None:
    assert Agreement().offer("my card is four", (0.1,)) == ("my card is", 0)


def test_punctuation_and_case_do_not_make_words_differ() -> None:
    agreement = Agreement()
    agreement.offer("Sí.")
    text, stable = agreement.offer("sí, con él")
    assert (text, stable) == ("sí, con él", 3)


def test_a_stable_word_is_not_taken_back() -> None:
    agreement = Agreement()
    agreement.offer("good morning this")
    agreement.offer("good morning this is")
    text, stable = agreement.offer("could morning this is Daniel")
    assert text == "good morning this is Daniel"
    assert text[:stable] == "good morning this is"


def test_a_decode_that_lost_a_word_does_not_repeat_the_stable_ones() -> None:
    agreement = Agreement()
    agreement.offer("eh good morning this is")
    agreement.offer("eh good morning this is")
    text, _ = agreement.offer("good morning this is Daniel")
    assert text == "eh good morning this is Daniel"


@given(st.lists(_words, min_size=1, max_size=8))
def test_stable_text_only_grows(decodes: list[list[str]]) -> None:
    agreement, before = Agreement(), ""
    for words in decodes:
        text, stable = agreement.offer(" ".join(words))
        assert 0 <= stable <= len(text)
        assert text.startswith(before)
        assert text[:stable].startswith(before)
        assert text[:stable] == agreement.stable
        before = text[:stable]


@given(_words)
def test_the_same_decode_twice_is_wholly_stable(words: list[str]) -> None:
    agreement = Agreement()
    agreement.offer(" ".join(words))
    text, stable = agreement.offer(" ".join(words))
    assert text == " ".join(words)
    assert stable == len(text)
