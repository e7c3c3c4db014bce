"""Wrap-ups hold the call's own words, and how it ended."""

import datetime

import pytest

from engine.facts import CallEvent, Insight, Leg
from models.compliance import JudgedTurn, load_detectors
from models.review.forms import bundled_forms, form_for
from models.review.wrap_up import Composer, WrapUp

DETECTORS = load_detectors()
FRIDAY = datetime.date(2026, 11, 27)
LEGS: dict[str, Leg] = {"agent": "agent", "customer": "customer"}


def composer(campaign: str = "collections", language: str = "es") -> Composer:
    return Composer(form_for(bundled_forms(), campaign), DETECTORS, FRIDAY, language)


def say(composer: Composer, turn: int, leg: Leg, text: str, language: str = "es", intent: str = "") -> None:
    at = turn * 5_000
    composer.hear(JudgedTurn(turn, leg, leg, text, at, at + 4_000, language), DETECTORS.fold(text))
    if intent:
        composer.saw(
            Insight(call_id="x", seq=turn, kind="intent", turn=turn, value=intent, score=0.8, end_ms=at + 4_000)
        )


def finished(composer: Composer) -> WrapUp:
    return composer.finish(LEGS)


def after(leg: Leg, text: str, language: str = "es", campaign: str = "collections") -> WrapUp:
    """Of a call in which that was all that was said."""
    one = composer(campaign, language)
    say(one, 1, leg, text, language)
    return finished(one)


def test_a_collections_call_in_spanish() -> None:
    one = composer()
    say(one, 1, "agent", "Buenas tardes, le llamo por la cuota de su tarjeta.")
    say(one, 2, "customer", "Perdí mi empleo y no he podido.", intent="payment_arrangement")
    say(one, 3, "customer", "Está bien, le pago el viernes ciento cincuenta mil pesos.")
    say(one, 4, "agent", "Perfecto. Le enviaremos el recibo a su correo en tres días.")
    found = finished(one)
    assert found.reason is not None
    assert found.reason.text == "Buenas tardes, le llamo por la cuota de su tarjeta."
    assert found.disposition == "promise_to_pay"
    assert found.confidence > 0.5
    assert [(one.leg, one.due) for one in found.follow_ups] == [("customer", "2026-12-04"), ("agent", "2026-11-30")]
    assert found.summary.splitlines() == [
        "Motivo: «Buenas tardes, le llamo por la cuota de su tarjeta.»",
        "Acordado: «Está bien, le pago el viernes ciento cincuenta mil pesos.»",
        "Resultado: Promesa de pago",
        "Pendiente: «Le enviaremos el recibo a su correo en tres días.» (2026-11-30)",
    ]


def test_how_it_ended_counts_more_than_how_it_began() -> None:
    one = composer("care", "pt")
    say(one, 1, "customer", "Minha internet não funciona desde ontem.", "pt", intent="technical_problem")
    say(one, 9, "customer", "Olha, agora voltou a funcionar!", "pt")
    found = finished(one)
    assert (found.disposition, found.choices[1].code) == ("solved", "technical_open")
    assert found.intent == "technical_problem"


def test_an_opt_out_in_english() -> None:
    one = composer("sales", "en")
    say(one, 1, "agent", "I am calling about our new solar plan.", "en")
    say(one, 2, "customer", "Please stop calling me and take my number off your list.", "en", intent="opt_out")
    say(one, 3, "agent", "Of course, I will remove your number right away.", "en")
    found = finished(one)
    assert found.disposition == "do_not_call"
    assert [one.text for one in found.follow_ups] == ["Of course, I will remove your number right away."]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "Buenas tardes, le llamo del banco Horizonte por la cuota de su tarjeta."),
        ("es", "Le llamo de parte de Sol Energía para contarle de un plan."),
        ("es", "Me comunico con usted porque su factura venció."),
        ("pt", "Estou ligando do banco Horizonte sobre a parcela do cartão."),
        ("en", "I'm calling from Horizon Bank about your card payment."),
    ],
)
def test_the_reason_stands_behind_whom_the_agent_calls_from(language: str, text: str) -> None:
    one = composer("collections", language)
    say(one, 1, "agent", text, language)
    say(one, 2, "customer", "Hmm.", language)
    found = finished(one)
    assert found.reason is not None
    assert (found.reason.text, found.reason.leg, found.promises) == (text, "agent", ())


