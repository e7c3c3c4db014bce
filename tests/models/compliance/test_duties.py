"""What has to be said in time, or by the end: done, neglected, made good, and what lets no time run."""

import pytest

from engine.facts import Leg
from models.compliance import CallContext, Judge
from tests.models.compliance.test_judge import CARE_BR, DAY, RULES, brief, heard, turn

NOTICE_CO = [rule for rule in RULES if rule.id == "CO-REC-NOTICE"]
OPENING_CO = CallContext("CO", "", "collections", "outbound", "es", DAY)


def test_notice_not_given_in_time_is_a_violation_once() -> None:
    judge = Judge(RULES, CARE_BR)
    said = heard(
        judge,
        turn(0, "agent", "Conecta, boa tarde, em que posso ajudar?", 1_000, 5_000),
        turn(1, "customer", "Minha internet caiu.", 6_000, 9_000),
        turn(2, "agent", "Vou verificar a linha.", 10_000, 14_000),
    )
    assert said == []
    late = [verdict for at in range(14_000, 60_000, 250) for verdict in judge.tick(at)]
    assert brief(late) == [("BR-REC-NOTICE", "violation", 2)]
    assert brief(judge.hear(turn(3, "agent", "Ah, esta ligação está sendo gravada.", 61_000))) == [
        ("BR-REC-NOTICE", "satisfied", 3)
    ]
    assert judge.hear(turn(4, "agent", "Repito, esta ligação está sendo gravada.", 65_000)) == []


def test_a_notice_that_comes_too_late_is_neglected_and_made_good_at_once() -> None:
    judge = Judge(RULES, CARE_BR)
    heard(judge, turn(0, "agent", "Boa tarde.", 1_000, 2_000))
    said = heard(judge, turn(1, "agent", "Ah, esta ligação está sendo gravada.", 61_000))
    assert brief(said) == [("BR-REC-NOTICE", "violation", 0), ("BR-REC-NOTICE", "satisfied", 1)]
    fresh, withdrawn = judge.roles_changed({"agent": "customer"}, 70_000)
    assert (fresh, sorted(withdrawn)) == ([], ["BR-REC-NOTICE/0!satisfied", "BR-REC-NOTICE/0!violation"])
    fresh, withdrawn = judge.roles_changed({"agent": "agent"}, 71_000)
    assert (brief(fresh), withdrawn) == (brief(said), [])
    assert judge.roles_changed({"other": "unknown"}, 72_000) == ([], [])


@pytest.mark.parametrize(
    ("holds", "noticed", "told"),
    [
        ([(4_000, 64_000)], 65_000, ["satisfied"]),
        ([(4_000, 14_000), (16_000, 56_000)], 65_000, ["satisfied"]),
        ([(4_000, 64_000)], None, ["violation"]),
        ([(22_000, 64_000)], None, ["violation"]),
        ([(4_000, None)], None, []),
    ],
)
def test_the_time_for_a_notice_stands_still_on_hold(
    holds: list[tuple[int, int | None]], noticed: int | None, told: list[str]
) -> None:
    judge = Judge(NOTICE_CO, OPENING_CO)
    said = heard(judge, turn(0, "agent", "Buenas tardes, un momento por favor.", 1_000))
    for began, ended in holds:
        said += [verdict for at in range(began - 1_000, began, 250) for verdict in judge.tick(at)]
        judge.held(began)
        said += [verdict for at in range(began, ended or 95_000, 250) for verdict in judge.tick(at)]
        if ended:
            judge.resumed(ended)
    if noticed:
        said += heard(judge, turn(1, "agent", "Le informo que la llamada está siendo grabada.", noticed))
    said += judge.tick(96_000)
    assert [verdict.outcome for verdict in said] == told


