"""The fourth stamp: what a person waits for is measured once, from the end of the words."""

from engine.facts import CallEvent, Draft, Fact, Insight, Measured, Stamps, Suggestion, Transcript
from engine.ports.desk import DeskCommand
from pipelines.acknowledgements import KEPT, Acknowledgements

MEASURED = Measured(stamps=Stamps(heard=1_000.0))


def shown(at_ms: float, *, seq: int = 0, stream: str = "", segment: int = 0, revision: int = 0) -> DeskCommand:
    return DeskCommand(
        name="shown", call_id="call-1", seq=seq, stream=stream, segment=segment, revision=revision, at_ms=at_ms
    )


def transcript(seq: int, measured: Measured | None = MEASURED) -> Transcript:
    return Transcript(call_id="call-1", seq=seq, turn=seq, text="hola", measured=measured)


def test_each_kind_is_measured_by_its_name_and_once() -> None:
    told: list[tuple[str, float]] = []
    waiting = Acknowledgements(lambda kind, ms: told.append((kind, ms)))
    about = {"call_id": "call-1", "turn": 1, "measured": MEASURED}
    facts: list[Fact] = [
        transcript(1),
        Suggestion(seq=2, article="a", title="", body="", score=0.9, **about),  # type: ignore[arg-type]
        Insight(seq=3, kind="compliance", outcome="violation", **about),  # type: ignore[arg-type]
        Insight(seq=4, kind="compliance", outcome="satisfied", **about),  # type: ignore[arg-type]
        CallEvent(call_id="call-1", seq=5, name="call.held"),
    ]
    for fact in facts:
        waiting.expect(fact)
    for seq in (1, 2, 3, 4, 5, 1):
        waiting.take(shown(1_000.0 + 100 * seq, seq=seq))
    assert told == [("final", 100.0), ("card", 200.0), ("alert", 300.0)]


def test_a_draft_is_known_by_its_revision() -> None:
    told: list[tuple[str, float]] = []
    waiting = Acknowledgements(lambda kind, ms: told.append((kind, ms)))
    draft = Draft(call_id="call-1", stream="1", leg="customer", segment=2, revision=3, start_ms=0, end_ms=9, text="ho")
    waiting.expect_draft(draft, 1_000.0)
    waiting.take(shown(1_250.0, stream="1", segment=2, revision=2))
    waiting.take(shown(1_250.0, stream="1", segment=2, revision=3))
    assert told == [("word", 250.0)]


def test_what_has_no_clock_is_not_measured_and_the_oldest_are_forgotten() -> None:
    told: list[tuple[str, float]] = []
    waiting = Acknowledgements(lambda kind, ms: told.append((kind, ms)))
    waiting.expect(transcript(1, None))
    for seq in range(2, KEPT + 3):
        waiting.expect(transcript(seq))
    for seq in (1, 2, 3):
        waiting.take(shown(1_100.0, seq=seq))
    assert told == [("final", 100.0)]
