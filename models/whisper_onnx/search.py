"""Finds the words of a window: greedy, with what is expected read at once, or with a beam.

The rules of what may follow are those of CTranslate2's `Whisper.generate`, which are OpenAI's.
"""

import math
from collections.abc import Sequence

import numpy as np

from models.whisper_model import Found, Question
from models.whisper_onnx.decoder import Memory, Text, WhisperDecoder
from models.whisper_onnx.source import Array

_GLANCE = 10
"""Tokens expected at once after a surprise: each costs a twentieth of a step, right or wrong."""
_LOOKED_THROUGH = 12
"""So many of the expected tokens around a surprise are looked through for it."""
_MOST_AT_ONCE = 64
"""Each has a row of 52,000 logits."""


def greedy(decoder: WhisperDecoder, memory: Memory, question: Question) -> Found:
    """The likeliest token each time.

    Tokens that are expected are read in one run with those before them, which costs hardly more than one; as far as
    each is what would have been chosen they are the answer. After a surprise, what was expected behind it is expected
    still, or behind where it is found nearby (Leviathan et al. 2023, arXiv:2211.17192, with what was heard before as
    the draft). In 8 bits a token that is read beside others is not weighed quite as it is alone: one answer in fifty
    takes another of two words that are nearly alike.
    """
    text, tokens, total = Text(decoder, memory), list[int](), 0.0
    given, draft = list(question.prompt), list(question.expected[: min(question.cap, _MOST_AT_ONCE)])
    no_speech, reached = None, 0
    chances: list[float] = []
    while True:
        before = len(text)
        wanted = list(range(len(given) - 1, len(given) + len(draft)))
        asked = [question.start, *wanted] if no_speech is None else wanted
        logits = text.add(np.asarray([[*given, *draft]], np.int64), asked)[0]
        if no_speech is None:
            no_speech, logits = _likelihood(logits[0], question.no_speech), logits[1:]
        right = 0
        for row, guess in zip(logits, [*draft, -1], strict=True):
            allow(row, tokens, question)
            token = int(row.argmax())
            log_probability = float(row[token] - _log_sum(row))
            total += log_probability
            chances.append(math.exp(log_probability))
            if token == question.stop:
                return Found(tokens, total, no_speech, tuple(chances))
            tokens.append(token)
            if len(tokens) >= question.cap:
                return Found(tokens, total, no_speech, tuple(chances))
            if token != guess:
                break
            right += 1
        text.keep(before + len(given) + right)
        reached = _behind(tokens[-1], question.expected, reached + right)
        given, draft = tokens[-1:], list(question.expected[reached:][:_GLANCE])[: question.cap - len(tokens)]


def beam(decoder: WhisperDecoder, memory: Memory, question: Question, width: int) -> Found:
    """The likeliest text by its log-probability a token, of those that so wide a search meets.

    As CTranslate2's `BeamSearch` with a length penalty of 1: what is given of the text counts in its length, without
    which a text that says all twice would win, the second time being as good as certain. But where so many texts have
    ended and one that goes on is likelier than each of them, as a whole and not by its mean, it is waited for.
    """
    text = Text(decoder, memory)
    logits = text.add(np.asarray([list(question.prompt)], np.int64), [question.start, len(question.prompt) - 1])[0]
    no_speech = _likelihood(logits[0], question.no_speech)
    ended: list[Found] = []
    alive: list[list[int]] = [[]]
    totals, rows = np.zeros(1), logits[1:]
    for step in range(question.cap):
        for row, tokens in zip(rows, alive, strict=True):
            allow(row, tokens, question)
        chances = rows - _log_sums(rows)[:, None] + totals[:, None]
        flat = chances.ravel()
        best = np.argpartition(-flat, 2 * width)[: 2 * width]
        best = best[np.argsort(-flat[best], kind="stable")]
        found = [(*divmod(int(one), chances.shape[1]), float(flat[one])) for one in best]
        last = step == question.cap - 1
        spare = iter([one for one in found[width:] if one[1] != question.stop])
        following = []
        for rank, (row, token, total) in enumerate(found[:width]):
            if token == question.stop and rank and not step and len(question.prompt) > question.text:
                following += [instead for instead in [next(spare, None)] if instead]  # a text that was begun goes on
            elif token == question.stop or last:
                tokens = alive[row] if token == question.stop else [*alive[row], token]
                ended.append(Found(tokens, total, no_speech))
                following += [instead for instead in [next(spare, None)] if instead]
            else:
                following.append((row, token, total))
        if last or not following:
            break
        if len(ended) >= width and max(one.log_probability for one in ended) >= following[0][2]:
            break
        text.choose([row for row, _, _ in following])
        alive = [[*alive[row], token] for row, token, _ in following]
        totals = np.asarray([total for _, _, total in following])
        rows = text.add(np.asarray([tokens[-1:] for tokens in alive], np.int64), [0])[:, 0]
    given = len(question.prompt) - question.text
    return max(ended, key=lambda one: one.log_probability / max(1, given + len(one.tokens)))


def allow(logits: Array, tokens: Sequence[int], question: Question) -> None:
    """Make logits −∞ of what may not follow so many tokens of an answer."""
    logits[question.never] = -np.inf
    if not tokens:
        logits[list(question.not_first)] = -np.inf
    if question.no_repeat:
        logits[_repeated(tokens, question.no_repeat)] = -np.inf
    if question.marked:
        _pair_marks(logits, tokens, question)


def _pair_marks(logits: Array, tokens: Sequence[int], question: Question) -> None:
    """OpenAI's `ApplyTimestampRules`, from the second token on: the prompt ends with a mark, and what is right behind
    it is free."""
    logits[question.no_marks] = -np.inf
    if not tokens:
        return
    marks = question.marks
    if tokens[-1] >= marks:
        if len(tokens) < 2 or tokens[-2] >= marks:
            logits[marks:] = -np.inf
            return
        logits[: question.stop] = -np.inf
        logits[marks : tokens[-1]] = -np.inf
    elif (last := max((token for token in tokens if token >= marks), default=-1)) >= 0:
        logits[marks : last + 1] = -np.inf
    if _log_sum(logits[marks:]) > logits[:marks].max():
        logits[:marks] = -np.inf


def _repeated(tokens: Sequence[int], length: int) -> list[int]:
    """What would end a run of so many tokens that was there before."""
    run = list(tokens[len(tokens) - length + 1 :])
    if len(run) < length - 1:
        return []
    starts = range(len(tokens) - length + 1)
    return [tokens[at + length - 1] for at in starts if list(tokens[at : at + length - 1]) == run]


def _behind(token: int, expected: Sequence[int], at: int) -> int:
    """Where in what is expected the text goes on, when this token came where another was: behind the nearest like it,
    or as if it stood for the other."""
    near = range(max(0, at - _LOOKED_THROUGH), min(len(expected), at + _LOOKED_THROUGH))
    return 1 + min((one for one in near if expected[one] == token), key=lambda one: abs(one - at), default=at)


def _likelihood(logits: Array, token: int) -> float:
    return float(np.exp(logits[token] - _log_sum(logits)))


def _log_sum(logits: Array) -> float:
    most = logits.max()
    return float(most + np.log(np.exp(logits - most).sum())) if np.isfinite(most) else -np.inf


def _log_sums(logits: Array) -> Array:
    return np.asarray([_log_sum(row) for row in logits], np.float32)
