"""Card payments read aloud, as live calls through SIPREC and G.711: what can be read, found and heard of them.

    python -m benchmarks.read_payments es [--payments N] [--first N] [--misses]
    python -m benchmarks.read_payments es --joined

The payments are those of `benchmarks.payments`, as they are said: nothing is garbled but by recognition. An open voice
with an accent reads them (`benchmarks.voices`), four calls at once are played in real time into a whole engine that
records, keeps what calls are made of and writes all its logs, and a supervisor follows them. What is compared with
what was said, by whom and when: every draft and final of the span, every fact, each file of the engine's (database,
broker, recordings, inputs), its log, and the recording, 20 ms by 20 ms.

Where a part of a line begins and ends is known to the voice's first and last sound; inside it no word has a time.
"""

import argparse
import asyncio
import io
import itertools
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any

import aiohttp
import av
import msgspec
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.card_secrets import Secrets
from benchmarks.card_tally import ENTITY, Note, quotes, texts_with
from benchmarks.from_audio import added
from benchmarks.load.engine import Running
from benchmarks.load.lines import Player
from benchmarks.load.material import Conversation
from benchmarks.payments import FRESH, Kind, Line, Payment, payments, readable, tokens
from benchmarks.tellers import LANGUAGES
from benchmarks.voices import Sentence, read_aloud, sound_of
from engine.facts import CallEvent, Draft, Fact, Insight, Leg, Pcm16, Transcript
from engine.telemetry import set_up_logs
from media.sip.caller import Caller
from models.display import write
from pipelines.commands.demo import throwaway_settings
from pipelines.follower import Follower
from server import Engine
from tests.leaks import runs, stretches, strings

PAYMENTS = 12
"""In a part, which is a cell: about as much as ten minutes can read and play."""
PARTS = 5
AT_ONCE = 4
RESULTS = Path(__file__).parent / "results"
RATE_HZ, RECORDED_HZ = 8_000, 16_000
LEGS: tuple[Leg, ...] = ("customer", "agent")
VOICES = 5
BEFORE_MS, AFTER_MS, JOIN_MS = 1_500, 2_500, 120
"""Silence before the first line, behind the last, and between the parts of one."""
LONGEST_PAUSE_MS = 4_000
"""Pauses beyond tell nothing that a benchmark's time is worth."""
FRAME_MS = 20
EDGE_MS = 40
"""Of a private part's either end: the recording's frames are not the voice's."""
LOUD = 10 ** (-38 / 20)
"""Of a part's loudest frame: below this nobody speaks."""
ENDED_S = 60.0
_DAYS = 1
Frames = np.ndarray[Any, np.dtype[np.bool_]]
_IN_FILES = 8
"""Digits of a card in a row: fewer are in some time stamp or cipher."""


class Piece(msgspec.Struct, frozen=True):
    """Parts of a line in a row that are all private, or all not."""

    start_ms: int
    end_ms: int
    private: bool


class Said(msgspec.Struct, frozen=True):
    """A line, when it was said, and where its parts are."""

    line: Line
    pieces: tuple[Piece, ...]

    @property
    def start_ms(self) -> int:
        return self.pieces[0].start_ms

    @property
    def end_ms(self) -> int:
        return self.pieces[-1].end_ms

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        return start_ms < self.end_ms and self.start_ms < end_ms