@pytest.mark.parametrize(
    ("legs", "answered", "noticed", "told"),
    [
        ({"1": "agent", "2": "customer"}, None, None, []),
        ({"1": "agent", "2": "customer"}, 61_000, 65_000, ["satisfied"]),
        ({"1": "agent", "2": "customer"}, 61_000, None, ["violation"]),
        ({"1": "agent", "2": "customer"}, 6_000, None, ["violation"]),
        ({"1": "agent", "2": "unknown"}, None, None, ["violation"]),
        ({"1": "agent"}, None, None, ["violation"]),
    ],
)
def test_no_notice_is_owed_before_there_is_anybody_to_give_it_to(
    legs: dict[str, Leg], answered: int | None, noticed: int | None, told: list[str]
) -> None:
    judge = Judge(NOTICE_CO, OPENING_CO)
    judge.roles_changed(legs, 0)
    said = heard(judge, turn(0, "agent", "¿Aló? ¿Aló?", 5_000, stream="1"))
    if answered and answered < 20_000:
        said += heard(judge, turn(1, "customer", "¿Bueno?", answered, stream="2"))
    said += heard(judge, turn(2, "agent", "¿Hola, me escucha?", 20_000, stream="1"))
    said += [verdict for at in range(22_000, 60_000, 250) for verdict in judge.tick(at)]
    if answered and answered > 20_000:
        said += heard(judge, turn(3, "customer", "¿Bueno?", answered, stream="2"))
    if noticed:
        said += heard(judge, turn(4, "agent", "Le informo que la llamada está siendo grabada.", noticed, stream="1"))
    said += judge.tick(96_000)
    assert [verdict.outcome for verdict in said] == told


def test_words_that_began_in_time_and_come_late_still_count() -> None:
    judge = Judge(RULES, CARE_BR)
    heard(judge, turn(0, "agent", "Boa tarde.", 1_000, 2_000))
    assert [verdict for at in range(2_000, 30_000, 250) for verdict in judge.tick(at)] == []
    said = judge.hear(turn(1, "agent", "Aviso que esta ligação está sendo gravada.", 18_000, 29_000))
    assert brief(said) == [("BR-REC-NOTICE", "satisfied", 1)]


def test_excerpt_owes_no_opening_and_no_end() -> None:
    judge = Judge(RULES, CallContext("BR", "", "care", "inbound", "pt", DAY, "mid"))
    said = heard(
        judge,
        turn(0, "agent", "Vou verificar.", 1_000),
        turn(1, "customer", "Certo.", 4_000),
        turn(2, "agent", "Pronto.", 40_000),
    )
    assert said + judge.tick(90_000) + judge.end(91_000) == []
    assert judge.duties() == []


@pytest.mark.parametrize(
    ("country", "campaign", "told"),
    [
        ("CO", "collections", ["CO-REC-NOTICE"]),
        ("US", "sales", ["US-REC-CONSENT", "US-TCPA-ID"]),
        ("US", "collections", ["US-REC-CONSENT"]),
        ("BR", "care", ["BR-REC-NOTICE", "BR-SAC-PROTOCOL"]),
    ],
)
def test_a_conversation_that_is_over_before_the_seconds_are_owed_it_all_the_same(
    country: str, campaign: str, told: list[str]
) -> None:
    judge = Judge(RULES, CallContext(country, "CA" if country == "US" else "", campaign, "outbound", "en", DAY))
    said = heard(
        judge,
        turn(0, "agent", "Good morning, is that John?", 1_000),
        turn(1, "customer", "Who is calling?", 3_500),
        turn(2, "agent", "Sorry, one moment.", 5_500),
    )
    said += judge.end(8_000)
    assert sorted(verdict.rule for verdict in said if verdict.outcome == "violation") == told


def test_protocol_missing_at_the_end() -> None:
    judge = Judge(RULES, CARE_BR)
    heard(
        judge,
        turn(0, "agent", "Boa tarde, esta ligação será gravada.", 1_000),
        turn(1, "customer", "Oi.", 4_000),
        turn(2, "agent", "Pronto, tenha um bom dia.", 40_000),
    )
    assert brief(judge.end(45_000)) == [("BR-SAC-PROTOCOL", "violation", 2)]
    assert judge.end(45_000) == []


