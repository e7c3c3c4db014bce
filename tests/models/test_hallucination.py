"""What nobody said."""

import numpy as np
import pytest

from models.hallucination import is_hallucinated, level_dbfs

SPEECH = np.sin(np.arange(32_000, dtype=np.float32)) * np.float32(0.2)
SILENCE = np.zeros(32_000, np.float32)


@pytest.mark.parametrize(
    "text",
    ["Thanks for watching!", "¡Suscríbete!", "Obrigado por assistir.", "Subtítulos por la comunidad de Amara.org"],
)
def test_words_of_videos_on_doubtful_sound_are_nobodys(text: str) -> None:
    assert is_hallucinated(text, SPEECH, no_speech=0.4, log_probability=-0.6)


@pytest.mark.parametrize("text", ["Thank you.", "Gracias.", "Obrigada.", "Thanks for watching the meter for me."])
def test_what_callers_say_stays(text: str) -> None:
    assert not is_hallucinated(text, SPEECH, no_speech=0.4, log_probability=-0.6)


def test_clear_words_of_videos_stay() -> None:
    assert not is_hallucinated("See you next time.", SPEECH, no_speech=0.01, log_probability=-0.1)


@pytest.mark.parametrize("text", ["Thank you.", "...", "♪"])
def test_nobody_speaks_in_silence(text: str) -> None:
    assert is_hallucinated(text, SILENCE, no_speech=0.1, log_probability=-0.2)


def test_text_that_whisper_itself_doubts_is_nobodys() -> None:
    assert is_hallucinated("you", SPEECH, no_speech=0.8, log_probability=-1.2)


def test_no_text_is_no_hallucination() -> None:
    assert not is_hallucinated("", SILENCE, no_speech=0.9, log_probability=-2.0)


def test_the_loudest_tenth_of_a_second_counts() -> None:
    short = SILENCE.copy()
    short[:1600] = 0.1
    assert level_dbfs(short) == pytest.approx(-20, abs=0.1)
    assert level_dbfs(SILENCE) == pytest.approx(-120)
    assert level_dbfs(SILENCE[:0]) == -120.0


@pytest.mark.parametrize(
    "text", ["E aí?", "O que é isso?", "¡Adiós!", "you", "Thank you.", "Muchas gracias.", "Buenos días."]
)
def test_where_it_may_be_music_only_clear_words_count(text: str) -> None:
    assert is_hallucinated(text, SPEECH, no_speech=0.25, log_probability=-1.1, suspect=True)
    assert is_hallucinated(text, SPEECH, no_speech=0.4, log_probability=-0.5, suspect=True)
    assert not is_hallucinated(text, SPEECH, no_speech=0.25, log_probability=-0.7, suspect=True)
    assert not is_hallucinated(text, SPEECH, no_speech=0.4, log_probability=-0.8)


def test_nobody_says_twenty_words_in_two_seconds() -> None:
    assert is_hallucinated("y " * 20, SPEECH, no_speech=0.0, log_probability=-0.1)
    assert not is_hallucinated("y " * 12, SPEECH, no_speech=0.0, log_probability=-0.1)


@pytest.mark.parametrize(
    "text",
    ["Sous-titres réalisés par la communauté d'Amara.org", "Legendas por Tradução", "Até a próxima!", "Dale like."],
)
def test_phrases_of_every_language_are_known(text: str) -> None:
    assert is_hallucinated(text, SPEECH, no_speech=0.4, log_probability=-0.6)
