"""Private numbers that are read aloud, as sound through the whole engine: in groups of four and three, with fillers, a
correction and doubled digits, unasked, and with the agent's read-back, in three languages."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from engine.facts import CallEvent, Draft, Fact, Insight, Leg, Pcm16, Transcript, encode
from engine.ports.hearing import Headroom, Heard, ListenJob
from engine.ports.intake import CallOffer, MediaEvent, Participant, Routing
from engine.settings import Settings, load_settings
from engine.telemetry import Metrics
from media.wav_file import FileSession
from models.ears_client import EarsClient, EarsSettings
from models.weights import whisper_dir
from pipelines.calls import Calls
from pipelines.commands.demo import AGENTS
from pipelines.follower import Follower
from pipelines.scorecard import settled_texts
from server import Engine
from tests.fakes import FakeSink, understanding
from tests.leaks import runs, stretches
from tests.real.sound import loudest, played
from tests.real.test_demo_calls import contents
from tests.real.test_recordings import recording

pytestmark = pytest.mark.real

DATA = Path(__file__).parents[1] / "data" / "digits"
CAMPAIGN_NUMBER = "551155550142"
"""Of the seeded care campaign, in the database in clear: fictional numbers resemble each other (555 01xx)."""
PRIVATE = ("card", "cvv", "phone", "cpf")
_jobs = itertools.count(1_000_000)
"""Beyond those of any call here."""


class Turn(msgspec.Struct, frozen=True):
    leg: Leg
    start_ms: int
    end_ms: int
    text: str
    kind: str
    """What is read in it: `card cvv phone cpf`; `harmless`: numbers that everybody may see; or nothing."""

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return start_ms < self.end_ms and self.start_ms < end_ms


class Clip(msgspec.Struct, frozen=True):
    id: str
    language: str
    country: str
    campaign: str
    private: dict[str, str]
    turns: tuple[Turn, ...]

    def holds(self, fact: Fact | Draft) -> set[str]:
        """Kinds of the turns that a fact's span touches on its stream."""
        at = (fact.start_ms, fact.end_ms)
        return {one.kind for one in self.turns if one.leg == fact.stream and one.overlaps(*at)}

    def at(self, start_ms: int, end_ms: int) -> set[str]:
        """Kinds of the turns of anybody in a span."""
        return {one.kind for one in self.turns if one.overlaps(start_ms, end_ms)}


class Dialled(FileSession):
    """A recording that comes in on a campaign's number, its agent known by extension."""

    def __init__(self, clip: Clip, extension: str) -> None:
        super().__init__(DATA / f"{clip.id}.flac", legs=("customer", "agent"))
        agent = Participant("agent", 1, aor=f"{extension}@pbx.example")
        parties = (Participant("customer", 0, aor="customer@carrier.example"), agent)
        self.offer = msgspec.structs.replace(self.offer, to_aor=f"{clip.campaign}@pbx.example", participants=parties)


def clips(kind: str) -> list[Clip]:
    decoder = msgspec.json.Decoder(Clip)
    return [decoder.decode(path.read_bytes()) for path in sorted(DATA.glob(f"{kind}_*.json"))]


async def begin(engine: Engine, clip: Clip) -> str:
    """Serves the clip as a call, as fast as it can be heard; gives the call's id."""
    extension = next(one.extension for one in engine.logins if one.login == AGENTS[clip.campaign])
    session = await asyncio.to_thread(Dialled, clip, extension)
    assert engine._calls is not None
    engine._calls.begin(session)
    return session.offer.call_id


def assert_no_digits(clip: Clip, seen: Sequence[Fact | Draft]) -> None:
    for one in seen:
        # a monotonic clock reads like a card's digits sooner or later: what is measured is no content
        shown = encode(msgspec.structs.replace(one, measured=None)).decode()
        assert not any(stretches(shown, number, 6) for number in clip.private.values()), (clip.id, shown)
        if isinstance(one, Transcript | Draft) and clip.holds(one) & {*PRIVATE}:
            assert all(len(run) < 2 for run in runs(one.text)), (clip.id, one.text)
        if isinstance(one, CallEvent) and one.name == "text.settled" and clip.holds(one) & {*PRIVATE}:
            assert all(len(run) < 2 for run in runs(one.data["text"])), (clip.id, one.data["text"])
        if isinstance(one, Insight):
            for quote in (evidence.quote for evidence in one.evidence if clip.holds(one) & {*PRIVATE}):
                assert all(len(run) < 2 for run in runs(quote)), (clip.id, quote)


def assert_masked_and_released(clip: Clip, facts: Sequence[Fact]) -> None:
    """Every reading ends under a mask, the card under its own; harmless numbers are there to be read."""
    texts = list(settled_texts(facts).values())
    for turn in clip.turns:
        said = " ".join(one.text for one in texts if one.leg == turn.leg and turn.overlaps(one.start_ms, one.end_ms))
        if turn.kind in PRIVATE:
            assert "[" in said, (clip.id, turn.text, said)
        elif turn.kind == "harmless":
            assert "[" not in said, (clip.id, turn.text, said)
    entities = [fact for fact in facts if isinstance(fact, Insight) and fact.kind == "entity"]
    assert "CARD" in {entity.entity_type for entity in entities}, clip.id


