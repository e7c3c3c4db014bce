"""Order of things: who is on the line before the debt is named, what is known before the first word."""

import datetime
from typing import Literal

import pytest

from engine.facts import Leg
from engine.ports.hearing import HeardWord
from models.compliance import CallContext, Judge, JudgedTurn, Metadata, Verdict, load_detectors, load_rules

DAY = datetime.date(2026, 11, 27)
DEBT_US = CallContext("US", "TX", "collections", "outbound", "en", DAY)
RULES = load_rules()
DETECTORS = load_detectors()
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
    firm = "Buenas tardes, ¿hablo con el señor Juan Pérez? Le hablo de parte de Banco Horizonte."
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


@pytest.mark.parametrize(
    "said",
    [
        "You've got the wrong number, hon.", "This is Jane's roommate.", "I'm just the babysitter.", "He's not home.",
        "She's at work.", "He's not in right now.", "Jane isn't available.", "She doesn't live here anymore.",
        "He no longer lives here.", "I'm not her.", "There's nobody by that name here.", "He doesn't have this number.",
        "Está equivocado, joven.", "Mi mami no está aquí.", "Ella no está, salió.", "No se encuentra en este momento.",
        "Soy su hija.", "Habla con su esposa.", "Con su hermana.", "Habla una amiga.", "Aquí no hay ninguna Romina.",
        "Aquí no hay nadie con ese nombre.", "No conozco a esa persona.", "Yo no soy Jonathan.", "No soy el titular.",
        "Ahorita no está aquí.", "La licenciada no se encuentra.", "No es él, soy su hermano.",
        "É engano, moço.", "Aqui não mora nenhum Martim.", "Ele não está, sou a irmã dele.", "Não sou ela.",
        "Não conheço essa pessoa.", "O João não está em casa.", "Aqui não tem ninguém com esse nome.",
        "My husband isn't home right now.", "Nobody here by that last name.", "No, this is Patrick.",
        "The one you're looking for is my brother.", "I just got this number last month.",
        "No está mi mamá, regresa a las seis.", "Nadie aquí lleva ese apellido.", "¿Quiere dejarle recado?",
        "Ya son tres los que preguntan por un tal Ferreyra.", "No, habla Teresa.", "Está marcando mal el número.",
        "Eu sou a vizinha, eles viajaram.", "Ninguém aqui tem esse sobrenome.", "Não, quem fala é a Teresa.",
        "Já é o terceiro procurando um tal de Ferreira.", "Quer deixar recado?",
    ],
)  # fmt: skip
def test_who_is_not_the_one_that_is_called(said: str) -> None:
    assert DETECTORS["denies_person"].find(DETECTORS.fold(said))


