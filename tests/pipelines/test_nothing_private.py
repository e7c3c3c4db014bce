"""A call full of secrets, and everything that leaves it: facts, drafts, logs, traces, metrics, what models are asked
(a site's own language model over HTTP as well) and what articles are searched by."""
# ruff: noqa: E501
# A turn a line.

import asyncio
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from engine.facts import SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, ClockTick, MediaEvent, Participant, Routing
from engine.ports.reading import Passage, Reading, Scored
from engine.telemetry import Metrics
from engine.tracing import Traces
from models.chat import ChatEndpoint
from models.compliance import load_detectors, load_rules
from models.playbooks import bundled_playbooks
from models.review import bundled_forms, form_for
from models.wording import Wording
from pipelines.calls import Calls
from pipelines.understanding import Understanding
from tests.chat_server import ChatServer, says
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink
from tests.leaks import stretches, strings
from tests.logged import logged

NOT_SAID = frozenset({"measured", "host", "version", "source", "id", "timestamp"})
"""Of facts and logs: clocks and addresses, in which any digits turn up some day."""
AGENT, CUSTOMER = "agent", "customer"
Said = tuple[str, str]

# fmt: off
CALLS: Mapping[str, tuple[str, Sequence[Said], Sequence[str], Sequence[str]]] = {
    # language → country, what is said, numbers, words that must not be seen
    "es": (
        "CO",
        (
            (AGENT, "Buenas tardes, esta llamada está siendo grabada. ¿Me confirma su número de cédula?"),
            (CUSTOMER, "Sí, uno cero dos cero, tres cuatro cinco, seis siete ocho."),
            (CUSTOMER, "Mi celular es tres uno cero cuatro cinco seis siete ocho nueve cero, por si se corta."),
            (AGENT, "Gracias. ¿A qué correo le envío el comprobante?"),
            (CUSTOMER, "maripaz punto olarte arroba gmail punto com"),
            (AGENT, "¿Me dicta el número de la tarjeta?"),
            (CUSTOMER, "Cuarenta y cinco treinta y nueve, eh, catorce ochenta y ocho"),
            (CUSTOMER, "cero tres cuatro tres, sesenta y cuatro, sesenta y siete"),
            (AGENT, "Le repito: cuatro cinco tres nueve, uno cuatro ocho ocho, cero tres cuatro tres, seis cuatro seis siete."),
            (AGENT, "¿Y el código de seguridad?"),
            (CUSTOMER, "Nueve cuatro siete."),
            (CUSTOMER, "¿Por qué me cobraron dos veces la tarjeta cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete?"),
            (AGENT, "Muchas gracias, su pago quedó registrado, que tenga buena tarde."),
        ),
        ("1020345678", "3104567890", "4539148803436467"),
        ("maripaz", "olarte", "nueve cuatro siete"),
    ),
    "pt": (
        "BR",
        (
            (AGENT, "Boa tarde, esta ligação é gravada. Qual é o CPF do titular?"),
            (CUSTOMER, "Cinco dois nove, nove oito dois, dois quatro sete, vinte e cinco."),
            (CUSTOMER, "Meu celular é onze nove oito sete meia cinco quatro três dois um."),
            (AGENT, "Qual o seu e-mail?"),
            (CUSTOMER, "jocasta ponto nogueira arroba uol ponto com ponto br"),
            (AGENT, "Me passa o número do cartão?"),
            (CUSTOMER, "Quatro cinco três nove, um quatro duplo oito, zero três quatro três, meia quatro meia sete."),
            (AGENT, "E os três dígitos de trás?"),
            (CUSTOMER, "Nove quatro sete."),
            (CUSTOMER, "Por que cobraram duas vezes no 4539 1488 0343 6467?"),
            (AGENT, "Muito obrigada, o pagamento está registrado, tenha um bom dia."),
        ),
        ("52998224725", "11987654321", "4539148803436467"),
        ("jocasta", "nogueira", "nove quatro sete"),
    ),
    "en": (
        "US",
        (
            (AGENT, "Good afternoon, this call is recorded. Can you verify your social security number?"),
            (CUSTOMER, "Sure, five three six, two two, one eight seven six."),
            (CUSTOMER, "My cell is four one five two six seven four one two three in case we get cut off."),
            (AGENT, "And your email?"),
            (CUSTOMER, "theodora dot quill at gmail dot com"),
            (AGENT, "Can I have your card number?"),
            (CUSTOMER, "Forty five thirty nine, fourteen double eight, oh three four three"),
            (CUSTOMER, "sixty four sixty seven"),
            (AGENT, "And the security code?"),
            (CUSTOMER, "Nine four seven."),
            (CUSTOMER, "Why was I charged twice on 4539-1488-0343-6467?"),
            (AGENT, "Thank you, your payment went through, have a good day."),
        ),
        ("536221876", "4152674123", "4539148803436467"),
        ("theodora", "quill", "nine four seven"),
    ),
}
# fmt: on


