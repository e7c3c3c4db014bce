"""What the playbooks that come with the engine hear in usual words, in each language and where it is spoken."""

import pytest

from models.compliance import load_detectors
from models.playbooks import Noted, Trial, bundled_playbooks
from pipelines.play import Play
from pipelines.playbook_trials import played

DETECTORS = load_detectors()
CALLED_BY = {
    "empathy": Noted(sentiment="negative"),
    "opt_out": Noted(intent="opt_out"),
    "silence": Noted(silence=True),
    "pressure": Noted(intent="callback_request"),
    "terms": Noted(intent="purchase_ready"),
}
"""What calls for a step that is due only then."""

DONE = {
    ("care", "ask_need"): {
        "es": ["¿En qué le puedo colaborar?", "¿En qué te ayudo?"],
        "pt": ["Em que posso ajudá-lo?", "Em que posso ser útil?"],
        "en": ["How may I assist you?"],
    },
    ("care", "diagnose"): {
        "es": [
            "Déjeme checar su línea.",
            "Permíteme revisar tu línea.",
            "Ya le reviso, señora.",
            "Voy a validar el caso.",
        ],
        "pt": ["Deixa eu verificar aqui.", "Vou estar verificando."],
        "en": ["Let me take a look at your line."],
    },
    ("care", "compensate"): {
        "es": ["Le aplico una bonificación.", "Le vamos a hacer un reembolso."],
        "pt": ["Vou pedir o estorno do valor."],
        "en": ["I will refund you ten dollars."],
    },
    ("care", "protocol"): {"es": ["Su folio es el [number]."]},
    ("care", "empathy"): {
        "es": ["Una disculpa, señor.", "Qué pena con usted.", "Tenés razón."],
        "pt": ["A senhora tem toda a razão.", "Peço desculpa."],
        "en": ["Sorry to hear that."],
    },
    ("care", "silence"): {"es": ["Gracias por la espera."], "pt": ["Obrigada por ter aguardado."]},
    ("collections", "offer"): {"es": ["Le podemos ofrecer un convenio.", "Tenemos un plan de pagos."]},
    ("collections", "anything_else"): {
        "es": ["¿Algo más en que le pueda colaborar?"],
        "pt": ["Posso ajudá-la em algo mais?"],
    },
    ("collections", "opt_out"): {
        "es": ["Ya no lo vamos a volver a llamar."],
        "pt": ["Não vamos mais entrar em contato.", "A gente não vai mais te ligar."],
        "en": ["I'll put you on our do-not-call list."],
    },
    ("sales", "needs"): {
        "es": ["¿Cuánto pagás hoy?", "Actualmente, ¿qué plan tienes?", "¿Con qué operador está?"],
        "pt": ["Hoje qual operadora o senhor usa?", "Atualmente, o que a senhora tem?"],
        "en": ["What are you currently paying?", "Do you currently have a plan?"],
    },
    ("sales", "terms"): {"es": ["¿Aceptas las condiciones?"]},
    ("sales", "opt_out"): {
        "es": ["Lo voy a incluir en la lista de no llamar."],
        "pt": ["Não ligaremos mais."],
        "en": ["We won't contact you anymore."],
    },
    ("sales", "pressure"): {"es": ["Le mando todo por WhatsApp."], "pt": ["Envio tudo por e-mail."]},
}
NOT_DONE = {
    ("care", "diagnose"): {"es": ["Permítame validar sus datos."]},
    ("care", "compensate"): {"en": ["I can't refund that."]},
    ("collections", "opt_out"): {
        "es": ["Lo anoto en la lista de clientes.", "Lo incluyo en la lista de promociones."],
        "pt": [
            "Vou colocar o telefone novo no cadastro do senhor.",
            "Vou incluir o senhor na lista de descontos.",
            "O modem não vai ligar.",
        ],
    },
    ("sales", "needs"): {
        "es": ["Hoy le cuento que tiene un descuento.", "Ahora le explico qué necesita para contratarlo."],
        "pt": ["Hoje eu vi que o senhor tem um plano antigo."],
        "en": ["We currently have a special offer.", "I see that you currently have our basic plan."],
    },
}
SOLVED = {
    "es": ["Sí, ya me funciona.", "Ahora sí anda, gracias.", "Ya jala."],
    "pt": ["Agora voltou a internet.", "Ficou tudo resolvido."],
    "en": ["It's working."],
}
NOT_SOLVED = {
    "es": ["Ya volvió a fallar.", "Ahora anda mal.", "Ahora no anda.", "Ahora anda lenta.", "Ahora anda con cortes."],
    "pt": ["Agora voltou a cair.", "Quero isso resolvido hoje."],
    "en": ["I want it fixed."],
}


