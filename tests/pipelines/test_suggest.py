"""The governor guards attention: it says no for a written reason."""

import numpy as np
import pytest

from engine.ports import Passage, Reading, Scored
from pipelines.suggest import QUIET_MS, Governor


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
        ("customer", "ya no funciona otra vez", ("technical_problem",), "technical_problem"),
        ("customer", "it works now but what about the bill", ("billing_dispute",), "billing_dispute"),
        ("agent", "quiero cancelar", ("cancel_service",), ""),
        ("unknown", "quiero cancelar", ("cancel_service",), ""),
    ],
)
def test_only_a_customers_need_asks_for_a_card(leg: str, text: str, intents: tuple[str, ...], trigger: str) -> None:
    assert Governor().needs_help(leg, text, reading(*intents)) == trigger  # type: ignore[arg-type]


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
    assert governor.choose("question", [passage("b", 0.9)], 1_000 + QUIET_MS - 1).refused == "too_soon"
    assert governor.choose("question", [passage("b", 0.9)], 1_000 + QUIET_MS).passage is not None


def test_nothing_good_is_nothing_shown() -> None:
    assert Governor().choose("question", [passage("a", 0.49)], 0).refused == "low_confidence"
    assert Governor().choose("question", [], 0).refused == "nothing_fits"
    assert Governor().choose("", [passage("a", 0.99)], 0).refused == "no_need"


def test_dismissals_ask_for_more_confidence_and_an_accepted_card_forgives() -> None:
    governor = Governor()
    for _ in range(3):
        governor.answered("dismissed")
    assert governor.choose("question", [passage("a", 0.7)], 0).refused == "low_confidence"
    governor.answered("accepted")
    assert governor.choose("question", [passage("a", 0.7)], 0).passage is not None


def test_no_more_than_four_cards_a_minute() -> None:
    governor = Governor()
    for number in range(4):
        assert governor.choose("question", [passage(str(number), 0.9)], number * QUIET_MS).passage is not None
    assert governor.choose("question", [passage("x", 0.9)], 4 * QUIET_MS).refused == "budget"
    assert governor.choose("question", [passage("x", 0.9)], 60_000).passage is not None


def test_beside_a_wish_to_be_left_alone_only_a_sure_article_is_shown() -> None:
    assert Governor().choose("opt_out", [passage("send-details", 0.6)], 0).refused == "low_confidence"
    assert Governor().choose("opt_out", [passage("contact-preferences", 0.8)], 0).passage is not None
