"""Order of things: who is on the line before the debt is named, what is known before the first word."""

import datetime
from typing import Literal

import pytest

from engine.facts import Leg
from models.compliance import CallContext, Judge, JudgedTurn, Metadata, Verdict, load_rules

DAY = datetime.date(2026, 11, 27)
DEBT_US = CallContext("US", "TX", "collections", "outbound", "en", DAY)
RULES = load_rules()
THIRD_PARTY = tuple(rule for rule in RULES if rule.id == "US-FDCPA-3RDPARTY")


def turn(number: int, leg: Leg, text: str, stream: str = "") -> JudgedTurn:
    return JudgedTurn(number, stream or leg, leg, text, number * 5_000, number * 5_000 + 2_000)


def heard(judge: Judge, *turns: JudgedTurn) -> list[tuple[str, str, int]]:
    return [_brief(verdict) for one in turns for verdict in judge.hear(one)]


def _brief(verdict: Verdict) -> tuple[str, str, int]:
    return verdict.rule, verdict.outcome, verdict.turn


def test_debt_named_before_the_right_person_is_said_once() -> None:
    said = heard(
        Judge(THIRD_PARTY, DEBT_US),
        turn(0, "agent", "Hello, is Jane there?"),
        turn(1, "customer", "She's not here, I'm her mother."),
        turn(2, "agent", "Tell her that her outstanding balance is five hundred dollars."),
        turn(3, "agent", "And your account is past due."),
    )
    assert said == [("US-FDCPA-3RDPARTY", "violation", 2)]


def test_the_notice_of_a_debt_is_for_the_debtor_alone() -> None:
    notice = "This is an attempt to collect a debt, and any information obtained will be used for that purpose."
    for answer, broken in (("She's not here, I'm her mother.", True), ("Yes, this is she.", False)):
        said = heard(
            Judge(RULES, DEBT_US),
            turn(0, "agent", "Hello, is Jane there?"),
            turn(1, "customer", answer),
            turn(2, "agent", notice),
        )
        assert (("US-FDCPA-3RDPARTY-NOTICE", "violation", 2) in said) is broken


def test_a_collector_owes_the_firm_and_the_reason_and_the_reason_to_nobody_else() -> None:
    rules = tuple(rule for rule in RULES if rule.id == "MX-COBRANZA-ID")
    firm = "Buenas tardes, le hablo de parte de Banco Horizonte."
    for answer, outcomes in (("Sí, soy yo.", ["violation"]), ("No está, soy su esposa.", [])):
        judge = Judge(rules, CallContext("MX", "", "collections", "outbound", "es", DAY))
        lines = turn(0, "agent", firm), turn(1, "customer", answer), turn(2, "agent", "Muchas gracias, hasta luego.")
        assert heard(judge, *lines) == []
        assert [verdict.outcome for verdict in judge.end(60_000)] == outcomes


def test_another_person_who_takes_over_loses_the_state() -> None:
    said = heard(
        Judge(THIRD_PARTY, DEBT_US),
        turn(0, "agent", "Am I speaking with Jane Roe?"),
        turn(1, "customer", "Yes, this is she."),
        turn(2, "agent", "Your account is past due."),
        turn(3, "customer", "Hold on. Hi, this is her husband, what is this about?"),
        turn(4, "agent", "Your outstanding balance is five hundred dollars."),
    )
    assert said == [("US-FDCPA-3RDPARTY", "violation", 4)]


def test_the_customers_late_role_takes_a_violation_back() -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    said = heard(
        judge,
        turn(0, "agent", "Am I speaking with Jane Roe?"),
        turn(1, "agent", "Yes, this is she.", "2"),
        turn(2, "agent", "Your account is past due."),
    )
    assert said == [("US-FDCPA-3RDPARTY", "violation", 2)]
    fresh, withdrawn = judge.roles_changed("2", "customer", 20_000)
    assert (fresh, withdrawn) == ([], ["US-FDCPA-3RDPARTY/0!once"])


def test_what_is_known_is_told_with_the_first_words_and_stays() -> None:
    at = datetime.datetime.fromisoformat("2026-11-27T22:30")
    judge = Judge(RULES, CallContext("US", "TX", "collections", "outbound", "en", DAY, metadata=Metadata(at=at)))
    (verdict,) = judge.hear(turn(0, "unknown", "Hello?", "1"))
    assert _brief(verdict) == ("US-FDCPA-HOURS", "violation", 0)
    assert verdict.because == "Fri, Nov 27, 2026, 10:30 PM; 8:00 AM–9:00 PM allowed"
    assert judge.roles_changed("1", "customer", 5_000)[1] == []


