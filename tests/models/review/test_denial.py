"""A denial takes back what a phrase finds, and a "no" that denies something else does not."""

from pathlib import Path

import pytest
import yaml

from models import review
from models.compliance.phrases import Phrase
from models.compliance.text import Folded
from models.review.denial import meant, stands
from models.review.forms import bundled_forms
from models.review.scoring import compiled

SENTENCES = yaml.safe_load((Path(review.__file__).parent / "data" / "sentences.yaml").read_text("utf-8"))
PROMISES = compiled(SENTENCES["agent"]) + compiled(SENTENCES["customer"])
DENYING = {"no", "nao", "not", "cant", "wont", "doesnt", "dont", "nobody"}

KEPT = {
    "es": [
        "No se preocupe, le pago el viernes.",
        "No se preocupe que le pago el viernes.",
        "No se preocupe, señorita, yo le pago el lunes sin falta.",
        "No, le pago el viernes.",
        "No, señor, le voy a pagar mañana.",
        "No puedo hoy, le pago el lunes.",
        "No tengo todo el dinero, pero le pago la mitad el viernes.",
        "No tengo todo pero le pago la mitad.",
        "Hoy no alcanzo y le pago el lunes.",
        "No hay problema, le voy a pagar.",
        "No hay ningún problema, le deposito el lunes.",
        "No me llamen más, yo pago el viernes.",
        "No me llame más que yo le pago el viernes.",
        "Si no tiene inconveniente, le voy a enviar un técnico.",
        "Como no contestó, le voy a agendar otra visita.",
        "Para que no le cobren de nuevo, le voy a aplicar un descuento.",
        "No, pues, le voy a pagar.",
        "Sin falta le pago el viernes.",
        "Sin costo le enviamos el repuesto.",
        "Nada más le pago la mitad.",
        "No solo le voy a pagar, le firmo el acuerdo.",
        "Nunca quedo mal, le pago el martes.",
        "No me olvido, le pago el jueves.",
        "No se me olvida que le voy a pagar.",
        "No me queda de otra, le voy a pagar.",
        "Le voy a pagar nada más el recibo de agosto.",
        "Le pago el viernes, no el jueves.",
        "Ni modo, le voy a pagar.",
        "No pasa nada, le enviamos el recibo otra vez.",
        "Cómo no, le envío el contrato.",
        "No cuelgue, le voy a enviar el enlace.",
        "No es justo, pero voy a pagar.",
        "Si no le llega le envío otro mañana.",
        "Si no le alcanza le voy a enviar un técnico.",
    ],
    "pt": [
        "Não se preocupe, eu vou pagar na sexta.",
        "Não se preocupe que eu vou pagar na sexta.",
        "Não, vou pagar amanhã.",
        "Não tem problema, vou depositar na segunda.",
        "No sábado eu vou pagar.",
        "No dia dez vou pagar sem falta.",
        "Não consigo hoje, mas vou pagar na sexta.",
        "Não tenho tudo mas vou pagar a metade.",
        "Não vou esquecer, pago no dia cinco.",
        "Pode ficar tranquila, não vou falhar, vou pagar.",
        "Sem falta vou transferir amanhã.",
        "Não só vou pagar como vou transferir hoje.",
        "Não há custo e vamos enviar outro aparelho.",
        "Não desligue, vou transferir agora.",
        "Não desliga que eu vou transferir.",
        "Não precisa se preocupar que eu vou pagar.",
        "No próximo mês eu vou pagar tudo.",
        "Vou pagar na sexta, não na quinta.",
        "Se não chegar vou enviar outro.",
    ],
    "en": [
        "No worries, I'll pay on Friday.",
        "Don't worry I'll pay on Friday.",
        "No, I will pay tomorrow.",
        "I don't have it today, but I'll pay on Monday.",
        "I can't today so I'll pay on Friday.",
        "No problem, we'll send you a new one.",
        "No problem I'll send it today.",
        "I won't forget, I will pay.",
        "There is no cost and we'll ship it today.",
        "At no charge we'll send you a new modem.",
        "I will pay nothing but the minimum.",
        "I'm not happy about it, but I'll pay.",
        "Not today, I'll pay on Friday.",
        "If not today, I will pay on Monday.",
        "If it doesn't arrive we'll send you another one on Monday.",
        "You won't be charged and we will refund the fee.",
        "I don't want to lose my service, so I'll pay today.",
    ],
}
DENIED = {
    "es": [
        "No voy a hacer el pago.",
        "No haré la transferencia.",
        "No le voy a estar enviando nada.",
        "No lo llamo mañana.",
        "No le hago el pago mañana.",
        "No le voy a pagar nada.",
        "No voy a pagar.",
        "Yo no le pago el recibo a nadie.",
        "No pago la cuota.",
        "Ya no le voy a pagar.",
        "Nunca le voy a pagar eso.",
        "Jamás voy a firmar.",
        "Nunca más le voy a firmar nada.",
        "Ni loco le voy a pagar.",
        "Ni un peso le voy a pagar.",
        "Ni le pago el recibo ni le firmo nada.",
        "No creo que le voy a pagar.",
        "No le puedo asegurar que voy a pagar.",
        "No estoy seguro de que le voy a pagar.",
        "No sé si voy a pagar.",
        "Si no le pago el viernes me cortan.",
        "No sé cuándo le voy a pagar.",
        "Nunca en mi vida voy a pagar eso.",
        "Tampoco le voy a pagar los intereses.",
        "Le voy a pagar nada.",
        "Voy a pagar ni un peso.",
        "No voy a pagar, ¿me entiende?",
        "No, no le voy a pagar.",
        "No, señorita, no le voy a pagar.",
        "No le voy a poder pagar este mes.",
        "Ni modo que le voy a pagar.",
        "Mientras no me arreglen el internet no voy a pagar.",
        "Que no le voy a pagar, ya le dije.",
        "Lamentablemente no le vamos a devolver el dinero.",
        "No me comprometo a nada.",
        "No acepto ese trato.",
        "No estoy de acuerdo con eso.",
        "No me sirve ese plan.",
        "No le voy a reembolsar nada.",
        "No le puedo decir que le vamos a devolver el dinero.",
        "No le enviamos recibos por correo.",
        "No le envío nada por correo.",
        "No recibirá más llamadas nuestras.",
        "La visita no queda agendada todavía.",
        "El técnico no pasará esta tarde.",
    ],
    "pt": [
        "Não vou estar enviando o boleto.",
        "Não te ligo amanhã.",
        "Eu não vou pagar nada.",
        "Não vou pagar.",
        "Não pago a fatura.",
        "Nunca vou pagar isso.",
        "Nem morto vou pagar.",
        "Vou pagar nada.",
        "Vou pagar não.",
        "Vou pagar isso não.",
        "Vou pagar coisa nenhuma.",
        "Vou pagar é nada.",
        "Nem a pau que vou pagar.",
        "Eu já falei que não vou pagar.",
        "De jeito nenhum vou pagar isso.",
        "Não sei se vou pagar.",
        "Não sei quando vou pagar.",
        "Acho que não vou pagar.",
        "Não acho que vou pagar.",
        "Não tenho certeza se vou pagar.",
        "Não posso dizer que vou pagar.",
        "Também não vou pagar os juros.",
        "Jamais vou assinar isso.",
        "Ninguém falou que vou pagar.",
        "Não vou conseguir pagar.",
        "Não vou fazer o pagamento.",
        "Não farei o depósito.",
        "Eu não faço o depósito hoje.",
        "Não concordo com isso.",
        "Não vou estornar esse valor.",
        "Nós não enviamos boleto por e-mail.",
        "Nós não lhe enviamos boleto por e-mail.",
        "Não é verdade que nós enviamos boletos por e-mail.",
        "Eu não envio boleto por e-mail.",
        "O senhor não vai receber outra fatura.",
        "A visita não fica agendada.",
        "O técnico não vai essa semana.",
    ],
    "en": [
        "I can't pay this month.",
        "I don't think I can make a payment.",
        "I can’t pay this month.",
        "I won't pay that.",
        "I will not pay anything.",
        "I cannot pay.",
        "I will never pay that.",
        "I will pay nothing.",
        "I'm not sure I'll pay.",
        "I'm not so sure I'll pay.",
        "I don't think I'll pay.",
        "I don't think that I can pay.",
        "I don't know if I can pay it.",
        "I don't know when I'll pay.",
        "I never said I will pay.",
        "I can't say for sure that I'll pay.",
        "I can't promise I'll pay.",
        "There's no way I'll pay.",
        "I can't pay, can I?",
        "I don't see why I will pay that.",
        "I haven't decided whether I'll pay.",
        "I already told you I won't pay.",
        "I don't think that works for me.",
        "I can't cancel it over the phone.",
        "We don't refund shipping costs.",
        "I don't think I'll be sending it.",
        "You won't receive another bill.",
        "I'm not sure it's scheduled for Monday.",
        "The technician will not come today.",
    ],
}
OF_FORMS = {
    "es": [
        "No es cierto que ya quedó.", "No volvió a funcionar.", "No puedo pagar.", "No pago el recibo.", "No me sirve.",
        "No acepto ese acuerdo.", "No quedó registrado el pago.", "El pago no fue aprobado.", "No lo quiero.",
        "No es número equivocado.", "No me lo llevo.", "No acepto la oferta.", "No es cierto que ya anda.",
        "No puedo abonar eso.", "No me pongo al día.", "La transacción no fue aprobada.",
        "No está equivocado de número.", "No se equivocó de número.",
    ],
    "pt": [
        "Agora não funciona.", "Não foi resolvido.", "Não posso pagar.", "Não pago a fatura.",
        "Não aceito esse acordo.",
        "O pagamento não foi aprovado.", "Não é número errado.", "Não quero contratar nada.", "Não aceito a oferta.",
        "Não ligou errado.", "Foi engano moça não.", "Não acho que o comprovante de pagamento foi recebido.",
    ],
    "en": [
        "I don't think it works.", "I don't think it's working.", "We're not back online.", "I don't think I'll pay.",
        "I don't think that works for me.", "The payment was not approved.", "It's not the wrong number.",
        "I don't think I'll take it.", "You don't have the wrong person.",
    ],
}  # fmt: skip