@pytest.mark.parametrize(
    "said",
    [
        "He's not working, so money is tight.", "They're not listening to me.", "You have the wrong amount.",
        "I'm the mother of two.", "He's out of work.", "She passed me to you.", "It's not her fault.",
        "No hay ningún problema.", "Soy una madre soltera.", "Se equivocaron en el cobro.",
        "Mi esposo no está de acuerdo.",
        "No soy el único que debe.", "El banco no está disponible.", "No se equivocó, soy yo.",
        "No soy yo quien decide.",
        "Se não me engano, paguei dia dez.", "Houve um engano na fatura.", "Não tem nenhuma forma de parcelar?",
        "Ele não está de acordo.", "Não sou eu que decido.", "Ela não trabalha.", "Não, não é engano, sou eu mesmo.",
        "¿Ya salió la factura de este mes?", "Mi hijo no está inscrito todavía.", "Su asesora no está, salió a comer.",
        "Já saiu o resultado do exame?", "O aplicativo diz que não sou eu.", "Eu não sou a secretária, sou eu mesma.",
        "yeah that's what's left", "i'm not recognizing that charge", "the price already went up",
        "Make sure you don't get the wrong person.", "No, this is ridiculous.", "No está mi pago registrado.",
    ],
)  # fmt: skip
def test_what_the_debtor_says_denies_nobody(said: str) -> None:
    assert DETECTORS["denies_person"].find(DETECTORS.fold(said)) is None


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("Four five six seven.", True), ("It's [dob].", True), ("Sure, it's [number].", True),
        ("My date of birth is May third.", True), ("The last four are [ssn].", True),
        ("[number], and my zip is [number].", True),
        ("Mi cédula es [cedula].", True), ("Nací el [dob].", True), ("Mi dni termina en [number].", True),
        ("Mi cumpleaños es el [dob] y mi madre se llama Eulalia.", True), ("Meu CPF é [cpf].", True),
        ("Nasci em [dob].", True), ("Sim, é dois três quatro.", True), ("Four twenty Oak Street.", True),
        ("My husband is not home.", False), ("He gets in around five thirty.", False), ("It's [phone].", False),
        ("His birthday is [dob].", False), ("My son was born in May.", False), ("My concern is the price.", False),
        ("Mi esposo es el que lleva eso.", False), ("Mejor márquele a él, es el [phone].", False),
        ("Meu marido é quem sabe.", False), ("Mi queja es otra.", False),
    ],
)  # fmt: skip
def test_what_tells_who_it_is(said: str, given: bool) -> None:
    assert bool(DETECTORS["gives_identity_data"].find(DETECTORS.fold(said))) is given


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("¿Está Juan Pérez?", True), ("Buenas tardes, ¿está el señor Juan Pérez, por favor?", True),
        ("¿Me pasas a tu mamá?", True), ("¿Se encuentra su esposo?", True), ("¿En qué año nació usted?", True),
        ("¿Hablo con la persona que firmó el contrato?", True), ("¿Usted es quien decide en casa?", True),
        ("Is your husband home?", True), ("Are you the one who handles the internet?", True),
        ("What year were you born?", True), ("Please transfer me to Ms. Montes.", True),
        ("A Maria está?", True), ("A dona Maria está em casa?", True), ("Chama a sua mãe, por favor?", True),
        ("É o senhor quem decide?", True), ("Em que ano a senhora nasceu?", True),
        ("creí que ya lo había pagado pero ahí está pendiente lo pago mañana", False), ("con esta rodilla", False),
        ("o boleto está atrasado", False), ("no está equivocado", False),
        ("¿Me da los últimos dígitos del folio de su ticket?", False), ("Traiga su comprobante de domicilio.", False),
        ("Me passa os últimos números da nota?", False), ("Preciso do comprovante de endereço.", False),
        ("I need proof of address.", False), ("What address do you have on file for me?", False),
        ("¿Me comunica con su jefe?", False), ("Como sua mãe está?", False), ("¿Qué pasa con su esposo?", False),
    ],
)  # fmt: skip
def test_who_asks_for_somebody(said: str, asked: bool) -> None:
    assert bool(DETECTORS["asks_for_person"].find(DETECTORS.fold(said))) is asked


def test_the_customers_late_role_takes_a_violation_back() -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    said = heard(
        judge,
        turn(0, "agent", "Am I speaking with Jane Roe?"),
        turn(1, "agent", "Yes, this is she.", "2"),
        turn(2, "agent", "Your account is past due."),
    )
    assert said == [("US-FDCPA-3RDPARTY", "violation", 2)]
    fresh, withdrawn = judge.roles_changed({"2": "customer"}, 20_000)
    assert (fresh, withdrawn) == ([], ["US-FDCPA-3RDPARTY/0!once"])


