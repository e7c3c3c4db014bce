"""`welcomedly replay --as-it-was`: a call that was kept, from its sealed file, against what the store has of it."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.command_line import parser
from engine.errors import Invalid, NotFound, StartupError
from engine.facts import CallEvent, Fact, decode, encode
from engine.inputs import Inputs
from engine.ports.intake import Participant
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics
from engine.tokens import Token
from engine.vault import open_vault
from models.compliance import load_detectors, load_rules
from models.playbooks import bundled_playbooks
from models.review import bundled_forms, form_for
from pipelines.calls import Calls
from pipelines.commands.as_it_was import play_again
from pipelines.commands.replay import run
from pipelines.notebook import Notebooks
from pipelines.recorder import Recorder
from pipelines.understanding import Understanding
from tests.fakes import FakeEars, FakeSink
from tests.memory_files import MemoryFiles
from tests.pipelines.noted_call import Moody, Shelf
from tests.pipelines.test_recorded_call import STREAMS, TURNS, Humming, happenings
from tests.pipelines.test_recording_commands import ROUTING, FakeRouter


class StoreSink(FakeSink):
    """Straight into the store, but for facts from `killed_at` on, as if the engine had died before."""

    def __init__(self, store: Store, killed_at: int) -> None:
        super().__init__()
        self._store = store
        self._killed_at = killed_at

    async def opened(self, record: CallRecord) -> None:
        await self._store.calls.open(record)

    async def publish(self, record: CallRecord, facts: Sequence[Fact], tokens: Sequence[Token] = ()) -> None:
        await self._store.calls.append(record, [fact for fact in facts if fact.seq < self._killed_at])

    async def changed(self, record: CallRecord) -> None:
        if self._killed_at == sys.maxsize:
            await self._store.calls.change(record)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "keys"))
    return Settings(data_dir=tmp_path / "data", keep_inputs_days=30)


async def opened(settings: Settings, *, data_exist: bool = True) -> Store:
    return await Store.open(settings, open_vault(settings.key_url, settings.data_dir, data_exist=data_exist))


SAID = [text for _, _, _, text in TURNS]
"""With a card in it."""
TELEPHONE = [
    *SAID[:2],
    "¿Me puede dar su número de teléfono?",
    "tres uno cero, cuatro cinco seis",
    "siete ocho, nueve cero",
    *SAID[5:],
]


async def live_call(settings: Settings, killed_at: int = sys.maxsize, said: Sequence[str] = TELEPHONE) -> None:
    """A recorded call of so many turns is served by `Calls`, and kept."""
    store = await opened(settings, data_exist=False)
    organisation = await store.people.add_organisation("Acme", 1.0)
    routing = msgspec.structs.replace(
        ROUTING, organisation_id=organisation, campaign="collections", knowledge="care", members={"1001@pbx": "u"}
    )
    understood = Understanding(
        Moody(), load_rules(), load_detectors(), lambda organisation_id, base: Shelf(), bundled_playbooks()
    )
    loaded: asyncio.Future[Understanding] = asyncio.get_running_loop().create_future()
    loaded.set_result(understood)
    recorder = Recorder(MemoryFiles(), Metrics())
    notebooks = Notebooks(Inputs(store, settings.data_dir, 30))
    calls = Calls(
        router=FakeRouter(routing),
        ears=FakeEars({(STREAMS[TURNS[at][0]], at): text for at, text in enumerate(said)}, language="es"),
        sink=StoreSink(store, killed_at),
        understanding=loaded,
        metrics=Metrics(),
        max_calls=1,
        clock_ms=lambda: 1_000_000.0,
        wall_clock=lambda: 1_800_000_000.0,
        recorder=recorder,
        notebooks=notebooks,
        form_of=lambda routing: form_for(bundled_forms(), routing.campaign),
    )
    calls.begin(Humming(happenings(), (Participant("a", 0, aor="1001@pbx"), Participant("c", 1))))
    await calls.close()
    await asyncio.to_thread(recorder.close)
    await asyncio.to_thread(notebooks.close)
    await store.close()


def kept_file(settings: Settings) -> Path:
    (path,) = (settings.data_dir / "inputs").rglob("*.sealed")
    return path


async def stored(settings: Settings) -> dict[int, Fact]:
    store = await opened(settings)
    organisation = await store.people.organisation_named("Acme")
    facts = [decode(body) for body in await store.calls.all_facts(organisation or "", "call-1")]
    await store.close()
    return {fact.seq: fact for fact in facts}


async def test_a_live_call_is_played_again_as_it_was(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    await live_call(settings)
    before = await stored(settings)
    capsys.readouterr()
    with capture_logs() as logs:
        assert await play_again(settings, "Acme", ["call-1"]) == 0
    read = [(log["call_id"], log["by"]) for log in logs if log["event"] == "inputs.read"]
    assert read == [("call-1", "command")]
    told = capsys.readouterr()
    facts = [decode(line.encode()) for line in told.out.splitlines()]
    for fact in facts:
        assert encode(fact_without(fact)) == encode(fact_without(before[fact.seq]))
    others = {fact.name for seq, fact in before.items() if seq not in {one.seq for one in facts}}  # type: ignore[union-attr]
    assert {"call.answered", "recording.started", "call.ended"} <= others
    assert {name.partition(".")[0] for name in others} <= {"call", "recording"}
    assert told.err.splitlines()[-1] == f"call-1: {len(facts)} facts, each as it was"
    assert "tres uno cero" not in told.out
    with pytest.raises(NotFound, match="Nobody"):
        await play_again(settings, "Nobody", ["call-1"])


async def test_nothing_is_kept_of_a_call_in_which_a_card_is_spoken_of(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for said in (SAID, [*SAID[:2], "¿Cómo va a pagar?", *SAID[3:]]):  # a card that was asked for, and one that was not
        await live_call(settings.model_copy(update={"data_dir": settings.data_dir / str(len(said[2]))}), said=said)
    assert not list(settings.data_dir.rglob("*.sealed"))


async def test_a_call_that_is_not_there_costs_itself_alone(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await live_call(settings)
    capsys.readouterr()
    assert await play_again(settings, "Acme", ["call-9", "call-1"]) == 1
    first, last = capsys.readouterr().err.splitlines()
    assert first == "call-9: no such call"
    assert last.endswith(" facts, each as it was")
    kept_file(settings).unlink()
    assert await play_again(settings, "Acme", ["call-1"]) == 1
    told = "call-1: nothing was kept of what reached the call (KEEP_INPUTS_DAYS)"
    assert capsys.readouterr().err.splitlines()[-1] == told


def fact_without(fact: Fact) -> Fact:
    """Its content."""
    return msgspec.structs.replace(fact, measured=None)


async def test_what_is_not_as_it_was_is_said_without_a_word(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.calls.program_version", lambda: "0.0.9")
    await live_call(settings)
    monkeypatch.setattr("pipelines.commands.as_it_was.load_rules", lambda: [])
    assert await play_again(settings, "Acme", ["call-1"]) == 1
    *_, version, last = capsys.readouterr().err.splitlines()
    assert version.startswith("call-1: was served by version 0.0.9, this is ")
    assert last.startswith("call-1: not as it was: seq ")


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def altered(data: bytes) -> bytes:
    return data[:200] + bytes([data[200] ^ 1]) + data[201:]


async def test_a_file_that_was_cut_is_played_as_far_as_it_goes(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await live_call(settings)
    path = kept_file(settings)
    path.write_bytes(cut(path.read_bytes()))
    assert await play_again(settings, "Acme", ["call-1"]) == 1
    *_, early, last = capsys.readouterr().err.splitlines()
    assert early.startswith("call-1: what was kept of the call ends early, behind seq ")
    assert last.endswith(" facts, each as it was, as far as they go")


@pytest.mark.parametrize("restarted", [True, False])
async def test_facts_that_a_killed_engine_never_stored_are_no_difference(
    settings: Settings, capsys: pytest.CaptureFixture[str], restarted: bool
) -> None:
    await live_call(settings, killed_at=25)
    path = kept_file(settings)
    path.write_bytes(path.read_bytes()[:-20])  # without the mark of its end
    if restarted:
        facts = await stored(settings)
        last = facts[max(facts)]
        assert isinstance(last, CallEvent)
        assert last.data == {"reason": "engine_restarted"}
    capsys.readouterr()
    with capture_logs():
        assert await play_again(settings, "Acme", ["call-1"]) == 1
    told = capsys.readouterr()
    count = sum(decode(line.encode()).seq < 25 for line in told.out.splitlines())
    assert count < len(told.out.splitlines())
    assert told.err.splitlines()[-1] == f"call-1: {count} facts, each as it was, as far as they go"


@pytest.mark.parametrize("break_", [altered, lambda data: b"noise"], ids=["altered", "noise"])
async def test_a_file_that_was_altered_is_said_to_be(
    break_: Callable[[bytes], bytes], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await live_call(settings)
    path = kept_file(settings)
    path.write_bytes(break_(path.read_bytes()))
    assert await play_again(settings, "Acme", ["call-1"]) == 1
    why = "wrong key, or altered" if break_ is altered else "not a sealed file"
    assert capsys.readouterr().err.splitlines()[-1] == f"call-1: what was kept of the call cannot be read: {why}"


@pytest.mark.parametrize(
    "words", [[], ["--as-it-was", "call-1"], ["--as-it-was", "call-1", "--organisation", "Acme", "call.wav"]]
)
def test_a_line_says_what_is_to_be_played(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.replay.set_up_logs", lambda settings: None)
    with pytest.raises(Invalid):
        run(parser().parse_args(["replay", *words]))


async def test_where_there_are_no_data_nothing_is_made(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="no data"):
        await play_again(settings, "Acme", ["call-1"])
    assert os.listdir(tmp_path) == []
