"""A call's last turns, and the map from masked to spoken text."""

import msgspec
import pytest

from engine.ports.reading import SpokenAct
from models.privacy import Mask
from pipelines.turn import JOIN_MS, TURNS_KEPT, Turn, Turns, breakpoints
from pipelines.utterance import Utterance
from tests.fakes import FakeReader


def turn(number: int, stream: str = "1", text: str = "hola", start_ms: int = 0) -> Turn:
    said = Utterance(stream=stream, leg="customer", start_ms=start_ms, end_ms=start_ms + 900, text=text, language="es")
    return Turn(said, number, text, (), 0.0)


def test_a_speaker_who_goes_on_soon_began_before() -> None:
    turns = Turns()
    first, second, third = turn(1), turn(2, "2", start_ms=500), turn(3, start_ms=900 + JOIN_MS - 1)
    for one in (first, second, third):
        turns.remember(one)
    assert turns.begun(first) is None
    assert turns.begun(second) is None
    assert turns.begun(third) is first, "what the other said meanwhile ends nothing"
    late = turn(4, start_ms=third.utterance.end_ms + JOIN_MS)
    turns.remember(late)
    assert turns.begun(late) is None
    assert turns.get(1) is first


def test_the_oldest_are_forgotten() -> None:
    turns = Turns()
    for number in range(1, TURNS_KEPT + 2):
        turns.remember(turn(number))
    assert turns.get(1) is None
    assert turns.get(2) is not None


def test_positions_behind_a_mask_are_those_of_the_spoken_words() -> None:
    spoken = "mi clave es cuatro cinco seis gracias"
    mask = Mask(start=12, end=29, label="number")
    shown = spoken[:12] + "[number]" + spoken[29:]
    pairs = breakpoints((mask,))
    assert pairs == ((0, 0), (12, 12), (20, 29))
    behind, spoken_behind = pairs[-1]
    assert shown[behind:] == spoken[spoken_behind:]
    about = turn(1, text=spoken)
    about.text, about.masks = shown, (mask,)
    assert about.judged("customer").offsets == pairs
    evidence = about.evidence("customer")
    assert (evidence.quote, evidence.end) == (shown, len(spoken))


@pytest.mark.parametrize(
    ("settled", "parts"),
    [
        ("Mi cuenta es la [account]. No me llamen más, por favor.", [2, -1]),
        ("Mi cuenta es la [account]. Son cuatro mil pesos. No me llamen más, por favor.", [0, -1]),
    ],
)
def test_an_act_stands_in_its_sentence_while_the_sentences_are_those_that_were_read(
    settled: str, parts: list[int]
) -> None:
    one = turn(1, text="Mi cuenta es la [number]. No me llamen más, por favor.")
    acts = SpokenAct("opt_out", 0.9, 2), SpokenAct("data_erasure", 0.8, -1)
    one.reading = msgspec.structs.replace(FakeReader().read(one.text), acts=acts)
    one.settle(settled, ())
    assert one.text == settled
    judged = one.judged("customer").reading
    assert judged is not None
    assert [act.part for act in judged.acts] == parts