class Spoken(msgspec.Struct, frozen=True):
    """A payment as sound: 8 kHz by leg, all of one length."""

    paid: Payment
    said: tuple[Said, ...]
    sound: dict[str, Pcm16]

    def kinds(self, leg: str, start_ms: int, end_ms: int) -> set[Kind]:
        """Of what is private in the lines that a span of the leg touches."""
        return {kind for one in self._at(leg, start_ms, end_ms) for kind in one.line.kinds}

    def readable(self, leg: str, start_ms: int, end_ms: int, text: str) -> int:
        """Digits and number words of what is private that can be read in a text that is of this span, beyond those of
        what else is said in it. Numbers of two digits and more that nobody said count as well, where something private
        is: they are misheard."""
        lines = [one.line for one in self._at(leg, start_ms, end_ms)]
        private, public = Counter[str](), Counter[str]()
        for part in itertools.chain.from_iterable(line.parts for line in lines):
            (private if part.kind else public).update([*tokens(part.text), *"".join(runs(part.text))])
            if not part.kind:
                public.update("".join(runs(write(part.text, self.paid.language, self.paid.country).text)))
        if not private:
            return 0
        misheard = sum(len(run) for run in runs(text) if len(run) > 1 and not Counter(run) <= public)
        return max(readable(private, public, text), misheard)

    def _at(self, leg: str, start_ms: int, end_ms: int) -> list[Said]:
        return [one for one in self.said if one.line.leg == leg and one.overlaps(start_ms, end_ms)]


class Tally(msgspec.Struct):
    payments: int = 0
    leaking: int = 0
    """Payments of which anything could be read or heard, in files and logs aside."""
    seconds: float = 0.0
    finals: int = 0
    drafts: int = 0
    leaked_in_drafts: int = 0
    leaked_in_words: int = 0
    """Digits and number words in finals, as shown at any moment."""
    leaked_in_proofs: int = 0
    """In what a fact quotes of a final."""
    leaked_in_facts: int = 0
    """Texts in any field of a fact in which three words or four digits of a card, or its code or its date alone, can be
    read."""
    leaked_in_files: int = 0
    """Files with eight digits of a card in a row: the database's, the broker's, recordings, the log."""
    leaked_in_log: int = 0
    """Lines in which three words of a number or six digits of a card can be read."""
    leaked_in_inputs: int = 0
    """Calls with a card that was found of which inputs were kept all the same."""
    leaked_in_sound_ms: int = 0
    """Recorded voice that tells something private."""
    over_muted_s: list[float] = []
    """Voice that tells nothing private and is silent in a recording that goes on, by payment, but for that amid a
    number."""
    cut_amid_s: list[float] = []
    paused_s: list[float] = []
    """The same while the recording is paused: from when a card is asked for, or begun, until it has been read."""
    entities: dict[str, dict[str, int]] = {}
    """`found` and `wanted` by type: one of each a payment that has it."""
    false_entities: int = 0
    """Cards, codes and dates found where none was said."""
    wrong_last4: int = 0
    """Cards found whose last four digits are another's."""


# ─── sound ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def sentences(paid: Payment, number: int) -> list[list[tuple[Sentence, bool]]]:
    """What is read by line, and whether it is private. Both have their own voice, another pair in each payment."""
    return [list(_pieces(line, paid.language, number)) for line in paid.lines]


def _pieces(line: Line, language: str, number: int) -> Iterator[tuple[Sentence, bool]]:
    voice = number % VOICES if line.leg == "customer" else (number + 2) % VOICES
    for private, parts in itertools.groupby(line.parts, lambda part: part.kind is not None):
        if text := " ".join(part.text.strip() for part in parts).strip(" ,.-"):
            yield Sentence(text, language, voice), private


def spoken(paid: Payment, number: int) -> Spoken:
    """The call's sound. What it is made of must have been read aloud."""
    said, at = list[Said](), BEFORE_MS
    placed: list[tuple[Leg, int, Pcm16]] = []
    for line, parts in zip(paid.lines, sentences(paid, number), strict=True):
        at += min(line.pause_ms, LONGEST_PAUSE_MS)
        pieces = []
        for sentence, private in parts:
            voice = voiced(sound_of(sentence, RATE_HZ))
            placed.append((line.leg, at, voice))
            pieces.append(Piece(at, at + _ms(voice), private))
            at = pieces[-1].end_ms + JOIN_MS
        if pieces:
            said.append(Said(line, tuple(pieces)))
    length = (at + AFTER_MS) * RATE_HZ // 1000
    sounds = dict[str, Pcm16]({leg: np.zeros(length, np.int16) for leg in LEGS})
    for leg, start_ms, voice in placed:
        first = start_ms * RATE_HZ // 1000
        sounds[leg][first : first + len(voice)] = voice
    return Spoken(paid, tuple(said), sounds)