def pairs(texts: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, text) for language, listed in texts.items() for text in listed]


def found(phrases: tuple[Phrase, ...], language: str, text: str) -> list[str]:
    folded = Folded(text)
    return [text[slice(*folded.span(*span))] for span in meant(phrases, folded, language)]


@pytest.mark.parametrize(("language", "text"), pairs(KEPT))
def test_what_is_promised_beside_a_denial_is_promised(language: str, text: str) -> None:
    assert found(PROMISES, language, text)


@pytest.mark.parametrize(("language", "text"), pairs(DENIED))
def test_what_is_denied_is_not_meant(language: str, text: str) -> None:
    assert any(phrase.spans(Folded(text)) for phrase in PROMISES)
    assert found(PROMISES, language, text) == []


def test_every_phrase_that_is_no_denial_itself_is_denied_here() -> None:
    said = [*pairs(DENIED), *pairs(OF_FORMS)]
    dispositions = [one for form in bundled_forms() for one in form.dispositions]
    listed = [compiled(one.customer_says) + compiled(one.agent_says) for one in dispositions]
    for phrase in (*PROMISES, *(phrase for phrases in listed for phrase in phrases)):
        denials = [
            text
            for language, text in said
            if phrase.spans(Folded(text)) and not found((phrase,), language, text)
        ]  # fmt: skip
        assert denials or phrase.literals & DENYING, phrase.source


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("no ..2 (voy a | puedo) ..1 pagar", "Mire, no le puedo pagar."),
        ("no gracias", "No, gracias."),
        ("(im | i am) not interested", "I'm not interested."),
        ("(wont | will not) call you again", "We won't call you again."),
    ],
)
def test_a_phrase_that_is_a_denial_is_meant_as_it_stands(phrase: str, text: str) -> None:
    assert found((Phrase(phrase, {}),), "", text)


