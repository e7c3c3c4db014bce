"""Words are found as if each of them was looked for alone, whatever is expected."""

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.whisper_model import Question
from models.whisper_onnx.decoder import Memory, WhisperDecoder
from models.whisper_onnx.decoder_graph import build_cross, build_decoder
from models.whisper_onnx.search import allow, beam, greedy
from models.whisper_onnx.source import Array
from tests.models.whisper_onnx import plain

STOP, NO_SPEECH, NO_MARKS, MARKS = 20, 21, 22, 23
QUESTION = Question(
    prompt=[4, 9],
    start=0,
    text=2,
    cap=12,
    never=np.asarray([0, NO_SPEECH, NO_MARKS]),
    not_first=[STOP],
    stop=STOP,
    marks=MARKS,
    no_marks=NO_MARKS,
    no_speech=NO_SPEECH,
    marked=False,
)


class Counted(WhisperDecoder):
    """Counts the tokens of each run."""

    def __init__(self) -> None:
        source = plain.decoder()
        super().__init__(*(build(source).SerializeToString() for build in (build_cross, build_decoder)))
        self.runs: list[int] = []

    def run(self, rows: NDArray[np.int64], *rest: Any) -> list[Array]:
        self.runs.append(rows.shape[1])
        return super().run(rows, *rest)


class Chain(WhisperDecoder):
    """Says what follows a token whatever was before: logits by token, far less of all others."""

    def __init__(self, follows: dict[int, dict[int, float]]) -> None:
        self.nothing = [np.zeros((1, 1, 0, 1), np.float32)]
        self.runs: list[int] = []
        self._follows = follows

    def feed(self, memory: Memory) -> dict[str, NDArray[Any]]:
        return {}

    def run(
        self,
        rows: NDArray[np.int64],
        wanted: Sequence[int],
        memory: dict[str, NDArray[Any]],
        kept: Sequence[Array],
        output: str,
    ) -> list[Array]:
        self.runs.append(rows.shape[1])
        logits = np.full((len(rows), len(wanted), plain.TOKENS), -9.0, np.float32)
        for row, tokens in enumerate(rows):
            for at, place in enumerate(wanted):
                for token, logit in self._follows.get(int(tokens[place]), {}).items():
                    logits[row, at, token] = logit
        new = np.zeros((len(rows), 1, rows.shape[1], 1), np.float32)
        return [logits, np.concatenate([kept[0], new], axis=2)]


MEMORY = Memory((), ())


@pytest.fixture(scope="module")
def model() -> WhisperDecoder:
    source = plain.decoder()
    return WhisperDecoder(*(build(source).SerializeToString() for build in (build_cross, build_decoder)))


@pytest.fixture(scope="module")
def memory(model: WhisperDecoder) -> Memory:
    return model.remember(plain.heard())


def scores(tokens: Sequence[int], question: Question = QUESTION) -> plain.Numbers:
    """Log-probabilities of what follows, in double precision."""
    logits, _ = plain.read(plain.decoder(), plain.heard(), [*question.prompt, *tokens])
    here = allowed(logits[-1].astype(np.float32), tokens, question).astype(np.float64)
    return np.asarray(here - np.log(np.exp(here[np.isfinite(here)]).sum()))


def allowed(logits: Array, tokens: Sequence[int], question: Question) -> Array:
    allow(logits, tokens, question)
    return logits


def chosen(question: Question) -> tuple[list[int], float]:
    """The likeliest token each time, every one of them looked for anew."""
    tokens: list[int] = []
    total = 0.0
    while len(tokens) < question.cap:
        here = scores(tokens, question)
        total += here.max()
        if (token := int(here.argmax())) == question.stop:
            break
        tokens.append(token)
    return tokens, total


@pytest.mark.parametrize("marked", [False, True])
def test_the_likeliest_word_comes_each_time(model: WhisperDecoder, memory: Memory, *, marked: bool) -> None:
    question = msgspec.structs.replace(QUESTION, marked=marked)
    tokens, total = chosen(question)
    found = greedy(model, memory, question)
    assert found.tokens == tokens
    assert len(tokens) > 2
    assert found.log_probability == pytest.approx(total, abs=0.05 * len(tokens))
    assert found.log_probability == pytest.approx(np.log(found.chances).sum())
    assert len(found.chances) >= len(tokens)
    logits, _ = plain.read(plain.decoder(), plain.heard(), question.prompt[:1])
    likely = np.exp(logits[0]) / np.exp(logits[0]).sum()
    assert found.no_speech == pytest.approx(likely[NO_SPEECH], rel=0.1)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_expected_changes_no_word(model: WhisperDecoder, memory: Memory, data: st.DataObject) -> None:
    question = msgspec.structs.replace(QUESTION, marked=data.draw(st.booleans()))
    alone = greedy(model, memory, question)
    right = st.just(alone.tokens)
    any_token = st.lists(st.integers(1, plain.TOKENS - 1), max_size=14)
    spoilt = st.tuples(st.integers(0, 12), any_token).map(lambda at: [*alone.tokens[: at[0]], *at[1]])
    lost = st.integers(0, 12).map(lambda at: alone.tokens[at:])
    expected = data.draw(st.one_of(right, any_token, spoilt, lost))
    found = greedy(model, memory, msgspec.structs.replace(question, expected=expected))
    assert found.tokens == alone.tokens
    assert found.chances == pytest.approx(alone.chances, abs=0.05)
    assert found.log_probability == pytest.approx(alone.log_probability, abs=0.02 * len(alone.tokens))
    assert found.no_speech == pytest.approx(alone.no_speech, rel=1e-3)


