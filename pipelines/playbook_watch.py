"""The campaign's playbook on one call: what is heard and read moves it on, and each move is told to the desk."""

from collections.abc import Iterable, Sequence
from typing import Any

from engine.facts import CallEvent, Fact
from engine.ports.reading import Reading
from models.compliance import CallContext, Detectors
from models.playbooks import Playbook, playbook_for
from pipelines.ledger import Ledger
from pipelines.play import Play
from pipelines.roster import Roster
from pipelines.signals import Listener, Signal, signal_of
from pipelines.slots import SlotListener
from pipelines.turn import TURNS_KEPT, Turn

SIGNALS_KEPT = 2_000
"""Kept to be taken anew when roles change. Of more, repeats between the first and the last go but for the newest half
of these: a step that is done stays done, a slot that is filled keeps what filled it."""
SLOT_WORDS = ("figure", "words")
READ = ("intent", "sentiment")
"""Of whose words it is may be known long after they were said."""


class PlaybookWatch:
    """Each method that gives facts gives `playbook.changed`, or nothing when all is as it was told."""

    def __init__(
        self,
        playbook: Playbook,
        detectors: Detectors,
        *,
        ledger: Ledger,
        roster: Roster,
        language: str,
        country: str = "",
    ) -> None:
        """Steps and slots are told in `language`, the call's own; amounts are written as the `country` does."""
        self._playbook = playbook
        self._detectors = detectors
        self._ledger = ledger
        self._roster = roster
        self._language = language
        self._listener = Listener(playbook, detectors)
        self._slots = SlotListener(playbook, country)
        self._heard: dict[int, str] = {}
        """Of turns whose text may still be settled, the language."""
        self._play = Play(playbook)
        self._signals: list[Signal] = []
        self._told: dict[str, Any] | None = None
        self._stirred = True
        """Something was taken since it was looked at what there is to tell."""

    @classmethod
    def of_call(
        cls,
        playbooks: Iterable[Playbook],
        context: CallContext,
        detectors: Detectors,
        *,
        name: str = "",
        ledger: Ledger,
        roster: Roster,
    ) -> "PlaybookWatch | None":
        """With the playbook of the call's campaign, which `name` may name more exactly; None when there is none."""
        playbook = playbook_for(playbooks, context.campaign, name)
        if playbook is None:
            return None
        return cls(
            playbook, detectors, ledger=ledger, roster=roster, language=context.language, country=context.country
        )

    def saw(self, facts: Sequence[Fact]) -> None:
        """What the rest of the conversation has made, in its order."""
        late = False
        for fact in facts:
            if isinstance(fact, CallEvent) and fact.name == "text.settled":
                self._settle(fact)
            elif (signal := signal_of(fact)) and signal.kind in READ:
                late |= self._read(signal)
            elif signal:
                self._take(signal)
        if late:
            self._play_again()

    def hear(self, turn: Turn, reading: Reading) -> list[Fact]:
        """A final, after it was read and judged."""
        folded = self._detectors.fold(turn.text)
        said = turn.utterance
        for signal in self._listener.in_words(folded, reading, said.language, said.stream, turn.turn):
            self._take(signal)
        for signal in self._slots.in_words(folded, said.language, said.stream, turn.turn):
            self._take(signal)
        self._heard[turn.turn] = said.language
        while len(self._heard) > TURNS_KEPT:
            del self._heard[next(iter(self._heard))]
        return self.tell(said.end_ms)

    def roles_changed(self, now_ms: int) -> list[Fact]:
        """Who said what is known anew: all is played again."""
        self._play_again()
        return self.tell(now_ms)

    def speak(self, language: str, now_ms: int) -> list[Fact]:
        """The call's language is known now: what was told in another is told again."""
        self._language, self._stirred = language, True
        return self.tell(now_ms)

    def tell(self, now_ms: int) -> list[Fact]:
        """Where the call stands, when that was not told yet."""
        if not self._stirred:
            return []
        self._stirred = False
        state = self._play.state(self._language)
        if _without_cause(state) == _without_cause(self._told):
            return []
        self._told = state
        return [self._ledger.event("playbook.changed", now_ms, state)]

    def _settle(self, event: CallEvent) -> None:
        """A turn reads otherwise now: an amount that was withheld is there, or what was shown is masked."""
        turn = event.data["turn"]
        if turn not in self._heard:  # its words are still to be heard, as they read by then
            return
        folded = self._detectors.fold(event.data["text"])
        fresh = self._slots.in_words(folded, self._heard[turn], event.stream, turn)
        if fresh == [one for one in self._signals if _fills_from(one, turn)]:
            return
        others = [one for one in self._signals if not _fills_from(one, turn)]
        behind = next((at for at, one in enumerate(others) if one.turn > turn), len(others))
        self._signals = [*others[:behind], *fresh, *others[behind:]]
        self._play_again()

    def _play_again(self) -> None:
        self._play, self._stirred = Play(self._playbook), True
        for signal in self._signals:
            self._play.take(signal, self._roster.leg(signal.stream))

    def _take(self, signal: Signal) -> None:
        self._keep(len(self._signals), signal)
        self._stirred = True
        self._play.take(signal, self._roster.leg(signal.stream))

    def _read(self, signal: Signal) -> bool:
        """Once each, where its turn stands. Whether that is not the end, and all must be played again."""
        if signal in self._signals:
            return False
        place = signal.turn, False
        behind = next((at for at, one in enumerate(self._signals) if (one.turn, one.kind == "said") > place), None)
        if behind is None:
            self._take(signal)
            return False
        self._keep(behind, signal)
        return True

    def _keep(self, at: int, signal: Signal) -> None:
        self._signals.insert(at, signal)
        if len(self._signals) > SIGNALS_KEPT:
            self._signals = _without_old_repeats(self._signals)


def _fills_from(signal: Signal, turn: int) -> bool:
    """Whether it is of a turn's words, and fills a slot."""
    return signal.turn == turn and signal.kind in SLOT_WORDS


def _without_old_repeats(signals: Sequence[Signal]) -> list[Signal]:
    last = {(one.kind, one.name, one.stream): at for at, one in enumerate(signals)}
    first = {(one.kind, one.name, one.stream): at for at, one in reversed(list(enumerate(signals)))}
    kept = {*first.values(), *last.values(), *range(len(signals) - SIGNALS_KEPT // 2, len(signals))}
    return [signals[at] for at in sorted(kept)]


def _without_cause(state: dict[str, Any] | None) -> dict[str, Any] | None:
    return {key: value for key, value in state.items() if key != "because"} if state else None
