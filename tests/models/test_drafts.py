"""What was heard of a segment is expected of it, and of nothing else."""

import msgspec
import pytest

from engine.ports.hearing import Heard, ListenJob
from models.drafts import Drafts

PARTIAL = ListenJob(job=1, call_id="c", stream="1", segment=3, kind="partial", due=0.0)
FINAL = msgspec.structs.replace(PARTIAL, kind="final")


def heard(text: str, shed: str = "") -> Heard:
    return Heard(job=1, text=text, language="es", shed=shed)


def test_the_newest_words_of_the_segment_are_expected_until_its_final() -> None:
    drafts = Drafts()
    assert drafts.of(PARTIAL) == ""
    drafts.heard(PARTIAL, heard("Buenas"))
    drafts.heard(PARTIAL, heard("Buenas tardes"))
    drafts.heard(PARTIAL, heard("", shed="superseded"))
    assert drafts.of(FINAL) == "Buenas tardes"
    drafts.heard(msgspec.structs.replace(PARTIAL, kind="speculation"), heard("Buenas tardes, señor."))
    assert drafts.of(FINAL) == "Buenas tardes, señor."
    drafts.heard(FINAL, heard("Buenas tardes."))
    assert drafts.of(FINAL) == ""


@pytest.mark.parametrize("change", [{"segment": 4}, {"stream": "2"}, {"call_id": "d"}])
def test_nothing_is_expected_of_another_segment_stream_or_call(change: dict[str, object]) -> None:
    drafts = Drafts()
    drafts.heard(PARTIAL, heard("Buenas"))
    assert drafts.of(msgspec.structs.replace(FINAL, **change)) == ""


def test_what_comes_late_does_not_take_a_newer_segments_place() -> None:
    drafts = Drafts()
    later = msgspec.structs.replace(PARTIAL, segment=4)
    drafts.heard(later, heard("Adiós"))
    drafts.heard(PARTIAL, heard("Buenas"))
    drafts.heard(FINAL, heard("Buenas tardes."))
    assert drafts.of(later) == "Adiós"


def test_nothing_is_kept_of_a_call_that_is_over_nor_of_more_streams_than_there_can_be() -> None:
    drafts = Drafts()
    drafts.heard(PARTIAL, heard("Buenas"))
    drafts.forget("c")
    assert drafts.of(PARTIAL) == ""
    for call in range(3000):
        drafts.heard(msgspec.structs.replace(PARTIAL, call_id=str(call)), heard("Hola"))
    kept = sum(bool(drafts.of(msgspec.structs.replace(PARTIAL, call_id=str(call)))) for call in range(3000))
    assert kept == 2048
