"""Dialogues that are heard are drawn the same in every run, and words heard go to the turn that was being said."""

from itertools import chain

from benchmarks.from_audio import Placed, by_turn, dialogues
from engine.facts import SpeechSegment


def test_parts_are_the_same_in_every_run_and_share_no_sentence() -> None:
    first, second = (dialogues("es", part, 3) for part in (1, 2))
    assert [len(turns) for turns in first] == [8, 8, 8]
    texts = [turn.sentence.text for turn in chain(*first, *second)]
    assert texts[:24] == [turn.sentence.text for turn in chain(*dialogues("es", 1, 3))]
    assert len(texts) == len(set(texts)) == 48
    assert {turn.leg for turn in chain(*first)} == {"customer", "agent"}
    assert {head for turn in chain(*first) for head in turn.plans} == {"acts", "intents", "sentiment"}


def test_words_go_to_the_turn_of_their_leg_that_was_being_said() -> None:
    (turns,) = dialogues("en", 1, 1)
    agent = next(turn for turn in turns if turn.leg == "agent")
    customer = next(turn for turn in turns if turn.leg == "customer")
    placed = [Placed(agent, 1_000, 4_000), Placed(customer, 5_000, 8_000), Placed(agent, 9_000, 12_000)]
    segments = [
        SpeechSegment("agent", 0, "ended", 900, 2_000),
        SpeechSegment("agent", 1, "ended", 2_500, 4_100),
        SpeechSegment("agent", 2, "ended", 5_500, 7_000),
        SpeechSegment("customer", 0, "ended", 5_100, 7_900),
    ]
    words = by_turn(placed, segments, ["good", "morning", "an echo", "hello"])
    assert words == ["good morning", "hello", ""]