def test_a_sentence_that_goes_on_takes_its_request_back() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    first = JudgedTurn(1, "customer", "customer", "No me llame.", 1_000, 2_000)
    assert [verdict.rule for verdict in judge.hear(first)] == ["MX-REPEP"]
    goes_on = JudgedTurn(2, "customer", "customer", "ahora, que estoy trabajando.", 2_300, 4_000)
    assert judge.hear(goes_on) == []
    assert judge.taken_back() == ["MX-REPEP!1"]
    assert judge.taken_back() == []


def test_what_was_taken_back_was_never_said() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    judge.hear(JudgedTurn(1, "1", "customer", "No me llame.", 1_000, 2_000))
    goes_on = JudgedTurn(2, "1", "customer", "ahora, que estoy trabajando.", 2_300, 4_000)
    judge.hear(goes_on)
    assert judge.taken_back() == ["MX-REPEP!1"]
    assert judge.settle(JudgedTurn(1, "1", "customer", "No me llame.", 1_000, 2_000)) == []
    legs: tuple[Leg, ...] = ("unknown", "customer")
    for leg in legs:
        assert "MX-REPEP" not in [verdict.rule for verdict in judge.roles_changed("1", leg, 5_000)[0]]
    asked = judge.hear(JudgedTurn(3, "2", "agent", "¿Me da el número de su tarjeta?", 6_000, 8_000))
    assert "MX-REPEP" not in [verdict.rule for verdict in asked]
    again = judge.hear(JudgedTurn(4, "1", "customer", "Ya no me llamen más.", 10_000, 12_000))
    assert [verdict.key for verdict in again if verdict.outcome == "event"] == ["MX-REPEP!4"]


def test_what_was_taken_back_waits_for_no_role() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    judge.hear(JudgedTurn(1, "1", "unknown", "No me llame.", 1_000, 2_000))
    judge.hear(JudgedTurn(2, "1", "unknown", "ahora, que estoy trabajando.", 2_300, 4_000))
    assert "MX-REPEP" not in [verdict.rule for verdict in judge.tick(60_000)]


def test_what_is_said_after_a_pause_takes_nothing_back() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    judge.hear(JudgedTurn(1, "customer", "customer", "No me llame.", 1_000, 2_000))
    judge.hear(JudgedTurn(2, "customer", "customer", "Ahora le paso a mi esposa.", 4_500, 6_000))
    assert judge.taken_back() == []


def test_who_opted_out_is_sold_nothing_more() -> None:
    said = heard(
        Judge(RULES, CallContext("US", "TX", "sales", "outbound", "en", DAY)),
        turn(0, "agent", "It is twenty dollars a month. Can I have your card number, please?"),
        turn(1, "customer", "No, stop calling me."),
        turn(2, "agent", "Just give me the card number."),
    )
    assert [entry for entry in said if entry[0].startswith("US-TCPA-DNC")] == [
        ("US-TCPA-DNC", "event", 1),
        ("US-TCPA-DNC-SALE", "violation", 2),
    ]


@pytest.mark.parametrize("country", ["AR", "BR", "ES", "MX", "PE", "US"])
@pytest.mark.parametrize(
    ("campaign", "direction"), [("collections", "outbound"), ("care", "inbound"), ("sales", "inbound")]
)
def test_who_wants_to_pay_may_be_asked_for_the_card(
    country: str, campaign: str, direction: Literal["inbound", "outbound"]
) -> None:
    said = heard(
        Judge(RULES, CallContext(country, "", campaign, direction, "es", DAY)),
        turn(0, "customer", "Ya no me llamen, voy a pagar hoy."),
        turn(1, "agent", "¿Me da el número de su tarjeta?"),
    )
    assert "event" in {outcome for _, outcome, number in said if number == 0}
    assert "violation" not in {outcome for _, outcome, number in said if number == 1}


def test_a_consent_of_spain_expires_since_its_law_says_so() -> None:
    meta = Metadata(consents={"marketing": datetime.date(2020, 1, 10)})
    for day, broken in ((datetime.date(2025, 12, 27), False), (datetime.date(2025, 12, 28), True)):
        judge = Judge(RULES, CallContext("ES", "", "sales", "outbound", "es", day, metadata=meta))
        assert (("ES-LGT-66", "violation", 0) in heard(judge, turn(0, "customer", "¿Diga?"))) is broken
