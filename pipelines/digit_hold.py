"""The law of digits on one call: what the guard withholds, releases and finds becomes facts."""

from collections.abc import Iterable

from engine.facts import Fact
from engine.tokens import Token, may_have
from models.compliance import EntityRef
from models.privacy import DigitGuard, Entity, Judged, SpokenTurn, TurnText, may_be_kept
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.turn import Turn, Turns
from pipelines.utterance import Utterance
from pipelines.withheld import Withheld, Withholding

NAMES_KEPT = 200
"""People's names of one call."""
OF_A_CARD = frozenset({"CARD", "CVV", "CARD_EXPIRY"})


class DigitHold:
    """Redacts before anything else sees the words. Each method gives facts in order of `seq`."""

    def __init__(
        self,
        guard: DigitGuard,
        ledger: Ledger,
        roster: Roster,
        turns: Turns,
        country: str = "",
        *,
        keeps_tokens: bool = False,
    ) -> None:
        """`country` (ISO 3166-1 alpha-2) decides how amounts are written for readers; without `keeps_tokens` no value
        outlives its judgement."""
        self.guard = guard
        self._country = country
        self._ledger = ledger
        self._roster = roster
        self._turns = turns
        self.capturing = False
        """Whether the number of a card is expected or being read."""
        self.reading = False
        """Whether that, or digits of another number wait for more of it."""
        self._withheld = Withholding()
        self._judged: tuple[str, int] | None = None
        """Stream and start of the newest turn that was."""
        self._names: dict[str, None] = {}
        self._keeps_tokens = keeps_tokens
        self._tokens: dict[int, Token] = {}
        self._near_card = False
        """A card was spoken of, at whatever time of the call."""

    def withheld(self) -> Withheld:
        """What a recording must not hold, as far as it is known now. Spans are given once."""
        return self._withheld.take(self.guard.held_from_ms)

    @property
    def names(self) -> tuple[str, ...]:
        """Those that people gave, as they were heard: for what must not hold them, never for a fact."""
        return tuple(self._names)

    def tokens_of(self, facts: Iterable[Fact]) -> list[Token]:
        """What the entities among these facts were, where it may be read again. Each is given once."""
        return [token for fact in facts if (token := self._tokens.pop(fact.seq, None))]

    def hear(self, utterance: Utterance, number: int) -> Judged:
        """What may be shown of a final (the first of `texts`), and what of earlier ones is settled by it."""
        leg = self._roster.leg_of(utterance)
        judged = self.guard.hear(
            SpokenTurn(
                turn=number,
                stream=utterance.stream,
                leg=leg,
                text=utterance.text,
                start_ms=utterance.start_ms,
                end_ms=utterance.end_ms,
                language=utterance.language,
            )
        )
        self._withheld.saw(utterance, judged.texts[0])
        if judged.capture_started and leg != "agent":
            self._withheld.lose_behind(utterance)
        self._judged = utterance.stream, utterance.start_ms
        return judged

    def unjudged(self, stream: str, start_ms: int, end_ms: int) -> None:
        """A turn that was not heard, or that a fault befell: a recording has nothing of it, unless that came after
        `hear`."""
        if (stream, start_ms) != self._judged:
            self._withheld.lose(start_ms, end_ms)

    def settle_texts(self, texts: Iterable[TurnText]) -> list[Fact]:
        """What a withheld run of an earlier turn was, and the turn's text now."""
        facts: list[Fact] = []
        for text in texts:
            if turn := self._turns.get(text.turn):
                self._withheld.saw(turn.utterance, text)
            if not turn or (turn.text, turn.masks) == (text.text, text.masks):
                continue
            turn.settle(text.text, text.masks)
            masks = [{"start": mask.start, "end": mask.end, "label": mask.label} for mask in text.masks]
            said = turn.utterance
            facts.append(
                self._ledger.event(
                    "text.settled",
                    said.end_ms,
                    {"turn": text.turn, "text": text.text, "masks": masks, **turn.display(self._country)},
                    stream=said.stream,
                    leg=self._roster.leg_of(said),
                )
            )
        return facts

    def watch_capture(self, judged: Judged, at_ms: int) -> list[Fact]:
        """The edges of a stretch in which a number is read."""
        facts: list[Fact] = []
        self.capturing, self.reading = judged.capture, judged.capture or judged.open_run
        self._near_card |= judged.capture_ended or self.guard.near_card
        if judged.capture_started:
            facts.append(self._ledger.event("capture.started", at_ms))
        if judged.capture_ended:
            facts.append(self._ledger.event("capture.ended", at_ms))
        return facts

    def find(self, entities: Iterable[Entity]) -> list[Fact]:
        """Private data by type and place, never by value."""
        found = list(entities)
        self._near_card |= any(one.entity_type in OF_A_CARD for one in found)
        return [self._entity(turn, one) for one in found if (turn := self._turns.get(one.turn))]

    def _entity(self, turn: Turn, entity: Entity) -> Fact:
        reference = EntityRef(entity_type=entity.entity_type, start=entity.start, end=entity.end, last4=entity.last4)
        turn.entities = (*turn.entities, reference)
        if entity.entity_type == "PERSON" and len(self._names) < NAMES_KEPT:
            self._names[turn.utterance.text[entity.start : entity.end]] = None
        fact = self._ledger.insight(
            "entity",
            entity.turn,
            value=f"[{entity.entity_type.lower()}]",
            score=round(entity.score, 4),
            entity_type=entity.entity_type,
            start=entity.start,
            end=entity.end,
            last4=entity.last4,
            measured=self._ledger.measured_turn(turn),
            **turn.place(self._roster.leg_of(turn.utterance)),
        )
        if self._keeps_tokens and may_have(fact) and may_be_kept(entity, near_card=self._near_card):
            self._tokens[fact.seq] = Token(fact.seq, entity.value)
        return fact
