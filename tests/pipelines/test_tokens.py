"""A telephone number that a customer gives over two finals is masked everywhere, and read again from the store."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec
import pytest

from engine.control.tokens import Tokens
from engine.facts import Fact, Insight, SpeechSegment, decode
from engine.fanout import Hub
from engine.ports.desk import Person
from engine.ports.intake import CallEnded, ClockTick, MediaEvent, Participant
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics
from engine.vault import Vault
from models.privacy import DigitGuard
from pipelines.calls import Calls
from pipelines.digit_hold import DigitHold
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.turn import Turn, Turns
from pipelines.utterance import Utterance
from tests.fakes import FakeEars, FakeSession, understanding
from tests.pipelines.test_nothing_private import OneCampaign

AGENT, CUSTOMER = "agent", "customer"
SAID = (
    (AGENT, "¿A qué número le devolvemos la llamada?"),
    (CUSTOMER, "Mi celular es tres uno cero, cuatro cinco seis"),
    (CUSTOMER, "siete ocho nueve cero."),
    (AGENT, "Perfecto, muchas gracias, mañana le llamamos por la tarde."),
)
PHONE = "3104567890"
SUPERVISOR = Person("user-sofia", "", "Sofía", "supervisor")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(Settings(data_dir=tmp_path / "data"), Vault(bytes(32)))
    yield store
    await store.close()


def happenings() -> list[MediaEvent]:
    events: list[MediaEvent] = []
    at = 1_000
    for number, (leg, text) in enumerate(SAID):
        end = at + 60 * len(text)
        events += [SpeechSegment(leg, number, "started", at, at), SpeechSegment(leg, number, "ended", at, end)]
        events.append(ClockTick(end + 500))
        at = end + 1_000
    return [*events, CallEnded(at + 5_000, "bye")]


async def serve(store: Store, organisation_id: str, *, keeps_tokens: bool) -> list[Fact]:
    """What is in the store once the call is over."""
    campaign = OneCampaign("es", "CO")
    campaign.routing = msgspec.structs.replace(campaign.routing, organisation_id=organisation_id)
    calls = Calls(
        router=campaign,
        ears=FakeEars({(leg, number): text for number, (leg, text) in enumerate(SAID)}, language="es"),
        sink=Hub(store, metrics=Metrics()),
        understanding=understanding(),
        metrics=Metrics(),
        max_calls=1,
        clock_ms=lambda: 1_000_000.0,
        wall_clock=lambda: 1_780_000_000.0,
        keeps_tokens=keeps_tokens,
    )
    parties = (Participant(stream=CUSTOMER, position=0), Participant(stream=AGENT, position=1))
    session = FakeSession(happenings(), parties)
    calls.begin(session)
    await calls.close()
    return [decode(body) for body in await store.calls.all_facts(organisation_id, session.offer.call_id)]


def phones(facts: Sequence[Fact]) -> list[Insight]:
    return [fact for fact in facts if isinstance(fact, Insight) and fact.entity_type == "PHONE"]


async def test_it_is_read_again_by_its_fact(store: Store) -> None:
    organisation_id = await store.people.add_organisation("Acme", 1.0)
    facts = await serve(store, organisation_id, keeps_tokens=True)
    (phone,) = phones(facts)
    record = await store.calls.get(organisation_id, phone.call_id)
    entity, value = await Tokens(store, kept=True).read(SUPERVISOR, record, phone.seq)
    assert (entity, value) == (phone, PHONE)
    assert not any("310" in str(fact) or "siete ocho" in str(fact) for fact in facts)


async def test_nothing_is_kept_unless_it_is_asked_for(store: Store) -> None:
    organisation_id = await store.people.add_organisation("Acme", 1.0)
    (phone,) = phones(await serve(store, organisation_id, keeps_tokens=False))
    with pytest.raises(Exception, match="no value is kept"):
        await store.calls.token(organisation_id, phone.call_id, phone.seq)


def hold(said: Sequence[tuple[str, str]], *, keeps_tokens: bool = True) -> dict[str, str]:
    """Values by type that a call in which this is said would have kept."""
    turns, guard = Turns(), DigitGuard("CO", b"key")
    digits = DigitHold(guard, Ledger("call-1", lambda: 0.0), Roster(), turns, keeps_tokens=keeps_tokens)
    facts: list[Fact] = []
    for number, (leg, text) in enumerate(said, 1):
        at = number * 5_000
        heard = Utterance(stream=leg, leg=leg, start_ms=at, end_ms=at + 4_000, text=text, language="es")  # type: ignore[arg-type]
        judged = digits.hear(heard, number)
        turns.remember(Turn(heard, number, judged.texts[0].text, judged.texts[0].masks, 0.0))
        digits.watch_capture(judged, at)
        facts += digits.find(judged.entities)
    if judged_last := guard.close():
        facts += digits.find(judged_last.entities)
    kinds = {fact.seq: fact.entity_type for fact in facts if isinstance(fact, Insight)}
    found = {kinds[token.seq]: token.value for token in digits.tokens_of(facts)}
    assert digits.tokens_of(facts) == []  # each is given once
    return found


def test_after_talk_of_a_card_few_digits_are_not_kept_by_any_name() -> None:
    address = (
        (AGENT, "¿Cuál es la dirección?"),
        (CUSTOMER, "Carrera nueve cuarenta y siete"),
        (AGENT, "Muchas gracias, con eso ya quedó registrado"),
    )
    assert hold(address) == {"ADDRESS": "947"}
    assert hold(((CUSTOMER, "Quiero pagar con mi tarjeta"), *address)) == {}


def test_of_a_card_nothing_is_kept_and_of_the_rest_what_it_was() -> None:
    said = [
        (AGENT, "¿Me confirma su número de cédula?"),
        (CUSTOMER, "Sí, uno cero dos cero, tres cuatro cinco, seis siete ocho."),
        (AGENT, "¿A qué correo le escribo?"),
        (CUSTOMER, "maripaz punto olarte arroba gmail punto com"),
        (AGENT, "¿Me dicta el número de la tarjeta?"),
        (CUSTOMER, "cuatro cinco tres nueve uno cuatro ocho ocho cero tres cuatro tres seis cuatro seis siete"),
        (AGENT, "¿Y el código de seguridad?"),
        (CUSTOMER, "nueve cuatro siete"),
        (AGENT, "Gracias. ¿A nombre de quién está la tarjeta?"),
        (CUSTOMER, "Margarita Olarte."),
    ]
    assert hold(said) == {"CEDULA_CO": "1020345678", "EMAIL": "maripaz.olarte@gmail.com"}
    assert hold(said, keeps_tokens=False) == {}
