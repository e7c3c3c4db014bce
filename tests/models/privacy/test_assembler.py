"""A call's numbers over turns and speakers: when they are withheld, judged, masked, released, and what is told of them."""
# ruff: noqa: E501
# A turn a line.

from collections.abc import Sequence

import msgspec
import pytest

from engine.facts import Leg
from models.privacy import DigitGuard, Entity, Judged, Mask, SpokenTurn

Line = tuple[Leg, str]
ASK: Line = ("agent", "¿Me dicta el número de la tarjeta, por favor?")
STEP_MS = 4_000


class Call:
    """Plays lines to a guard and keeps what every turn looks like now."""

    def __init__(self, country: str = "CO", language: str = "es") -> None:
        self.guard = DigitGuard(country, b"a key for this call")
        self.language = language
        self.text: dict[int, str] = {}
        self.masks: dict[int, tuple[Mask, ...]] = {}
        self.entities: list[Entity] = []
        self.now_ms = 0
        self.turn = 0

    def say(self, *lines: Line) -> Judged:
        for leg, text in lines:
            heard = self.guard.hear(
                SpokenTurn(self.turn, leg, leg, text, self.now_ms, self.now_ms + 3_000, self.language)
            )
            self.take(heard)
            self.turn += 1
            self.now_ms += STEP_MS
        return heard

    def take(self, judged: Judged | None) -> None:
        for one in judged.texts if judged else ():
            self.text[one.turn], self.masks[one.turn] = one.text, one.masks
        self.entities += judged.entities if judged else ()

    def end(self) -> None:
        self.take(self.guard.close())

    def found(self) -> list[tuple[str, int, str]]:
        return [(one.entity_type, one.turn, one.last4) for one in self.entities if one.entity_type != "PERSON"]


def customer(*texts: str) -> Sequence[Line]:
    return [("customer", text) for text in texts]


def test_a_card_in_four_finals_is_withheld_and_then_masked_everywhere() -> None:
    call = Call()
    call.say(ASK, *customer("cuatro cinco tres nueve", "uno cuatro ocho ocho", "cero tres cuatro tres"))
    assert [call.text[turn] for turn in (1, 2, 3)] == ["[number]"] * 3
    last = call.say(("customer", "seis cuatro seis siete."))
    assert [one.turn for one in last.texts] == [4, 1, 2, 3]
    assert [call.text[turn] for turn in (1, 2, 3, 4)] == ["[card]", "[card]", "[card]", "[card]."]
    assert call.found() == [("CARD", 4, "6467")]


def test_in_threes_with_fillers_a_correction_and_the_agents_read_back() -> None:
    call = Call()
    call.say(
        ASK,
        ("customer", "Eh, cuatro cinco tres, espere, nueve uno cuatro"),
        ("agent", "Ajá."),
        ("customer", "ocho ocho cero, ehm, tres cuatro ocho, no, perdón, tres"),
        ("customer", "seis cuatro seis, siete"),
        (
            "agent",
            "Le repito: cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres cuatro tres, seis cuatro seis siete.",
        ),
        ("customer", "Correcto."),
    )
    assert call.text[1] == "Eh, [card]"
    assert call.text[5] == "Le repito: [card]."
    assert call.found() == [("CARD", 4, ""), ("CARD", 5, "6467")]