def test_with_no_sign_at_all_the_default_is_offered_without_confidence() -> None:
    found = after("customer", "Hello?", "en", "sales")
    assert (found.disposition, found.confidence, found.reason) == ("no_result", 0.0, None)


def test_a_digit_run_that_was_settled_later_is_as_it_was_settled() -> None:
    one = composer()
    say(one, 1, "customer", "Quiero pagar el recibo número [number] hoy mismo.", intent="payment_arrangement")
    settled = {"turn": 1, "text": "Quiero pagar el recibo número [card] hoy mismo.", "masks": []}
    one.saw(CallEvent(call_id="x", seq=9, name="text.settled", data=settled))
    found = finished(one)
    assert found.reason is not None
    assert "[card]" in found.reason.text
    assert "[number]" not in found.summary


def test_private_data_are_named_once_and_never_by_value() -> None:
    one = composer()
    for seq in (5, 6):
        one.saw(Insight(call_id="x", seq=seq, kind="entity", turn=2, value="[card]", entity_type="CARD", last4="6467"))
    assert [(slot.entity_type, slot.turn, slot.last4) for slot in finished(one).slots] == [("CARD", 2, "6467")]


@pytest.mark.parametrize(
    ("leg", "text"),
    [
        ("agent", "¿Le envío el recibo a su correo mañana?"),
        ("agent", "Voy a revisar qué opciones tenemos para usted."),
        ("agent", "Vou verificar agora mesmo a sua linha."),
        ("agent", "Let me check that for you right now."),
        ("customer", "No sé si voy a poder con eso."),
    ],
)
def test_questions_and_what_is_done_while_one_waits_are_no_promises(leg: Leg, text: str) -> None:
    assert after(leg, text).promises == ()


@pytest.mark.parametrize(
    ("leg", "text"),
    [
        ("agent", "Le voy a enviar el contrato por correo."),
        ("agent", "Un técnico pasará por su casa el lunes."),
        ("agent", "Vamos agendar a visita para amanhã."),
        ("agent", "O senhor vai receber o estorno na fatura."),
        ("agent", "We'll call you back tomorrow morning."),
        ("agent", "You will receive an email with the details."),
        ("customer", "Eu vou pagar na sexta-feira sem falta."),
        ("customer", "I'll pay the rest on Monday, I promise."),
        ("agent", "Le voy a devolver 150.000 pesos el viernes."),
        ("agent", "Le vamos a enviar el contrato al Sr. Gómez el lunes."),
        ("customer", "Vou pagar 1.500 reais na sexta."),
        ("agent", "We'll send a copy to Dr. Smith tomorrow."),
        ("customer", "El viernes pago el saldo completo."),
        ("customer", "Eu pago na sexta, pode anotar."),
        ("agent", "Le enviamos el recibo mañana mismo."),
        ("agent", "Ya le agendamos la visita para el lunes."),
        ("agent", "Nós enviamos o boleto por e-mail amanhã."),
        ("agent", "Nós lhe enviamos o boleto amanhã."),
        ("agent", "Le voy a estar enviando el recibo."),
        ("agent", "Lo estaremos contactando esta semana."),
        ("agent", "Le llamo el lunes sin falta."),
        ("agent", "Vou estar enviando o boleto por e-mail."),
        ("agent", "Vamos estar retornando a ligação amanhã."),
        ("agent", "Eu te ligo na segunda de manhã."),
        ("agent", "We'll be sending you a new card."),
    ],
)
def test_what_outlives_the_call_is_a_promise(leg: Leg, text: str) -> None:
    assert [note.text for note in after(leg, text).promises] == [text]


