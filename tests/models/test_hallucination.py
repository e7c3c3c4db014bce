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
    ("dbfs", "gain", "suspect", "silence"),
    [
        (-54, 1.0, False, False),
        (-58, 1.0, False, True),
        (-58, 4.0, False, True),
        (-58, 16.0, False, False),
        (-58, 16.0, True, True),
        (-66, 16.0, False, True),
    ],
)
def test_what_is_silence_beside_loud_talk_is_an_answer_where_all_are_soft(
    dbfs: float, gain: float, suspect: bool, silence: bool
) -> None:
    sound = SPEECH * np.float32(10 ** ((dbfs - level_dbfs(SPEECH)) / 20))
    assert is_hallucinated("Sí.", sound, 0.2, -0.3, suspect=suspect, gain=gain) is silence


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


NOISE = np.asarray(0.1 * np.random.default_rng(0).normal(size=80_000), np.float32)


@pytest.mark.parametrize(
    ("text", "no_speech", "log_probability"),
    [
        ("Puede entrar a www.acme.com y pagar su factura en línea.", 0.02, -0.35),
        ("Puede entrar a www.acme.com y pagar su factura en línea.", 0.12, -0.10),
        ("Es www.acme.com", 0.12, -0.4),
        ("A fatura vem com a legenda por extenso", 0.02, -0.35),
        ("Los subtítulos en español los activa en el menú.", 0.02, -0.35),
        ("Gracias por su atención.", 0.05, -0.55),
        ("Hasta la próxima.", 0.05, -0.55),
        ("Até a próxima!", 0.05, -0.55),
        ("See you next time", 0.05, -0.55),
    ],
)
def test_what_agents_say_stays_where_only_its_words_are_in_doubt(
    text: str, no_speech: float, log_probability: float
) -> None:
    assert not is_hallucinated(text, NOISE, no_speech, log_probability)


@pytest.mark.parametrize(
    "text",
    ["www.zeoranger.co.uk", "Más información en www.alimmenta.com", "- Legendas por Sônia", "Hasta la próxima."],
)
def test_credits_addresses_and_closings_in_what_whisper_takes_for_silence_are_nobodys(text: str) -> None:
    assert is_hallucinated(text, NOISE, no_speech=0.4, log_probability=-0.2)


@pytest.mark.parametrize("text", ["Gracias por su atención.", "Para más información visite www.alimmenta.com"])
def test_where_it_may_be_music_closings_and_addresses_count_only_when_clear(text: str) -> None:
    assert is_hallucinated(text, NOISE, no_speech=0.05, log_probability=-0.55, suspect=True)
    assert not is_hallucinated(text, NOISE, no_speech=0.05, log_probability=-0.3, suspect=True)
