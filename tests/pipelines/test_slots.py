"""A playbook's form is filled by what is said in a call, and the newest of it holds."""

import msgspec
import pytest
import yaml

from engine.facts import Leg
from models.compliance import load_detectors
from models.playbooks import Playbook
from pipelines.play import Play
from pipelines.signals import Signal
from pipelines.slots import SlotListener

BOOK = msgspec.convert(
    yaml.safe_load("""
id: book
version: "1"
title: {es: Libro, en: Book}
campaigns: [collections]
stages:
  - {id: opening, title: {es: Apertura, en: Opening}}
  - {id: deal, title: {es: Acuerdo, en: Deal}, begins: {intents: [payment_arrangement]}}
slots:
  - {id: amount, title: {es: Monto, en: Amount}, figures: [amount], by: any}
  - {id: day, title: {es: Día, en: Day}, figures: [date], says: {es: ["(lunes | viernes)"]}}
  - {id: hour, title: {es: Hora, en: Hour}, figures: [time], stages: [deal]}
  - {id: contact, title: {es: Contacto, en: Contact}, entities: [PHONE, EMAIL]}
tests: {en: [{said: ["agent: x"], stage: opening, done: []}]}
"""),
    Playbook,
)
LISTENER = SlotListener(BOOK, "CO")
DETECTORS = load_detectors()
AGREES = Signal("intent", "payment_arrangement", "c", 1)


def said(text: str, *, stream: str = "c", turn: int = 1) -> list[Signal]:
    return LISTENER.in_words(DETECTORS.fold(text), "es", stream, turn)


def play(*signals: Signal, leg: Leg | None = None) -> Play:
    playing = Play(BOOK)
    legs: dict[str, Leg] = {"a": "agent", "c": "customer"}
    for signal in signals:
        playing.take(signal, leg or legs[signal.stream])
    return playing


def test_figures_are_given_as_readers_see_them() -> None:
    words = said("Puedo pagar cuatrocientos cincuenta mil pesos el quince de marzo.")
    assert play(*words).slots() == {"amount": "$450.000", "day": "15 de marzo"}


def test_what_is_withheld_fills_nothing() -> None:
    assert said("Puedo pagar [number] pesos el [dob].") == []


def test_words_that_meet_a_phrase_are_given_and_later_ones_take_their_place() -> None:
    words = said("El quince de marzo no, mejor el viernes.")
    assert play(*words).slots() == {"day": "viernes"}
    assert play(*words, *said("No, el dos de abril.", turn=2)).slots() == {"day": "2 de abril"}


def test_what_was_said_before_does_not_take_the_place_of_later_words_however_late_it_is_understood() -> None:
    assert play(*said("El viernes.", turn=2), *said("El lunes.", turn=1)).slots() == {"day": "viernes"}


def test_only_those_count_whom_a_slot_names() -> None:
    words = said("Doscientos mil pesos el viernes.", stream="a")
    assert play(*words).slots() == {"amount": "$200.000"}
    assert play(*words, leg="mixed").slots() == {"amount": "$200.000"}
    assert play(*words, leg="customer").slots() == {"amount": "$200.000", "day": "viernes"}


def test_an_agents_word_does_not_take_the_place_of_the_customers_own() -> None:
    agents = said("Un millón ochocientos mil.", stream="a", turn=2)
    assert play(*said("Doscientos mil."), *agents).slots() == {"amount": "200.000"}
    assert play(*agents, *said("Doscientos mil.")).slots() == {"amount": "200.000"}


@pytest.mark.parametrize("text", ["No puedo pagar el lunes.", "El viernes la verdad no puedo.", "El dos de abril no."])
def test_what_is_denied_fills_nothing(text: str) -> None:
    assert said(text) == []


@pytest.mark.parametrize(
    "text", ["No me pagan hasta el viernes.", "El viernes, no se preocupe.", "Le pago viernes sin falta."]
)
def test_what_holds_beside_a_denial_fills_its_slot(text: str) -> None:
    assert play(*said(text)).slots() == {"day": "viernes"}


def test_a_slot_of_a_stage_is_filled_in_it() -> None:
    words = said("A las tres y media de la tarde.")
    assert play(*words).slots() == {}
    assert play(AGREES, *words).slots() == {"hour": "3:30 de la tarde"}


def test_of_private_data_it_says_that_they_were_given() -> None:
    playing = play(Signal("entity", "PHONE", "c", 4, last4="7890"))
    assert playing.slots() == {"contact": "PHONE"}
    assert playing.state("es")["slots"][-1] == {
        "slot": "contact",
        "text": "Contacto",
        "value": "",
        "last4": "7890",
        "turn": 4,
    }


@pytest.mark.parametrize(("language", "text"), [("es", "Monto"), ("en", "Amount")])
def test_its_state_is_told_in_the_calls_language_with_what_moved_it(language: str, text: str) -> None:
    state = play(*said("Doscientos mil pesos.", turn=7)).state(language)
    assert state["slots"][0] == {"slot": "amount", "text": text, "value": "$200.000", "last4": "", "turn": 7}
    assert {(one["value"], one["last4"]) for one in state["slots"][1:]} == {("", "")}
    assert not any("turn" in one for one in state["slots"][1:])
    assert state["because"] == {"kind": "figure", "name": "amount", "turn": 7}
