"""Split finals, late roles, deadlines, duplicates and order."""

import datetime
from itertools import permutations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.facts import Leg
from engine.ports.hearing import HeardWord
from engine.ports.reading import Reading, Scored
from models.compliance import CallContext, EntityRef, Judge, JudgedTurn, Verdict, load_rules, to_spoken

RULES = load_rules()
DAY = datetime.date(2026, 11, 24)
COLLECTIONS_CO = CallContext("CO", "", "collections", "outbound", "es", DAY, "mid")
SALES_CA = CallContext("US", "US-CA", "sales", "outbound", "en", DAY)
CARE_BR = CallContext("BR", "", "care", "inbound", "pt", DAY)


def turn(number: int, leg: Leg, text: str, start_ms: int, end_ms: int | None = None, stream: str = "") -> JudgedTurn:
    return JudgedTurn(number, stream or leg, leg, text, start_ms, end_ms or start_ms + 2_000)


def heard(judge: Judge, *turns: JudgedTurn) -> list[Verdict]:
    return [verdict for turn in turns for verdict in judge.hear(turn)]


def brief(verdicts: list[Verdict]) -> list[tuple[str, str, int]]:
    return [(verdict.rule, verdict.outcome, verdict.turn) for verdict in verdicts]


def test_question_over_two_finals_cites_the_second() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    first = turn(3, "agent", "Bueno, ¿por qué", 10_000)
    second = turn(4, "agent", "no ha pagado la cuota?", 12_900)
    said = heard(judge, first, second)
    assert brief(said) == [("CO-2300-WHY", "violation", 4)]
    assert said[0].quote.startswith("no ha pagado")
    assert said[0].start == 0


def test_somebody_else_between_breaks_the_sentence() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    said = heard(
        judge,
        turn(3, "agent", "Bueno, ¿por qué", 10_000, 11_000),
        turn(4, "customer", "Perdón, dígame usted.", 11_100, 11_800),
        turn(5, "agent", "no ha pagado la cuota", 12_000),
    )
    assert said == []


def test_a_long_pause_breaks_the_sentence() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    assert heard(judge, turn(3, "agent", "¿Por qué", 0, 900), turn(4, "agent", "no ha pagado", 3_000)) == []


def test_one_request_in_two_finals_is_one_alert() -> None:
    judge = Judge(RULES, SALES_CA)
    said = heard(
        judge,
        turn(1, "customer", "Please stop calling me", 40_000, 41_500),
        turn(2, "customer", "and take my number off your list.", 42_000, 44_000),
    )
    assert [entry for entry in brief(said) if entry[0] == "US-TCPA-DNC"] == [("US-TCPA-DNC", "event", 1)]


@pytest.mark.parametrize(
    ("country", "said", "asked"),
    [
        ("US", "I dispute this debt and stop calling me.", ["contact.block", "dnc.requested"]),
        ("US", "Esa deuda no es mía. Dejen de llamarme.", ["contact.block", "dnc.requested"]),
        ("US", "Stop calling me, and take me off your list.", ["dnc.requested"]),
        ("CO", "¿Qué datos tienen ustedes de mí? Quiero que borren todos mis datos.", ["dsr.erase", "dsr.access"]),
    ],
)
def test_each_thing_that_is_asked_for_in_one_breath_is_told(country: str, said: str, asked: list[str]) -> None:
    judge = Judge(RULES, CallContext(country, "", "collections", "outbound", "en", DAY))
    assert [verdict.action for verdict in heard(judge, turn(1, "customer", said, 40_000))] == asked


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (["No.", "Llame de nuevo el lunes."], False),
        (["No, llame de nuevo el lunes."], False),
        (["Não.", "Me liga de novo amanhã."], False),
        (["Não, me liga de novo amanhã."], False),
        (["No.", "me llamen más."], True),
        (["Ya no.", "Me llamen más."], True),
        (["No, no me llamen más."], True),
        (["Não, obrigado, não me liguem mais."], True),
    ],
)
def test_a_no_that_stands_alone_forbids_nothing(said: list[str], asked: bool) -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    turns = [turn(number, "customer", text, 10_000 + 2_600 * number) for number, text in enumerate(said)]
    assert ("dnc.requested" in [verdict.action for verdict in heard(judge, *turns)]) is asked


