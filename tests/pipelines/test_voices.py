"""Who speaks just now is told by the voice, not by the words."""

import pytest

from engine.facts import Leg, SpeechSegment
from engine.ports.intake import RoleDecision
from pipelines.roster import Roster
from pipelines.voices import STILL_MS, Voices


def voices(leg: Leg = "agent") -> Voices:
    roster = Roster()
    roster.decide([RoleDecision(stream="2", role=leg, rule="position", confidence=0.7)])
    return Voices(roster)


def state(name: str, end_ms: int, voice: float = 1.0) -> SpeechSegment:
    return SpeechSegment("2", 0, name, 0, end_ms, voice=voice)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "speaks"),
    [
        ([], False),
        (["started"], True),
        (["started", "continues"], True),
        (["started", "paused"], False),
        (["started", "paused", "resumed"], True),
        (["started", "paused", "ended"], False),
    ],
)
def test_a_voice_speaks_from_its_start_to_its_pause(states: list[str], speaks: bool) -> None:
    heard = voices()
    for number, name in enumerate(states):
        heard.hear(state(name, 100 * number))
    assert heard.agent_speaks() is speaks


@pytest.mark.parametrize("leg", ["customer", "mixed", "unknown"])
def test_a_stream_that_is_not_surely_the_agents_tells_nothing_of_them(leg: Leg) -> None:
    heard = voices(leg)
    heard.hear(state("started", 100))
    assert not heard.agent_speaks()


def test_what_only_resembles_a_voice_is_nobodys() -> None:
    heard = voices()
    heard.hear(state("started", 100, voice=0.8))
    assert not heard.agent_speaks()


def test_a_stream_that_stopped_within_a_word_does_not_speak_for_ever() -> None:
    heard = voices()
    heard.hear(state("started", 1_000))
    heard.tick(1_000 + STILL_MS - 1)
    assert heard.agent_speaks()
    heard.tick(1_000 + STILL_MS)
    assert not heard.agent_speaks()
    assert heard.now_ms == 1_000 + STILL_MS