def test_what_is_known_is_told_with_the_first_words_and_stays() -> None:
    at = datetime.datetime.fromisoformat("2026-11-27T22:30")
    judge = Judge(RULES, CallContext("US", "TX", "collections", "outbound", "en", DAY, metadata=Metadata(at=at)))
    (verdict,) = judge.hear(turn(0, "unknown", "Hello?", "1"))
    assert _brief(verdict) == ("US-FDCPA-HOURS", "violation", 0)
    assert verdict.because == "Fri, Nov 27, 2026, 10:30 PM; 8:00 AM–9:00 PM allowed"
    assert judge.roles_changed({"1": "customer"}, 5_000)[1] == []
    judge = Judge(RULES, CallContext("US", "TX", "collections", "inbound", "en", DAY, metadata=Metadata(at=at)))
    assert judge.hear(turn(0, "unknown", "Hello?", "1")) == []


def test_a_sentence_that_goes_on_takes_its_request_back() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    first = JudgedTurn(1, "customer", "customer", "No me llame.", 1_000, 2_000)
    assert [verdict.rule for verdict in judge.hear(first)] == ["MX-REPEP"]
    goes_on = JudgedTurn(2, "customer", "customer", "ahora, que estoy trabajando.", 2_300, 4_000)
    assert judge.hear(goes_on) == []
    assert judge.taken_back() == ["MX-REPEP!1!dnc.requested"]
    assert judge.taken_back() == []


def test_what_was_taken_back_was_never_said() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    judge.hear(JudgedTurn(1, "1", "customer", "No me llame.", 1_000, 2_000))
    goes_on = JudgedTurn(2, "1", "customer", "ahora, que estoy trabajando.", 2_300, 4_000)
    judge.hear(goes_on)
    assert judge.taken_back() == ["MX-REPEP!1!dnc.requested"]
    assert judge.settle(JudgedTurn(1, "1", "customer", "No me llame.", 1_000, 2_000)) == []
    legs: tuple[Leg, ...] = ("unknown", "customer")
    for leg in legs:
        assert "MX-REPEP" not in [verdict.rule for verdict in judge.roles_changed({"1": leg}, 5_000)[0]]
    asked = judge.hear(JudgedTurn(3, "2", "agent", "¿Me da el número de su tarjeta?", 6_000, 8_000))
    assert "MX-REPEP" not in [verdict.rule for verdict in asked]
    again = judge.hear(JudgedTurn(4, "1", "customer", "Ya no me llamen más.", 10_000, 12_000))
    assert [verdict.key for verdict in again if verdict.outcome == "event"] == ["MX-REPEP!4!dnc.requested"]


def test_of_two_requests_in_one_breath_the_one_that_was_not_meant_is_taken_back() -> None:
    judge = Judge(RULES, DEBT_US)
    said = judge.hear(JudgedTurn(1, "1", "customer", "Esa deuda no es mía. No me llame.", 1_000, 4_000))
    assert [verdict.action for verdict in said] == ["contact.block", "dnc.requested"]
    judge.hear(JudgedTurn(2, "1", "customer", "ahora, que estoy trabajando.", 4_300, 6_000))
    assert judge.taken_back() == [said[1].key]


