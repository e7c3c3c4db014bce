"""The three demo calls, as scripted: what is private in them is found on its turn, the rest stays as it was said."""
# ruff: noqa: E501
# A turn a line.

from collections.abc import Sequence

from engine.facts import Leg
from models.privacy import DigitGuard, Entity, Judged, SpokenTurn

Line = tuple[Leg, str]

COBRANZA: Sequence[Line] = (
    ("agent", "Buenas tardes, le habla Andrea Rojas, del banco Horizonte. Esta llamada está siendo grabada. ¿Hablo con el señor Julián Peña?"),
    ("customer", "Sí, con él habla."),
    ("agent", "Para verificar su identidad, ¿me confirma por favor su fecha de nacimiento?"),
    ("customer", "Doce de marzo de mil novecientos ochenta y cinco."),
    ("agent", "Gracias. Le llamo por la cuota de su tarjeta, que venció el cinco de noviembre. ¿Por qué no ha pagado?"),
    ("customer", "Mire, perdí mi empleo hace dos meses y nadie en el banco me quiere ayudar. Estoy cansado de que me llamen todos los días."),
    ("agent", "Entiendo su molestia. Permítame revisar qué opciones tenemos para usted, un momento por favor."),
    ("agent", "Gracias por esperar. Puedo ofrecerle un acuerdo de pago en seis cuotas, sin intereses de mora."),
    ("customer", "Seis cuotas me sirve. ¿Puedo pagar la primera hoy con otra tarjeta?"),
    ("agent", "Claro que sí. ¿Me dicta el número de la tarjeta, por favor?"),
    ("customer", "Cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres cuatro tres, seis cuatro seis siete."),
    ("agent", "Perfecto, ya quedó registrado el primer pago. ¿Le puedo ayudar en algo más?"),
    ("customer", "No, muchas gracias. La verdad me quita un peso de encima."),
    ("agent", "Con mucho gusto, que tenga buena tarde."),
)  # fmt: skip
SAC: Sequence[Line] = (
    ("agent", "Boa tarde, obrigada por ligar para a Conecta Fibra, meu nome é Marina. Esta ligação será gravada. Em que posso ajudar?"),
    ("customer", "Boa tarde. Minha internet está sem funcionar desde ontem à noite e eu trabalho em casa."),
    ("agent", "Sinto muito por isso, senhor. Pode me informar o CPF do titular, por favor?"),
    ("customer", "Cinco dois nove, nove oito dois, dois quatro sete, vinte e cinco."),
    ("agent", "Obrigada. A luz do modem está vermelha ou verde?"),
    ("customer", "Está vermelha, piscando. Já é a terceira vez neste mês, isso é um absurdo, eu vou cancelar esse serviço."),
    ("agent", "Eu entendo, o senhor tem razão de estar chateado. Vou verificar agora mesmo a sua linha."),
    ("agent", "Obrigada por aguardar. Vamos reiniciar o modem juntos. Desligue da tomada e espere trinta segundos, por favor."),
    ("customer", "Certo, já desliguei."),
    ("customer", "Olha, a luz ficou verde. Voltou a funcionar!"),
    ("agent", "Que ótimo! Vou conceder também um desconto de dois dias na sua próxima fatura."),
    ("customer", "Maravilha, muito obrigado pela ajuda, Marina."),
    ("agent", "Eu que agradeço. O número do seu protocolo é dois zero dois seis, um um, três quatro cinco. Tenha um bom dia."),
)  # fmt: skip
SALES: Sequence[Line] = (
    ("agent", "Good morning, this is Daniel Brooks calling from Bright Path Energy, on a recorded line. You can reach us at eight hundred, five five five, zero one nine nine. Am I speaking with Mrs. Carter?"),
    ("customer", "Yes, this is she. What is this about?"),
    ("agent", "I am calling about a new solar plan that could lower your electric bill. Do you have two minutes?"),
    ("customer", "I suppose so, but I already get a discount from another company."),
    ("agent", "That is great to hear. Our plan has no installation cost, and the price is fixed for ten years."),
    ("customer", "Hmm, what happens if I move to another house?"),
    ("agent", "Good question. Let me check that for you."),
    ("agent", "The contract can be moved to the new owner, or you can cancel with sixty days notice."),
    ("customer", "Honestly, it sounds too expensive and I do not like being pressured."),
    ("agent", "I understand. Would you like me to send the details to your email?"),
    ("customer", "No. Please stop calling me and take my number off your list."),
    ("agent", "Of course, I will remove your number right away. I am sorry for the trouble, and have a good day."),
    ("customer", "Thank you, goodbye."),
)  # fmt: skip


def play(lines: Sequence[Line], country: str, language: str) -> list[Judged]:
    guard = DigitGuard(country, b"key of this call")
    heard = [
        guard.hear(SpokenTurn(at, leg, leg, text, at * 5_000, at * 5_000 + 4_000, language))
        for at, (leg, text) in enumerate(lines)
    ]
    end = guard.close()
    return heard if end is None else [*heard, end]


def private(heard: Sequence[Judged]) -> list[Entity]:
    return [entity for one in heard for entity in one.entities if entity.entity_type != "PERSON"]


def shown(lines: Sequence[Line], heard: Sequence[Judged]) -> dict[int, str]:
    """Turns whose text is not what was said."""
    last = {text.turn: text.text for one in heard for text in one.texts}
    return {turn: text for turn, text in last.items() if text != lines[turn][1]}


def test_collections_in_spanish() -> None:
    heard = play(COBRANZA, "CO", "es")
    birth, card = private(heard)
    assert (birth.entity_type, birth.turn) == ("DATE_OF_BIRTH", 3)
    assert (card.entity_type, card.turn, card.last4, card.value) == ("CARD", 10, "6467", "")
    assert shown(COBRANZA, heard) == {3: "[dob].", 10: "[card]."}
    assert [at for at, one in enumerate(heard) if one.capture_started] == [9]
    assert [at for at, one in enumerate(heard) if one.capture_ended] == [10]


def test_care_in_portuguese() -> None:
    heard = play(SAC, "BR", "pt")
    (tax,) = private(heard)
    assert (tax.entity_type, tax.turn, tax.value) == ("CPF", 3, "52998224725")
    assert shown(SAC, heard) == {3: "[cpf]."}
    assert not any(one.capture for one in heard)


def test_sales_in_english() -> None:
    heard = play(SALES, "US", "en")
    (phone,) = private(heard)
    assert (phone.entity_type, phone.turn, phone.value) == ("PHONE", 0, "8005550199")
    assert list(shown(SALES, heard)) == [0]
    assert "You can reach us at [phone]. Am I speaking with Mrs. Carter?" in heard[0].texts[0].text


def test_names_are_entities_but_stay_readable() -> None:
    names = [e.value for one in play(COBRANZA, "CO", "es") for e in one.entities if e.entity_type == "PERSON"]
    assert names == ["Andrea Rojas", "Julián Peña"]