def assert_nowhere(spoken: Sequence[Clip], texts: Sequence[str]) -> None:
    numbers = [number for clip in spoken for number in clip.private.values()]
    for text in texts:
        found = " x ".join(runs(text.replace(CAMPAIGN_NUMBER, " x ")))
        assert not any(stretches(found, number, 7) for number in numbers)  # six are in some time stamp one day


async def recorded(engine: Engine, call_id: str, length_ms: int) -> Pcm16:
    """The whole recording, which ends a little after its call."""
    async with asyncio.timeout(30.0):
        while (sound := played(await recording(engine, call_id))).shape[1] < length_ms * 16:
            await asyncio.sleep(0.2)
    return sound


async def still_heard(engine: Engine, clip: Clip, turn: Turn, sound: Pcm16) -> str:
    """Words that whoever plays the recording hears of a turn: those around what is silence."""
    if loudest(sound, turn.start_ms, turn.end_ms) <= 1:
        return ""
    channel = sound[("customer", "agent").index(turn.leg), turn.start_ms * 16 : turn.end_ms * 16]
    job = ListenJob(next(_jobs), "played", turn.leg, 0, "final", time.monotonic() + 60, language=clip.language)
    return (await engine.ears.listen(job, channel)).text


@pytest.mark.parametrize("kind", ["fours", "threes_unasked", "readback"])
async def test_nothing_of_a_number_that_is_read_aloud_is_shown_kept_or_recorded(
    engine: Engine, settings: Settings, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    supervisor = next(one for one in engine.logins if one.role == "supervisor")
    async with Follower(engine.web.url, supervisor.login, supervisor.password, wall=True) as follower:
        calls = {await begin(engine, clip): clip for clip in clips(kind)}
        assert await follower.wait_ended(len(calls), 150.0)
    seen = follower.by_call()
    for call_id, clip in calls.items():
        shown = [one.what for one in seen[call_id]]
        facts = [one for one in shown if not isinstance(one, Draft)]
        assert_no_digits(clip, shown)
        assert_masked_and_released(clip, facts)
        sound = await recorded(engine, call_id, facts[-1].end_ms)
        for turn in clip.turns:
            if turn.kind in ("card", "cvv"):
                assert not runs(await still_heard(engine, clip, turn, sound)), (clip.id, turn.text)
    assert_nowhere(list(calls.values()), [*contents(settings.data_dir), capfd.readouterr().err])


class PatientEars:
    """The engine's ears with all the time in the world: partials are never shed."""

    def __init__(self, ears: EarsClient) -> None:
        self._ears = ears
        self._outstanding = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
        self._outstanding += 1
        self.idle.clear()
        try:
            return await self._ears.listen(msgspec.structs.replace(job, due=time.monotonic() + 600), pcm, draft)
        finally:
            self._outstanding -= 1
            if not self._outstanding:
                self.idle.set()

    def cancel(self, job: int) -> None:
        self._ears.cancel(job)

    def promote(self, job: int, due: float) -> None:
        self._ears.promote(job, due)

    def forget(self, call_id: str) -> None:
        self._ears.forget(call_id)

    def headroom(self) -> Headroom:
        return Headroom(up=True, load=0.0, finals_late_ms=0.0, partials=True)


class Unhurried(Dialled):
    """Goes on only when what came so far has been heard, so that every draft is there before its segment ends."""

    ears: PatientEars

    async def events(self) -> AsyncGenerator[MediaEvent, None]:
        async for event in super().events():
            yield event
            await asyncio.sleep(0)  # the call asks
            await self.ears.idle.wait()


class OneCampaign:
    """Routes every call to itself."""

    def __init__(self, clip: Clip) -> None:
        self._routing = Routing("org", "one", clip.campaign, "inbound", clip.language, clip.country, "", (), "", {}, {})

    def route(self, offer: CallOffer) -> Routing | None:
        return self._routing


async def test_drafts_withhold_digits_while_they_are_being_read(weights: Path) -> None:
    clip = next(one for one in clips("fours") if one.language == "es")
    client = EarsClient(EarsSettings(weights=whisper_dir(load_settings(weights_dir=str(weights))), nice=0))
    ears, sink = PatientEars(client), FakeSink()
    calls = Calls(
        router=OneCampaign(clip),
        ears=ears,
        sink=sink,
        understanding=understanding(),
        metrics=Metrics(),
        max_calls=1,
        clock_ms=lambda: time.monotonic() * 1000,
        wall_clock=time.time,
    )
    await client.start()
    try:
        await client.ready()
        session = await asyncio.to_thread(Unhurried, clip, "1001")
        session.ears = ears
        calls.begin(session)
        async with asyncio.timeout(150.0):
            await sink.ended.wait()
    finally:
        await client.close()
    assert_no_digits(clip, [*sink.facts, *sink.drafts])
    drafts = [one.text for one in sink.drafts if clip.at(one.start_ms, one.end_ms) & {"card", "cvv"}]
    assert len(drafts) >= 5
    assert any("[number]" in text for text in drafts), drafts