@pytest.mark.parametrize(
    ("language", "text", "due"),
    [
        ("es", "Voy a hacer el pago el viernes.", "2026-12-04"),
        ("es", "Voy a hacerle el primer pago el lunes.", "2026-11-30"),
        ("es", "Le hago el pago mañana.", "2026-11-28"),
        ("es", "Sí, hago el abono el lunes.", "2026-11-30"),
        ("es", "Puedo hacer el pago el lunes.", "2026-11-30"),
        ("es", "Yo hago el pago el quince de diciembre.", "2026-12-15"),
        ("es", "Voy a estar haciendo el pago el viernes.", "2026-12-04"),
        ("es", "Haré la transferencia el martes.", "2026-12-01"),
        ("es", "Voy a hacer el depósito el lunes.", "2026-11-30"),
        ("pt", "Vou fazer o depósito na sexta.", "2026-12-04"),
        ("pt", "Vou fazer um Pix amanhã.", "2026-11-28"),
        ("pt", "Faço o depósito amanhã.", "2026-11-28"),
        ("pt", "Eu faço o pagamento na segunda.", "2026-11-30"),
        ("pt", "Vou estar fazendo o pagamento na sexta.", "2026-12-04"),
        ("en", "I'll make the payment on Monday.", "2026-11-30"),
        ("en", "I'll be making a payment on Friday.", "2026-12-04"),
        ("en", "I am going to make a payment tomorrow.", "2026-11-28"),
    ],
)
def test_who_will_make_a_payment_promises_it_with_its_day(language: str, text: str, due: str) -> None:
    found = after("customer", text, language)
    assert found.disposition == "promise_to_pay"
    assert [(one.text, one.due) for one in found.follow_ups] == [(text, due)]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "No voy a hacer el pago."),
        ("es", "No le hago el pago mañana."),
        ("es", "Siempre hago el pago el lunes."),
        ("es", "Hago el pago todos los viernes."),
        ("es", "Voy a hacer un reclamo por el pago."),
        ("pt", "Não vou fazer o pagamento."),
        ("pt", "Eu sempre faço o pagamento na sexta."),
        ("pt", "Faço o pagamento toda sexta."),
        ("pt", "Vou fazer uma reclamação do depósito."),
        ("en", "I'm not going to make the payment."),
        ("en", "I make the payment every Friday."),
    ],
)
def test_who_will_not_pay_and_who_always_does_promises_nothing(language: str, text: str) -> None:
    found = after("customer", text, language)
    assert (found.promises, found.disposition != "promise_to_pay") == ((), True)


@pytest.mark.parametrize(
    ("leg", "language", "text"),
    [
        ("customer", "es", "Ya hice el pago el viernes."),
        ("customer", "es", "Me rechazaron el pago en la aplicación."),
        ("customer", "es", "Hice el depósito el lunes."),
        ("customer", "es", "Ya hice el pago a la empresa."),
        ("customer", "es", "Siempre pago el lunes por la mañana."),
        ("customer", "pt", "O boleto já foi pago na sexta-feira."),
        ("customer", "pt", "Fiz o depósito no banco."),
        ("customer", "pt", "A fatura está paga, foi tudo pago hoje."),
        ("customer", "pt", "Eu devia ter pago no dia dez."),
        ("customer", "pt", "Eu já havia pago dia dez."),
        ("customer", "pt", "Normalmente pago o boleto no banco."),
        ("customer", "en", "I did pay it on Friday."),
        ("agent", "es", "Ya le enviamos el recibo la semana pasada."),
        ("agent", "es", "Le enviamos ayer el recibo a su correo."),
        ("agent", "pt", "Já creditamos o valor na sua conta."),
        ("agent", "pt", "Já lhe enviamos o boleto por e-mail."),
        ("agent", "pt", "Ontem nós creditamos o valor na sua conta."),
        ("agent", "pt", "Já nós lhe enviamos o boleto por e-mail."),
        ("agent", "en", "We did send you the contract on Monday."),
    ],
)
def test_what_is_done_already_is_no_promise(leg: Leg, language: str, text: str) -> None:
    found = after(leg, text, language)
    assert (found.promises, found.disposition != "promise_to_pay") == ((), True)


