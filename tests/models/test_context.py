"""What a segment is heard after."""

import asyncio

import msgspec
import numpy as np
import pytest

from engine.ports import Heard, ListenJob, ListenKind
from models.context import FORGET_NUMBER_S, Contexts, fits
from models.decoding import RATE_HZ

PCM = np.full(RATE_HZ, 7, np.int16)


def job(number: int, segment: int, *, kind: ListenKind = "final", stream: str = "a") -> ListenJob:
    return ListenJob(job=number, call_id="c", stream=stream, segment=segment, kind=kind, due=0.0)


def heard(number: int, text: str, *, confidence: float = 0.9, shed: str = "") -> Heard:
    return Heard(job=number, text=text, language="en", confidence=confidence, shed=shed)


def test_the_segment_before_is_the_context() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question."), 0.0)
    context = contexts.of(job(2, 1))
    assert context is not None
    assert context[1] == "Good question."
    assert np.array_equal(context[0][: len(PCM)], PCM)
    assert not context[0][len(PCM) :].any()


def test_another_stream_and_a_later_segment_have_none() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question."), 0.0)
    assert contexts.of(job(2, 1, stream="b")) is None
    assert contexts.of(job(2, 2)) is None


def test_doubtful_words_and_silence_are_no_context() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Sikonel", confidence=0.4), 0.0)
    assert contexts.of(job(2, 1)) is None
    contexts.answered(job(2, 1), PCM, heard(2, ""), 0.0)
    assert contexts.of(job(3, 2)) is None


def test_what_was_asked_last_of_a_segment_counts_and_what_was_shed_does_not() -> None:
    contexts = Contexts()
    contexts.answered(job(2, 0), PCM, heard(2, "whole"), 0.0)
    contexts.answered(job(1, 0, kind="speculation"), PCM, heard(1, "who"), 0.0)
    contexts.answered(job(3, 0), PCM, heard(3, "", shed="cancelled"), 0.0)
    context = contexts.of(job(4, 1))
    assert context is not None
    assert context[1] == "whole"


async def test_a_segment_waits_for_the_one_before_on_its_stream() -> None:
    contexts = Contexts()
    answer: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
    contexts.ask(job(1, 0), answer)
    assert contexts.before(job(2, 1)) == [answer]
    assert contexts.before(job(2, 0)) == []
    assert contexts.before(job(2, 1, stream="b")) == []
    contexts.answered(job(1, 0), PCM, heard(1, "yes"), 0.0)
    assert contexts.before(job(2, 1)) == []
    answer.cancel()


def test_streams_are_forgotten_after_ten_minutes() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "old"), 0.0)
    contexts.answered(job(2, 0, stream="b"), PCM, heard(2, "new"), 601.0)
    assert contexts.of(job(3, 1)) is None
    assert contexts.of(job(4, 1, stream="b")) is not None


def test_a_call_that_is_over_is_forgotten_and_no_other() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "old"), 0.0)
    other = msgspec.structs.replace(job(2, 0), call_id="d")
    contexts.answered(other, PCM, heard(2, "new"), 0.0)
    contexts.forget("c")
    assert contexts.of(job(3, 1)) is None
    assert contexts.of(msgspec.structs.replace(other, job=4, segment=1)) is not None


@pytest.mark.parametrize(
    ("said", "capture"), [("Cuatro cinco tres nueve.", False), ("4539", False), ("one, two", False), ("Una una", True)]
)
def test_a_number_orients_the_next_segment_and_is_not_kept(said: str, capture: bool) -> None:
    contexts = Contexts()
    number = msgspec.structs.replace(job(1, 0), capture=capture)
    contexts.answered(number, PCM, heard(1, said), 0.0)
    assert contexts.of(job(2, 1)) is not None
    contexts.forget_old(FORGET_NUMBER_S)
    assert contexts.of(job(2, 1)) is None


def test_other_words_are_kept_for_longer() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question, just one moment."), 0.0)
    contexts.forget_old(FORGET_NUMBER_S)
    assert contexts.of(job(2, 1)) is not None


def test_two_segments_share_a_window_of_nine_seconds() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), np.ones(5 * RATE_HZ, np.int16), heard(1, "long"), 0.0)
    context = contexts.of(job(2, 1))
    assert context is not None
    assert fits(context[0], np.ones(4 * RATE_HZ, np.int16))
    assert not fits(context[0], np.ones(4 * RATE_HZ + 1, np.int16))