class Asked:
    """Reads and searches, and keeps what it was asked with: what a prompt or an index would be given."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        self.texts += [text, before]
        question = (Scored("billing_dispute", 0.9),) if "?" in text else ()
        return msgspec.structs.replace(FakeReader().read(text), intents=question)

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        self.texts.append(text)
        return [Passage(article="charged-twice", title="Charged twice", body="Refund it.", language="", score=0.95)]


class OneCampaign:
    """Takes every call."""

    def __init__(self, language: str, country: str) -> None:
        self.routing = Routing("org", "c", "care", "inbound", language, country, "", (), "any", {}, {})

    def route(self, offer: CallOffer) -> Routing | None:
        return self.routing


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that a process would log, with the most detail."""
    with logged("debug") as stream:
        yield stream


def happenings(said: Sequence[Said]) -> list[MediaEvent]:
    events: list[MediaEvent] = []
    at = 1_000
    for number, (leg, text) in enumerate(said):
        end = at + 60 * len(text)
        events.append(SpeechSegment(leg, number, "started", at, at))
        events += [SpeechSegment(leg, number, "ended", at, end), ClockTick(end + 500)]
        at = end + 1_000
    return [*events, CallEnded(at + 5_000, "bye")]


async def serve(
    language: str,
    asked: Asked,
    sink: FakeSink,
    metrics: Metrics,
    tracing: Traces,
    wording: Wording,
    said: Sequence[Said] = (),
    keeps_tokens: bool = False,
) -> None:
    """With what is `said` there, or the call full of secrets."""
    country = CALLS[language][0]
    said = said or CALLS[language][1]
    loaded: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    understanding = Understanding(
        asked, load_rules(), load_detectors(), lambda organisation_id, base: asked, bundled_playbooks()
    )
    loaded.set_result(understanding)
    words = {(leg, number): text for number, (leg, text) in enumerate(said)}
    ears = FakeEars(words, language=language)
    ears.early = dict(words)
    calls = Calls(
        router=OneCampaign(language, country),
        ears=ears,
        sink=sink,
        understanding=loaded,
        metrics=metrics,
        max_calls=1,
        clock_ms=lambda: 1_000_000.0,
        wall_clock=lambda: 1_780_000_000.0,
        tracing=tracing,
        form_of=lambda routing: form_for(bundled_forms(), routing.campaign),
        answers=wording,
        writer=wording,
        keeps_tokens=keeps_tokens,
    )
    parties = (Participant(stream=CUSTOMER, position=0), Participant(stream=AGENT, position=1))
    calls.begin(FakeSession(happenings(said), parties))
    await calls.close()


def hide(language: str) -> Callable[[str], list[str]]:
    """What of the call's secrets can be read in a text."""
    _, _, numbers, words = CALLS[language]

    def found(text: str) -> list[str]:
        runs = [run for number in numbers for run in stretches(text, number, 5)]
        return runs + [word for word in words if word in text.lower()]

    return found