def test_without_a_form_there_is_a_summary_and_no_disposition() -> None:
    one = Composer(None, DETECTORS, FRIDAY, "en")
    say(one, 1, "customer", "I would like to know when my parcel arrives.", "en")
    found = finished(one)
    assert (found.disposition, found.choices) == ("", ())
    assert found.summary == "Reason: «I would like to know when my parcel arrives.»"


def test_what_an_agent_was_heard_to_want_is_no_wish_of_the_customer() -> None:
    one = composer("care")
    say(one, 1, "agent", "¿Quiere usted cancelar el servicio?", intent="cancel_service")
    say(one, 2, "customer", "Tengo una pregunta sobre mi plan.", intent="product_question")
    one.saw(CallEvent(call_id="x", seq=3, name="withdrawn", data={"of": [1], "reason": "role_changed"}))
    found = finished(one)
    assert (found.intent, found.disposition) == ("product_question", "information")
    assert found.choices[1].confidence == 0.0


@pytest.mark.parametrize(
    ("campaign", "language", "text", "disposition"),
    [
        ("collections", "es", "No puedo pagar.", "refuses"),
        ("collections", "es", "No voy a pagar.", "refuses"),
        ("collections", "pt", "Não posso pagar.", "refuses"),
        ("collections", "pt", "Não vou pagar.", "refuses"),
        ("collections", "en", "I can't pay.", "refuses"),
        ("collections", "en", "I am not going to pay.", "refuses"),
        ("collections", "es", "El lunes voy a cancelar la cuota.", "promise_to_pay"),
        ("collections", "es", "Esta semana me pongo al día.", "promise_to_pay"),
        ("collections", "es", "¿Puedo abonar la mitad el viernes?", "promise_to_pay"),
        ("collections", "es", "Si tuviera trabajo, podría pagar.", "no_result"),
        ("collections", "es", "¿Y cómo podría pagar si me despidieron?", "no_result"),
        ("collections", "es", "¿Cómo voy a pagar?", "no_result"),
        ("collections", "es", "¿Dónde puedo consignar?", "no_result"),
        ("collections", "es", "¿Cómo puedo ponerme al día?", "no_result"),
        ("collections", "es", "Voy a cancelar el servicio.", "no_result"),
        ("collections", "es", "No tengo la plata.", "refuses"),
        ("collections", "es", "No tengo claro cómo se hace.", "no_result"),
        ("collections", "es", "Ella ya no vive aquí.", "wrong_party"),
        ("collections", "es", "Se equivocó de número.", "wrong_party"),
        ("collections", "es", "No conozco a ese señor.", "wrong_party"),
        ("collections", "pt", "Consigo pagar duzentos reais.", "promise_to_pay"),
        ("collections", "pt", "Eu pago na sexta.", "promise_to_pay"),
        ("collections", "pt", "Pago no dia dez.", "promise_to_pay"),
        ("collections", "pt", "Eu pago todo dia dez.", "no_result"),
        ("collections", "pt", "Eu pago na segunda parcela.", "no_result"),
        ("collections", "pt", "Não consigo pagar.", "refuses"),
        ("collections", "pt", "Não tenho condições agora.", "refuses"),
        ("collections", "pt", "Ele não mora mais aqui.", "wrong_party"),
        ("collections", "pt", "Não, é engano, moça.", "wrong_party"),
        ("collections", "pt", "Essa cobrança é engano.", "no_result"),
        ("collections", "pt", "Olha, é engano.", "wrong_party"),
        ("collections", "pt", "Essa compra foi engano.", "no_result"),
        ("collections", "pt", "Essa dívida aí é engano.", "no_result"),
        ("collections", "pt", "Não é engano.", "no_result"),
        ("collections", "en", "I'm going to pay on Friday.", "promise_to_pay"),
        ("collections", "en", "I wish I could pay.", "no_result"),
        ("collections", "en", "If I had a job I could pay.", "no_result"),
        ("collections", "en", "I could pay if you took off the interest.", "no_result"),
        ("collections", "en", "I can't afford that.", "refuses"),
        ("collections", "en", "You have the wrong person.", "wrong_party"),
        ("collections", "es", "No, puedo pagar el viernes.", "promise_to_pay"),
        ("collections", "es", "No puedo pagar hoy, pero le pago mañana.", "promise_to_pay"),
        ("collections", "es", "No es número equivocado.", "no_result"),
        ("sales", "es", "No, no lo quiero.", "no_result"),
        ("sales", "es", "La quiero cancelar.", "no_result"),
        ("sales", "es", "Sí, lo quiero.", "sold"),
        ("sales", "es", "No, no me interesa.", "not_interested"),
        ("sales", "pt", "Não quero contratar.", "no_result"),
        ("sales", "pt", "Quero contratar.", "sold"),
        ("care", "pt", "Agora não funciona.", "no_result"),
        ("care", "pt", "Não foi resolvido.", "no_result"),
        ("care", "pt", "Agora funciona.", "solved"),
        ("care", "en", "I need that fixed today.", "no_result"),
        ("care", "en", "I want it fixed.", "no_result"),
        ("care", "en", "Yes, it's fixed now.", "solved"),
        ("care", "en", "It works now.", "solved"),
        ("care", "es", "No, ya funciona, gracias.", "solved"),
        ("care", "es", "Ya volvió a fallar.", "no_result"),
        ("care", "es", "Ya volvió el internet.", "solved"),
        ("care", "es", "Ya volvió a servir.", "solved"),
        ("care", "es", "Sí, ya me funciona.", "solved"),
        ("care", "es", "Ahora sí anda, gracias.", "solved"),
        ("care", "es", "Listo, ya jala.", "solved"),
        ("care", "es", "Ahora anda mal.", "no_result"),
        ("care", "es", "Ahora no anda.", "no_result"),
        ("care", "es", "Ya anda en camino.", "no_result"),
        ("care", "es", "Ya me anda bien el internet, señorita, muchas gracias.", "solved"),
        ("care", "es", "Ahora funciona de nuevo.", "solved"),
        ("care", "es", "Desde ayer ahora anda muy lento.", "no_result"),
        ("care", "es", "Ahora me anda lenta.", "no_result"),
        ("care", "es", "Ahora anda más lento que antes.", "no_result"),
        ("care", "es", "Ahora anda con cortes.", "no_result"),
        ("care", "es", "Ahora funciona solo a ratos.", "no_result"),
        ("care", "es", "Ya jala bien lento.", "no_result"),
        ("care", "pt", "Agora voltou a cair.", "no_result"),
        ("care", "pt", "Agora voltou a funcionar.", "solved"),
        ("care", "pt", "Agora voltou a internet.", "solved"),
        ("care", "pt", "Quero isso resolvido hoje.", "no_result"),
        ("care", "pt", "Ficou tudo resolvido.", "solved"),
        ("care", "pt", "Resolvido, muito obrigada.", "solved"),
        ("care", "pt", "Pronto, resolvido, obrigado.", "solved"),
        ("care", "pt", "Ah sim, resolvido.", "solved"),
        ("care", "pt", "Sim, mas não está resolvido.", "no_result"),
        ("sales", "pt", "Vou querer pensar.", "no_result"),
        ("sales", "pt", "Vou querer cancelar.", "no_result"),
        ("sales", "pt", "Vou querer o plano maior.", "sold"),
    ],
)
def test_how_it_ended_is_what_the_customer_says_and_not_what_they_deny(
    campaign: str, language: str, text: str, disposition: str
) -> None:
    assert after("customer", text, language, campaign).disposition == disposition


