"""What the forms that come with the engine hear in an agent's words, in each language."""

import pytest

from engine.facts import Insight, Leg
from engine.quality import QualityScore
from models.compliance import JudgedTurn, load_detectors
from models.review.forms import bundled_forms, form_for
from models.review.scoring import Scorer
from models.review.talk import measure

DETECTORS = load_detectors()
LEGS: dict[str, Leg] = {"a": "agent", "c": "customer"}

HEARD = {
    ("sales", "respected_opt_out"): {
        "es": [
            "Ya no lo vamos a llamar más.",
            "Lo voy a incluir en la lista de no llamar.",
            "No recibirá más llamadas.",
            "Voy a eliminar su número de la base de datos.",
        ],
        "pt": [
            "Não vamos mais entrar em contato.",
            "Vou incluir o senhor na lista de não perturbe.",
            "Não ligaremos mais.",
            "A gente não vai mais te ligar.",
            "Vou incluir o senhor no cadastro de bloqueio.",
            "Vou remover o seu número do cadastro.",
        ],
        "en": [
            "I'll put you on our do-not-call list.",
            "I'll remove you from our calling list.",
            "We won't call you anymore.",
            "I'm removing you now.",
            "You will not receive any more calls from us.",
            "Of course, I will take your number off the list.",
            "I'll take off your number right away.",
            "Your number was taken off our calling list.",
        ],
    },
    ("care", "took_leave"): {
        "es": [
            "¿Hay algo más en lo que le pueda ayudar?",
            "¿Algo más en que le pueda colaborar?",
            "¿En qué más le puedo asistir?",
        ],
        "pt": [
            "Posso ser útil em mais alguma coisa?",
            "Posso ajudá-lo em algo mais?",
            "Alguma coisa em que eu possa ajudar?",
        ],
        "en": ["Is there anything else I can help you with?"],
    },
    ("collections", "named_company"): {
        "es": ["Le habla Andrea Rojas, del banco Horizonte. Le llamo por la cuota de su tarjeta."],
        "pt": ["Meu nome é Marina, do banco Horizonte. Estou ligando sobre a fatura do seu cartão."],
        "en": ["This is Daniel Brooks calling from Bright Path. I am calling about your past due balance."],
    },
}
NOT_HEARD = {
    ("sales", "respected_opt_out"): {
        "es": ["No puedo incluirlo en la lista de no llamar.", "Entiendo, le llamo mañana entonces."],
        "pt": [
            "Não consigo incluir o senhor na lista de não perturbe.",
            "Entendo, ligo amanhã então.",
            "Vou colocar o telefone novo no cadastro do senhor.",
            "O modem não vai ligar.",
        ],
        "en": [
            "I can't put you on our do-not-call list.",
            "I won't be able to call you back today.",
            "May I tell you about our plan first?",
            "We took ten percent off the price list.",
            "We can take off the activation fee for you.",
        ],
    },
    ("care", "took_leave"): {
        "es": [
            "¿En qué le puedo ayudar?",
            "Algo pasa con la línea. Le voy a ayudar.",
            "Tengo algo que tal vez le pueda servir.",
        ],
        "pt": ["Em que posso ajudar?"],
        "en": ["How can I help you?"],
    },
    ("collections", "named_company"): {
        "es": ["Buenas tardes, le habla Ana. Le llamo por la cuota de su tarjeta."],
        "pt": ["Boa tarde, meu nome é Marina. Estou ligando sobre a fatura do seu cartão."],
        "en": ["Good morning, my name is Daniel. I am calling about your past due balance."],
    },
}


def cases(texts: dict[tuple[str, str], dict[str, list[str]]]) -> list[tuple[str, str, str, str]]:
    return [(*of, language, text) for of, told in texts.items() for language, said in told.items() for text in said]


def scored(campaign: str, language: str, *turns: tuple[str, str]) -> QualityScore:
    """A whole call of these turns, by (stream, words), in which the customer asked not to be called."""
    form = form_for(bundled_forms(), campaign)
    assert form is not None
    scorer = Scorer(form, DETECTORS, frozenset(), language)
    for turn, (stream, text) in enumerate(turns):
        at = turn * 5_000
        scorer.hear(JudgedTurn(turn, stream, LEGS[stream], text, at, at + 4_000, language), DETECTORS.fold(text))
    scorer.saw(Insight(call_id="x", seq=1, kind="intent", turn=0, value="opt_out", score=0.9))
    return scorer.score(LEGS.__getitem__, 60_000, measure((), LEGS, (), 60_000))


def answer(campaign: str, item: str, language: str, *turns: tuple[str, str]) -> str:
    return next(one.answer for one in scored(campaign, language, *turns).items if one.item == item)


@pytest.mark.parametrize(("campaign", "item", "language", "text"), cases(HEARD))
def test_an_agent_who_does_it_in_usual_words_is_heard(campaign: str, item: str, language: str, text: str) -> None:
    assert answer(campaign, item, language, ("a", text)) == "yes"


@pytest.mark.parametrize(("campaign", "item", "language", "text"), cases(NOT_HEARD))
def test_an_agent_who_does_not_do_it_is_not_heard_to(campaign: str, item: str, language: str, text: str) -> None:
    assert answer(campaign, item, language, ("a", text)) == "no"


def test_that_an_opt_out_was_honoured_in_words_of_no_list_fails_no_call() -> None:
    found = scored("sales", "en", ("c", "Please stop calling me."), ("a", "Consider it done, madam."))
    assert ("respected_opt_out", "no") in [(one.item, one.answer) for one in found.items]
    assert found.failed_by == ()


def test_a_collector_who_speaks_of_no_debt_need_not_name_the_firm() -> None:
    turns = (("a", "Buenas tardes, le habla Ana Rojas. ¿Hablo con el señor Julián Peña?"), ("c", "Él no está."))
    assert answer("collections", "identified_himself", "es", *turns) == "yes"
    assert answer("collections", "named_company", "es", *turns) == "n_a"