def voiced(sound: Pcm16) -> Pcm16:
    """Without the silence at its ends, cut to whole frames."""
    loud = np.flatnonzero(loud_frames(sound, RATE_HZ))
    size = RATE_HZ * FRAME_MS // 1000
    return sound[loud[0] * size : (loud[-1] + 1) * size] if len(loud) else sound[:size]


def loud_frames(sound: Pcm16, rate_hz: int) -> Frames:
    """By frame, whether somebody speaks in it."""
    size = rate_hz * FRAME_MS // 1000
    frames = sound[: len(sound) // size * size].reshape(-1, size).astype(np.float32)
    level = np.sqrt(np.mean(frames**2, axis=1)) if len(frames) else np.zeros(0, np.float32)
    return level > max(1.0, LOUD * float(level.max(initial=0.0)))


def _ms(sound: Pcm16) -> int:
    return len(sound) * 1000 // RATE_HZ


# ─── a call ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Heard(msgspec.Struct, frozen=True):
    """What an engine made of a payment."""

    call: Spoken
    call_id: str
    shown: tuple[Fact | Draft, ...]
    recording: Pcm16
    """int16[channels, samples] at 16 kHz."""


async def play(calls: Sequence[Spoken], folder: Path) -> list[Heard]:
    """Plays them into an engine with its data in the folder. Raises `RuntimeError` when a call was not served."""
    settings = throwaway_settings(folder, max_calls=2 * AT_ONCE)
    settings = settings.model_copy(update={"keep_inputs_days": _DAYS, "log_level": "debug"})
    set_up_logs(settings)
    async with Engine(settings) as engine:
        await engine.start(seed=True)
        await engine.ready()
        supervisor = next(one for one in engine.logins if one.role == "supervisor")
        async with Follower(engine.url, supervisor.login, supervisor.password, wall=True) as follower:
            ids = await _dialogs(engine, calls)
            if not await follower.wait_ended(len(calls), ENDED_S):
                raise RuntimeError("not every call was seen to end")
        by_call = follower.by_call()
        call_of = {
            what.data["correlation"]["call-id"]: call_id
            for call_id, seen in by_call.items()
            for what in (one.what for one in seen)
            if isinstance(what, CallEvent) and what.name == "call.answered"
        }
        heard = []
        async with aiohttp.ClientSession(
            engine.url, cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": engine.url}
        ) as http:
            await http.post("/api/login", json={"user": supervisor.login, "password": supervisor.password})
            for call, dialog in zip(calls, ids, strict=True):
                call_id = call_of[dialog]
                shown = tuple(one.what for one in by_call[call_id])
                heard.append(Heard(call, call_id, shown, await _recording(http, call_id)))
    return heard


async def _dialogs(engine: Engine, calls: Sequence[Spoken]) -> list[str]:
    """Plays the calls, so many at once; their SIP Call-IDs."""
    turns, dialogs = asyncio.Semaphore(AT_ONCE), dict[int, str]()
    running = Running(os.getpid(), engine.url, engine.sip_port, tuple(engine.logins))

    async def one(number: int, caller: Caller) -> None:
        call = calls[number]
        async with turns:
            player = Player(running, caller)
            await player.call(Conversation(call.paid.language, call.sound, ()))
            (placed,) = player.placed
            if placed.ended != "bye":
                raise RuntimeError(f"a call was cut short: {placed.ended}")
            dialogs[number] = placed.dialog_id

    async with Caller() as caller:
        await asyncio.gather(*(one(number, caller) for number in range(len(calls))))
    return [dialogs[number] for number in range(len(calls))]


async def _recording(http: aiohttp.ClientSession, call_id: str) -> Pcm16:
    """As a supervisor downloads it, once its file is closed."""
    async with asyncio.timeout(ENDED_S):
        while True:
            async with http.get(f"/api/calls/{call_id}/recording") as answer:
                answer.raise_for_status()
                if answer.headers["Recording-Complete"] == "?1":
                    return await asyncio.to_thread(_decoded, await answer.read())
            await asyncio.sleep(0.2)


def _decoded(data: bytes) -> Pcm16:
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.asarray(np.rint(np.concatenate(frames, axis=1)[:, ::3] * 32768), np.int16)


# ─── counting ────────────────────────────────────────────────────────────────────────────────────────────────────────


def count(heard: Heard, tally: Tally, note: Note) -> None:
    """Adds a call to the tally; `note` gets a line for each thing that is not as it should be."""
    before = _leaks(tally)
    call, spans = heard.call, dict[int, Transcript]()
    secrets, found = Secrets(call.paid), set[str]()
    tally.payments += 1
    tally.seconds = round(tally.seconds + len(call.sound["agent"]) / RATE_HZ, 1)
    for what in heard.shown:
        if isinstance(what, Transcript):
            spans[what.turn] = what
        _shown(what, call, spans, tally, note)
        if isinstance(what, Insight) and what.kind == "entity" and what.entity_type in ENTITY.values():
            found.add(what.entity_type)
            turn = spans[what.turn]
            if what.entity_type not in {ENTITY[kind] for kind in call.kinds(turn.leg, turn.start_ms, turn.end_ms)}:
                tally.false_entities += 1
                note(f"false {what.entity_type}: {turn.text!r}")
            if what.last4 and what.last4 != call.paid.card[-4:]:
                tally.wrong_last4 += 1
                note(f"last four of another: {turn.text!r} of {_story(call)}")
        told = msgspec.to_builtins(what)
        told.pop("measured", None)
        told.get("data", {}).pop("correlation", None)  # a call's own ids are random digits
        for text in texts_with(secrets, told):
            tally.leaked_in_facts += 1
            note(f"fact: {text!r} in {told}")
    for kind in {kind for one in call.said for kind in one.line.kinds}:
        counts = tally.entities.setdefault(ENTITY[kind], {"found": 0, "wanted": 0})
        counts["found"] += ENTITY[kind] in found
        counts["wanted"] += 1
        if ENTITY[kind] not in found:
            note(f"no {ENTITY[kind]}: {' / '.join(one.line.text for one in call.said if one.line.kinds)}")
    _sound(heard, tally, note)
    tally.leaking += _leaks(tally) > before


def _leaks(tally: Tally) -> int:
    return sum(getattr(tally, name) for name in tally.__struct_fields__ if name.startswith("leaked"))


def _shown(what: Fact | Draft, call: Spoken, spans: Mapping[int, Transcript], tally: Tally, note: Note) -> None:
    match what:
        case Draft():
            tally.drafts += 1
            leaked, text = _most(call, what, what.text)
            tally.leaked_in_drafts += leaked
        case Transcript():
            tally.finals += 1
            leaked, text = _most(call, what, what.text, what.display)
            tally.leaked_in_words += leaked
        case CallEvent(name="text.settled"):
            turn = spans[what.data["turn"]]
            leaked, text = _most(call, turn, what.data["text"], what.data.get("display", ""))
            tally.leaked_in_words += leaked
        case Insight(kind="entity") | CallEvent(name="playbook.changed"):
            return  # a card's last four may be told; texts beside a playbook's turns are its own
        case _:
            leaked, text = 0, ""
            for number, quote in quotes(msgspec.to_builtins(what)):
                if (quoted := spans.get(number)) and (read := _most(call, quoted, quote)[0]):
                    leaked, text = leaked + read, quote
            tally.leaked_in_proofs += leaked
    if leaked:
        note(f"{type(what).__name__}: {leaked} of {text!r} at {getattr(what, 'start_ms', '')} ms of {_story(call)}")


def _most(call: Spoken, of: Transcript | Draft, *texts: str) -> tuple[int, str]:
    """Of forms of the same words the one that tells most, and how much."""
    return max((call.readable(of.leg, of.start_ms, of.end_ms, text), text) for text in texts)


def _sound(heard: Heard, tally: Tally, note: Note) -> None:
    size = RECORDED_HZ * FRAME_MS // 1000
    recorded = heard.recording[:, : heard.recording.shape[1] // size * size].astype(np.int32)
    kept = np.abs(recorded).reshape(len(recorded), -1, size).max(axis=(0, 2)) > 1  # 1 is silence as a decoder gives it
    paused = _paused(heard.shown, len(kept))
    silent_ms = {"over": 0, "amid": 0, "paused": 0}
    for one in heard.call.said:
        loud = loud_frames(heard.call.sound[one.line.leg], RATE_HZ)
        private = [piece for piece in one.pieces if piece.private]
        for piece in one.pieces:
            edge = EDGE_MS if piece.private else 0
            frames = slice((piece.start_ms + edge) // FRAME_MS, (piece.end_ms - edge) // FRAME_MS)
            voice = loud[frames] & _of_length(~kept[frames], len(loud[frames]), beyond=True)
            if piece.private and (recorded_ms := int((loud[frames] & ~voice).sum()) * FRAME_MS):
                tally.leaked_in_sound_ms += recorded_ms
                note(f"sound: {recorded_ms} of {piece.end_ms - piece.start_ms} ms at {piece.start_ms} of {one}")
            elif not piece.private:
                waits = voice & _of_length(paused[frames], len(voice), beyond=False)
                inside = private and private[0].start_ms < piece.start_ms < private[-1].end_ms
                silent_ms["paused"] += int(waits.sum()) * FRAME_MS
                silent_ms["amid" if inside else "over"] += int((voice & ~waits).sum()) * FRAME_MS
    tally.over_muted_s.append(silent_ms["over"] / 1000)
    tally.cut_amid_s.append(silent_ms["amid"] / 1000)
    tally.paused_s.append(silent_ms["paused"] / 1000)


def _paused(shown: Sequence[Fact | Draft], length: int) -> Frames:
    """By frame, whether the recording was paused."""
    paused, since = np.zeros(length, np.bool_), None
    for what in shown:
        if not isinstance(what, CallEvent):
            continue
        if what.name == "recording.paused" and since is None:
            since = what.start_ms // FRAME_MS
        elif what.name in ("recording.resumed", "call.ended") and since is not None:
            paused[since : what.start_ms // FRAME_MS], since = True, None
    return paused


def _of_length(frames: Frames, length: int, *, beyond: bool) -> Frames:
    """A recording may end before its call's last word."""
    return np.pad(frames, (0, length - len(frames)), constant_values=beyond)


def _story(call: Spoken) -> str:
    return " / ".join(f"{one.line.leg[0]} {one.start_ms}: {one.line.text}" for one in call.said)


def count_files(heard: Sequence[Heard], folder: Path, log: str, tally: Tally, note: Note) -> None:
    """Everything that an engine left behind; its log apart."""
    for path in (path for path in folder.rglob("*") if path.is_file()):
        text = path.read_bytes().decode("utf-8", "ignore")
        for one in heard:
            if found := stretches(text, one.call.paid.card, _IN_FILES):
                tally.leaked_in_files += 1
                note(f"file {path.name}: {found}")
    secrets = [Secrets(one.call.paid) for one in heard]
    for line in log.splitlines():
        if any(one.said_in(text) for text in _logged(line) for one in secrets):
            tally.leaked_in_log += 1
            note(f"log: {line}")
    with_card = {
        one.call_id: one
        for one in heard
        if any(isinstance(what, Insight) and what.entity_type == "CARD" for what in one.shown)
    }
    for path in folder.rglob("inputs/*/*.sealed"):
        if path.stem in with_card:
            tally.leaked_in_inputs += 1
            note(f"inputs kept: {_story(with_card[path.stem].call)}")


def _logged(line: str) -> Iterator[str]:
    """Texts of a line: the digits of its time and of what was measured are nobody's."""
    try:
        entry = msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.MsgspecError:
        yield line
    else:
        yield from strings(entry, frozenset({"timestamp"}))


def measure(language: str, number: int, first: int, note: Note = lambda _: None) -> dict[str, Any]:
    """Of so many payments of a language, from number `first` on. Blocking."""
    paid = list(payments(language, number, first, aloud=True))
    wanted = [one for at, each in enumerate(paid, first) for line in sentences(each, at) for one, _ in line]
    read_aloud(wanted)
    calls = [spoken(each, at) for at, each in enumerate(paid, first)]
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as name:
        folder = Path(name)
        with _stderr_in(folder / "log"):
            heard = asyncio.run(play(calls, folder))
        log = (folder / "log").read_text("utf-8", "replace")
        for one in heard:
            count(one, tally, note)
        count_files(heard, folder, log, tally, note)
    counted: dict[str, Any] = msgspec.to_builtins(tally)
    return counted


@contextmanager
def _stderr_in(path: Path) -> Iterator[None]:
    """What this process and its children write there goes into the file instead."""
    sys.stderr.flush()
    before = os.dup(2)
    try:
        with path.open("wb") as file:
            os.dup2(file.fileno(), 2)
            yield
    finally:
        sys.stderr.flush()
        os.dup2(before, 2)
        os.close(before)


# ─── cells ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def cell(language: str, part: int) -> dict[str, Any]:
    return measure(language, PAYMENTS, FRESH + (part - 1) * PAYMENTS)


CELLS = {
    f"accuracy.read_payments.{language}.{part}": partial(cell, language, part)
    for language in LANGUAGES
    for part in range(1, PARTS + 1)
}


def results(language: str) -> list[dict[str, Any]]:
    """Of the language's parts that have run as cells."""
    paths = (RESULTS / f"accuracy.read_payments.{language}.{part}.json" for part in range(1, PARTS + 1))
    return [json.loads(path.read_text("utf-8"))["result"] for path in paths if path.exists()]


def joined(parts: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts of all parts as one; what is of each payment, one after the other."""
    return reduce(added, parts)


def table(title: str, counted: Mapping[str, Any]) -> Table:
    found = Table("", title, title=f"{counted['payments']} card payments read aloud")
    for name, value in counted.items():
        found.add_row(name.replace("_", " "), _told(value))
    return found


def _told(value: Any) -> str:
    if isinstance(value, list):
        shares = " ".join(f"p{share} {np.percentile(value, share):.2f}" for share in (50, 95))
        return f"mean {np.mean(value):.2f} {shares} worst {max(value):.2f}"
    if isinstance(value, dict):
        return "\n".join(f"{name} {one['found']} of {one['wanted']}" for name, one in sorted(value.items()))
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read_payments", description=__doc__.splitlines()[0])
    parser.add_argument("language", choices=LANGUAGES)
    parser.add_argument("--payments", type=int, default=PAYMENTS)
    parser.add_argument("--first", type=int, default=0, help=f"number of the first; from {FRESH} on they are fresh")
    parser.add_argument("--misses", action="store_true", help="print what leaked, was missed or was cut in vain")
    parser.add_argument("--joined", action="store_true", help="add up the parts that have run as cells")
    given = parser.parse_args()
    note: Note = (lambda line: print(line, file=sys.stderr)) if given.misses else lambda _: None
    if not given.joined:
        Console().print(table(given.language, measure(given.language, given.payments, given.first, note)))
    elif parts := results(given.language):
        Console().print(table(f"{given.language}, {len(parts)} of {PARTS} parts", joined(parts)))
    else:
        parser.error(f"no part has run: `python -m benchmarks accuracy.read_payments.{given.language}.1` is the first")


if __name__ == "__main__":
    main()