@pytest.mark.parametrize(
    ("wish", "question", "goes_on"),
    [
        ("No me llamen más.", "¿Me da el número de su tarjeta?", "de puntos, por favor."),
        ("Não me liguem mais.", "Me passa o número do cartão?", "de pontos, por favor."),
        ("Stop calling me.", "Can I have your card number?", "on our website, please."),
    ],
)
def test_a_sentence_that_goes_on_takes_back_what_came_in_no_order(wish: str, question: str, goes_on: str) -> None:
    rules = [rule for rule in RULES if rule.id == "US-TCPA-DNC-SALE"]
    judge = Judge(rules, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    said = heard(
        judge,
        JudgedTurn(0, "2", "customer", wish, 1_000, 2_000),
        JudgedTurn(1, "1", "agent", question, 3_000, 5_000),
    )
    assert said == [("US-TCPA-DNC-SALE", "violation", 1)]
    assert heard(judge, JudgedTurn(2, "1", "agent", goes_on, 5_300, 6_500)) == []
    assert judge.taken_back() == ["US-TCPA-DNC-SALE/0!once"]
    again = JudgedTurn(3, "1", "agent", question, 12_000, 14_000)
    assert heard(judge, again) == [("US-TCPA-DNC-SALE", "violation", 3)]


def test_what_was_taken_back_waits_for_no_role() -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    judge.hear(JudgedTurn(1, "1", "unknown", "No me llame.", 1_000, 2_000))
    judge.hear(JudgedTurn(2, "1", "unknown", "ahora, que estoy trabajando.", 2_300, 4_000))
    assert "MX-REPEP" not in [verdict.rule for verdict in judge.tick(60_000)]


@pytest.mark.parametrize("lost", [False, True])
def test_a_wish_that_was_taken_back_does_not_come_again_for_words_that_were_lost_before_it(lost: bool) -> None:
    judge = Judge(RULES, CallContext("MX", "", "sales", "outbound", "es", DAY))
    wished = judge.hear(JudgedTurn(1, "customer", "customer", "No me llame.", 1_000, 2_000))
    assert [one.action for one in wished if one.rule == "MX-REPEP"] == ["dnc.requested"]
    if lost:
        judge.lost("agent", 500)
    went_on = judge.hear(JudgedTurn(2, "customer", "customer", "ahora, que estoy trabajando.", 2_200, 4_000))
    assert "MX-REPEP" in [key.partition("!")[0] for key in judge.taken_back()]
    assert "MX-REPEP" not in [one.rule for one in [*went_on, *judge.tick(4_250)]]


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


@pytest.mark.parametrize("country", ["AR", "BR", "CL", "CO", "ES", "MX", "PE", "US"])
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


_ASKED = JudgedTurn(0, "1", "agent", "Am I speaking with Jane Roe?", 1_000, 2_500)
_NAMED = JudgedTurn(2, "1", "agent", "Your account is past due.", 4_000, 6_000)


@pytest.mark.parametrize(
    ("answer", "at_once", "behind", "taken_back"),
    [
        ("Yes, this is she, who is calling?", ["violation"], [], ["US-FDCPA-3RDPARTY/0!once"]),
        ("She's not here, I'm her mother.", ["violation"], [], []),
    ],
)
def test_an_answer_that_ends_behind_the_agent_s_words_began_before_them(
    answer: str, at_once: list[str], behind: list[str], taken_back: list[str]
) -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    answered = JudgedTurn(1, "2", "customer", answer, 3_000, 7_500)
    judge.hear(_ASKED)
    assert [verdict.outcome for verdict in judge.hear(_NAMED)] == at_once
    assert [verdict.outcome for verdict in judge.hear(answered)] == behind
    assert judge.taken_back() == taken_back


def test_words_are_judged_alike_in_whatever_order_they_end() -> None:
    confirmed = JudgedTurn(1, "2", "customer", "Yes, this is she.", 2_600, 3_000)
    denied = JudgedTurn(3, "2", "customer", "Sorry, this is her husband, she is not here.", 3_500, 9_000)
    again = JudgedTurn(4, "1", "agent", "And your outstanding balance is five hundred dollars.", 7_000, 8_500)
    for order in ((_ASKED, confirmed, denied, _NAMED, again), (_ASKED, confirmed, _NAMED, again, denied)):
        judge = Judge(THIRD_PARTY, DEBT_US)
        assert heard(judge, *order) == [("US-FDCPA-3RDPARTY", "violation", 2)]
        assert judge.taken_back() == []
    greeting = [
        JudgedTurn(0, "2", "customer", "Acme Plumbing.", 0, 1_000),
        JudgedTurn(1, "2", "customer", "This is Bob, how can I help you today?", 1_500, 6_000),
        JudgedTurn(2, "1", "agent", "Hi, this is Paul.", 3_500, 5_000),
    ]
    pickup = [rule for rule in RULES if rule.id == "US-TCPA-ABANDON"]
    judge = Judge(pickup, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    assert heard(judge, greeting[0], greeting[2]) == [("US-TCPA-ABANDON", "violation", 2)]
    assert heard(judge, greeting[1]) == []
    assert judge.taken_back() == ["US-TCPA-ABANDON!once"]


@pytest.mark.parametrize(
    ("again", "told"),
    [("Hello?", True), ("hello, hello?", True), ("This is Bob.", False), ("Hello, this is Bob.", False), ("…", False)],
)
def test_who_says_no_more_than_hello_again_is_kept_waiting(again: str, told: bool) -> None:
    pickup = [rule for rule in RULES if rule.id == "US-TCPA-ABANDON"]
    judge = Judge(pickup, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    said = heard(
        judge,
        JudgedTurn(0, "2", "customer", "Hello?", 0, 1_000),
        JudgedTurn(1, "2", "customer", again, 2_500, 3_500),
        JudgedTurn(2, "1", "agent", "Hi, this is Paul.", 5_000, 6_000),
    )
    assert bool(said) == told


ASKED_NAMED = [
    ("Am I speaking with Jane Roe?", "Yes, this is she.", "Your account is past due."),
    ("¿Hablo con el señor Juan Pérez?", "Sí, soy yo.", "Usted debe quinientos dólares."),
    ("Falo com a senhora Ana Lima?", "Sim, sou eu.", "A senhora deve quinhentos dólares."),
]


@pytest.mark.parametrize(("asked", "answered", "named"), ASKED_NAMED)
@pytest.mark.parametrize(
    ("question", "answer", "told"),
    [
        ("heard", "heard", []),
        ("heard", "", ["violation"]),
        ("heard", "lost", ["undecided"]),
        ("lost", "heard", ["undecided"]),
        ("lost", "lost", ["undecided"]),
    ],
)
def test_a_debt_is_not_named_too_early_where_words_before_were_lost(
    asked: str, answered: str, named: str, question: str, answer: str, told: list[str]
) -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    said: list[Verdict] = []
    lines = (
        (turn(0, "agent", asked), question),
        (turn(1, "customer", answered), answer),
        (turn(2, "agent", named), "heard"),
    )
    for one, fate in lines:
        if fate == "heard":
            said += judge.hear(one)
        elif fate == "lost":
            judge.lost(one.stream, one.start_ms)
    judge.lost("customer", 60_000)
    said += judge.tick(90_000)
    assert [verdict.outcome for verdict in said] == told


def test_words_that_are_lost_and_began_before_take_back_what_was_held_against_who_spoke_meanwhile() -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    judge.hear(_ASKED)
    assert [verdict.outcome for verdict in judge.hear(_NAMED)] == ["violation"]
    judge.lost("2", 3_000)  # until behind them
    assert judge.taken_back() == ["US-FDCPA-3RDPARTY/0!once"]
    assert [verdict.outcome for verdict in judge.tick(20_000)] == ["undecided"]
    assert judge.tick(21_000) == judge.end(30_000) == []


def test_what_words_that_were_lost_had_left_undecided_is_taken_back_once_it_was_in_order() -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    judge.hear(_ASKED)
    judge.lost("2", 2_700)
    assert [verdict.outcome for verdict in judge.hear(_NAMED)] == ["undecided"]
    judge.hear(JudgedTurn(1, "2", "customer", "Yes, this is she, who is calling?", 3_000, 7_500))
    assert judge.taken_back() == ["US-FDCPA-3RDPARTY/0!undecided!once"]
    assert judge.tick(20_000) == judge.end(30_000) == []


def test_what_words_that_were_lost_had_left_undecided_is_withdrawn_with_the_role_that_it_rested_on() -> None:
    judge = Judge(THIRD_PARTY, DEBT_US)
    judge.hear(_ASKED)
    judge.lost("2", 2_700)
    judge.hear(JudgedTurn(1, "2", "agent", "Yes, this is she.", 3_000, 3_500))
    assert [verdict.outcome for verdict in judge.hear(_NAMED)] == ["undecided"]
    fresh, withdrawn = judge.roles_changed({"2": "customer"}, 9_000)
    assert (fresh, withdrawn) == ([], ["US-FDCPA-3RDPARTY/0!undecided!once"])


def test_a_sentence_that_goes_on_takes_back_what_was_undecided() -> None:
    rules = [rule for rule in RULES if rule.id == "US-TSR"]
    judge = Judge(rules, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    judge.lost("1", 500)
    asked = judge.hear(JudgedTurn(1, "1", "agent", "Can I have your card number?", 3_000, 5_000))
    assert [one.outcome for one in asked] == ["undecided"]
    assert judge.hear(JudgedTurn(2, "1", "agent", "on our website, please.", 5_300, 6_500)) == []
    assert judge.taken_back() == ["US-TSR/0!undecided!once"]


def test_who_spoke_first_where_words_were_lost_is_not_known_to_have_been_late() -> None:
    pickup = [rule for rule in RULES if rule.id == "US-TCPA-ABANDON"]
    judge = Judge(pickup, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    judge.lost("1", 1_500)
    greeted, answered = (
        JudgedTurn(0, "2", "customer", "Hello, this is Bob.", 0, 1_000),
        JudgedTurn(1, "1", "agent", "Hi, this is Paul.", 8_000, 9_000),
    )
    assert heard(judge, greeted, answered) == []
    assert heard(Judge(pickup, CallContext("US", "TX", "sales", "outbound", "en", DAY)), greeted, answered) != []


WISHES = [
    (
        "Well, to be honest we are quite happy with what we have. ",
        "Stop calling me.",
        "Can I have your card number, please?",
    ),
    ("La verdad es que eso no me interesa para nada. ", "No me llamen más.", "¿Me da el número de su tarjeta?"),
    ("Na verdade isso não me interessa nem um pouco. ", "Não me liguem mais.", "Me passa o número do cartão?"),
]


@pytest.mark.parametrize(("idle", "wish", "question"), WISHES)
@pytest.mark.parametrize(
    ("wished", "asked_ms", "told"),
    [("at last", 3_000, []), ("at last", 11_000, ["violation"]), ("at first", 6_500, ["violation"])],
)
def test_who_is_talked_over_has_not_heard_a_wish_that_comes_behind_his_question(
    idle: str, wish: str, question: str, wished: str, asked_ms: int, told: list[str]
) -> None:
    rules = [rule for rule in RULES if rule.id == "US-TCPA-DNC-SALE"]
    judge = Judge(rules, CallContext("US", "TX", "sales", "outbound", "en", DAY))
    text = idle + wish if wished == "at last" else f"{wish} {idle}"
    customer = JudgedTurn(0, "2", "customer", text, 2_000, 10_000)
    agent = JudgedTurn(1, "1", "agent", question, asked_ms, asked_ms + 2_000)
    said = [verdict for one in sorted((customer, agent), key=lambda one: one.end_ms) for verdict in judge.hear(one)]
    assert [verdict.outcome for verdict in said] == told


def test_the_times_of_the_words_tell_what_was_said_first() -> None:
    rules = [rule for rule in RULES if rule.id == "US-TCPA-DNC-SALE"]
    for wish_ms, told in ((7_500, []), (3_000, ["violation"])):
        judge = Judge(rules, CallContext("US", "TX", "sales", "outbound", "en", DAY))
        words = tuple(HeardWord(at, at + 2, wish_ms, wish_ms + 1_000) for at in (0, 5, 13))
        customer = JudgedTurn(0, "2", "customer", "Stop calling me.", 2_000, 10_000, words=words)
        agent = JudgedTurn(1, "1", "agent", "Can I have your card number, please?", 5_000, 7_000)
        said = [*judge.hear(agent), *judge.hear(customer)]
        assert [verdict.outcome for verdict in said] == told
