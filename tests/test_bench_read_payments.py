"""What the benchmark of card payments that are read aloud counts, and how a payment becomes a call."""

import wave
from pathlib import Path
from typing import TypedDict

import numpy as np
import pytest

from benchmarks import voices
from benchmarks.heard_payment import Heard
from benchmarks.payments import FRESH, Line, Part, Payment, payments
from benchmarks.read_payments import CELLS, joined, table
from benchmarks.read_tally import Tally, count, count_files
from benchmarks.spoken_payment import (
    AFTER_MS,
    BEFORE_MS,
    FRAME_MS,
    JOIN_MS,
    Piece,
    Said,
    Spoken,
    sentences,
    spoken,
    voiced,
)
from engine.facts import CallEvent, Draft, Fact, Insight, Leg, Pcm16, Transcript

ASKED = Line("agent", (Part("¿El número, en cuatro grupos?"),))
GROUPS = Line("customer", (Part("Anote,"), Part("cuatro cinco tres dos", "card")))
CODE = Line("customer", (Part("nueve uno siete", "cvv"),))
PAID = Payment("es", "CO", "4532015112830366", "917", "0428", (ASKED, GROUPS, CODE))
TONE = (8_000 * np.sin(np.arange(8_000) * 0.3)).astype(np.int16)
"""A second."""


class At(TypedDict):
    stream: str
    leg: Leg
    start_ms: int
    end_ms: int


def call() -> Spoken:
    """Four seconds of each line's second: the question, "Anote," with the groups, the code."""
    silence = np.zeros_like(TONE)
    said = (
        Said(ASKED, (Piece(0, 1_000, private=False),)),
        Said(GROUPS, (Piece(1_000, 2_000, private=False), Piece(2_000, 3_000, private=True))),
        Said(CODE, (Piece(3_000, 4_000, private=True),)),
    )
    sound = {
        "agent": np.concatenate([TONE, silence, silence, silence]),
        "customer": np.concatenate([silence, TONE, TONE, TONE]),
    }
    return Spoken(PAID, said, sound)


def recorded(*seconds: int) -> Pcm16:
    """A recording in which only these seconds have a sound."""
    sound = np.zeros((2, 4 * 16_000), np.int16)
    for second in seconds:
        sound[1, second * 16_000 : (second + 1) * 16_000] = 500
    return sound


def counted(*shown: Fact | Draft, recording: Pcm16 | None = None) -> Tally:
    tally = Tally()
    count(Heard(call(), "c", shown, recorded(0, 1) if recording is None else recording), tally, lambda _: None)
    return tally


def final(text: str, start_ms: int, end_ms: int, *, turn: int = 5, display: str = "") -> Transcript:
    at = At(stream="customer", leg="customer", start_ms=start_ms, end_ms=end_ms)
    return Transcript(call_id="c", seq=turn, turn=turn, text=text, display=display, **at)


@pytest.mark.parametrize(
    ("text", "display", "leaked"),
    [
        ("Anote, [card]", "", 0),
        ("Anote, cuatro [card]", "", 1),
        ("Anote, [card]", "Anote, 4532", 4),
        ("Anote, sesenta y ocho [card]", "", 2),  # nobody said that: it was misheard
        ("Un momento. [card]", "", 0),
        ("Anote 25, [card]", "", 2),
    ],
)
def test_digits_of_a_final_that_tells_some_are_counted_also_when_they_are_misheard(
    text: str, display: str, leaked: int
) -> None:
    assert counted(final(text, 1_050, 2_950, display=display)).leaked_in_words == leaked


def test_what_was_said_before_is_nobodys_secret() -> None:
    tally = counted(final("cuatro grupos", 0, 900), final("cuarenta y dos", 100, 800, turn=6))
    assert (tally.finals, tally.leaked_in_words, tally.leaking) == (2, 0, 0)


def test_drafts_quotes_and_texts_that_are_settled_are_looked_at_by_the_span_they_are_of() -> None:
    at = At(stream="customer", leg="customer", start_ms=3_100, end_ms=3_900)
    draft = Draft(call_id="c", segment=1, revision=1, text="nueve", **at)
    settled = CallEvent(call_id="c", seq=6, name="text.settled", data={"turn": 5, "text": "cinco tres [card]"})
    proof = {"text": "cuatro cinco", "turn": 5, "leg": "customer"}
    wrap_up = CallEvent(call_id="c", seq=7, name="wrap_up.proposed", data={"promises": [proof]})
    tally = counted(draft, final("Anote, [number]", 1_050, 2_950), settled, wrap_up)
    assert (tally.leaked_in_drafts, tally.leaked_in_words, tally.leaked_in_proofs) == (1, 2, 2)
    assert tally.leaking == 1


def test_a_code_in_any_field_of_a_fact_is_counted() -> None:
    tally = counted(CallEvent(call_id="c", seq=9, name="card.worded", data={"sources": [{"title": "Código 917"}]}))
    assert tally.leaked_in_facts == 1


def test_a_calls_own_ids_are_no_digits_of_a_card() -> None:
    answered = {"correlation": {"call-id": "ab4532cd@127.0.0.1"}}
    assert counted(CallEvent(call_id="c", seq=1, name="call.answered", data=answered)).leaking == 0


