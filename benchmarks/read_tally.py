"""Counts what can be read, found and heard of card payments that were read aloud, and what was silenced in vain."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmarks.card_secrets import Secrets
from benchmarks.card_tally import ENTITY, Note, quotes, texts_with
from benchmarks.heard_payment import Heard
from benchmarks.spoken_payment import FRAME_MS, RATE_HZ, Frames, Spoken, loud_frames
from engine.facts import CallEvent, Draft, Fact, Insight, Transcript
from tests.leaks import stretches, strings

RECORDED_HZ = 16_000
EDGE_MS = 40
"""Of a private part's either end: the recording's frames are not the voice's."""
_IN_FILES = 8
"""Digits of a card in a row: fewer are in some time stamp or cipher."""


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