def cases(texts: dict[tuple[str, str], dict[str, list[str]]]) -> list[tuple[str, str, str, str]]:
    return [(*of, language, text) for of, told in texts.items() for language, said in told.items() for text in said]


def after(playbook: str, language: str, *said: str | Noted) -> Play:
    found = next(one for one in bundled_playbooks() if one.id == playbook)
    return played(found, Trial(said=list(said), stage="", done=[]), DETECTORS, language)


def done(playbook: str, step: str, language: str, text: str) -> bool:
    called = [CALLED_BY[step]] if step in CALLED_BY else []
    return step in after(playbook, language, "customer: …", *called, f"agent: {text}").done()


@pytest.mark.parametrize(("playbook", "step", "language", "text"), cases(DONE))
def test_a_step_that_is_done_in_usual_words_is_ticked(playbook: str, step: str, language: str, text: str) -> None:
    assert done(playbook, step, language, text)


@pytest.mark.parametrize(("playbook", "step", "language", "text"), cases(NOT_DONE))
def test_a_step_that_is_not_done_stays_open(playbook: str, step: str, language: str, text: str) -> None:
    assert not done(playbook, step, language, text)


@pytest.mark.parametrize(
    ("language", "text", "stage"),
    [
        (language, text, stage)
        for texts, stage in ((SOLVED, "solution"), (NOT_SOLVED, "need"))
        for language, said in texts.items()
        for text in said
    ],
)
def test_only_what_works_again_begins_the_solution(language: str, text: str, stage: str) -> None:
    trouble = "customer: …", Noted(intent="technical_problem")
    assert after("care", language, *trouble, f"customer: {text}").stage == stage


@pytest.mark.parametrize(
    ("language", "text", "day"),
    [
        ("es", "Le pago el día quince.", "el día 15"),
        ("es", "En la quincena le pago.", "En la quincena"),
        ("es", "La quincena pasada no me pagaron.", ""),
        ("es", "La próxima quincena le pago.", "La próxima quincena"),
        ("es", "La quincena se me retrasó.", ""),
        ("es", "Las cuotas vencen el día treinta y uno de cada mes.", ""),
        ("es", "Le pago el día quince de este mes.", "el día 15 de este mes"),
        ("pt", "Eu pago no dia dez.", "dia 10"),
        ("pt", "As parcelas vencem no dia vinte e cinco de cada mês.", ""),
        ("pt", "Só no quinto dia útil.", "quinto dia útil"),
        ("en", "I can pay on the fifteenth.", "on the 15th"),
        ("en", "At the end of the month.", "end of the month"),
    ],
)
def test_the_day_of_a_promise_needs_no_month(language: str, text: str, day: str) -> None:
    yes = {"es": "Sí, con él habla.", "pt": "Sim, sou eu.", "en": "Yes, this is she."}[language]
    offer = {"es": "Puedo ofrecerle un plan.", "pt": "Posso oferecer um acordo.", "en": "I can offer you a plan."}[
        language
    ]
    found = after("collections", language, f"customer: {yes}", f"agent: {offer}", f"customer: {text}").slots()
    assert found.get("promised_date", "") == day