def test_a_refusal_is_more_than_a_wish_for_instalments() -> None:
    one = composer()
    say(one, 1, "customer", "No puedo pagar.", intent="payment_arrangement")
    assert finished(one).disposition == "refuses"


def test_an_agent_who_speaks_of_opting_out_asks_for_nothing() -> None:
    text = "You may opt out at any time."
    assert DETECTORS["opt_out"].find(DETECTORS.fold(text))
    one = composer("sales", "en")
    say(one, 1, "agent", text, "en")
    assert finished(one).disposition == "no_result"
    say(one, 2, "customer", "Please stop calling me.", "en")
    assert finished(one).disposition == "do_not_call"


def test_roles_that_come_late_say_whose_an_act_is() -> None:
    one = composer("sales", "en")
    one.hear(
        JudgedTurn(1, "7", "unknown", "Please stop calling me.", 0, 4_000, "en"),
        DETECTORS.fold("Please stop calling me."),
    )
    assert one.finish({"7": "agent"}).disposition == "no_result"
    assert one.finish({"7": "customer"}).disposition == "do_not_call"


@pytest.mark.parametrize("thought", ["agent", "customer", "unknown"])
def test_roles_that_are_put_right_say_whose_words_count(thought: Leg) -> None:
    one, text = composer(), "Sí, voy a pagar el viernes."
    one.hear(JudgedTurn(1, "7", thought, text, 0, 4_000, "es"), DETECTORS.fold(text))
    assert one.finish({"7": "agent"}).disposition == "no_result"
    assert one.finish({"7": "customer"}).disposition == "promise_to_pay"