@pytest.mark.parametrize("keeps_tokens", [False, True])
@pytest.mark.parametrize("language", CALLS)
async def test_no_secret_leaves_a_call(language: str, keeps_tokens: bool, logs: io.StringIO) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    asked, sink, metrics = Asked(), FakeSink(), Metrics()
    async with ChatServer(says("Refund it [1].")) as server:
        chat = ChatEndpoint(server.url, "small", "sk-secret")
        wording = Wording(chat, answer_s=10.0, summary_s=10.0, counted=metrics.worded)
        await serve(language, asked, sink, metrics, Traces(provider), wording, keeps_tokens=keeps_tokens)
        await chat.close()
    seen = hide(language)
    out: dict[str, list[Any]] = {
        "facts": [msgspec.to_builtins(fact) for fact in sink.facts],
        "drafts": [msgspec.to_builtins(draft) for draft in sink.drafts],
        "record": [msgspec.to_builtins(sink.record)],
        "traces": [
            f"{key} {value}"
            for span in exporter.get_finished_spans()
            for key, value in dict(span.attributes or {}).items()
        ],
        "metrics": [line.rpartition(" ")[0] for line in metrics.text().decode().splitlines()],
        "models and articles": asked.texts,
        "language model": [server.prompts()],
        "logs": [msgspec.json.decode(line) for line in logs.getvalue().splitlines()],
    }
    for name, documents in out.items():
        leaked = [(text, secrets) for one in documents for text in strings(one, NOT_SAID) if (secrets := seen(text))]
        assert leaked == [], name
    assert {"facts", "drafts", "traces", "metrics", "models and articles"} <= {name for name in out if out[name]}
    kinds_of_prompts = [set(msgspec.json.decode(body["messages"][1]["content"])) for body in server.asked]
    assert {"passages", "customer_said"} in kinds_of_prompts
    assert any("summary" in names for names in kinds_of_prompts)
    assert "sk-secret" not in logs.getvalue()
    kinds = {one.get("entity_type") for one in out["facts"]}
    assert {"CARD", "CVV", "EMAIL", "PHONE"} <= kinds  # they were there to be found
    values = {token.value for token in sink.tokens}
    assert values if keeps_tokens else not values
    card, code = CALLS[language][2][2], "947"
    assert not [value for value in values if stretches(value, card, 5) or value == code]


async def test_no_name_that_was_given_reaches_a_language_model() -> None:
    said = (
        (AGENT, "Buenas tardes, ¿con quién tengo el gusto?"),
        (CUSTOMER, "Margarita Olarte Ruiz."),
        (AGENT, "Muy bien, señora Olarte, ¿en qué le puedo servir?"),
        (CUSTOMER, "¿Por qué a la familia Olarte le cobraron dos veces el mes de julio?"),
        (AGENT, "Señora Olarte, mañana le devuelvo la llamada con la respuesta, doña Margarita."),
    )
    metrics, sink = Metrics(), FakeSink()
    async with ChatServer(says("Refund it [1].")) as server:
        chat = ChatEndpoint(server.url, "small", "sk-secret")
        wording = Wording(chat, answer_s=10.0, summary_s=10.0, counted=metrics.worded)
        await serve("es", Asked(), sink, metrics, Traces(TracerProvider(shutdown_on_exit=False)), wording, said)
        await chat.close()
    prompts = str(server.prompts())
    assert "[person]" in prompts
    assert [name for name in ("Margarita", "Olarte", "Ruiz") if name in prompts] == []
    kinds = [set(msgspec.json.decode(body["messages"][1]["content"])) for body in server.asked]
    assert {"passages", "customer_said"} in kinds
    assert any("summary" in names for names in kinds)


@pytest.mark.parametrize("language", CALLS)
def test_the_secrets_of_a_call_would_be_seen(language: str) -> None:
    _, said, numbers, words = CALLS[language]
    seen = hide(language)
    spoken = " ".join(text for _, text in said)
    assert set(seen(spoken)) >= set(words)
    assert all(stretches(spoken, number, 5) for number in numbers)
