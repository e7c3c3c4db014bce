"""The reader on utterances that are in no training data, and what it leaves in the metrics."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.ports.reading import UNFELT
from models.catalogue import SENTENCE_ENCODER, TURN_ENCODER
from models.installation import install
from models.mood import Mood
from models.reader import OnnxTextReader
from models.reading import spans_of


@pytest.fixture(scope="module")
def reader(weights_dir: Path) -> OnnxTextReader:
    install(SENTENCE_ENCODER, weights_dir)
    install(TURN_ENCODER, weights_dir)
    return OnnxTextReader(weights_dir)


@pytest.mark.parametrize(
    ("text", "sentiment"),
    [
        ("Llevo una semana sin servicio y nadie me contesta, qué falta de seriedad.", "negative"),
        ("Estou há uma semana sem serviço e ninguém me atende, que falta de respeito.", "negative"),
        ("I have been without service for a week and nobody answers, this is terrible.", "negative"),
        ("Muchísimas gracias, me solucionó todo, qué amable.", "positive"),
        ("Muito obrigada, resolveu tudo, que atendimento maravilhoso.", "positive"),
        ("Thank you so much, that's wonderful, you fixed everything.", "positive"),
        ("¿A qué hora abren los domingos?", "neutral"),
        ("A que horas vocês abrem no domingo?", "neutral"),
        ("What time do you open on Sundays?", "neutral"),
    ],
)
def test_sentiment(reader: OnnxTextReader, text: str, sentiment: str) -> None:
    read = reader.read(text).sentiment
    assert read.label == sentiment
    assert 0.33 <= read.score <= 1.0
    assert -1.0 <= read.lean <= 1.0


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Quiero que me quiten de esa lista y que no me llamen nunca más.", "opt_out"),
        ("Tire meu número da lista e não ligue nunca mais.", "opt_out"),
        ("Remove me from your list and never call me again.", "opt_out"),
        ("El internet no funciona y el módem tiene la luz roja.", "technical_problem"),
        ("A internet não funciona e o modem está com luz vermelha.", "technical_problem"),
        ("The internet doesn't work and the modem shows a red light.", "technical_problem"),
        ("Deseo cancelar mi contrato hoy mismo.", "cancel_service"),
        ("Desejo cancelar o meu contrato hoje.", "cancel_service"),
        ("I would like to cancel my contract today.", "cancel_service"),
        ("Quisiera pagar lo que debo en cuotas, una cada mes.", "payment_arrangement"),
        ("Queria pagar o que devo em parcelas, uma por mês.", "payment_arrangement"),
        ("I would like to pay what I owe in installments, one a month.", "payment_arrangement"),
    ],
)
def test_intents(reader: OnnxTextReader, text: str, intent: str) -> None:
    found = reader.read(text).intents
    assert found
    assert found[0].label == intent


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("Buenas tardes. Le cuento que esta conversación queda grabada. ¿Cómo está?", "recording_notice"),
        ("Boa tarde. Só para avisar, essa conversa está sendo gravada. Tudo bem?", "recording_notice"),
        ("Entiendo. Si no paga hoy mismo va a terminar en la cárcel. ¿Qué decide?", "threat"),
        ("Entendo. Se não pagar, a polícia vai na sua casa prender o senhor. O que decide?", "threat"),
        ("I see. If you don't pay today you will end up in jail. What will it be?", "threat"),
    ],
)
def test_acts_stand_in_their_sentence(reader: OnnxTextReader, text: str, act: str) -> None:
    found = {one.label: one for one in reader.read(text).acts}
    assert act in found
    assert found[act].score > 0.5
    spans = spans_of(text)
    start, end = spans[found[act].part]
    assert end - start < 80


IDLE = {
    "es": "Le estoy revisando la cuenta en el sistema. Me aparece la dirección de la calle Mayor. ",
    "pt": "Estou verificando a conta no sistema. Aparece aqui o endereço da rua Direita. ",
    "en": "I am looking at your account in the system. It shows the address on Main Street. ",
}


@pytest.mark.parametrize(
    ("language", "act", "said"),
    [
        ("es", "threat", "Si no paga hoy mismo va a terminar en la cárcel."),
        ("es", "opt_out", "Quiero que me quiten de esa lista y que no me llamen nunca más."),
        ("pt", "threat", "Se não pagar, a polícia vai na sua casa prender o senhor."),
        ("pt", "opt_out", "Tire meu número da lista e não ligue nunca mais."),
        ("en", "threat", "If you don't pay today you will end up in jail."),
        ("en", "opt_out", "Remove me from your list and never call me again."),
    ],
)
@pytest.mark.parametrize("stops", [True, False])
def test_what_stands_far_behind_in_a_long_turn_is_not_ruled_out(
    reader: OnnxTextReader, language: str, act: str, said: str, stops: bool
) -> None:
    before = IDLE[language] * 8
    text = before + said if stops else (before + said).replace(".", "")
    assert act not in reader.read(text).unlikely
    assert act in reader.read(before).unlikely


def test_a_sentence_that_went_on_is_read_with_its_beginning(reader: OnnxTextReader) -> None:
    begun, text = "Por favor no me vuelvan", "a llamar nunca más"
    acts = {act.label: act.part for act in reader.read(text, begun).acts}
    assert acts.get("opt_out") in (-1, 0)
    views = reader.read(text, begun).views
    assert views is not None
    assert len(views) == len(spans_of(text)), "what was said before has no vector"


@pytest.mark.parametrize(
    "text",
    [
        "No puedo creer que me cobren otra vez. Es una vergüenza.",
        "Que vergonha. Não me liguem nunca mais.",
        "I am so angry.",
    ],
)
def test_where_no_feelings_are_to_be_read_none_are_and_all_else_is(reader: OnnxTextReader, text: str) -> None:
    felt, unfelt = reader.read(text), reader.read(text, feelings=False)
    assert felt.sentiment.score > 0.33
    assert unfelt.sentiment == UNFELT
    assert (unfelt.intents, unfelt.acts, unfelt.unlikely) == (felt.intents, felt.acts, felt.unlikely)


@pytest.mark.parametrize("text", ["Sí, con ella.", "Aham.", "Okay.", "", "[card]"])
def test_small_talk_has_no_intent_to_act_on(reader: OnnxTextReader, text: str) -> None:
    actionable = {intent.label for intent in reader.read(text).intents} - {"identity_verification"}
    assert actionable == set()


@pytest.mark.parametrize(
    "dialogue",
    [
        [
            ("Aló, sí, dígame.", "neutral"),
            ("Me cobraron dos veces la mensualidad y no es la primera vez que pasa.", "negative"),
            ("Es una falta de respeto, llevo tres semanas llamando y nadie responde.", "negative"),
            ("¿Y el dinero me llega a la misma cuenta?", "negative"),
            ("Qué buena noticia, muchísimas gracias, me ayudó un montón.", "positive"),
        ],
        [
            ("Oi, bom dia.", "neutral"),
            ("Queria saber o preço do plano de trezentos mega.", "neutral"),
            ("E a instalação demora quanto tempo?", "neutral"),
            ("Que maravilha, adorei a oferta, muito obrigada!", "positive"),
        ],
        [
            ("Hello, yes, this is him.", "neutral"),
            ("My order should have come last week and nobody can tell me where it is.", "negative"),
            ("This is ridiculous, it's the third time you people let me down.", "negative"),
            ("Okay.", "negative"),
            ("No, forget it, I am really disappointed in your company.", "negative"),
        ],
    ],
)
def test_the_mood_follows_a_dialogue(reader: OnnxTextReader, dialogue: list[tuple[str, str]]) -> None:
    mood = Mood()
    heard = [mood.hear(text, reader.read(text).sentiment, at * 9_000).label for at, (text, _) in enumerate(dialogue)]
    assert heard == [expected for _, expected in dialogue]


def test_the_vector_has_length_one(reader: OnnxTextReader) -> None:
    reading = reader.read("hola")
    assert reading.vector.shape == (512,)
    assert float(np.linalg.norm(reading.vector)) == pytest.approx(1.0, abs=1e-4)
    assert reading.latency_ms > 0


def test_threads_read_the_same(reader: OnnxTextReader) -> None:
    text = "Sigue sin funcionar. Ya van tres veces. Quiero hablar con un supervisor."
    alone = reader.read(text)
    with ThreadPoolExecutor(4) as pool:
        for reading in pool.map(reader.read, [text] * 8):
            assert (reading.sentiment, reading.intents) == (alone.sentiment, alone.intents)
            assert np.array_equal(reading.vector, alone.vector)


def test_each_model_leaves_its_latency(weights_dir: Path, reader: OnnxTextReader) -> None:
    seen: list[str] = []
    reader = OnnxTextReader(weights_dir, observe=lambda model, seconds: seen.append(model))
    seen.clear()
    reader.read("buenas tardes")
    assert set(seen) >= {"reader", "sentence-encoder", "turn-encoder", "wide"}
    assert seen.count("reader") == 1