def test_collector_names_the_debt_before_the_disclosure() -> None:
    judge = Judge(RULES, CallContext("US", "TX", "collections", "outbound", "en", DAY))
    said = heard(
        judge,
        turn(0, "agent", "Is this Jane?", 1_000),
        turn(1, "customer", "Yes.", 4_000),
        turn(2, "agent", "Your account is past due.", 7_000),
    )
    assert brief(said) == [("US-FDCPA-MIRANDA", "violation", 2)]


CONFIRMED_US = ("agent: Is this Jane Roe?", "customer: Speaking.")
CONFIRMED_MX = ("agent: ¿Hablo con el señor Juan Pérez?", "customer: Sí, soy yo.")


@pytest.mark.parametrize(
    ("country", "lines", "told"),
    [
        ("US", ("agent: May I speak with Jane Roe?", "customer: Who is this?", "agent: Paul. Is this Jane?"), []),
        (
            "US",
            (
                "customer: You've reached Jane, leave a message.",
                "agent: Paul from Acme for Jane Roe.",
                "agent: Please call me back at [phone].",
            ),
            [],
        ),
        (
            "US",
            ("agent: May I speak with Jane Roe?", *("customer: What is it about?", "agent: Is Jane there?") * 12),
            [],
        ),
        ("US", (*CONFIRMED_US, "agent: Do you have a minute?"), ["violation"]),
        ("US", ("agent: Is Jane there?", "customer: Who?", "agent: We try to collect a debt."), ["violation"]),
        ("US", ("agent: Is Jane there?", "customer: Who?", "agent: Your account is past due."), ["violation"]),
        ("MX", ("agent: ¿Se encuentra Juan Pérez?", "customer: ¿Quién habla?", "agent: ¿A qué hora llega?"), []),
        ("MX", (*CONFIRMED_MX, "agent: ¿Tiene un momento?"), ["violation"]),
        ("MX", ("agent: ¿Se encuentra Juan Pérez?", "customer: Sí.", "agent: Usted debe mil pesos."), ["violation"]),
    ],
)
def test_what_a_collector_owes_is_owed_to_the_debtor_or_once_the_debt_is_named(
    country: str, lines: tuple[str, ...], told: list[str]
) -> None:
    rules = [rule for rule in RULES if rule.id in ("US-FDCPA-MIRANDA", "MX-COBRANZA-ID")]
    judge = Judge(rules, CallContext(country, "", "collections", "outbound", "es" if country == "MX" else "en", DAY))
    said = []
    for number, line in enumerate(lines):
        leg, _, text = line.partition(": ")
        said += heard(judge, turn(number, "agent" if leg == "agent" else "customer", text, 1_000 + 6_000 * number))
    said += judge.end(6_000 * len(lines) + 1_000)
    assert [verdict.outcome for verdict in said] == told


@pytest.mark.parametrize(("noticed", "told"), [(170_000, ["satisfied"]), (None, ["violation"])])
def test_the_seconds_run_from_what_makes_it_owed(noticed: int | None, told: list[str]) -> None:
    rules = [rule for rule in RULES if rule.id == "US-FDCPA-MIRANDA"]
    judge = Judge(rules, CallContext("US", "TX", "collections", "outbound", "en", DAY))
    said = heard(
        judge,
        turn(0, "agent", "Hello, is Jane there?", 1_000),
        turn(1, "customer", "I will get her.", 4_000),
        turn(2, "agent", "Is this Jane Roe?", 100_000),
        turn(3, "customer", "Speaking.", 103_000),
        turn(4, "agent", "One moment.", 106_000),
    )
    said += [verdict for at in range(107_000, 170_000, 1_000) for verdict in judge.tick(at)]
    assert said == []
    if noticed:
        said += heard(judge, turn(5, "agent", "This communication is from a debt collector.", noticed))
    said += judge.tick(240_000)
    assert [verdict.outcome for verdict in said] == told


