"""Terms are put where they were said, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.vocabulary import Term
from models.vocabulary import NO_VOCABULARY, Corrector

VOCABULARY = {
    "es": ("Finarca", "Solventa", "Plan Zafiro", "Movilnexo", "Kumbia Telecom", "Cobraya", "SIMIT", "Rapidahorro"),
    "pt": ("Lumivox", "Tecnofibra", "Plano Safira", "Conecta Fibra", "Bompreço", "Quitamax"),
    "en": ("Bright Path Energy", "Sunvera", "Quillbank", "Kilowise", "Fixit Now", "Debtora"),
}
CORRECTORS = {language: Corrector([Term(text) for text in terms]) for language, terms in VOCABULARY.items()}


@pytest.mark.parametrize(
    ("language", "heard", "meant"),
    [
        ("es", "Me cambié a Movinnexo ayer.", "Me cambié a Movilnexo ayer."),
        ("es", "En Cumbia Telecom, me ofrecen más.", "En Kumbia Telecom, me ofrecen más."),
        ("es", "Cobralla no me quiso atender.", "Cobraya no me quiso atender."),
        ("es", "Dígame si el plan, Safiro, tiene permanencia.", "Dígame si el Plan Zafiro, tiene permanencia."),
        ("es", "el pago de solventa ya lo hice", "el pago de Solventa ya lo hice"),
        ("pt", "Aqui é da Lumivoques, bom dia.", "Aqui é da Lumivox, bom dia."),
        ("pt", "a tecno fibra caiu de novo", "a Tecnofibra caiu de novo"),
        ("pt", "obrigada por ligar para a conecta fibra", "obrigada por ligar para a Conecta Fibra"),
        ("en", "I have panels from Sunverra's store.", "I have panels from Sunvera's store."),
        ("en", "this is bright path energy", "this is Bright Path Energy"),
        ("en", "I moved to quill bank last year.", "I moved to Quillbank last year."),
    ],
)
def test_what_was_heard_as_it_sounds_is_put_right(language: str, heard: str, meant: str) -> None:
    assert CORRECTORS[language].correct(heard, language, 0.8).text == meant


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("es", "La finca de mi hermano queda lejos."),
        ("es", "Tengo la factura solventada desde ayer."),
        ("es", "Le cobraba ya la reconexión."),
        ("es", "Cobra ya lo que te deben."),
        ("es", "Quiero hablar con un supervisor, por favor."),
        ("pt", "Tem um bom preço, mas o prazo é longo."),
        ("pt", "A técnica de fibra não resolveu."),
        ("en", "Can you fix it now, please?"),
        ("en", "The bright path behind my house is muddy."),
        ("en", "The debt or a part of it was paid."),
        ("fr", "Bonjour, je voudrais parler à Finarca."),
    ],
)
def test_ordinary_words_stay(language: str, said: str) -> None:
    corrector = CORRECTORS.get(language, CORRECTORS["es"])
    corrected = corrector.correct(said, language, 0.8)
    assert corrected.text.casefold() == said.casefold()


@pytest.mark.parametrize(
    ("language", "term", "confidence", "said"),
    [
        ("es", "Konfío", 0.99, "Yo no confío en ustedes."),
        ("es", "Konfío", 0.5, "Yo no confío en ustedes."),
        ("es", "Kredito", 0.8, "Tengo un crédito con ustedes."),
        ("es", "Claro", 0.8, "Sí, claro, entiendo."),
        ("pt", "Vivo", 0.8, "Eu vivo em São Paulo."),
        ("en", "Chase", 0.8, "Why do you chase me every day?"),
        ("es", "Andrea Montúfar", 0.7, "Habla con Andrea Montoya, dígame."),
        ("es", "Nubatel", 0.95, "Me cambié a Novatel hace un mes."),
    ],
)
def test_a_name_is_put_over_no_ordinary_word_and_over_no_other_name(
    language: str, term: str, confidence: float, said: str
) -> None:
    assert Corrector([Term(term)]).correct(said, language, confidence) == (said, ())


def test_a_term_that_is_a_word_keeps_the_capital_that_it_was_heard_with() -> None:
    assert Corrector([Term("Vivo")]).correct("Sou cliente da Vivo.", "pt", 0.8) == ("Sou cliente da Vivo.", ())
    given = Corrector([Term("Vivo", ("vivo",)), Term("Kredito", ("credito",))])
    assert given.correct("sou cliente da vivo", "pt", 0.8).text == "sou cliente da Vivo"
    assert given.correct("soy cliente de crédito", "es", 0.8).text == "soy cliente de Kredito"


@pytest.mark.parametrize(
    ("term", "heard", "meant"),
    [
        ("Andrea Montúfar", "habla con andrea montufal", "habla con Andrea Montúfar"),
        ("intereses de mora", "sin interés este mora", "sin intereses de mora"),
    ],
)
def test_each_long_word_of_a_term_must_be_alike(term: str, heard: str, meant: str) -> None:
    assert Corrector([Term(term)]).correct(heard, "es", 0.8).text == meant


def test_the_fact_says_what_was_heard_and_where_the_term_stands() -> None:
    corrected = CORRECTORS["es"].correct("Llamo de finarka y de movinnexo, señor.", "es", 0.8)
    assert corrected.text == "Llamo de Finarca y de Movilnexo, señor."
    assert [(one.heard, corrected.text[one.start : one.end]) for one in corrected.corrections] == [
        ("finarka", "Finarca"),
        ("movinnexo", "Movilnexo"),
    ]


def test_an_administrators_own_form_is_believed_even_of_real_words() -> None:
    corrector = Corrector([Term("SIMIT", ("si mitad", "cimí")), Term("Bompreço", ("bom preço",))])
    assert corrector.correct("la multa en el cimí", "es").text == "la multa en el SIMIT"
    assert corrector.correct("comprei no bom preço", "pt").text == "comprei no Bompreço"


def test_words_that_were_heard_surely_need_more_likeness() -> None:
    corrector = Corrector([Term("Movilnexo")])
    heard = "estoy con movinnex"
    assert corrector.correct(heard, "es", 0.5).corrections
    assert not corrector.correct(heard, "es", 0.99).corrections


@pytest.mark.parametrize(
    "said",
    [
        "cuatro cinco seis siete ocho",
        "mi tarjeta es 4539 1488 0343 6467",
        "el número de la tarjeta es [number]",
        "me dicta el número de la tarjeta",
        "mi clave es [number] y mi correo ana@finarka.com",
    ],
)
def test_digits_masks_addresses_and_what_announces_them_are_never_touched(said: str) -> None:
    terms = [Term("Cuatro Sinco"), Term("Sieteocho"), Term("Tarjetazo"), Term("Numero de la Targeta"), Term("Finarca")]
    assert Corrector(terms).correct(said, "es", 0.2).text == said


def test_no_vocabulary_changes_nothing() -> None:
    assert NO_VOCABULARY.correct("hola finarka", "es") == ("hola finarka", ())


@given(st.text(max_size=80), st.sampled_from(["es", "pt", "en"]), st.floats(0, 1))
def test_what_was_heard_can_always_be_had_back(text: str, language: str, confidence: float) -> None:
    corrected = CORRECTORS[language].correct(text, language, confidence)
    back = corrected.text
    for one in reversed(corrected.corrections):
        assert back[one.start : one.end] == one.term
        back = back[: one.start] + one.heard + back[one.end :]
    assert back == text
