"""The conversation of one call, of its setup: the same for a call that is live and for one that is played again."""

from collections.abc import Callable, Sequence
from functools import partial

from engine.ports.reading import KnowledgeSearch, TextReader
from engine.tracing import NO_TRACES, Tracing
from models.compliance import Detectors, Judge, Rule
from models.privacy import DigitGuard
from pipelines.cards import Reads, Searches
from pipelines.conversation import Conversation
from pipelines.ledger import Ledger
from pipelines.noted import NotedConversation, NotedVoices, Take, noted_reads, noted_searches
from pipelines.playbook_watch import PlaybookWatch
from pipelines.review import Review
from pipelines.roster import Roster
from pipelines.setup import Setup
from pipelines.suggest import Governor
from pipelines.voices import Speaking


def conversation_of(
    setup: Setup,
    rules: Sequence[Rule],
    detectors: Detectors,
    *,
    ledger: Ledger,
    roster: Roster,
    reader: TextReader,
    reads: Reads,
    searches: Searches,
    knowledge: KnowledgeSearch | None,
    voices: Speaking,
    clock_ms: Callable[[], float],
    tracing: Tracing = NO_TRACES,
    decided: Callable[[str], None] = lambda decision: None,
    take: Take | None = None,
    spoil: Callable[[], None] = lambda: None,
    keeps_tokens: bool = False,
) -> Conversation:
    """`take` gets a note of all that reaches the conversation from here on, and `spoil` is called where none of it may
    be kept; for the others see `Conversation`."""
    context, playbook = setup.context, setup.playbook
    if take:
        reads, searches, voices = noted_reads(reads, take), noted_searches(searches, take), NotedVoices(voices, take)
    watch = None
    if playbook:
        watch = PlaybookWatch(
            playbook, detectors, ledger=ledger, roster=roster, language=context.language, country=context.country
        )
    made = partial(NotedConversation, take, spoil) if take else Conversation
    return made(
        ledger=ledger,
        roster=roster,
        guard=DigitGuard(context.country, setup.guard_key),
        judge=Judge(rules, context, detectors),
        reader=reader,
        reads=reads,
        searches=searches,
        knowledge=knowledge,
        governor=Governor(),
        language=context.language,
        country=context.country,
        clock_ms=clock_ms,
        tracing=tracing,
        review=Review.of_call(context, setup.form, rules, detectors, ledger=ledger, roster=roster),
        voices=voices,
        decided=decided,
        agent_sentiment=setup.agent_sentiment,
        keeps_tokens=keeps_tokens,
        playbook=watch,
    )
