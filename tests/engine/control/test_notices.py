"""Which notice a campaign's calls get."""

from pathlib import Path

import msgspec

from engine.control.notices import notice_of
from engine.ports.intake import Notice
from tests.pipelines.test_recording_commands import ROUTING


def test_words_of_the_campaign_go_before_those_of_its_language() -> None:
    asked = msgspec.structs.replace(ROUTING, notice=True, beep_s=15)
    names = ("c.es.wav", "c.wav", "es.wav")
    assert notice_of(asked, Path("/d")) == Notice(tuple(f"/d/notices/{name}" for name in names), True, 15)
    unnamed = msgspec.structs.replace(asked, language="")
    assert notice_of(unnamed, Path("/d")) == Notice(("/d/notices/c.wav",), True, 15)


def test_a_campaign_that_asks_for_nothing_gets_nothing() -> None:
    assert notice_of(ROUTING, Path("/d")) is None
    assert notice_of(msgspec.structs.replace(ROUTING, beep_s=15), Path("/d")) is not None
