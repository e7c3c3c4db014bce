"""Signals move a call through its playbook."""

import msgspec
import pytest
import yaml

from models.playbooks import Playbook, When
from pipelines.play import Play
from pipelines.signals import Signal

BOOK = msgspec.convert(
    yaml.safe_load("""
id: book
version: "1"
title: {es: Libro, en: Book}
campaigns: [care]
stages:
  - id: opening
    title: {es: Apertura, en: Opening}
    steps:
      - {id: greet, text: {es: Salude, en: Greet}, done: {acts: [self_identification]}}
      - {id: ask, text: {es: Pregunte, en: Ask}, done: {says: {en: [how]}}}
  - id: need
    title: {es: Motivo, en: Need}
    begins: {intents: [complaint]}
    steps:
      - {id: look, text: {es: Revise, en: Look}, done: {entities: [CPF]}}
  - id: end
    title: {es: Fin, en: End}
    begins: {silence: true, stages: [need]}
steps:
  - {id: calm, text: {es: Calme, en: Calm}, when: {sentiments: [negative]}, done: {says: {en: [sorry]}}}
  - {id: bye, text: {es: Adiós, en: Bye}, when: {stages: [end]}, done: {says: {en: [bye]}, by: any}}
tests: {en: [{said: ["agent: x"], stage: opening, done: []}]}
"""),
    Playbook,
)
GREETS = Signal("act", "self_identification", "a", 1)
ANGRY = Signal("sentiment", "negative", "c", 2)
COMPLAINS = Signal("intent", "complaint", "c", 2)
COMPLAINS_LATER = Signal("intent", "complaint", "c", 3)
SORRY = Signal("phrase", "sorry", "a", 3)
SILENCE = Signal("silence")


def play(*signals: Signal, leg: str = "") -> Play:
    playing = Play(BOOK)
    for signal in signals:
        playing.take(signal, leg or {"a": "agent", "c": "customer"}.get(signal.stream, "unknown"))  # type: ignore[arg-type]
    return playing


def next_of(playing: Play) -> str:
    step = playing.next()
    return step.id if step else ""


def test_a_call_begins_with_the_first_step_of_the_first_stage() -> None:
    playing = play()
    assert (playing.stage, playing.done(), next_of(playing)) == ("opening", [], "greet")


def test_an_act_ticks_its_step_and_the_next_one_is_due() -> None:
    playing = play(GREETS)
    assert (playing.done(), next_of(playing)) == (["greet"], "ask")


@pytest.mark.parametrize("leg", ["customer", "mixed", "unknown"])
def test_what_the_agent_is_to_do_counts_only_on_the_agents_stream(leg: str) -> None:
    assert play(GREETS, leg=leg).done() == []


def test_an_intent_begins_a_stage_and_the_agents_words_do_not() -> None:
    assert play(COMPLAINS).stage == "need"
    assert play(COMPLAINS, leg="agent").stage == "opening"


def test_what_was_called_for_goes_before_what_the_stage_asks_and_is_ticked_once_called() -> None:
    assert play(SORRY).done() == []
    assert next_of(play(ANGRY)) == "calm"
    playing = play(ANGRY, SORRY)
    assert (playing.done(), next_of(playing)) == (["calm"], "greet")


def test_what_an_earlier_stage_called_for_is_not_the_next_step_any_more() -> None:
    playing = play(ANGRY, COMPLAINS_LATER)
    assert (playing.stage, next_of(playing)) == ("need", "look")


def test_what_begins_a_stage_calls_for_steps_in_it_and_so_does_what_else_was_read_in_the_turn() -> None:
    for signals in ((ANGRY, COMPLAINS), (COMPLAINS, ANGRY)):
        playing = play(*signals)
        assert (playing.stage, next_of(playing)) == ("need", "calm")


def test_a_step_is_called_for_once_more_until_it_is_done() -> None:
    assert next_of(play(ANGRY, COMPLAINS_LATER, ANGRY)) == "calm"
    assert next_of(play(ANGRY, COMPLAINS_LATER, ANGRY, SORRY, ANGRY)) == "look"


def test_what_was_called_for_waits_behind_the_stages_own_when_the_agent_has_long_gone_on() -> None:
    spoke = Signal("said", "", "a", 4)
    assert next_of(play(ANGRY, *[spoke] * 4)) == "calm"
    assert next_of(play(ANGRY, *[spoke] * 5)) == "greet"
    assert next_of(play(ANGRY, *[spoke] * 5, ANGRY)) == "calm"
    assert next_of(play(ANGRY, *[Signal("said", "", "c", 4)] * 9)) == "calm"


def test_a_silence_is_over_when_the_agent_speaks() -> None:
    book = msgspec.structs.replace(BOOK, steps=[msgspec.structs.replace(BOOK.steps[0], when=When(silence=True))])
    playing = Play(book)
    playing.take(SILENCE, "unknown")
    assert next_of(playing) == "calm"
    playing.take(Signal("said", "", "a", 4), "agent")
    assert next_of(playing) == "greet"


def test_a_stage_follows_only_on_those_that_it_names() -> None:
    assert play(SILENCE).stage == "opening"
    playing = play(COMPLAINS, SILENCE)
    assert (playing.stage, next_of(playing)) == ("end", "bye")


def test_a_stage_is_not_left_for_an_earlier_one() -> None:
    assert play(COMPLAINS, SILENCE, COMPLAINS).stage == "end"


def test_a_step_of_a_later_stage_may_be_done_before() -> None:
    playing = play(Signal("entity", "CPF", "c", 4), COMPLAINS)
    assert (playing.done(), next_of(playing)) == (["look"], "")


def test_its_state_is_told_in_the_calls_language_with_what_moved_it() -> None:
    assert play(GREETS, ANGRY).state("es") == {
        "playbook": "book",
        "version": "1",
        "title": "Libro",
        "stage": "opening",
        "stages": [
            {"stage": "opening", "title": "Apertura"},
            {"stage": "need", "title": "Motivo"},
            {"stage": "end", "title": "Fin"},
        ],
        "steps": [
            {"step": "greet", "text": "Salude", "done": True, "turn": 1},
            {"step": "ask", "text": "Pregunte"},
            {"step": "calm", "text": "Calme"},
        ],
        "next": "calm",
        "slots": [],
        "because": {"kind": "sentiment", "name": "negative", "turn": 2},
    }