LAST_FOUR: Sequence[tuple[str, Sequence[Line], set[str]]] = [
    # fifteen digits of sixteen that pass Luhn, each final a group of three
    ("pt", customer("seis três seis", "dois nove seis", "oito cinco oito", "oito quatro quatro", "quatro três zero"), {""}),
    ("pt", customer("seis três seis", "dois nove seis", "oito cinco oito", "oito quatro quatro", "quatro três zero", "quatro"), {"4304"}),
    # put right, and some of it once more
    ("es", customer("cuatro siete siete cinco siete tres, siete tres seis", "uno siete, no, perdón trescientos dieciocho, seis cero siete perdón, digo, seis cero cero, cero", "cero"), {""}),
    ("pt", customer("cinco cinco meia quatro quatro zero, duplo um, não, perdão um sete", "setenta e seis, não, errei, sete três, nove oito, sete um cinco oito", "cinquenta e oito"), {""}),
    # two speakers' digits that only together are as many as a card's
    ("en", [("customer", "four seven six eight"), ("agent", "five one four two"), ("agent", "seven zero zero four"), ("agent", "five zero four four")], {""}),
    # as a whole, and of other lengths that are their schemes' own
    ("es", customer("cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"), {"6467"}),
    ("en", customer("three seven eight two eight two two four six three one zero zero zero five"), {"0005"}),
]  # fmt: skip


@pytest.mark.parametrize(("language", "lines", "last4"), LAST_FOUR)
def test_the_last_four_are_kept_where_they_are_sure(language: str, lines: Sequence[Line], last4: set[str]) -> None:
    call = Call({"es": "PE", "pt": "BR", "en": "US"}[language], language)
    asks = {"es": ASK[1], "pt": "Qual é o número do cartão?", "en": "Can I get the card number, please?"}
    call.say(("agent", asks[language]), *lines)
    call.end()
    assert {ending for kind, _, ending in call.found() if kind == "CARD"} == last4


@pytest.mark.parametrize(
    ("language", "text", "shown"),
    [
        ("pt", "Ficou registrado o cartão final sete", "Ficou registrado o cartão final [number]"),
        ("pt", "Ficou registrado o cartão com final sete", "Ficou registrado o cartão com final [number]"),
        ("es", "Quedó la tarjeta final siete", "Quedó la tarjeta final [number]"),
        ("en", "I have the card, read me the final four", "I have the card, read me the final four"),
    ],
)
def test_the_first_digit_behind_the_name_of_an_ending_waits_for_those_behind_it(
    language: str, text: str, shown: str
) -> None:
    assert Call("BR", language).guard.draft(text, language, "agent") == shown


def test_the_end_of_a_known_card_is_hidden_but_no_card() -> None:
    call = Call()
    call.say(ASK, ("customer", "4539 1488 0343 6467"))
    call.say(("agent", "Listo, la tarjeta terminada en seis cuatro seis siete quedó registrada en el sistema."))
    assert call.text[2] == "Listo, la tarjeta terminada en [card] quedó registrada en el sistema."
    assert call.found() == [("CARD", 1, "6467")]


def test_a_card_nobody_asked_for() -> None:
    call = Call("US", "en")
    heard = call.say(
        (
            "customer",
            "I want to pay with four five three nine one four eight eight zero three four three six four six seven",
        )
    )
    assert call.text[0] == "I want to pay with [card]"
    assert heard.open_run is False
    assert call.found() == [("CARD", 0, "6467")]


def test_asked_six_digits_are_a_card_without_luhn_and_without_last_four() -> None:
    call = Call()
    call.say(
        ASK,
        ("customer", "cuatro cinco tres nueve uno cuatro"),
        ("agent", "Perfecto, ya quedó registrado el primer pago."),
    )
    assert call.text[1] == "[card]"
    assert call.found() == [("CARD", 1, "")]


def test_a_number_the_recogniser_could_not_hear() -> None:
    call = Call()
    call.say(ASK)
    assert call.guard.draft("una una una una una", "es", "customer") == "[number]"
    call.say(("customer", "Una una una una una una una."), ("agent", "Perfecto, ya quedó registrado el primer pago."))
    assert call.text[1] == "[card]."
    assert call.found() == [("CARD", 1, "")]


def test_capture_starts_with_the_question_and_ends_with_the_card() -> None:
    call = Call()
    assert call.say(ASK).capture_started
    assert call.say(("customer", "cuatro cinco tres nueve, uno cuatro ocho ocho")).capture
    done = call.say(("customer", "cero tres cuatro tres seis cuatro seis siete"))
    assert (done.capture, done.capture_ended) == (False, True)


