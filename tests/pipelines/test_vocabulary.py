"""A campaign's vocabulary on its way through a call: what was put right is said, and what is masked is not."""

import datetime

from engine.facts import Correction, Fact, SpeechSegment, Transcript
from engine.ports.intake import CallEnded, Participant
from engine.ports.storage import CallRecord
from engine.vocabulary import Term
from models.compliance import CallContext, Judge
from models.privacy import DigitGuard
from models.vocabulary import Corrector
from pipelines.call import LiveCall
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.suggest import Governor
from pipelines.understand import read_here
from pipelines.utterance import Utterance
from tests.fakes import FakeEars, FakeReader, FakeSession, FakeSink

CONTEXT = CallContext(
    country="CO",
    region="",
    campaign="care",
    direction="inbound",
    language="es",
    day=datetime.date(2026, 11, 24),
    segment="opening",
)


def clock_ms() -> float:
    return 1_001_000.0


def conversation(ledger: Ledger) -> Conversation:
    return Conversation(
        ledger=ledger,
        roster=Roster(),
        guard=DigitGuard("CO", b"key"),
        judge=Judge([], CONTEXT),
        reader=FakeReader(),
        reads=read_here,
        knowledge=None,
        governor=Governor(),
        language="es",
        country="CO",
        clock_ms=clock_ms,
    )


def transcripts(facts: list[Fact]) -> list[Transcript]:
    return [fact for fact in facts if isinstance(fact, Transcript)]


async def test_a_final_has_the_term_and_says_what_was_heard() -> None:
    ledger = Ledger("call-1", clock_ms)
    sink = FakeSink()
    ears = FakeEars({("1", 0): "le llamo de finarka por cincuenta mil pesos"}, language="es")
    await LiveCall(
        session=FakeSession(
            [SpeechSegment("1", 0, "started", 0, 900), SpeechSegment("1", 0, "ended", 0, 900), CallEnded(2000, "bye")],
            (Participant(stream="1", position=0),),
        ),
        record=CallRecord(
            call_id="call-1",
            organisation_id="org",
            campaign_id="c",
            campaign="care",
            direction="inbound",
            language="es",
            country="CO",
        ),
        ledger=ledger,
        conversation=conversation(ledger),
        ears=ears,
        sink=sink,
        decide_roles=lambda participants: [],
        name_of=lambda user: "",
        corrector=Corrector([Term("Finarca")]),
        clock_ms=clock_ms,
        wall_clock=lambda: 1.0,
    ).serve()
    (final,) = transcripts(sink.facts)
    assert final.text == "le llamo de Finarca por cincuenta mil pesos"
    assert final.display == "Le llamo de Finarca por $50.000"
    assert [job.prompt for job in ears.jobs] == ["Finarca."]
    assert final.corrected == (Correction(start=12, end=19, term="Finarca", heard="finarka"),)


async def test_what_lies_under_a_mask_is_not_told() -> None:
    text = "escriba a ana arroba Finarca punto com, de Finarca"
    said = Utterance(
        stream="1",
        leg="customer",
        start_ms=0,
        end_ms=900,
        text=text,
        corrections=(Correction(21, 28, "Finarca", "finarka"), Correction(43, 50, "Finarca", "finarka")),
        language="es",
        confidence=0.8,
    )
    facts = [fact async for batch in conversation(Ledger("call-1", clock_ms)).hear(said) for fact in batch]
    (final,) = transcripts(facts)
    assert "[email]" in final.text
    assert [one.start for one in final.corrected] == [43]
