"""What is made of a call beside its words: how it is talked, how it scores, and its wrap-up.

Runs after everything else of a turn, so that no word, alert or card waits for it, and puts nothing before the agent
while the call goes on but the notice that nobody speaks.
"""

import datetime
from collections.abc import Iterable, Sequence

import msgspec

from engine.facts import Fact, Leg
from engine.ports.reading import Reading
from engine.quality import QualityItem, QualityScore
from models.compliance import CallContext, Detectors, Rule, select
from models.review import Composer, Form, Scorer, Span, Talk, measure
from pipelines.ledger import Ledger
from pipelines.roster import Roster
from pipelines.turn import Turn

SPANS_KEPT = 5_000
"""Finals that the figures rest on; of a call with more, which lasts many hours, the newest."""
LASTING_MS = 15_000
"""A silence of both sides that is told to the desk."""
EVERY_MS = 30_000
"""Between two measurements of a live call."""


class Review:
    """One call's. Each method gives facts in order of `seq`."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        roster: Roster,
        detectors: Detectors,
        form: Form | None,
        rules: frozenset[str],
        day: datetime.date,
        language: str,
        timed: bool = True,
        opening: bool = True,
    ) -> None:
        """`rules` are those in force on the call; without a `form` it is measured and wrapped up, but not scored. Where
        the times of turns are made up (`timed` is False) nothing is measured, and no silence told. Where a call is not
        heard from its `opening` on, nothing that was to be said is missed."""
        self._ledger = ledger
        self._roster = roster
        self._detectors = detectors
        self._timed = timed
        self._scorer: Scorer | None = None
        if form and form.items:
            self._scorer = Scorer(form, detectors, rules, language, timed=timed, opening=opening)
        self._composer = Composer(form, detectors, day, language)
        self._spans: list[Span] = []
        self._unheard: list[tuple[int, int]] = []
        """Speech of which no words came."""
        self._since_ms = 0
        """Up to there what was spoken is not known any more."""
        self._holds: list[tuple[int, int]] = []
        self._held_ms: int | None = None
        self._music: list[tuple[int, int]] = []
        """Where it played and has ended."""
        self._playing: dict[str, int] = {}
        """Streams on which it plays, each since when."""
        self._spoken_ms = 0
        """End of the last words, of the last hold, or of the last music."""
        self._told_ms = -1
        """`_spoken_ms` of the silence that was told."""
        self._measured_ms = 0
        self._known: dict[str, QualityItem] = {}
        self._stirred = False
        """Something was made of the call since its items were last looked at."""
        self._judged_ms = 0

    @classmethod
    def of_call(
        cls,
        context: CallContext,
        form: Form | None,
        rules: Iterable[Rule],
        detectors: Detectors,
        *,
        ledger: Ledger,
        roster: Roster,
        timed: bool = True,
    ) -> "Review":
        """`rules` may be all there are: those in force on the call are picked."""
        return cls(
            ledger=ledger,
            roster=roster,
            detectors=detectors,
            form=form,
            rules=frozenset(rule.id for rule in select(rules, context)),
            day=context.day,
            language=context.language,
            timed=timed,
            opening=context.segment == "opening",
        )

    def hear(self, turn: Turn, reading: Reading, leg: Leg) -> list[Fact]:
        """A final, after everything else was made of it."""
        said = turn.utterance
        self._spans.append(Span(turn.turn, said.stream, said.start_ms, said.end_ms, len(said.text.split())))
        self._forget(span.end_ms for span in self._spans[:-SPANS_KEPT])
        del self._spans[:-SPANS_KEPT]
        self._spoken_ms = max(self._spoken_ms, said.end_ms)
        judged = turn.judged(leg)
        folded = self._detectors.fold(judged.text)
        self._composer.hear(judged, folded)
        if self._scorer:
            self._scorer.hear(judged, folded)
        return self._judged(said.end_ms)

    def unheard(self, stream: str, start_ms: int, end_ms: int, *, lost: bool) -> None:
        """Somebody spoke there, and no words came of it; `lost`: though there may have been some."""
        self._unheard.append((start_ms, end_ms))
        self._forget(end for _, end in self._unheard[:-SPANS_KEPT])
        del self._unheard[:-SPANS_KEPT]
        self._spoken_ms = max(self._spoken_ms, end_ms)
        if lost and self._scorer:
            self._scorer.lost(stream, start_ms)

    def saw(self, facts: Sequence[Fact]) -> None:
        """What the rest of the conversation has made, in its order."""
        self._stirred = self._stirred or bool(facts)
        for fact in facts:
            self._composer.saw(fact)
            if self._scorer:
                self._scorer.saw(fact)

    def speak(self, language: str) -> None:
        """The call's language is known now."""
        if self._scorer:
            self._scorer.speak(language)

    def tick(self, now_ms: int) -> list[Fact]:
        """Everything said before `now_ms` has been heard."""
        facts = self._judged(now_ms) if self._spans and (self._stirred or self._falls_due(now_ms)) else []
        if not self._timed:
            return facts
        facts += self._silence(now_ms)
        if self._spans and now_ms - self._measured_ms >= EVERY_MS:
            self._measured_ms = now_ms
            facts.append(self._ledger.event("talk.measured", now_ms, msgspec.to_builtins(self._talk(now_ms))))
        return facts

    def held(self, at_ms: int) -> None:
        self._held_ms = at_ms if self._held_ms is None else self._held_ms

    def resumed(self, at_ms: int) -> None:
        if self._held_ms is not None:
            self._holds.append((self._held_ms, at_ms))
            self._held_ms = None
            self._spoken_ms = max(self._spoken_ms, at_ms)

    def music(self, stream: str, at_ms: int, *, plays: bool) -> None:
        """It has begun, or ended, on a stream: a switchboard may put a call on hold without saying so."""
        if plays:
            self._playing.setdefault(stream, at_ms)
        elif stream in self._playing:
            self._music.append((self._playing.pop(stream), at_ms))
            self._spoken_ms = max(self._spoken_ms, at_ms)

    def end(self, now_ms: int, *, cut_off: bool = False) -> list[Fact]:
        """The call is over: its figures, its score, its wrap-up. `cut_off`: it went on unheard, and what was not done
        up to here is not held against anybody."""
        if self._held_ms is not None:
            self.resumed(now_ms)
        talk = self._talk(now_ms)
        facts: list[Fact] = []
        if self._timed:
            facts.append(self._ledger.event("talk.measured", now_ms, msgspec.to_builtins(talk) | {"whole": True}))
        if self._scorer and self._spans:  # where nobody spoke there is nothing to hold against anybody
            score = self._scorer.score(self._roster.leg, now_ms, None if cut_off else talk)
            facts.append(self._ledger.event("qa.scored", now_ms, msgspec.to_builtins(score)))
        wrap_up = self._composer.finish(self._legs())
        facts.append(self._ledger.event("wrap_up.proposed", now_ms, msgspec.to_builtins(wrap_up)))
        return facts

    # ─── within ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _forget(self, ends_ms: Iterable[int]) -> None:
        """What was spoken until there is not kept."""
        self._since_ms = max([self._since_ms, *ends_ms])

    def _judged(self, now_ms: int) -> list[Fact]:
        """Items whose answer is another than before."""
        self._stirred, self._judged_ms = False, max(self._judged_ms, now_ms)
        if not self._scorer:
            return []
        score = self._scorer.score(self._roster.leg, self._judged_ms)
        changed = [item for item in score.items if self._answer(item.item) != item.answer]
        self._known.update({item.item: item for item in changed})
        return [self._ledger.event("qa.judged", now_ms, _item_data(score, item)) for item in changed]

    def _falls_due(self, now_ms: int) -> bool:
        return self._scorer is not None and self._scorer.falls_due(self._judged_ms, now_ms)

    def _answer(self, item: str) -> str:
        return self._known[item].answer if item in self._known else "open"

    def _silence(self, now_ms: int) -> list[Fact]:
        filled = self._held_ms is not None or bool(self._playing)
        if filled or self._told_ms == self._spoken_ms or now_ms - self._spoken_ms < LASTING_MS:
            return []
        self._told_ms = self._spoken_ms
        return [self._ledger.event("dead_air", now_ms, {"since_ms": self._spoken_ms})]

    def _talk(self, now_ms: int) -> Talk:
        holds = [*self._holds, (self._held_ms, now_ms)] if self._held_ms is not None else self._holds
        music = [*self._music, *((since_ms, now_ms) for since_ms in self._playing.values())]
        return measure(self._spans, self._legs(), holds, now_ms, self._since_ms, [*music, *self._unheard])

    def _legs(self) -> dict[str, Leg]:
        return {stream: self._roster.leg(stream) for stream in {span.stream for span in self._spans}}


def _item_data(score: QualityScore, item: QualityItem) -> dict[str, object]:
    about = {"form": score.form, "version": score.version}
    builtins: dict[str, object] = msgspec.to_builtins(item)
    return about | builtins