def test_capture_ends_when_the_agent_asks_for_something_else() -> None:
    call = Call()
    call.say(ASK, ("customer", "Mejor pago en la oficina."))
    heard = call.say(("agent", "Como prefiera. ¿Me confirma su número de cédula?"))
    assert (heard.capture, heard.capture_ended) == (False, True)


def test_capture_ends_by_time_when_the_agent_speaks_of_something_else() -> None:
    call = Call()
    call.say(ASK, ("customer", "No la tengo aquí."), ("agent", "No se preocupe, la oficina abre mañana temprano."))
    assert call.guard.tick(call.now_ms + 5_000) is None
    later = call.guard.tick(call.now_ms + 20_000)
    assert later is not None
    assert later.capture_ended


def test_a_refusal_to_hear_the_card_starts_nothing() -> None:
    for text in (
        "No necesito el número de su tarjeta.",
        "Nunca le pediremos el número de su tarjeta.",
        "Ya tengo el número de la tarjeta.",
    ):
        assert not Call().say(("agent", text)).capture


def test_the_code_on_the_back_is_never_kept() -> None:
    call = Call("US", "en")
    call.say(
        ("agent", "And the security code on the back?"),
        ("customer", "one two three"),
        ("agent", "Thank you, that went through just fine."),
    )
    code = call.entities[0]
    assert (code.entity_type, code.value, code.last4) == ("CVV", "", "")
    assert call.text[1] == "[cvv]"


def test_a_cards_end_and_its_code_in_one_breath_are_both_told() -> None:
    call = Call()
    call.say(ASK, ("customer", "4539 1488 0343 6467"))
    call.say(("agent", "¿Me da la fecha de vencimiento y el código de seguridad?"), ("customer", "08/27, 712"))
    call.end()
    assert call.text[3] == "[cvv]"
    assert call.found() == [("CARD", 1, "6467"), ("CARD_EXPIRY", 3, ""), ("CVV", 3, "")]


def test_three_digits_after_a_card_are_its_code_however_the_question_was_heard() -> None:
    call = Call("ES", "es")
    call.say(
        ("agent", "¿Me da el número de la tarjeta?"),
        ("customer", "cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"),
        ("agent", "Gracias. ¿Y el si bebe de atrás?"),
        ("customer", "siete uno dos"),
        ("agent", "Perfecto, ya quedó procesado su pago de hoy."),
    )
    assert call.text[3] == "[cvv]"
    assert [one.value for one in call.entities if one.entity_type == "CVV"] == [""]


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("es", customer("Mire, quiero pagar de una vez, anote.", "dos dos dos…", "ciento ochenta y tres…")),
        ("pt", customer("Olha, eu quero pagar agora mesmo, anota aí.", "quinhentos e cinquenta e seis…", "três cinco três…")),
        ("en", customer("Look, I just want to pay this now, write it down.", "five five two…", "one four one…")),
        ("pt", [("customer", "anota o cartão que eu vou falando"), *customer("quatro oito seis cinco sete seis nove zero oito dois quatro nove um…", "nove"), ("agent", "48"), ("customer", "Exato.")]),
        ("en", [("customer", "Look, I just want to pay this now, write it down."), *customer("four five three nine one four eight eight zero three four three…"), ("agent", "four five three nine…"), ("agent", "two one seven?"), ("customer", "Exactly.")]),
    ],
)  # fmt: skip
def test_three_digits_of_a_card_that_is_still_read_are_no_code(language: str, lines: Sequence[Line]) -> None:
    call = Call({"es": "PE", "pt": "BR", "en": "US"}[language], language)
    for line in lines:
        call.say(line)
        if line[1].endswith("…"):  # somebody looks for spectacles
            call.now_ms += 61_000
            call.take(call.guard.tick(call.now_ms))
    call.end()
    assert "CVV" not in [one.entity_type for one in call.entities]
    assert not [text for text in call.text.values() if "[cvv]" in text]