NOTICES = [
    ("CO", "", "CO-REC-NOTICE", "Buenas tardes, dígame.", "Le informo que la llamada está siendo grabada."),
    ("BR", "", "BR-REC-NOTICE", "Boa tarde, pois não.", "Aviso que esta ligação está sendo gravada."),
    ("US", "CA", "US-REC-CONSENT", "Good morning, go ahead.", "This call is being recorded."),
]


@pytest.mark.parametrize(("country", "region", "rule", "greeting", "notice"), NOTICES)
@pytest.mark.parametrize(
    ("lost", "noticed", "told"),
    [
        ([], None, ["violation"]),
        ([("1", 1_000)], None, ["undecided"]),
        ([("1", 20_000)], None, ["undecided"]),
        ([("3", 1_000)], None, ["undecided"]),
        ([("2", 1_000)], None, ["violation"]),
        ([("1", 70_000)], None, ["violation"]),
        ([("1", 1_000)], 12_000, ["satisfied"]),
        ([("1", 1_000)], 61_000, ["undecided", "satisfied"]),
    ],
)
def test_a_notice_that_may_be_among_words_that_were_lost_is_not_called_missing(
    country: str,
    region: str,
    rule: str,
    greeting: str,
    notice: str,
    lost: list[tuple[str, int]],
    noticed: int | None,
    told: list[str],
) -> None:
    context = CallContext(country, region, "collections", "outbound", "en", DAY)
    judge = Judge([one for one in RULES if one.id == rule], context)
    judge.roles_changed({"1": "agent", "2": "customer"}, 0)
    for stream, at_ms in lost:
        judge.lost(stream, at_ms)
    said = heard(judge, turn(0, "agent", greeting, 5_000, stream="1"), turn(1, "customer", "…", 8_000, stream="2"))
    if noticed:
        said += heard(judge, turn(2, "agent", notice, noticed, stream="1"))
    said += [verdict for at in range(14_000, 100_000, 1_000) for verdict in judge.tick(at)]
    said += judge.end(100_000)
    assert [verdict.outcome for verdict in said] == told
    assert all(not verdict.action for verdict in said if verdict.outcome != "violation")


def test_a_debt_that_is_named_before_a_disclosure_that_may_be_lost_breaks_nothing() -> None:
    rules = [rule for rule in RULES if rule.id == "US-FDCPA-MIRANDA"]
    judge = Judge(rules, CallContext("US", "TX", "collections", "outbound", "en", DAY))
    heard(judge, turn(0, "agent", "Is this Jane Roe?", 1_000), turn(1, "customer", "Speaking.", 4_000))
    judge.lost("agent", 6_500)
    said = heard(judge, turn(2, "agent", "Your account is past due.", 9_000))
    assert brief(said) == [("US-FDCPA-MIRANDA", "undecided", 2)]
    disclosed = "This is an attempt to collect a debt and any information obtained will be used for that purpose."
    assert brief(judge.hear(turn(3, "agent", disclosed, 13_000))) == [("US-FDCPA-MIRANDA", "satisfied", 3)]
    assert judge.end(60_000) == []


def test_a_stream_that_is_known_late_takes_back_what_its_lost_words_may_have_done() -> None:
    judge = Judge(NOTICE_CO, OPENING_CO)
    judge.lost("2", 500)
    said = heard(
        judge, turn(0, "agent", "Buenas tardes.", 5_000, stream="1"), turn(1, "customer", "…", 8_000, stream="3")
    )
    said += [verdict for at in range(8_000, 60_000, 1_000) for verdict in judge.tick(at)]
    assert [verdict.outcome for verdict in said] == ["undecided"]
    fresh, withdrawn = judge.roles_changed({"2": "customer"}, 60_000)
    assert ([verdict.outcome for verdict in fresh], withdrawn) == (["violation"], ["CO-REC-NOTICE/0!undecided"])
