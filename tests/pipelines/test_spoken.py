"""When a language is news."""

from collections.abc import Mapping

from engine.ports.hearing import Heard
from pipelines.lane import Finished
from pipelines.spoken import Spoken


def final(stream: str, start_ms: int, belief: Mapping[str, float]) -> Finished:
    heard = Heard(job=1, text="…", language="", belief=belief)
    return Finished(stream, 0, start_ms, start_ms + 900, heard, heard_at=0.0, waited_ms=0.0)


def test_the_campaigns_language_is_no_news() -> None:
    assert Spoken("es").decided(final("1", 0, {"es": 0.97})) is None


def test_a_campaign_without_a_language_is_told_of_the_first() -> None:
    assert Spoken("").decided(final("1", 40, {"pt": 0.96})) == {"language": "pt", "confidence": 0.96, "from_ms": 40}


def test_each_stream_changes_for_itself_once_and_may_change_back() -> None:
    spoken = Spoken("es")
    told = [
        spoken.decided(final(stream, at, belief))
        for stream, at, belief in [
            ("1", 0, {"es": 0.9}),
            ("1", 1000, {"en": 0.6, "es": 0.4}),
            ("1", 2000, {"en": 0.9}),
            ("1", 3000, {"en": 0.98}),
            ("2", 4000, {"es": 0.9}),
            ("1", 5000, {"es": 0.85}),
        ]
    ]
    assert [said and (said["language"], said["from_ms"]) for said in told] == [
        None,
        None,
        ("en", 2000),
        None,
        None,
        ("es", 5000),
    ]


def test_without_identification_nothing_is_said() -> None:
    assert Spoken("").decided(final("1", 0, {})) is None