def test_fifteen_seconds_close_a_run() -> None:
    call = Call()
    heard = call.say(("customer", "Mi celular es tres uno cero cuatro cinco seis siete ocho nueve cero"))
    assert heard.open_run
    assert heard.held_from_ms == 0
    assert call.guard.tick(14_000) is None
    later = call.guard.tick(18_000)
    assert later is not None
    assert later.texts[0].text == "Mi celular es [phone]"
    assert (later.open_run, later.held_from_ms) == (False, None)


def test_the_watermark_is_held_from_the_first_piece() -> None:
    call = Call()
    call.say(("agent", "¿En qué le puedo ayudar?"), ("customer", "cuatro cinco tres nueve"), ("agent", "Ajá."))
    assert call.say(("customer", "uno cuatro ocho ocho")).held_from_ms == STEP_MS


def test_harmless_numbers_come_back() -> None:
    call = Call()
    call.say(("customer", "Necesito el plan quinientos."))
    assert call.text[0] == "Necesito el plan [number]."
    call.say(("agent", "Claro que sí, con mucho gusto se lo explico."))
    assert call.text[0] == "Necesito el plan quinientos."
    assert call.found() == []


def test_a_reference_is_shown_at_once() -> None:
    for country, language, text in (
        ("BR", "pt", "O número do seu protocolo é dois zero dois seis, um um, três quatro cinco."),
        ("CO", "es", "El número de radicado es 2026 11 345."),
        ("US", "en", "Your case number is four four eight one two seven."),
        ("MX", "es", "Su folio es siete siete dos uno cero."),
    ):
        call = Call(country, language)
        call.say(("agent", text))
        assert call.text[0] == text


def test_a_pause_between_the_name_of_a_number_and_its_digits_parts_them_not() -> None:
    call = Call("BR", "pt")
    call.say(
        ("agent", "O número do seu protocolo."), ("agent", "É, dois."), ("agent", "Zero dois seis, um três quatro.")
    )
    call.say(("agent", "Tenha um bom dia!"))
    assert [call.text[turn] for turn in (1, 2, 3)] == [
        "É, dois.",
        "Zero dois seis, um três quatro.",
        "Tenha um bom dia!",
    ]


def test_a_caller_who_names_a_reference_shows_no_digits_by_it() -> None:
    call = Call()
    call.say(*customer("no tengo el número de caso", "cuatro cinco tres nueve"))
    assert call.text[1] == "[number]"


def test_an_article_is_no_digit_while_a_number_is_open() -> None:
    call = Call("BR", "pt")
    call.say(("agent", "Qual é o telefone?"), *customer("onze nove oito sete seis", "tenha um bom dia"))
    assert call.text[2] == "tenha um bom dia"


def test_a_reference_that_is_a_card_is_a_card() -> None:
    call = Call()
    call.say(("customer", "El número de pedido es 4539 1488 0343 6467"))
    assert call.text[0] == "El número de pedido es [card]"


def test_several_numbers_of_one_turn() -> None:
    call = Call("BR", "pt")
    call.say(
        ("agent", "Qual o número do seu CPF e um telefone de contato?"),
        ("customer", "Meu CPF é 529.982.247-25 e o telefone é onze nove oito sete meia cinco quatro três dois um."),
        ("agent", "Muito obrigada, o seu cadastro está atualizado."),
    )
    assert call.text[1] == "Meu CPF é [cpf] e o telefone é [phone]."
    assert {one.entity_type: one.value for one in call.entities} == {"CPF": "52998224725", "PHONE": "11987654321"}


