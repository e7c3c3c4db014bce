"""What was heard of a segment is expected of it, and of nothing else."""

import msgspec
import pytest

from engine.ports.hearing import Heard, ListenJob
from models.drafts import FORGET_S, Drafts

PARTIAL = ListenJob(job=1, call_id="c", stream="1", segment=3, kind="partial", due=0.0)
FINAL = msgspec.structs.replace(PARTIAL, kind="final")


def heard(text: str, shed: str = "") -> Heard:
    return Heard(job=1, text=text, language="es", shed=shed)


def test_the_newest_words_of_the_segment_are_expected_until_its_final() -> None:
    drafts = Drafts()
    assert drafts.of(PARTIAL) == ""
    drafts.heard(PARTIAL, heard("Buenas"), 0.0)
    drafts.heard(PARTIAL, heard("Buenas tardes"), 0.0)
    drafts.heard(PARTIAL, heard("", shed="superseded"), 0.0)
    assert drafts.of(FINAL) == "Buenas tardes"
    drafts.heard(msgspec.structs.replace(PARTIAL, kind="speculation"), heard("Buenas tardes, señor."), 0.0)
    assert drafts.of(FINAL) == "Buenas tardes"
    drafts.heard(FINAL, heard("Buenas tardes."), 0.0)
    assert drafts.of(FINAL) == ""
    drafts.heard(PARTIAL, heard("Buenas tardes, señ"), 0.0)
    assert drafts.of(FINAL) == "", "it came late"


def test_words_that_nothing_came_after_are_not_kept() -> None:
    drafts = Drafts()
    other = msgspec.structs.replace(PARTIAL, stream="2")
    drafts.heard(PARTIAL, heard("cuatro cinco"), 0.0)
    drafts.heard(other, heard("Ajá"), 1.0)
    drafts.forget_old(FORGET_S)
    assert drafts.of(PARTIAL) == ""
    assert drafts.of(other) == "Ajá"
    drafts.heard(PARTIAL, heard("seis"), FORGET_S + 1)
    assert drafts.of(other) == ""


@pytest.mark.parametrize("change", [{"segment": 4}, {"stream": "2"}, {"call_id": "d"}])
def test_nothing_is_expected_of_another_segment_stream_or_call(change: dict[str, object]) -> None:
    drafts = Drafts()
    drafts.heard(PARTIAL, heard("Buenas"), 0.0)
    assert drafts.of(msgspec.structs.replace(FINAL, **change)) == ""


def test_what_comes_late_does_not_take_a_newer_segments_place() -> None:
    drafts = Drafts()
    later = msgspec.structs.replace(PARTIAL, segment=4)
    drafts.heard(later, heard("Adiós"), 0.0)
    drafts.heard(PARTIAL, heard("Buenas"), 0.0)
    drafts.heard(FINAL, heard("Buenas tardes."), 0.0)
    assert drafts.of(later) == "Adiós"


def test_nothing_is_kept_of_a_call_that_is_over_nor_of_more_streams_than_there_can_be() -> None:
    drafts = Drafts()
    drafts.heard(PARTIAL, heard("Buenas"), 0.0)
    drafts.forget("c")
    assert drafts.of(PARTIAL) == ""
    for call in range(3000):
        drafts.heard(msgspec.structs.replace(PARTIAL, call_id=str(call)), heard("Hola"), 0.0)
    kept = sum(bool(drafts.of(msgspec.structs.replace(PARTIAL, call_id=str(call)))) for call in range(3000))
    assert kept == 2048
