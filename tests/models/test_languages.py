"""Which language a leg speaks, from what Whisper says of its segments."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports.hearing import Heard, ListenJob
from models.languages import OURS, Belief, Languages, expected, likeliest, moved


def scores(**clear: float) -> dict[str, float]:
    """Of all of Whisper's languages that matter here; what is not given is next to nothing."""
    return dict.fromkeys(("es", "pt", "en", "fr", "it", "ar"), 0.0001) | clear


def after(belief: Belief, *segments: tuple[Mapping[str, float], float]) -> Belief:
    for said, speech_s in segments:
        belief = moved(belief, said, speech_s)
    return belief


ENGLISH, SPANISH, FRENCH = scores(en=0.97, es=0.005), scores(es=0.9, pt=0.05), scores(fr=0.97)


@pytest.mark.parametrize("campaign", ["", "es", "pt", "en"])
def test_one_clear_sentence_decides_whatever_the_campaign_expects(campaign: str) -> None:
    assert likeliest(after(expected(campaign), (ENGLISH, 3.0))) == "en"


@pytest.mark.parametrize("campaign", OURS)
def test_before_anybody_has_spoken_the_campaigns_language_holds(campaign: str) -> None:
    assert likeliest(expected(campaign)) == campaign


def test_a_short_foreign_phrase_flips_nothing_and_a_sentence_does() -> None:
    spanish = after(expected("es"), *[(SPANISH, 3.0)] * 4)
    assert likeliest(after(spanish, (ENGLISH, 0.6))) == "es"
    assert likeliest(after(spanish, (ENGLISH, 3.0))) == "en"


def test_a_word_that_sounds_like_a_far_language_is_ours() -> None:
    assert likeliest(after(expected(), (scores(ar=0.9, es=0.01), 1.0))) == "es"


def test_another_language_is_known_as_itself_and_left_again() -> None:
    french = after(expected("es"), *[(FRENCH, 3.0)] * 3)
    assert likeliest(french) == "fr"
    assert likeliest(after(french, *[(SPANISH, 3.0)] * 2)) == "es"


@given(st.lists(st.tuples(st.sampled_from([ENGLISH, SPANISH, FRENCH, scores()]), st.floats(0.0, 30.0)), max_size=20))
def test_a_belief_is_always_shares(segments: list[tuple[dict[str, float], float]]) -> None:
    belief = after(expected("pt"), *segments)
    assert 0.9 < sum(belief.values()) < 1.001
    assert set(belief) <= set(ENGLISH)


def job(segment: int, *, number: int = 1, suspect: bool = False) -> ListenJob:
    return ListenJob(
        job=number, call_id="c", stream="s", segment=segment, kind="final", due=0.0, language="es", suspect=suspect
    )


def answer(belief: Belief, text: str = "Hola.") -> Heard:
    return Heard(job=1, text=text, language=likeliest(belief), belief=belief)


def test_a_segment_heard_twice_counts_once() -> None:
    languages = Languages()
    assert languages.before(job(0)) == expected("es")
    languages.heard(job(0), answer({"en": 1.0}))
    assert languages.before(job(0)) == expected("es")
    languages.heard(job(0), answer({"pt": 1.0}))
    assert languages.before(job(1)) == {"pt": 1.0}


@pytest.mark.parametrize(
    ("suspect", "heard"),
    [
        (False, answer({"en": 1.0}, text="")),
        (True, answer({"en": 1.0})),
        (False, Heard(job=1, text="Hola.", language="es")),
    ],
    ids=["no words", "suspect", "not identified"],
)
def test_what_says_nothing_of_a_language_moves_nothing(suspect: bool, heard: Heard) -> None:
    languages = Languages()
    languages.heard(job(0), answer({"pt": 1.0}))
    languages.heard(job(1, suspect=suspect), heard)
    assert languages.before(job(2)) == {"pt": 1.0}


def test_an_older_segment_that_comes_late_changes_nothing() -> None:
    languages = Languages()
    languages.heard(job(3), answer({"pt": 1.0}))
    languages.heard(job(2), answer({"en": 1.0}))
    assert languages.before(job(4)) == {"pt": 1.0}


def test_a_speculation_that_was_taken_back_and_comes_late_changes_nothing() -> None:
    languages = Languages()
    languages.heard(job(0, number=2), answer({"pt": 1.0}))
    languages.heard(job(0, number=1), answer({"en": 1.0}))
    assert languages.before(job(1, number=3)) == {"pt": 1.0}


def test_a_call_that_is_over_is_forgotten() -> None:
    languages = Languages()
    languages.heard(job(0), answer({"pt": 1.0}))
    languages.forget("c")
    assert languages.before(job(1)) == expected("es")
