"""What a segment is heard after."""

import asyncio

import msgspec
import numpy as np
import pytest

from engine.ports.hearing import Heard, HeardWord, ListenJob, ListenKind
from models.context import FORGET_NUMBER_S, LONGEST_OF_NUMBER_S, Contexts, longest_s
from models.decoding import RATE_HZ

PCM = np.full(RATE_HZ, 7, np.int16)
GAP = RATE_HZ * 2 // 5


def job(number: int, segment: int, *after: tuple[str, int], kind: ListenKind = "final", stream: str = "a") -> ListenJob:
    return ListenJob(job=number, call_id="c", stream=stream, segment=segment, kind=kind, due=0.0, after=after)


def heard(number: int, text: str, *, confidence: float = 0.9, shed: str = "", language: str = "en") -> Heard:
    return Heard(job=number, text=text, language=language, confidence=confidence, shed=shed)


def said_before(contexts: Contexts, asking: ListenJob, samples: int = RATE_HZ) -> str:
    context = contexts.of(asking, samples)
    return context[1] if context else ""


def test_what_was_said_before_is_the_context_whoever_said_it() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question."), 0.0)
    contexts.answered(job(2, 0, stream="b"), 2 * PCM, heard(2, "Is it?"), 0.0)
    context = contexts.of(job(3, 1, ("b", 0), ("a", 0)), RATE_HZ)
    assert context is not None
    assert context[1] == "Good question. Is it?"
    assert np.array_equal(context[0][: len(PCM)], PCM)
    assert not context[0][len(PCM) : len(PCM) + GAP].any()
    assert np.array_equal(context[0][len(PCM) + GAP : -GAP], 2 * PCM)
    assert not context[0][-GAP:].any()


def test_a_segment_that_is_not_named_or_was_not_heard_is_none() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question."), 0.0)
    assert said_before(contexts, job(2, 1)) == ""
    assert said_before(contexts, job(2, 2, ("a", 1), ("a", 0))) == ""


def test_context_ends_at_doubtful_words_at_silence_and_at_another_language() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "One."), 0.0)
    for unclear in (heard(2, "Sikonel", confidence=0.4), heard(2, "")):
        contexts.answered(job(2, 1), PCM, unclear, 0.0)
        assert said_before(contexts, job(3, 2, ("a", 1), ("a", 0))) == ""
    contexts.answered(job(2, 1), PCM, heard(2, "Two."), 0.0)
    spanish = job(3, 2, ("a", 1), ("a", 0))
    assert said_before(contexts, spanish) == "One. Two."
    assert said_before(contexts, msgspec.structs.replace(spanish, language="es")) == ""
    assert said_before(contexts, msgspec.structs.replace(spanish, belief={"es": 0.7, "en": 0.3})) == ""


def test_all_of_it_fits_into_one_window() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), np.ones(5 * RATE_HZ, np.int16), heard(1, "first"), 0.0)
    contexts.answered(job(2, 1), np.ones(5 * RATE_HZ, np.int16), heard(2, "second"), 0.0)
    asking = job(3, 2, ("a", 1), ("a", 0))
    room = int(longest_s("en") * RATE_HZ) - 10 * RATE_HZ - GAP
    assert said_before(contexts, asking, room) == "first second"
    assert said_before(contexts, asking, room + 1) == "second"
    assert said_before(contexts, asking, room + GAP + 5 * RATE_HZ + 1) == ""
    number = msgspec.structs.replace(asking, capture=True)
    room = int(LONGEST_OF_NUMBER_S * RATE_HZ) - 5 * RATE_HZ
    assert said_before(contexts, number, room) == "second"
    assert said_before(contexts, number, room + 1) == ""


def test_of_a_segment_that_does_not_fit_the_last_words_do() -> None:
    contexts = Contexts()
    words = (HeardWord(0, 5, 500, 2_000), HeardWord(6, 9, 2_400, 5_000), HeardWord(11, 15, 5_600, 7_500))
    long = np.arange(8 * RATE_HZ).astype(np.int16)
    contexts.answered(job(1, 0), PCM, heard(1, "first"), 0.0)
    contexts.answered(job(2, 1), long, msgspec.structs.replace(heard(2, "Never now, here."), words=words), 0.0)
    asking = job(3, 2, ("a", 1), ("a", 0))
    longest = int(longest_s("en") * RATE_HZ)
    assert said_before(contexts, asking, longest - 8 * RATE_HZ) == "Never now, here."
    context = contexts.of(asking, longest - int(7.7 * RATE_HZ))
    assert context is not None
    assert context[1] == "now, here."
    assert np.array_equal(context[0][:-GAP], long[int(2.2 * RATE_HZ) :]), "it begins between the two words"
    assert said_before(contexts, asking, longest - int(3 * RATE_HZ)) == "here."
    assert said_before(contexts, asking, longest - int(1.4 * RATE_HZ)) == "", "so little orients nobody"