RULED_OUT = Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), (), 1.0, frozenset({"opt_out"}))


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        (["No quiero", "que me", "vuelvan a llamar."], True),
        (["Não quero", "que vocês", "me liguem mais."], True),
        (["I don't want you", "to ever", "call me again."], True),
        (["Mire,", "no quiero que me", "vuelvan a llamar."], False),
        (["Olha,", "não quero que vocês", "me liguem mais."], False),
        (["Look,", "I don't want you to ever", "call me again."], False),
    ],
)
def test_a_wish_over_more_finals_than_a_model_reads_together_is_not_ruled_out(said: list[str], asked: bool) -> None:
    judge = Judge(RULES, SALES_CA)
    turns = [turn(number, "customer", text, 10_000 + 2_600 * number) for number, text in enumerate(said)]
    told = heard(judge, *(msgspec.structs.replace(one, reading=RULED_OUT) for one in turns))
    assert ("dnc.requested" in [verdict.action for verdict in told]) is asked


def test_a_second_threat_of_a_monologue_is_told() -> None:
    judge = Judge(RULES, CallContext("MX", "", "collections", "outbound", "es", DAY, "mid"))
    said = [
        "Si no paga lo vamos a meter a la cárcel,",
        "lo vamos a meter a la cárcel.",
        "Así son las cosas,",
        "se lo digo con respeto.",
        "Vamos a embargar su sueldo el lunes.",
    ]
    turns = [turn(number, "agent", text, 2_600 * number) for number, text in enumerate(said)]
    assert brief(heard(judge, *turns)) == [("MX-COBRANZA", "violation", 0), ("MX-COBRANZA", "violation", 4)]


def test_reading_back_a_request_is_not_the_customers_request() -> None:
    judge = Judge(RULES, SALES_CA)
    said = heard(judge, turn(1, "agent", "So you said: stop calling me and take me off the list.", 40_000))
    assert "US-TCPA-DNC" not in {verdict.rule for verdict in said}


def test_unknown_role_waits_five_seconds_then_says_undecided() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    assert heard(judge, turn(1, "unknown", "¿Por qué no ha pagado?", 10_000, 12_000, "1")) == []
    assert judge.tick(16_999) == []
    assert brief(judge.tick(17_000)) == [("CO-2300-WHY", "undecided", 1)]
    assert judge.tick(30_000) == []


def test_role_within_the_wait_gives_the_verdict_alone() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    heard(judge, turn(1, "unknown", "¿Por qué no ha pagado?", 10_000, 12_000, "1"))
    fresh, withdrawn = judge.roles_changed({"1": "agent"}, 13_000)
    assert (brief(fresh), withdrawn) == ([("CO-2300-WHY", "violation", 1)], [])
    assert judge.tick(30_000) == []


def test_late_role_withdraws_undecided_and_wrong_verdicts() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    said = heard(judge, turn(1, "agent", "¿Por qué no ha pagado?", 10_000, 12_000, "1"))
    fresh, withdrawn = judge.roles_changed({"1": "customer"}, 20_000)
    assert (fresh, withdrawn) == ([], [said[0].key])
    fresh, withdrawn = judge.roles_changed({"1": "mixed"}, 21_000)
    assert (fresh, withdrawn) == ([], [])
    assert brief(judge.tick(21_250)) == [("CO-2300-WHY", "undecided", 1)]
    fresh, withdrawn = judge.roles_changed({"1": "agent"}, 22_000)
    assert brief(fresh) == [("CO-2300-WHY", "violation", 1)]
    assert withdrawn == ["CO-2300-WHY!undecided"]


def test_customer_care_is_no_health_care() -> None:
    said = ("I completely understand your anxiety, let me check.", "I'm calling about your biopsy results.")
    for campaign, broken in (("care", []), ("clinic", ["US-HIPAA"])):
        judge = Judge(RULES, CallContext("US", "TX", campaign, "inbound", "en", DAY))
        verdicts = heard(judge, *(turn(number, "agent", text, 10_000 * number) for number, text in enumerate(said)))
        assert sorted({verdict.rule for verdict in verdicts if verdict.outcome == "violation"}) == broken


