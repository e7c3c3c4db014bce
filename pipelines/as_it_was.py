"""A live call played again as it was: recorded model outputs in their recorded order, and no model.

The conversation is held once more by this build's rules and forms where the call's came with the program; rules and a
form of one's own, and the playbook, are the call's. On the build that served the call the facts are the same but for
`measured`.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

import msgspec

from engine.errors import Invalid
from engine.facts import CallEvent, Fact, encode
from models.compliance import Detectors, Rule, with_own
from models.review import Form
from pipelines import notes
from pipelines.conversation import Conversation
from pipelines.conversations import conversation_of
from pipelines.ledger import Ledger
from pipelines.recorded_outputs import NotRecorded, RecordedOutputs
from pipelines.roster import Roster
from pipelines.understand import search_here


class Tools(msgspec.Struct, frozen=True):
    """What this build judges by."""

    rules: Sequence[Rule]
    """Those that come with it."""
    detectors: Detectors
    forms: Sequence[Form] = ()
    """Those that come with it."""


class Replayed(msgspec.Struct):
    """What was made of a call's notes."""

    version: str
    """Of the program that took them."""
    facts: dict[int, Fact] = msgspec.field(default_factory=dict)
    """By `seq`."""
    noted: set[int] = msgspec.field(default_factory=set)
    """`seq` of those that the call's own conversation made: all others of the call are of other parts of it."""
    otherwise: int = 0
    """How often a model or the search was asked with other words than in the call."""

    def forget_from(self, seq: int) -> None:
        """Of notes that end early the last facts may never have come to the store."""
        self.facts = {number: fact for number, fact in self.facts.items() if number < seq}
        self.noted = {number for number in self.noted if number < seq}


Emit = Callable[[Fact], None]


async def replay_as_it_was(taken: Sequence[notes.Note], tools: Tools, emit: Emit = lambda fact: None) -> Replayed:
    """Raises `Invalid` when these are no call's notes, or when this build asks for more than was recorded."""
    outputs = RecordedOutputs(taken)
    began = outputs.pop()
    if not isinstance(began, notes.Began):
        raise Invalid("what was noted of the call does not begin with its setup")
    playing = _Playing(began, tools, outputs, emit)
    while (note := outputs.pop()) is not None:
        if isinstance(note, notes.Input | notes.WentOn):  # all else is what this build asks for no more
            await playing.take(note)
    playing.replayed.otherwise = outputs.otherwise
    return playing.replayed


def first_difference(replayed: Replayed, stored: Mapping[int, Fact]) -> str:
    """Where the content of the facts differs from that of the stored ones, by `seq` and the names of fields, never by
    words; empty when it is the same."""
    for seq in sorted(replayed.facts.keys() | replayed.noted):
        made, before = replayed.facts.get(seq), stored.get(seq) if seq in replayed.noted else None
        if made is None:
            return f"seq {seq}: {_kind(before) if before else 'a fact'} is not made any more"
        if before is None:
            return f"seq {seq}: {_kind(made)} is {'not stored' if seq in replayed.noted else 'new'}"
        if fields := _fields_that_differ(_content(made), _content(before)):
            return f"seq {seq}: {_kind(made)} differs in {', '.join(fields)}"
    return ""


class _Playing:
    """One call in the middle of being played."""

    def __init__(self, began: notes.Began, tools: Tools, outputs: RecordedOutputs, emit: Emit) -> None:
        self.replayed = Replayed(began.version)
        self._outputs = outputs
        self._emit = emit
        self._ledger = Ledger(began.setup.call_id, _no_clock)
        form = began.setup.form
        if form and not form.version:
            form = next((one for one in tools.forms if one.id == form.id), form)
        self._conversation: Conversation = conversation_of(
            msgspec.structs.replace(began.setup, form=form),
            with_own(tools.rules, began.setup.own_rules),
            tools.detectors,
            ledger=self._ledger,
            roster=Roster(),
            reader=outputs,
            reads=outputs.reads,
            searches=search_here,
            knowledge=outputs if began.setup.searches else None,
            voices=outputs,
            clock_ms=_no_clock,
        )
        self._steps: AsyncIterator[list[Fact]] | None = None

    async def take(self, note: notes.Input | notes.WentOn) -> None:
        self._ledger.skip_to(note.seq)
        failure = ""
        facts: list[Fact] = []
        try:
            facts = await self._step(note)
        except NotRecorded:
            failure = "asks the models for more than was recorded"
        except Exception as error:
            failure = f"fails ({type(error).__name__}) where the call did not"
        made = self._outputs.pop_made()
        if failure and made:
            raise Invalid(f"behind seq {note.seq} this version {failure}")
        if made is None and self._outputs.over:
            return  # the notes are cut here: nobody knows what became of these facts
        self._keep(facts)
        if made:
            self.replayed.noted.update(made.seqs)
            if made.last:
                await self._finish()

    async def _step(self, note: notes.Input | notes.WentOn) -> list[Fact]:
        if isinstance(note, notes.Heard):
            self._steps = self._conversation.hear(note.utterance)
        if isinstance(note, notes.Heard | notes.WentOn):
            return await anext(self._steps, []) if self._steps else []
        return _told(self._conversation, note)

    async def _finish(self) -> None:
        """What this version has to say beyond what the call had."""
        steps, self._steps = self._steps, None
        try:
            while steps and (facts := await anext(steps, None)) is not None:
                self._keep(facts)
        except NotRecorded:
            raise Invalid(
                f"behind seq {self._ledger.seq} this version asks the models for more than was recorded"
            ) from None

    def _keep(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self.replayed.facts[fact.seq] = fact
            self._emit(fact)


def _told(conversation: Conversation, note: notes.Input) -> list[Fact]:
    match note:
        case notes.Unheard():
            conversation.unheard(note.stream, note.start_ms, note.end_ms, lost=note.lost)
        case notes.Ticked():
            return conversation.tick(note.at_ms)
        case notes.RolesDecided():
            return conversation.decide_roles(note.decisions, note.at_ms)
        case notes.Held():
            conversation.held(note.at_ms)
        case notes.Resumed():
            conversation.resumed(note.at_ms)
        case notes.Spoke():
            return conversation.speak(note.language, note.at_ms)
        case notes.Noticed():
            return conversation.noticed(note.event)
        case notes.CardAnswered():
            conversation.answered_card(note.action, note.article, note.at_ms)
        case notes.Ended():
            return conversation.end(note.at_ms, cut_off=note.cut_off)
    return []


def _no_clock() -> float:
    """What a clock says goes into `measured` alone."""
    return 0.0


def _content(fact: Fact) -> bytes:
    return encode(msgspec.structs.replace(fact, measured=None))


def _kind(fact: Fact) -> str:
    return fact.name if isinstance(fact, CallEvent) else str(fact.__struct_config__.tag)


def _fields_that_differ(one: bytes, other: bytes) -> list[str]:
    if one == other:
        return []
    ours, theirs = (_flat(msgspec.json.decode(content)) for content in (one, other))
    return sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)) or ["order"]


def _flat(content: dict[str, object]) -> dict[str, object]:
    """With the names within an event's `data`."""
    data = content.pop("data", None)
    return content | ({f"data.{name}": value for name, value in data.items()} if isinstance(data, dict) else {})