def test_a_choice_names_the_customer_s_turn_that_speaks_for_it() -> None:
    one = composer("care")
    say(one, 1, "customer", "Mi internet no funciona desde ayer.", intent="technical_problem")
    say(one, 2, "customer", "Llámeme más tarde, por favor.", intent="callback_request")
    found = finished(one)
    turns = {choice.code: choice.turn for choice in found.choices}
    assert (turns["technical_open"], turns["callback"], turns["complaint"]) == (1, 2, None)
    assert {choice.turn for choice in one.finish({"customer": "agent"}).choices} == {None}


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("Thank you for calling today. I'll send you an email.", ""),
        ("Thank you for calling today, I'll send you an email.", ""),
        ("It is busy here today. I'll send you an email.", ""),
        ("I'll send you an email. It will be there by Tuesday.", "2026-12-01"),
        ("It was due on Monday. One moment. I'll send you an email.", ""),
        ("I'll send you an email today.", "2026-11-27"),
    ],
)
def test_a_day_beside_a_promise_is_its_day(text: str, due: str) -> None:
    assert [one.due for one in after("agent", text, "en", "care").follow_ups] == [due]


@pytest.mark.parametrize(
    ("language", "wish", "offer", "thanks"),
    [
        ("es", "Sí, lo quiero.", "¿Hay algo más en lo que le pueda ayudar?", "No, gracias."),
        ("es", "Sí, lo quiero.", "¿Le puedo colaborar en otra cosa?", "No, gracias."),
        ("es", "Sí, lo quiero.", "¿En algo más le puedo servir?", "No, gracias."),
        ("es", "Sí, lo quiero.", "¿Algo más, señora?", "No, gracias."),
        ("es", "Sí, lo quiero.", "¿Algo más que yo pueda hacer para ayudarle?", "No, gracias."),
        ("pt", "Sim, quero contratar.", "Posso ser útil em mais alguma coisa?", "Não, obrigada."),
        ("pt", "Sim, quero contratar.", "Tem algo mais em que eu possa ajudar?", "Não, obrigada."),
        ("pt", "Sim, quero contratar.", "Posso ajudá-lo em algo mais?", "Não, obrigada."),
        ("pt", "Sim, quero contratar.", "Em algo mais posso lhe ajudar?", "Não, obrigada."),
        ("pt", "Sim, quero contratar.", "Algo mais, senhora?", "Não, obrigada."),
        ("en", "Yes, sign me up.", "Is there anything else I can do for you?", "No, thank you."),
    ],
)
def test_who_wants_no_more_help_did_not_refuse_the_sale(language: str, wish: str, offer: str, thanks: str) -> None:
    one = composer("sales", language)
    say(one, 1, "customer", wish, language)
    say(one, 2, "agent", offer, language)
    say(one, 3, "customer", thanks, language)
    assert finished(one).disposition == "sold"