def test_a_likelier_text_is_waited_for_and_a_loop_is_not() -> None:
    # five short texts end before the likeliest does; their means are worse
    long = {at: {at + 1: 6.0, STOP: 2.0} for at in range(1, 8)} | {9: {1: 6.0, 8: 3.0}, 8: {STOP: 6.0}}
    found = beam(Chain(long), MEMORY, msgspec.structs.replace(QUESTION, prompt=[4, 9], cap=14), 3)
    assert found.tokens == [1, 2, 3, 4, 5, 6, 7, 8]
    # what goes round and round is ever likelier by its mean, and less likely as a whole
    round_ = {9: {1: 5.0, 2: 5.0, 3: 4.8}, 1: {STOP: 6.0}, 3: {STOP: 6.0}, 2: {5: 6.0, STOP: 5.9}, 5: {2: 9.0}}
    found = beam(Chain(round_), MEMORY, msgspec.structs.replace(QUESTION, cap=200), 3)
    assert len(found.tokens) < 100


def test_a_text_that_was_begun_goes_on_unless_it_is_likeliest_that_it_ends() -> None:
    chain = Chain({9: {1: 3.0, STOP: 2.8}, 1: {2: 0.3, 3: 0.2, 5: 0.1}, 2: {STOP: 0.0}, 3: {STOP: 0.0}, 5: {STOP: 0.0}})
    begun = msgspec.structs.replace(QUESTION, prompt=[4, 9], text=1, not_first=())
    assert beam(chain, MEMORY, begun, 3).tokens
    free = msgspec.structs.replace(begun, text=2)
    assert beam(chain, MEMORY, free, 3).tokens == []


def test_texts_that_say_the_same_until_there_is_no_room_left_are_an_answer() -> None:
    # each of the three may go on or stop, so that nothing is left to go on with
    chain = Chain({9: {1: 3.0, 2: 2.9, 3: 2.8}} | {said: {5: 6.0, STOP: 5.0} for said in (1, 2, 3)})
    assert beam(chain, MEMORY, msgspec.structs.replace(QUESTION, cap=2), 3).tokens == [1, 5]


def test_what_is_expected_and_right_takes_one_run(model: WhisperDecoder, memory: Memory) -> None:
    answer = greedy(model, memory, QUESTION).tokens
    counted = Counted()
    greedy(counted, memory, msgspec.structs.replace(QUESTION, expected=answer))
    assert counted.runs == [2 + len(answer)]
    counted.runs.clear()
    surprised = [*answer[:4], 1 + answer[4] % 19, *answer[5:]]
    greedy(counted, memory, msgspec.structs.replace(QUESTION, expected=surprised))
    assert len(counted.runs) < len(answer) - 3, "it went on token by token"


def test_a_search_that_leaves_nothing_out_finds_the_likeliest_text(model: WhisperDecoder, memory: Memory) -> None:
    question = msgspec.structs.replace(QUESTION, cap=2, never=np.asarray([0, *range(7, 20), *range(21, 30)]))
    answers = {}
    for length in (1, 2):
        for tokens in itertools.product([1, 2, 3, 4, 5, 6], repeat=length):
            total = sum(scores(tokens[:at], question)[token] for at, token in enumerate(tokens))
            if length < 2:
                total += scores(tokens, question)[STOP]
            answers[tokens] = total / length
    found = beam(model, memory, question, 12)
    assert answers[tuple(found.tokens)] == pytest.approx(max(answers.values()), abs=0.05)


def test_a_beam_is_at_least_as_likely_as_what_is_greedy(model: WhisperDecoder, memory: Memory) -> None:
    one, many = greedy(model, memory, QUESTION), beam(model, memory, QUESTION, 5)
    mean = [found.log_probability / len(found.tokens) for found in (one, many)]
    assert mean[1] >= mean[0] - 0.02


def logits(**high: float) -> Array:
    out = np.zeros(plain.TOKENS, np.float32)
    for token, value in high.items():
        out[int(token[1:])] = value
    return out


@pytest.mark.parametrize(
    ("tokens", "high", "first_allowed", "last_allowed"),
    [
        ([], {}, 1, 29),
        ([3, 25], {"t3": 9, "t20": 8}, 20, 29),
        ([24, 24], {}, 1, 20),
        ([24], {}, 1, 20),
        ([24, 3], {"t5": 9}, 1, 29),
        ([3], {"t5": 1, "t27": 4}, 23, 29),
    ],
    ids=["behind the mark all is free", "a pair is closed", "a pair is a pair", "words", "never back", "likelier"],
)
def test_marks_come_in_pairs_and_never_go_back(
    tokens: list[int], high: dict[str, float], first_allowed: int, last_allowed: int
) -> None:
    question = msgspec.structs.replace(QUESTION, marked=True, not_first=())
    left = np.flatnonzero(np.isfinite(allowed(logits(**high), tokens, question)))
    assert (left[0], left[-1]) == (first_allowed, last_allowed)
    assert NO_MARKS not in left
    if 24 in tokens[:1] and tokens[1:] == [3]:
        assert 24 not in left


def test_no_run_of_words_comes_twice() -> None:
    question = msgspec.structs.replace(QUESTION, no_repeat=3)
    left = np.isfinite(allowed(logits(), [1, 2, 3, 5, 1, 2], question))
    assert not left[3]
    assert left[5]
    assert np.isfinite(allowed(logits(), [1, 2], question)[1])


def test_nothing_that_is_never_said_is_found_and_no_silence_first() -> None:
    left = np.isfinite(allowed(logits(), [], QUESTION))
    assert not left[[0, NO_SPEECH, NO_MARKS, STOP]].any()
    assert np.isfinite(allowed(logits(), [3], QUESTION)[STOP])