def test_offsets_are_of_the_unmasked_text() -> None:
    call = Call()
    text = "Señor, mi celular es el 310 456 7890 y mi correo es ana@x.com, muchas gracias."
    call.say(("customer", text))
    call.end()
    assert [text[mask.start : mask.end] for mask in call.masks[0]] == ["310 456 7890", "ana@x.com"]
    spans = {one.entity_type: text[one.start : one.end] for one in call.entities}
    assert spans == {"PHONE": "310 456 7890", "EMAIL": "ana@x.com"}


def test_drafts_leave_no_trace_and_know_of_the_open_run() -> None:
    call = Call()
    guard = call.guard
    assert guard.draft("Somos cuatro", "es", "customer") == "Somos"
    assert guard.draft("Pues, somos, cuatro.", "es", "customer") == "Pues, somos"
    assert guard.draft("Somos cuatro hermanos", "es", "customer") == "Somos cuatro hermanos"
    assert guard.draft("cuatro", "es", "customer") == ""
    assert guard.draft("cuatro cinco", "es", "customer") == "[number]"
    call.say(("customer", "cuatro cinco tres nueve"))
    assert guard.draft("uno", "es", "customer") == "[number]"
    assert guard.draft("uno", "es", "customer") == "[number]"
    assert guard.draft("ana punto pérez arroba gmail punto com", "es", "customer") == "[email]"


@pytest.mark.parametrize(
    ("asked", "draft", "half"),
    [
        ("", "Quiero cance", False),
        ("", "tengo dos tarje", True),
        ("", "es el 45 tre", True),
        ("", "cuatro", False),
        ("¿Me da el número de su tarjeta?", "sí, cua", True),
        ("¿Cuál es su número de cédula?", "es cua", True),
    ],
)
def test_a_drafts_last_word_may_be_half_a_digit_where_numbers_are_read_or_awaited(
    asked: str, draft: str, half: bool
) -> None:
    call = Call()
    if asked:
        call.say(("agent", asked))
    assert call.guard.may_break_off(draft) is half


def test_a_lone_digit_at_a_turns_end_may_be_the_beginning() -> None:
    call = Call()
    call.say(
        ("customer", "Es la cuatro"),
        ("customer", "cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"),
    )
    assert call.text[0] == "Es la [card]"


def test_everything_is_judged_at_the_end() -> None:
    call = Call("US", "en")
    call.say(("customer", "My number is four one five two six seven four one two three"))
    call.end()
    assert call.text[0] == "My number is [phone]"
    assert call.guard.close() is None


def test_one_stream_with_both_speakers() -> None:
    call = Call("US", "en")
    call.say(
        ("mixed", "may i have your card number four five three nine one four eight eight"),
        ("mixed", "zero three four three six four six seven thank you"),
    )
    assert call.text == {0: "may i have your card number [card]", 1: "[card] thank you"}


def test_the_language_may_be_wrong() -> None:
    call = Call("CO", "en")
    call.say(ASK, ("customer", "dos dos dos tres, cero cero cero cero, cuatro ocho cuatro cero, cero cero uno uno"))
    assert call.text[1] == "[card]"


def test_turns_of_any_shape_are_served() -> None:
    call = Call()
    for text in (
        "",
        "   ",
        "9" * 5_000,
        "mil " * 400,
        "doble doble doble",
        "cinco " * 500,
        "١٢٣٤ ５６７８",
        "y y y",
        "@ . @",
        "\x00\ud800",
    ):
        call.say(("customer", text))
        assert not any(character.isdigit() for character in call.text[call.turn - 1])
    call.end()


def test_what_is_kept_holds_no_card() -> None:
    """After judgement the guard keeps keyed hashes of a card, and nothing that shows a digit of it."""
    call = Call()
    call.say(ASK, ("customer", "4539 1488 0343 6467"), ("agent", "Muchas gracias, el pago ya quedó registrado."))
    assert "4539" not in repr(vars(call.guard))
    assert b"4539" not in msgspec.json.encode(call.entities)


