"""The governor guards attention: it says no for a written reason."""

import numpy as np
import pytest

from engine.ports.reading import Passage, Reading, Scored
from pipelines.suggest import CARD_SCORE, DISMISSALS_RAISE, FORGOTTEN_MS, FRESH_MS, QUIET_MS, Governor


def passage(article: str, score: float) -> Passage:
    return Passage(article=article, title=article, body="", language="es", score=score)


def reading(*intents: str) -> Reading:
    return Reading(
        vector=np.zeros(512, np.float32),
        sentiment=Scored("neutral", 1.0),
        intents=tuple(Scored(one, 0.9) for one in intents),
        acts=(),
        latency_ms=1.0,
    )


@pytest.mark.parametrize(
    ("leg", "text", "intents", "trigger"),
    [
        ("customer", "quiero cancelar", ("cancel_service",), "cancel_service"),
        ("customer", "stop calling me", ("opt_out",), "opt_out"),
        ("customer", "What happens if I move?", (), "question"),
        ("customer", "What?", (), ""),
        ("customer", "I wonder how long it takes", (), "need"),
        ("customer", "ya funciona, gracias", ("technical_problem",), ""),
        ("customer", "Agora funcionou, obrigada!", ("technical_problem",), ""),
        ("customer", "okay, it works now", (), ""),
        ("customer", "Me dijeron que ya quedó y sigo sin luz", ("technical_problem",), "technical_problem"),
        ("customer", "It's down. It worked yesterday.", (), "need"),
        ("customer", "ya dejen de llamarme, voy a quejarme", ("complaint", "opt_out"), "opt_out"),
        ("customer", "ya no funciona otra vez", ("technical_problem",), "technical_problem"),
        ("customer", "it works now but what about the bill", ("billing_dispute",), "billing_dispute"),
        ("agent", "quiero cancelar", ("cancel_service",), ""),
        ("unknown", "quiero cancelar", ("cancel_service",), ""),
    ],
)
def test_only_a_customers_need_asks_for_a_card(leg: str, text: str, intents: tuple[str, ...], trigger: str) -> None:
    assert Governor().needs_help(leg, text, reading(*intents)) == trigger  # type: ignore[arg-type]


def test_a_wish_to_be_left_alone_decides_beside_any_other() -> None:
    heard = reading("complaint", "opt_out")
    assert Governor().needs_help("customer", "Dejen de llamarme, voy a poner una queja", heard) == "opt_out"


def test_a_cards_answer_counts_once_and_the_newest_holds() -> None:
    governor = Governor()
    for action in ("dismissed", "dismissed", "wrong"):
        governor.answered(action, "a", 0)
    bar = governor.choose("question", [passage("b", 0.1)], 0).bar
    assert bar == pytest.approx(CARD_SCORE + DISMISSALS_RAISE)
    governor.answered("accepted", "a", 0)
    assert governor.choose("question", [passage("b", 0.1)], 0).bar == CARD_SCORE


def test_the_best_fitting_article_is_shown_once() -> None:
    governor = Governor()
    first = governor.choose("question", [passage("a", 0.9), passage("b", 0.8)], 1_000)
    again = governor.choose("question", [passage("a", 0.95)], 60_000)
    assert first.passage is not None
    assert first.passage.article == "a"
    assert (again.passage, again.refused) == (None, "already_shown")


def test_a_second_card_waits_until_the_first_is_read() -> None:
    governor = Governor()
    governor.choose("question", [passage("a", 0.9)], 1_000)
    waits = governor.choose("question", [passage("b", 0.9)], 5_000)
    assert waits.waits
    assert governor.after_waiting(5_000, 1_000 + QUIET_MS - 1, speaking=False) == "wait"
    assert governor.after_waiting(5_000, 1_000 + QUIET_MS, speaking=True) == "wait"
    assert governor.after_waiting(5_000, 1_000 + QUIET_MS, speaking=False) == "show"
    assert not governor.choose("question", [passage("b", 0.9)], 1_000 + QUIET_MS).waits