@pytest.mark.parametrize(
    ("language", "offer", "thanks"),
    [
        ("es", "¿Le gustaría contratar nuestro plan de fibra?", "No, gracias."),
        ("pt", "O senhor quer conhecer o nosso plano?", "Não, obrigado."),
        ("en", "Would you like to hear about our plan?", "No, thank you."),
    ],
)
def test_a_no_to_the_offer_refuses_it_whatever_was_asked_long_before(language: str, offer: str, thanks: str) -> None:
    one = composer("sales", language)
    say(one, 1, "agent", {"es": "¿Algo más?", "pt": "Algo mais?", "en": "Anything else?"}[language], language)
    say(one, 3, "agent", offer, language)
    say(one, 4, "customer", thanks, language)
    assert finished(one).disposition == "not_interested"


@pytest.mark.parametrize(
    ("language", "turns"),
    [
        ("es", [("agent", "Tengo algo que le puede servir: el plan familiar."), ("customer", "No, gracias.")]),
        ("es", [("agent", "Tengo otra cosa que le puede servir."), ("customer", "No, gracias.")]),
        ("es", [("customer", "¿Me puede ayudar con algo más?"), ("agent", "El básico."), ("customer", "No, gracias.")]),
        (
            "pt",
            [
                ("customer", "Tem algo mais barato?"),
                ("agent", "Temos o básico por cinquenta."),
                ("customer", "Não, obrigado."),
            ],
        ),
        ("pt", [("agent", "Temos algo mais completo."), ("customer", "Não, obrigado.")]),
        ("pt", [("agent", "Temos algo mais em conta."), ("customer", "Não, obrigado.")]),
        (
            "en",
            [
                ("customer", "Do you have anything else, cheaper?"),
                ("agent", "We have the basic plan for fifty."),
                ("customer", "No, thank you."),
            ],
        ),
    ],
)
def test_a_no_to_something_cheaper_refuses_the_sale(language: str, turns: list[tuple[Leg, str]]) -> None:
    one = composer("sales", language)
    for turn, (leg, text) in enumerate(turns, 1):
        say(one, turn, leg, text, language)
    assert finished(one).disposition == "not_interested"


def test_thanks_for_what_works_again_decline_no_help() -> None:
    one = composer("care")
    say(one, 1, "agent", "¿Algo más, señora?")
    say(one, 2, "customer", "No, ahora sí anda, gracias.")
    assert finished(one).disposition == "solved"


def test_roles_that_come_late_say_who_offered_more_help() -> None:
    one, offer, thanks = composer("sales", "en"), "Is there anything else?", "No, thank you."
    one.hear(JudgedTurn(1, "7", "unknown", offer, 0, 4_000, "en"), DETECTORS.fold(offer))
    one.hear(JudgedTurn(2, "8", "unknown", thanks, 5_000, 9_000, "en"), DETECTORS.fold(thanks))
    assert one.finish({"7": "agent", "8": "customer"}).disposition == "no_result"
    assert one.finish({"7": "customer", "8": "customer"}).disposition == "not_interested"