def test_card_read_in_pieces_and_read_back_is_one_event() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    card = (EntityRef("CARD", 0, 40, "6467"),)
    said = heard(judge, turn(1, "customer", "[number]", 10_000), turn(2, "agent", "[number], ¿correcto?", 14_000))
    assert said == []
    for number, leg, start in ((1, "customer", 10_000), (2, "agent", 14_000)):
        settled = JudgedTurn(
            number, leg, "customer" if leg == "customer" else "agent", "[card]", start, start + 2_000, entities=card
        )
        said += judge.settle(settled)
    assert brief(said) == [("PCI-PAN", "event", 1)]
    assert (said[0].start, said[0].end) == (0, 40)


def test_rules_follow_the_day_and_the_place() -> None:
    before = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2022, 1, 1), "mid")
    assert heard(Judge(RULES, before), turn(1, "agent", "¿Por qué no ha pagado?", 1_000)) == []
    texas = CallContext("US", "TX", "care", "inbound", "en", DAY)
    judge = Judge(RULES, texas)
    assert heard(judge, turn(0, "agent", "Hello there.", 0), turn(1, "agent", "Hello again.", 60_000)) == []


def test_offsets_lead_back_to_the_spoken_text() -> None:
    offsets = ((4, 4), (12, 30))
    assert [to_spoken(offsets, at) for at in (0, 4, 8, 12, 15)] == [0, 4, 8, 30, 33]
    assert to_spoken((), 7) == 7


def test_a_proof_is_heard_where_its_words_were_said() -> None:
    said = turn(0, "customer", "hola no me llamen más", 10_000)
    words = (HeardWord(0, 4, 10_200, 10_500), HeardWord(5, 7, 11_900, 12_000), HeardWord(8, 10, 12_000, 12_100))
    timed = msgspec.structs.replace(said, words=words)
    length = said.end_ms - said.start_ms
    assert said.said_ms(5, 10) == (10_000 + length * 5 // 21, 10_000 + length * 10 // 21)
    assert timed.said_ms(5, 10) == (11_900, 12_100)
    assert timed.said_ms(11, 21) == said.said_ms(11, 21)


_LINES: list[tuple[Leg, str]] = [
    ("agent", "¿Por qué no ha pagado?"),
    ("agent", "¿Me dice el CVV?"),
    ("agent", "¿Me dicta el número de la tarjeta?"),
    ("customer", "No me llamen más."),
    ("customer", "Perdí mi empleo."),
    ("agent", "Entiendo."),
]


def test_order_of_independent_turns_does_not_matter() -> None:
    turns = [turn(number, leg, text, 10_000 * number) for number, (leg, text) in enumerate(_LINES)]
    outcomes = {frozenset(brief(heard(Judge(RULES, COLLECTIONS_CO), *order))) for order in permutations(turns[:5])}
    assert len(outcomes) == 1


def test_a_finding_that_another_check_bears_out_is_not_taken_back_when_a_sentence_goes_on() -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    texts = [
        "¿Me dicta el número de la tarjeta?",
        "¿Me dice el CVV?",
        "¿Por qué no ha pagado?",
        "¿Por qué no ha pagado?",
    ]
    found = [
        verdict.key
        for number, text in enumerate(texts)
        for verdict in judge.hear(turn(number, "agent", text, number * 5))
    ]
    assert "PCI-PAUSE!1!recording.pause" in found
    assert "PCI-PAUSE!1!recording.pause" not in judge.taken_back()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from(["a", "b"]), st.integers(0, 9_000)), max_size=8))
def test_no_finding_twice_whatever_happens(script: list[tuple[tuple[Leg, str], str, int]]) -> None:
    judge = Judge(RULES, COLLECTIONS_CO)
    standing: set[str] = set()
    legs: tuple[Leg, ...] = ("agent", "customer", "unknown", "mixed")

    def note(verdicts: list[Verdict], withdrawn: list[str]) -> None:
        standing.difference_update([*withdrawn, *judge.taken_back()])
        for verdict in verdicts:
            assert verdict.key not in standing
            standing.add(verdict.key)

    now = 0
    for number, ((_, text), stream, gap) in enumerate(script):
        now += gap
        note(judge.hear(turn(number, "unknown", text, now, stream=stream)), [])
        fresh, withdrawn = judge.roles_changed({stream: legs[gap % 4]}, now + 2_000)
        assert set(withdrawn) <= standing
        note(fresh, withdrawn)
        note(judge.tick(now + 2_500), [])
    note(judge.end(now + 10_000), [])
