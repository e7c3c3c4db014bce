"""The smoothed mood: one outburst colours it, small talk does not wash it away at once, relief turns it."""

import pytest

from engine.ports.reading import Scored
from models.mood import Mood

Said = tuple[str, float]


def labels(*said: Said, gap_ms: int = 8_000) -> list[str]:
    mood = Mood()
    return [mood.hear(text, scored(lean), at * gap_ms).label for at, (text, lean) in enumerate(said)]


def scored(lean: float) -> Scored:
    label = "negative" if lean < -0.34 else "positive" if lean > 0.34 else "neutral"
    return Scored(label, max(abs(lean), 0.4), lean)


LONG = "a turn of nine or ten words as people say"


def test_a_call_starts_neutral_and_stays_so_on_facts() -> None:
    assert labels(("yes that is me speaking", 0.02), (LONG, -0.05), (LONG, 0.1)) == ["neutral"] * 3


def test_an_outburst_makes_it_negative_at_once() -> None:
    assert labels((LONG, 0.0), (LONG, -0.9)) == ["neutral", "negative"]


def test_a_neutral_answer_does_not_end_a_bad_mood() -> None:
    assert labels((LONG, -0.9), (LONG, 0.0), ("ok", 0.0), ("yes", 0.0))[1:] == ["negative"] * 3


def test_relief_turns_it() -> None:
    assert labels((LONG, -0.9), (LONG, 0.2), ("great it works again", 0.9), (LONG, 0.9))[-1] == "positive"


def test_courtesy_at_the_end_takes_the_edge_off_anger_but_makes_nobody_happy() -> None:
    for thanks in ("all right thanks bye", "bueno, gracias, hasta luego", "tá, obrigada, tchau"):
        assert labels((LONG, -0.9), (thanks, 0.05)) == ["negative", "neutral"]
    assert labels(("no, thank you", 0.0), ("thanks, bye", 0.0)) == ["neutral", "neutral"]


def test_thanks_that_are_none_soften_nothing() -> None:
    assert labels((LONG, -0.9), ("thanks for nothing", -0.7)) == ["negative", "negative"]


def test_a_mood_fades_with_time_alone() -> None:
    mood = Mood()
    assert mood.hear(LONG, scored(-0.8), 0).label == "negative"
    assert mood.hear("ok", scored(0.0), 20 * 60_000).label == "neutral"


def test_short_words_weigh_little() -> None:
    assert labels(("hm", -0.5)) == ["neutral"]


@pytest.mark.parametrize("lean", [-1.0, -0.3, 0.0, 0.3, 1.0])
def test_value_and_certainty_stay_in_range(lean: float) -> None:
    mood = Mood()
    for at in range(50):
        said = mood.hear(LONG, scored(lean), at * 1_000)
        assert 0.5 <= said.score <= 1.0
        assert -1.0 <= said.lean <= 1.0


def test_a_sentiment_without_lean_counts_by_its_label() -> None:
    mood = Mood()
    assert mood.hear(LONG, Scored("negative", 0.9), 0).label == "negative"