@pytest.mark.parametrize(
    ("leg", "language", "text", "due"),
    [
        ("customer", "es", "No puedo hoy, le pago el lunes.", "2026-11-30"),
        ("customer", "es", "Hoy no alcanzo y le pago el lunes.", "2026-11-30"),
        ("customer", "es", "Hoy no puedo pero voy a pagar pronto.", ""),
        ("customer", "es", "Le pago el martes, el lunes no.", "2026-12-01"),
        ("agent", "es", "Si no le llega le envío otro mañana.", "2026-11-28"),
        ("customer", "pt", "Hoje eu não consigo, mas vou pagar na segunda.", "2026-11-30"),
        ("customer", "pt", "Vou pagar hoje, não se preocupe.", "2026-11-27"),
        ("customer", "en", "I don't have it today, but I'll pay on Monday.", "2026-11-30"),
        ("customer", "en", "Not today, I'll pay on Monday.", "2026-11-30"),
        ("agent", "en", "If it doesn't arrive we'll send you another one on Monday.", "2026-11-30"),
        ("customer", "en", "It was due Friday but I'll pay tomorrow.", "2026-11-28"),
        ("agent", "en", "I will refund the payment you made Friday.", ""),
        ("customer", "es", "Le pago el quince.", "2026-12-15"),
        ("customer", "es", "Hoy no puedo, le pago el día diez.", "2026-12-10"),
        ("customer", "pt", "Eu pago no dia dez.", "2026-12-10"),
    ],
)
def test_a_promise_is_due_on_the_day_that_holds(leg: Leg, language: str, text: str, due: str) -> None:
    assert [one.due for one in after(leg, text, language).follow_ups] == [due]


@pytest.mark.parametrize(
    ("language", "text", "paid"),
    [
        ("es", "Una vez su pago sea recibido, le enviamos el paz y salvo.", False),
        ("es", "Le enviamos el paz y salvo cuando el pago ya haya quedado registrado.", False),
        ("es", "Su pago quedará registrado mañana.", False),
        ("es", "Perfecto, ya quedó registrado el primer pago.", True),
        ("es", "Si tiene dudas, su pago fue aprobado.", True),
        ("pt", "Assim que o pagamento for confirmado, liberamos a linha.", False),
        ("pt", "Liberamos a linha quando o seu pagamento estiver confirmado.", False),
        ("pt", "Pronto, o seu pagamento foi aprovado.", True),
        ("en", "Once your payment is received, we'll update the account.", False),
        ("en", "We'll update it as soon as your payment has posted.", False),
        ("en", "Your payment will be confirmed tomorrow.", False),
        ("en", "Great, your payment was approved.", True),
        ("es", "Perfecto, queda registrado su compromiso de pago para el viernes.", False),
        ("es", "Queda registrado su pago para el viernes.", False),
        ("es", "Su pago queda registrado para el quince.", False),
        ("es", "Su acuerdo de pago quedó aprobado.", False),
        ("es", "Listo, su pago ya quedó aplicado.", True),
        ("es", "Su transacción fue aprobada.", True),
        ("pt", "O acordo de pagamento ficou registrado.", False),
        ("pt", "O seu pagamento ficou confirmado para sexta-feira.", False),
        ("en", "Your payment plan is confirmed.", False),
        ("en", "Your payment is confirmed for Friday.", False),
        ("en", "Your payment for March was received.", True),
        ("es", "Listo, quedó registrado el pago del mes.", True),
        ("es", "Ya quedó aplicado el pago del saldo total.", True),
        ("es", "Su pago fue recibido el día de hoy.", True),
        ("es", "Su pago quedó registrado el día de hoy, gracias.", True),
        ("es", "Queda registrada su promesa del pago.", False),
        ("es", "Queda registrado su pago del viernes.", False),
        ("es", "Queda registrado el pago del saldo total para el viernes.", False),
        ("pt", "Seu comprovante de pagamento foi recebido.", True),
        ("pt", "Vou enviar o comprovante de pagamento assim que for confirmado.", False),
    ],
)
def test_a_payment_that_is_still_to_come_was_not_made_on_the_call(language: str, text: str, paid: bool) -> None:
    assert (after("agent", text, language).disposition == "paid_on_call") is paid
