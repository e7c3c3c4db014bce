"""The form for readers on its way through a call: derived from the masked words, and never ahead of the judgement."""

from typing import Any

from engine.facts import CallEvent, Evidence, Fact, Insight, Transcript, encode
from models.compliance import load_detectors, load_rules
from models.display import to_display
from pipelines.replay import Judging, TranscriptCall, TranscriptTurn, replay_transcript
from tests.fakes import FakeReader


async def facts_of(language: str, country: str, *turns: tuple[str, str]) -> list[Fact]:
    said: Any = [TranscriptTurn(leg, text) for leg, text in turns]  # type: ignore[arg-type]
    call = TranscriptCall("call-1", language, country, "collections", said)  # type: ignore[arg-type]
    facts: list[Fact] = []
    await replay_transcript(call, Judging(FakeReader(), load_rules(), load_detectors(), None), facts.append)
    return facts


def transcripts(facts: list[Fact]) -> list[Transcript]:
    return [fact for fact in facts if isinstance(fact, Transcript)]


async def test_a_final_keeps_the_spoken_words_and_says_how_they_are_read() -> None:
    first, second = transcripts(
        await facts_of("es", "CO", ("agent", "Su cuota es de cincuenta mil pesos."), ("customer", "Entiendo."))
    )
    assert first.text == "Su cuota es de cincuenta mil pesos."
    assert first.display == "Su cuota es de $50.000."
    assert first.display_map == ((15, 34, 15, 22),)
    assert (second.display, second.display_map) == ("", ()), "left out where it is the same"


async def test_evidence_of_a_rule_is_found_in_what_is_read() -> None:
    facts = await facts_of(
        "es", "CO", ("agent", "Debe veinte mil pesos desde el cinco de mayo, ¿por qué no ha pagado la cuota?")
    )
    why = next(one for one in facts if isinstance(one, Insight) and one.rule == "CO-2300-WHY")
    said, evidence = transcripts(facts)[0], why.evidence[0]
    assert isinstance(evidence, Evidence)
    start, end = to_display(said.display_map, evidence.start, evidence.end)
    assert said.display[start:end] == evidence.quote


async def test_digits_are_written_when_they_are_judged_harmless_and_a_card_never() -> None:
    facts = await facts_of(
        "es",
        "CO",
        ("agent", "Anote: cuatro cinco seis siete."),
        ("customer", "Listo, ya lo tengo anotado, muchas gracias, quiero pagar con la tarjeta."),
        ("agent", "¿Me dicta el número de la tarjeta?"),
        ("customer", "cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"),
        ("agent", "Perfecto, muchas gracias, ya quedó registrado el pago de los veinte mil pesos."),
    )
    shown = b"\n".join(encode(fact) for fact in facts).decode()
    assert "4539" not in shown
    assert "6467" in shown, "the last four alone"
    assert transcripts(facts)[-1].display.endswith("de los $20.000.")
    for event in facts:
        if isinstance(event, CallEvent) and event.name == "text.settled":
            assert event.data["text"].count("[") == event.data.get("display", event.data["text"]).count("[")


async def test_the_language_of_the_words_and_the_country_decide() -> None:
    (mexico,) = transcripts(await facts_of("es", "MX", ("agent", "Son mil quinientos pesos.")))
    (brazil,) = transcripts(await facts_of("pt", "BR", ("agent", "São mil e quinhentos reais.")))
    assert (mexico.display, brazil.display) == ("Son $1,500.", "São R$ 1.500.")