def test_entities_are_wanted_once_a_payment_and_false_where_nothing_private_was_said() -> None:
    found = [
        Insight(call_id="c", seq=8, kind="entity", turn=5, entity_type="CARD", last4="0366"),
        Insight(call_id="c", seq=9, kind="entity", turn=4, entity_type="CVV"),
        Insight(call_id="c", seq=10, kind="entity", turn=5, entity_type="CARD", last4="0000"),
    ]
    tally = counted(final("dos cuotas", 0, 900, turn=4), final("Anote, [card]", 1_050, 2_950), *found)
    assert tally.entities == {"CARD": {"found": 1, "wanted": 1}, "CVV": {"found": 1, "wanted": 1}}
    assert (tally.false_entities, tally.wrong_last4) == (1, 1)


@pytest.mark.parametrize(
    ("seconds", "leaked_ms", "over_s"),
    [((0, 1), 0, 0.0), ((0,), 0, 1.0), ((), 0, 2.0), ((0, 1, 3), 920, 0.0), ((0, 1, 2, 3), 1_840, 0.0)],
)
def test_sound_is_compared_with_what_was_said_in_it(seconds: tuple[int, ...], leaked_ms: int, over_s: float) -> None:
    tally = counted(recording=recorded(*seconds))
    assert tally.leaked_in_sound_ms == leaked_ms
    assert tally.over_muted_s == [over_s]


def test_what_is_silent_while_the_recording_is_paused_is_counted_apart() -> None:
    paused = CallEvent(call_id="c", seq=6, name="recording.paused", start_ms=500, end_ms=500, data={"reason": "card"})
    again = CallEvent(call_id="c", seq=7, name="recording.paused", start_ms=600, end_ms=600, data={"reason": "hold"})
    resumed = CallEvent(call_id="c", seq=8, name="recording.resumed", start_ms=1_500, end_ms=1_500)
    tally = counted(paused, again, resumed, recording=recorded())
    assert (tally.paused_s, tally.over_muted_s) == ([1.0], [1.0])


def test_a_recording_that_ends_early_is_silent_from_there_on() -> None:
    assert counted(recording=recorded(0)[:, :16_000]).over_muted_s == [1.0]


def test_files_logs_and_inputs_that_were_kept_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "facts.db").write_bytes(b"\x00 45320151 \xff")
    (tmp_path / "data" / "inputs" / "org").mkdir(parents=True)
    (tmp_path / "data" / "inputs" / "org" / "c.sealed").write_bytes(b"sealed")
    (tmp_path / "outbox").write_text("quatro cinco três dois zero um cinco um", "utf-8")
    log = """started on port 45320
heard: cinco tres dos
{"timestamp": "2026-11-30T21:45:32.015112Z", "event": "rtp", "ms": 4532.015112}
{"timestamp": "2026-11-30T21:45:32.015112Z", "event": "heard", "text": "4532 0151"}"""
    heard = Heard(
        call(), "c", (Insight(call_id="c", seq=8, kind="entity", turn=5, entity_type="CARD"),), recorded(0, 1)
    )
    tally = Tally()
    count_files([heard], tmp_path, log, tally, lambda _: None)
    assert (tally.leaked_in_files, tally.leaked_in_log, tally.leaked_in_inputs) == (2, 2, 1)


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_what_a_voice_is_given_has_no_figures_and_is_parted_by_what_is_private(language: str) -> None:
    for number, paid in enumerate(payments(language, 40, FRESH, aloud=True)):
        for line, parts in zip(paid.lines, sentences(paid, number), strict=True):
            assert not any(char.isdigit() for one, private in parts if private for char in one.text)
            assert any(private for _, private in parts) == bool(line.kinds)
            assert len({one.voice for one, _ in parts}) == 1


def test_parts_of_a_line_stand_one_after_the_other_on_its_leg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voices, "READ", tmp_path)
    quiet = np.zeros(4_000, np.int16)
    for parts in sentences(PAID, 3):
        for sentence, _ in parts:
            with wave.open(str(sentence.path), "wb") as file:
                file.setparams((1, 2, 8_000, 0, "NONE", ""))
                file.writeframes(np.concatenate([quiet, TONE, quiet]).astype("<i2").tobytes())
    made = spoken(PAID, 3)
    starts = [piece.start_ms for one in made.said for piece in one.pieces]
    assert starts[0] == BEFORE_MS + 400
    assert starts[2] - starts[1] == 1_000 + JOIN_MS
    assert len(made.sound["agent"]) == len(made.sound["customer"]) == (starts[-1] + 1_000 + JOIN_MS + AFTER_MS) * 8
    at = starts[1] * 8
    assert np.abs(made.sound["customer"][at : at + 8_000]).max() > 7_000
    assert not made.sound["agent"][at : at + 8_000].any()


def test_silence_at_a_voices_ends_is_no_part_of_it() -> None:
    quiet = np.zeros(4_000, np.int16)
    assert len(voiced(np.concatenate([quiet, TONE, quiet]))) == len(TONE)
    assert len(voiced(quiet)) == 8 * FRAME_MS


def test_parts_add_up_and_every_part_is_a_cell_of_its_own() -> None:
    one = {"payments": 12, "over_muted_s": [0.1, 0.3], "entities": {"CARD": {"found": 9, "wanted": 12}}}
    whole = joined([one, one])
    entities = {"CARD": {"found": 18, "wanted": 24}}
    assert whole == {"payments": 24, "over_muted_s": [0.1, 0.3] * 2, "entities": entities}
    assert table("es", whole).row_count == 3
    assert list(CELLS)[:2] == ["accuracy.read_payments.es.1", "accuracy.read_payments.es.2"]
    assert len(CELLS) == 15
