"""A whole call with its recorder: the card that is asked for and read is silence, and all else is there."""

import datetime
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from engine.facts import CallEvent, Fact, Leg, Pcm16, SpeechSegment, Transcript
from engine.ports.intake import CallEnded, ClockTick, MediaEvent, MediaNotice, Participant, RoleDecision
from engine.ports.storage import CallRecord
from media.recorder import LEAST_DELAY_MS
from models.compliance import CallContext, Judge, load_rules
from models.privacy import DigitGuard, Judged, SpokenTurn
from pipelines.call import LiveCall
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.tape import Tape
from pipelines.understand import read_here
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink
from tests.memory_files import MemoryFiles, loud

TURNS: Sequence[tuple[Leg, int, int, str]] = (
    ("agent", 1_000, 4_000, "Le informo que esta llamada está siendo grabada."),
    ("customer", 5_000, 8_000, "Perfecto, quiero pagar mi cuota de este mes."),
    ("agent", 9_000, 12_000, "¿Me puede dar los dieciséis dígitos de su tarjeta?"),
    ("customer", 13_000, 17_000, "cuatro cinco tres nueve, uno cuatro ocho ocho"),
    ("customer", 18_000, 22_000, "cero tres cuatro tres, seis cuatro seis siete"),
    ("agent", 25_000, 29_000, "Muchas gracias, ya quedó registrado el pago de su cuota."),
    ("customer", 30_000, 33_000, "Muchas gracias a usted por la ayuda."),
)
END_MS = 40_000
STREAMS: dict[Leg, str] = {"customer": "c", "agent": "a"}


class Humming(FakeSession):
    """All streams hum all the time."""

    def audio(self, stream: str, start_ms: int, end_ms: int) -> Pcm16:
        at = np.arange(start_ms * 16, end_ms * 16) % 16_000
        return np.asarray(8_000 * np.sin(2 * np.pi * 300 * at / 16_000), np.int16)


def happenings(more: Sequence[MediaEvent] = (), reason: str = "bye") -> list[MediaEvent]:
    """The turns' segments and the clock's ticks in order of time."""
    timed: list[tuple[int, MediaEvent]] = [(at_ms, ClockTick(at_ms)) for at_ms in range(250, END_MS + 1, 250)]
    for number, (leg, start_ms, end_ms, _) in enumerate(TURNS):
        for at_ms, state in ((start_ms, "started"), (end_ms, "ended")):
            timed.append((at_ms, SpeechSegment(STREAMS[leg], number, state, start_ms, at_ms)))  # type: ignore[arg-type]
    timed += [(one.at_ms, one) for one in more if isinstance(one, MediaNotice)]
    return [event for _, event in sorted(timed, key=lambda one: one[0])] + [CallEnded(END_MS, reason)]


class Faulty(DigitGuard):
    """Cannot judge what is said at 5 s."""

    def hear(self, turn: SpokenTurn) -> Judged:
        if turn.start_ms == 5_000:
            raise RuntimeError("a fault")
        return super().hear(turn)


def live_call(
    files: MemoryFiles,
    sink: FakeSink,
    workers: ThreadPoolExecutor,
    more: Sequence[MediaEvent],
    guard: type[DigitGuard] = DigitGuard,
    unheard: int | None = None,
    reason: str = "bye",
) -> LiveCall:
    """`unheard`: the turn that cannot be decoded; `reason`: for which the call ends."""
    ears = FakeEars({(STREAMS[leg], number): text for number, (leg, _, _, text) in enumerate(TURNS)}, language="es")
    if unheard is not None:
        del ears.words[STREAMS[TURNS[unheard][0]], unheard]
    session = Humming(
        happenings(more, reason), (Participant(stream="a", position=0), Participant(stream="c", position=1))
    )
    ledger, roster = Ledger("call-1", lambda: 1_000_000.0), Roster()
    context = CallContext("CO", "", "collections", "outbound", "es", datetime.date(2026, 11, 24), "opening")
    conversation = Conversation(
        ledger=ledger,
        roster=roster,
        guard=guard("CO", b"key"),
        judge=Judge(load_rules(), context),
        reader=FakeReader(),
        reads=read_here,
        knowledge=None,
        governor=Governor(),
        language="es",
        clock_ms=lambda: 1_000_000.0,
    )
    return LiveCall(
        session=session,
        record=CallRecord("call-1", "org", "c", "collections", "outbound", "es", "CO"),
        ledger=ledger,
        conversation=conversation,
        ears=ears,
        sink=sink,
        decide_roles=lambda participants: [RoleDecision(stream, leg, "member", 1.0) for leg, stream in STREAMS.items()],
        name_of=lambda user: "",
        clock_ms=lambda: 1_000_000.0,
        wall_clock=lambda: 1.0,
        tape=Tape(session=session, files=files, workers=workers, ledger=ledger, roster=roster, retention_days=1),
    )