def test_written_hundreds_behind_a_spoken_thousand_are_of_the_same_price() -> None:
    call = Call()
    call.say(("agent", "Tenemos el plan de 45 mil 900, el de 62 mil 500 y el de 1 millón 899 mil 900."))
    call.end()
    assert call.text[0] == "Tenemos el plan de 45 mil 900, el de 62 mil 500 y el de 1 millón 899 mil 900."


def test_a_document_said_as_one_cardinal_is_hidden_and_a_debt_in_the_next_turn_is_not() -> None:
    call = Call("AR")
    number = "veintiocho millones quinientos cuarenta y tres mil ciento veinte"
    call.say(("agent", "¿Me pasás el documento?"), ("customer", f"{number.capitalize()}."))
    call.say(("agent", f"Perfecto. La deuda es de {number}."))
    call.end()
    assert list(call.text.values())[1:] == ["[dni].", f"Perfecto. La deuda es de {number}."]


def test_what_a_bill_or_an_offer_ends_on_is_no_cards_end() -> None:
    call = Call()
    call.say(("agent", "Le confirmo que la fecha de vencimiento de su factura es el 10 de octubre."))
    call.say(("agent", "El plan de 300 cuesta 450 y el de 200 cuesta 350."), ("customer", "El de 350 está bien."))
    call.end()
    assert not any(call.masks.values()), call.text
    call = Call("US", "en")
    call.say(("agent", "Your promotional rate of thirty dollars expires on October 15th."))
    call.say(("agent", "The plan is 45 a month and the modem 120."))
    call.end()
    assert not any(call.masks.values()), call.text


def test_a_cards_end_is_one_although_it_pays_a_bill() -> None:
    call = Call()
    call.say(ASK, ("customer", "4539 1488 0343 6467"))
    call.say(("agent", "Para el pago de su factura, ¿la fecha de vencimiento?"), ("customer", "octubre del 27"))
    call.end()
    assert call.text[3] == "[card_expiry]"


def test_a_day_is_hidden_with_its_ending() -> None:
    call = Call("US", "en")
    call.say(("agent", "When is your birthday?"), ("customer", "March 12th, and thanks."))
    call.end()
    assert call.text[1] == "[dob], and thanks."


PAID: Sequence[Line] = (
    ASK,
    ("customer", "4539 1488 0343 6467"),
    ("agent", "¿Y el código de seguridad?"),
    ("customer", "712"),
    ("agent", "Listo, pago aprobado, muchas gracias."),
)


def test_a_card_has_one_code_and_prices_soon_after_it_are_none() -> None:
    call = Call()
    call.say(
        *PAID, ("agent", "El equipo que le muestro es el 305."), ("customer", "Entiendo, ¿y qué más tiene usted hoy?")
    )
    call.end()
    assert [one.entity_type for one in call.entities if one.entity_type != "PERSON"] == ["CARD", "CVV"]
    assert call.text[5] == "El equipo que le muestro es el [number]."


def test_digits_of_other_things_do_not_keep_a_card_on_the_table() -> None:
    call = Call()
    call.say(*PAID)
    for model in range(301, 310):
        call.say(
            ("agent", f"Tengo también el equipo modelo {model} en la tienda."),
            ("customer", "Déjeme pensarlo con calma."),
        )
    call.end()
    assert call.text[call.turn - 2] == "Tengo también el equipo modelo 309 en la tienda."


def test_a_number_that_began_beside_a_card_stays_hidden_when_it_is_judged_late() -> None:
    call = Call()
    call.say(*PAID, ("customer", "Es que son 301"), ("agent", "Sí, 302"), ("customer", "Es 303"), ("agent", "Ya, 304"))
    call.say(("customer", "Es 305"), ("agent", "Sí, 306"), ("customer", "Es 307"))
    call.end()
    assert "[" in call.text[5]
