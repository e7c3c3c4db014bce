"""Dialogues that are heard are drawn the same in every run, words heard go to the turn that was being said, and parts
add up."""

import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.from_audio import CELLS, Counts, Placed, by_turn, dialogues, joined, judge, results, table
from benchmarks.turns import labels_of
from engine.facts import SpeechSegment
from engine.ports.reading import Reading, Scored


def test_parts_are_the_same_in_every_run_and_share_no_sentence() -> None:
    first, second = (dialogues("es", part, 3) for part in (1, 2))
    assert [len(turns) for turns in first] == [8, 8, 8]
    texts = [turn.sentence.text for turn in chain(*first, *second)]
    assert texts[:24] == [turn.sentence.text for turn in chain(*dialogues("es", 1, 3))]
    assert len(texts) == len(set(texts)) == 48
    assert {turn.leg for turn in chain(*first)} == {"customer", "agent"}
    assert {head for turn in chain(*first) for head in turn.plans} == {"acts", "intents", "sentiment"}


def test_words_go_to_the_turn_of_their_leg_that_was_being_said_or_is_nearest() -> None:
    (turns,) = dialogues("en", 1, 1)
    agent = next(turn for turn in turns if turn.leg == "agent")
    customer = next(turn for turn in turns if turn.leg == "customer")
    placed = [Placed(agent, 1_000, 4_000), Placed(customer, 5_000, 8_000), Placed(agent, 9_000, 12_000)]
    segments = [
        SpeechSegment("agent", 0, "ended", 900, 2_000),
        SpeechSegment("agent", 1, "ended", 2_500, 4_100),
        SpeechSegment("agent", 2, "ended", 4_500, 7_000),
        SpeechSegment("customer", 0, "ended", 5_100, 7_900),
        SpeechSegment("customer", 1, "ended", 12_500, 13_000),
    ]
    words = by_turn(placed, segments, ["good", "morning", "an echo", "hello", "a cough"])
    assert words == ["good morning an echo", "hello a cough", ""]


class Reader:
    """Finds everybody neutral, also who says nothing."""

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        return Reading(np.zeros(512, np.float32), Scored("neutral", 1.0), (), (), 0.0)


def test_a_turn_of_which_nothing_was_heard_is_no_neutral_one() -> None:
    turns = (turn for turn in chain(*dialogues("en", 1)) if "sentiment" in turn.plans)
    turn = next(turn for turn in turns if labels_of(turn.row, turn.plans, "sentiment") == {"neutral"})
    counts: Counts = {}
    judge(turn, "hello", Reader(), counts)
    assert (counts["sentiment"]["neutral"].found, counts["sentiment"]["neutral"].missed) == (1, 0)
    judge(turn, "", Reader(), counts)
    assert (counts["sentiment"]["neutral"].found, counts["sentiment"]["neutral"].missed) == (1, 1)
    assert not any(count.false for count in counts["sentiment"].values())


def part(found: int, missed: int, errors: int, label: str = "positive") -> dict[str, Any]:
    tally = {"found": found, "missed": missed, "false": 0, "quiet": 96 - found - missed}
    counts = {form: {"sentiment": {label: tally}} for form in ("text", "audio")}
    sizes = {"dialogues": 12, "turns": 96, "unheard": 1, "seconds": 700, "words": 1_000, "word_errors": errors}
    return {"word_error_rate": errors / 10, **sizes, "counts": counts}


def test_parts_add_up_to_what_all_turns_come_to(tmp_path: Path) -> None:
    for number, result in ((1, part(1, 0, 100)), (2, part(1, 2, 300)), (4, part(0, 4, 200, "negative"))):
        (tmp_path / f"from_audio.es.{number}.json").write_text(json.dumps({"result": result}), "utf-8")
    parts = results("es", tmp_path)
    assert len(parts) == 3
    assert results("pt", tmp_path) == []
    whole = joined(parts)
    assert [whole[key] for key in ("dialogues", "turns", "unheard", "words", "word_errors")] == [36, 288, 3, 3000, 600]
    assert whole["word_error_rate"] == 20.0
    # two of eight, and by label two of four and none of four
    assert whole["audio"]["sentiment"] == {
        "recall": 0.25,
        "recall_95": "0.07–0.59",
        "precision": 1.0,
        "precision_95": "0.34–1.00",
        "macro_f1": pytest.approx(0.333, abs=0.001),
    }
    assert table("es", whole).row_count == 1


def test_every_part_is_a_cell_of_its_own() -> None:
    numbers = range(1, 6)
    assert list(CELLS) == [f"from_audio.{language}.{at}" for language in ("es", "pt", "en") for at in numbers]