async def served(
    more: Sequence[MediaEvent] = (),
    guard: type[DigitGuard] = DigitGuard,
    unheard: int | None = None,
    reason: str = "bye",
) -> tuple[list[Fact], Pcm16]:
    files, sink = MemoryFiles(), FakeSink()
    with ThreadPoolExecutor(1) as workers:
        await live_call(files, sink, workers, more, guard, unheard, reason).serve()
    assert files.state == "whole"
    return sink.facts, files.sound()


def told(facts: Sequence[Fact]) -> list[tuple[str, int, object]]:
    return [
        (fact.name, fact.start_ms, fact.data.get("reason"))
        for fact in facts
        if isinstance(fact, CallEvent) and fact.name in ("recording.paused", "recording.resumed")
    ]


async def test_the_card_is_silence_and_the_rest_is_there() -> None:
    facts, sound = await served()
    assert sound.shape == (2, END_MS * 16)
    assert told(facts) == [("recording.paused", 12_000, "card"), ("recording.resumed", 22_000, "card")]
    assert max(loud(sound, 12_700, 22_100)) <= 1
    for start_ms, end_ms in ((500, 11_900), (23_000, END_MS - 100)):
        for at_ms in range(start_ms, end_ms - 500, 500):
            assert min(loud(sound, at_ms, at_ms + 500)) > 5_000, at_ms
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert isinstance(facts[-1], CallEvent)
    assert facts[-1].name == "call.ended"
    assert any("[card]" in fact.text or "[number]" in fact.text for fact in facts if isinstance(fact, Transcript))


@pytest.mark.parametrize(("guard", "unheard"), [(DigitGuard, 1), (Faulty, None)], ids=["unheard", "fault"])
async def test_what_nobody_judged_is_silence(guard: type[DigitGuard], unheard: int | None) -> None:
    facts, sound = await served((), guard, unheard)
    said = [fact.text for fact in facts if isinstance(fact, Transcript)]
    assert len(said) == len(TURNS) - 1
    assert not any("quiero pagar" in text for text in said)
    assert max(loud(sound, 4_800, 8_200)) <= 1
    for start_ms, end_ms in ((500, 4_600), (8_400, 11_900)):
        for at_ms in range(start_ms, end_ms - 500, 500):
            assert min(loud(sound, at_ms, at_ms + 500)) > 5_000, at_ms


async def test_the_last_moments_of_a_call_that_breaks_are_silence_for_the_words_that_were_not_told_of() -> None:
    _, sound = await served(reason="error")
    assert sound.shape == (2, END_MS * 16)
    assert max(loud(sound, END_MS - LEAST_DELAY_MS + 100, END_MS)) <= 1
    assert min(loud(sound, END_MS - LEAST_DELAY_MS - 600, END_MS - LEAST_DELAY_MS - 100)) > 5_000


async def test_a_hold_is_silence_from_the_peer_s_word_to_its_end() -> None:
    facts, sound = await served([MediaNotice(30_000, "call.held"), MediaNotice(34_000, "call.resumed")])
    assert told(facts)[2:] == [("recording.paused", 30_000, "hold"), ("recording.resumed", 34_000, "hold")]
    assert max(loud(sound, 30_100, 33_900)) <= 1
    assert min(loud(sound, 34_200, 39_000)) > 5_000


async def test_what_became_of_the_recording_is_told_also_when_the_call_is_over() -> None:
    class Full(MemoryFiles):
        def close(self) -> None:
            raise OSError(28, "No space left on device")

    files, sink = Full(), FakeSink()
    with ThreadPoolExecutor(1) as workers:
        await live_call(files, sink, workers, ()).serve()
    events = [fact for fact in sink.facts if isinstance(fact, CallEvent)]
    assert [event.name for event in events][-2:] == ["call.ended", "recording.failed"]
    assert events[-1].data == {"reason": "OSError"}
    assert sink.record is not None
    assert sink.record.ended_at == 1.0
