"""What the benchmark of card payments counts."""

from collections.abc import Sequence

import pytest
import structlog

from benchmarks import cards
from benchmarks.card_call import CardCall, DraftSeen
from benchmarks.card_secrets import Secrets
from benchmarks.card_tally import Tally, count, quotes
from benchmarks.payments import FRESH, Line, Part, Payment
from engine.facts import CallEvent, Insight
from pipelines.review import Review

GROUP = Line("customer", (Part("cero uno cinco uno", "card"),))
PAID = Payment(
    "es",
    "CO",
    "4532015112830366",
    "917",
    "0428",
    (
        Line("agent", (Part("Debe tres cuotas de cuatro mil quinientos pesos."),)),
        Line("customer", (Part("Anote,"), Part("cuatro mil quinientos treinta y dos", "card"))),
        GROUP,
        Line("customer", (Part("Y el código es"), Part("nueve uno siete", "cvv"))),
    ),
)


@pytest.mark.parametrize(
    "text",
    [
        "Dijo cero uno cinco, y ya.",
        "Dijo [number] uno cinco uno.",
        "Anote, quinientos treinta y dos",
        "El código: nueve, uno, siete",
        "Tarjeta 4532 [card]",
        "El código es 917.",
        "Vence 04/28.",
    ],
)
def test_a_group_a_code_and_a_date_are_read_wherever_they_stand(text: str) -> None:
    assert Secrets(PAID).read_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "Tres cuotas de cuatro mil quinientos",
        "Cero uno",
        "La que termina en 0366",
        "Antes del 2028-04-28, a las 9:15",
        "[card] [cvv]",
        "",
    ],
)
def test_other_numbers_are_nobodys_secret(text: str) -> None:
    assert not Secrets(PAID).read_in(text)


def test_an_amount_that_everybody_may_see_is_no_group_of_a_card() -> None:
    amount = Line("agent", (Part("Debe cuatro mil quinientos treinta y dos pesos."),))
    assert Secrets(PAID).read_in("Debe $4.532.")
    assert not Secrets(PAID._replace(lines=(amount, *PAID.lines))).read_in("Debe $4.532.")


@pytest.mark.parametrize(
    ("text", "said"),
    [("nats://127.0.0.1:45320", False), ("/tmp/917", False), ("532015", True), ("uno cinco uno", True)],
)
def test_a_path_or_a_port_is_no_group_of_a_card(text: str, *, said: bool) -> None:
    assert Secrets(PAID).said_in(text) is said


def test_what_a_fact_quotes_of_a_turn_is_found_wherever_it_stands() -> None:
    proof = {"turn": 1, "leg": "agent", "quote": "uno", "start": 0}
    reason = {"text": "dos", "turn": 2}
    told = {"turn": 3, "items": ({"evidence": [proof]},), "reason": reason, "steps": [{"text": "tres"}]}
    assert list(quotes(told)) == [(1, "uno"), (2, "dos")]


def test_a_single_group_that_a_wrap_up_quotes_is_counted() -> None:
    call = CardCall(PAID)
    call.turns[5] = GROUP
    promise = {"text": "Cero uno.", "turn": 5, "leg": "customer"}
    call.seen.append(CallEvent(call_id="c", seq=9, name="wrap_up.proposed", data={"promises": [promise]}))
    tally = Tally()
    count(call, tally, lambda _: None)
    count(CardCall(PAID), tally, lambda _: None)
    assert (tally.leaked_in_proofs, tally.leaked_in_facts) == (2, 0)
    assert (tally.leaking, tally.payments) == (1, 2)


def test_a_code_in_any_field_of_a_fact_is_counted() -> None:
    call = CardCall(PAID)
    call.seen.append(CallEvent(call_id="c", seq=9, name="card.worded", data={"sources": [{"title": "Código 917"}]}))
    tally = Tally()
    count(call, tally, lambda _: None)
    assert tally.leaked_in_facts == 1


async def test_every_draft_of_a_final_is_shown() -> None:
    call = CardCall(PAID)
    await call.run()
    assert sum(isinstance(one, DraftSeen) and one.line is GROUP for one in call.seen) == 4


@pytest.mark.parametrize(("line", "kinds", "false"), [(3, ["CVV", "PHONE"], 0), (3, ["CARD"], 1), (0, ["CARD"] * 2, 2)])
def test_what_is_taken_for_a_card_is_counted_each_time(line: int, kinds: list[str], false: int) -> None:
    call = CardCall(PAID)
    call.turns[5] = PAID.lines[line]
    call.seen += [Insight(call_id="c", seq=9, kind="entity", turn=5, entity_type=kind) for kind in kinds]
    tally = Tally()
    count(call, tally, lambda _: None)
    assert tally.false_cards == false


async def test_a_fault_of_the_review_is_told_rather_than_counted_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no wrap-up")

    monkeypatch.setattr(Review, "end", broken)
    with pytest.raises(RuntimeError, match=r"review\.fault"):
        await CardCall(PAID).run()


def test_what_the_store_logs_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    async def kept(calls: Sequence[CardCall], note: object) -> int:
        structlog.get_logger("store").warning("kept", text=calls[0].paid.lines[2].text)
        return 0

    monkeypatch.setattr(cards, "payments", lambda *_: [PAID])
    monkeypatch.setattr(cards, "_kept", kept)
    tally = cards.measure("es", 1)
    assert (tally.log_lines, tally.leaked_in_logs) == (1, 1)


def test_a_cell_is_of_payments_that_nothing_was_mended_by(monkeypatch: pytest.MonkeyPatch) -> None:
    async def kept(calls: Sequence[CardCall], note: object) -> int:
        return 0

    def made(language: str, count: int, first: int) -> list[Payment]:
        asked.append((language, count, first))
        return [PAID]

    asked: list[tuple[str, int, int]] = []
    monkeypatch.setattr(cards, "payments", made)
    monkeypatch.setattr(cards, "_kept", kept)
    figures = cards.cell("es")
    assert asked == [("es", cards.PAYMENTS, FRESH)]
    assert (figures["first"], figures["payments"]) == (FRESH, 1)
    assert figures["leaking_at_most"] >= 0.79  # one payment, leaking or not, says next to nothing