def test_words_that_would_be_too_old_by_then_do_not_wait() -> None:
    governor = Governor()
    governor.choose("question", [passage("a", 0.9)], 11_000)
    old_ms = 11_000 + QUIET_MS - FRESH_MS
    assert governor.choose("question", [passage("b", 0.9)], 12_000, said_ms=old_ms - 1).refused == "too_soon"
    assert governor.choose("question", [passage("b", 0.9)], 12_000, said_ms=old_ms).waits


def test_a_card_that_was_taken_back_may_come_again_and_at_once() -> None:
    governor = Governor()
    governor.choose("question", [passage("a", 0.9)], 1_000)
    governor.answered("accepted", "a", 1_500)
    governor.forget("a")
    assert governor.choose("question", [passage("a", 0.9)], 2_000).passage is not None
    governor.forget("x")


def test_nothing_good_is_nothing_shown() -> None:
    assert Governor().choose("question", [passage("a", 0.49)], 0).refused == "low_confidence"
    assert Governor().choose("question", [], 0).refused == "nothing_fits"
    assert Governor().choose("", [passage("a", 0.99)], 0).refused == "no_need"


def test_dismissals_ask_for_more_confidence_and_an_accepted_card_forgives() -> None:
    governor = Governor()
    for article in ("x", "y", "z"):
        governor.answered("dismissed", article, 0)
    refused = governor.choose("question", [passage("a", 0.7)], 0)
    assert refused.refused == "low_confidence"
    assert refused.nearest is not None
    assert refused.nearest.article == "a"
    assert refused.bar == pytest.approx(0.74)
    governor.answered("accepted", "w", 0)
    assert governor.choose("question", [passage("a", 0.7)], 0).passage is not None


def test_what_dismissals_ask_more_is_forgotten_by_halves() -> None:
    governor = Governor()
    for article in ("x", "y", "z"):
        governor.answered("wrong", article, 1_000)
    assert governor.choose("question", [passage("a", 0.7)], 1_000 + FORGOTTEN_MS // 10).refused == "low_confidence"
    assert governor.choose("question", [passage("a", 0.65)], 1_000 + FORGOTTEN_MS).passage is not None


def test_an_article_that_was_put_away_does_not_come_again_however_sure() -> None:
    governor = Governor()
    governor.choose("question", [passage("a", 0.9)], 0)
    governor.answered("dismissed", "a", 1_000)
    assert governor.choose("question", [passage("a", 0.99)], 10 * FORGOTTEN_MS).refused == "dismissed"


def test_a_card_that_waits_has_not_been_shown_yet() -> None:
    governor = Governor()
    waits = governor.choose("question", [passage("a", 0.9)], 1_000, speaking=True)
    assert waits.waits
    assert not governor.served("a")
    governor.shown("a", 3_000)
    assert governor.served("a")
    assert governor.choose("question", [passage("b", 0.9)], 3_000 + QUIET_MS - 1).waits


def test_a_card_waits_for_the_pause_as_long_as_it_is_fresh() -> None:
    governor = Governor()
    assert governor.after_waiting(1_000, 2_000, speaking=True) == "wait"
    assert governor.after_waiting(1_000, 2_000, speaking=False) == "show"
    assert governor.after_waiting(1_000, 1_000 + FRESH_MS, speaking=False) == "show"
    assert governor.after_waiting(1_000, 1_001 + FRESH_MS, speaking=False) == "stale"


def test_no_more_than_four_cards_a_minute() -> None:
    governor = Governor()
    for number in range(4):
        assert governor.choose("question", [passage(str(number), 0.9)], number * QUIET_MS).passage is not None
    assert governor.choose("question", [passage("x", 0.9)], 4 * QUIET_MS).refused == "budget"
    assert governor.choose("question", [passage("x", 0.9)], 60_000 - FRESH_MS).waits
    assert governor.choose("question", [passage("x", 0.9)], 60_000).passage is not None


def test_beside_a_wish_to_be_left_alone_only_a_sure_article_is_shown() -> None:
    assert Governor().choose("opt_out", [passage("send-details", 0.6)], 0).refused == "low_confidence"
    assert Governor().choose("opt_out", [passage("contact-preferences", 0.8)], 0).passage is not None