def test_a_question_that_begins_with_its_denial_asks() -> None:
    helps = Phrase("(algo | otra cosa) (mas)? ..4 (ayudar* | servir*)", {})
    assert found((helps,), "es", "¿No hay algo más en que le pueda ayudar?")
    pays = Phrase("(voy a | puedo) pagar", {})
    assert found((pays,), "es", "¿Y qué pasa si no puedo pagar?") == []


@pytest.mark.parametrize(
    ("language", "text", "value", "holds"),
    [
        ("es", "No puedo pagar hoy.", "hoy", False),
        ("pt", "Hoje eu não consigo.", "Hoje", False),
        ("en", "I can't pay today but I can pay on Friday.", "today", False),
        ("en", "I can't pay today but I can pay on Friday.", "on Friday", True),
        ("es", "Hoy la verdad no puedo.", "Hoy", False),
        ("es", "No me pagan hasta el viernes.", "el viernes", True),
        ("es", "Le pago el viernes no se preocupe.", "el viernes", True),
        ("es", "No puedo pagar más de doscientos mil.", "doscientos mil", True),
        ("pt", "Não consigo pagar mais de duzentos reais.", "duzentos reais", True),
        ("en", "Can't I pay on Friday?", "on Friday", True),
        ("pt", "Pago no sábado.", "sábado", True),
        ("en", "I don't have two hundred dollars.", "two hundred dollars", False),
        ("en", "I'll pay by Friday no later than noon.", "Friday", True),
        ("es", "El viernes no le fallo.", "El viernes", True),
        ("pt", "Na sexta eu não falho.", "Na sexta", True),
    ],
)
def test_a_value_does_not_stand_where_its_clause_denies_it(language: str, text: str, value: str, holds: bool) -> None:
    at = text.index(value)
    assert stands(text, at, at + len(value), language) is holds