def test_portuguese_is_heard_after_more_than_english() -> None:
    for language, before in (("en", "second"), ("pt", "first second")):
        contexts = Contexts()
        for number, text in ((1, "first"), (2, "second")):
            asked = job(number, number - 1)
            contexts.answered(asked, np.ones(4 * RATE_HZ, np.int16), heard(number, text, language=language), 0.0)
        asking = msgspec.structs.replace(job(3, 2, ("a", 1), ("a", 0)), language=language)
        assert said_before(contexts, asking, 5 * RATE_HZ) == before


def test_a_call_keeps_no_more_sound_than_a_window_takes() -> None:
    contexts = Contexts()
    for number in range(10):
        contexts.answered(job(number, number), np.ones(8 * RATE_HZ, np.int16), heard(number, f"{number}"), 0.0)
    everything = tuple(("a", number) for number in reversed(range(10)))
    assert said_before(contexts, job(99, 10, *everything), 0) == "9"
    assert said_before(contexts, job(99, 10, ("a", 7)), 0) == ""


def test_what_was_asked_last_of_a_segment_counts_and_what_was_shed_does_not() -> None:
    contexts = Contexts()
    contexts.answered(job(2, 0), PCM, heard(2, "whole"), 0.0)
    contexts.answered(job(1, 0, kind="speculation"), PCM, heard(1, "who"), 0.0)
    contexts.answered(job(3, 0), PCM, heard(3, "", shed="cancelled"), 0.0)
    assert said_before(contexts, job(4, 1, ("a", 0))) == "whole"


async def test_a_segment_waits_for_those_that_it_is_heard_after_and_for_its_stream() -> None:
    contexts = Contexts()
    answer: asyncio.Future[Heard] = asyncio.get_running_loop().create_future()
    contexts.ask(job(1, 0), answer)
    assert contexts.before(job(2, 1)) == [answer]
    assert contexts.before(job(2, 0)) == []
    assert contexts.before(job(2, 1, stream="b")) == []
    assert contexts.before(job(2, 1, ("a", 0), stream="b")) == [answer]
    contexts.answered(job(1, 0), PCM, heard(1, "yes"), 0.0)
    assert contexts.before(job(2, 1)) == []
    answer.cancel()


def test_segments_are_forgotten_after_ten_minutes() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "old"), 0.0)
    contexts.answered(job(2, 0, stream="b"), PCM, heard(2, "new"), 601.0)
    assert said_before(contexts, job(3, 1, ("a", 0))) == ""
    assert said_before(contexts, job(4, 1, ("b", 0), stream="b")) == "new"


def test_a_call_that_is_over_is_forgotten_and_no_other() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "old"), 0.0)
    other = msgspec.structs.replace(job(2, 0), call_id="d")
    contexts.answered(other, PCM, heard(2, "new"), 0.0)
    contexts.forget("c")
    assert said_before(contexts, job(3, 1, ("a", 0))) == ""
    assert said_before(contexts, msgspec.structs.replace(other, job=4, segment=1, after=(("a", 0),))) == "new"


@pytest.mark.parametrize(
    ("said", "capture"), [("Cuatro cinco tres nueve.", False), ("4539", False), ("one, two", False), ("Una una", True)]
)
def test_a_number_orients_the_next_segment_and_is_not_kept(said: str, capture: bool) -> None:
    contexts = Contexts()
    number = msgspec.structs.replace(job(1, 0), capture=capture)
    contexts.answered(number, PCM, heard(1, said), 0.0)
    assert said_before(contexts, job(2, 1, ("a", 0))) == said
    contexts.forget_old(FORGET_NUMBER_S)
    assert said_before(contexts, job(2, 1, ("a", 0))) == ""


def test_other_words_are_kept_for_longer() -> None:
    contexts = Contexts()
    contexts.answered(job(1, 0), PCM, heard(1, "Good question, just one moment."), 0.0)
    contexts.forget_old(FORGET_NUMBER_S)
    assert said_before(contexts, job(2, 1, ("a", 0))) != ""
