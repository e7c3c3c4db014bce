"""A form's items on one call, as the call goes on.

Marks are kept by stream and not by leg: roles may come late, and are asked for when the answers are.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from engine.facts import CallEvent, Evidence, Fact, Insight, Leg
from engine.quality import Answer, QualityItem, QualityScore, scored
from models.compliance import Detectors, JudgedTurn, to_spoken
from models.compliance.history import is_sure
from models.compliance.phrases import Phrase
from models.compliance.text import Folded, versions
from models.review.denial import meant
from models.review.forms import (
    ByAct,
    ByMetric,
    ByMood,
    ByPerson,
    ByPhrase,
    ByRules,
    Form,
    Item,
    NoViolation,
    Phrases,
    SpokenBy,
    tells_of_customer,
    title_in,
)
from models.review.talk import Talk

MARKS_KEPT = 20
"""Places a stream at which one item was met; the first ones."""
EVIDENCE = 3
"""Of these the first are shown."""

_SEVERE = {"warning": ("warning", "critical"), "critical": ("critical",)}


class Mark(msgspec.Struct, frozen=True):
    """Words that meet something, by stream."""

    stream: str
    evidence: Evidence

    def of(self, leg_of: Callable[[str], Leg]) -> Evidence:
        leg = leg_of(self.stream)
        return self.evidence if leg == "unknown" else msgspec.structs.replace(self.evidence, leg=leg)


class Scorer:
    """One call's. Turns and facts come in order."""

    def __init__(
        self,
        form: Form,
        detectors: Detectors,
        rules: frozenset[str],
        language: str,
        *,
        timed: bool = True,
        opening: bool = True,
    ) -> None:
        """`rules` are those in force on the call. Where the times of turns are not known (`timed` is False), no figure
        is, and whether something was said in time is a person's to say; so it is, and whether something was said at
        all, where a call is not heard from its `opening` on."""
        self.form = form
        self._detectors = detectors
        self._rules = rules
        self._language = language
        self._timed = timed
        self._dated = timed and opening
        self._opening = opening
        self._phrases = {
            item.id: compiled(item.check.phrases) for item in form.items if isinstance(item.check, ByPhrase)
        }
        checks = [item.check for item in form.items]
        self._within_s = {one.within_s for one in checks if isinstance(one, ByAct | ByPhrase) and one.within_s}
        self._marks: dict[str, list[Mark]] = {}
        """By item."""
        self._streams: set[str] = set()
        """In which words were heard."""
        self._intents: dict[int, str] = {}
        """By `seq`."""
        self._acts: set[tuple[str, str]] = set()
        """Acts that came up, each with the stream."""
        self._verdicts: dict[int, Insight] = {}
        self._wrong: set[int] = set()
        """Of these, those that a supervisor called wrong."""
        self._moods: dict[int, Insight] = {}
        self._lost: list[tuple[str, int]] = []
        """Speech whose words were lost: its stream, and where it began."""
        self._first_ms: int | None = None

    def hear(self, turn: JudgedTurn, folded: Folded) -> None:
        """A final as read, and its words as `Detectors.fold` gives them."""
        if self._first_ms is None:
            self._first_ms = turn.start_ms
        self._streams.add(turn.stream)
        for act in {act for item in self.form.items for act in item.when if act in self._detectors}:
            hit = self._detectors[act].find(folded, turn.reading)
            if hit and is_sure(act, hit.score, turn.reading):
                self._acts.add((act, turn.stream))
        texts = versions(folded)
        for item in self.form.items:
            if span := self._found(item, turn, texts):
                marks = self._marks.setdefault(item.id, [])
                if sum(mark.stream == turn.stream for mark in marks) < MARKS_KEPT:
                    marks.append(Mark(turn.stream, evidence_of(turn, *span)))

    def lost(self, stream: str, start_ms: int) -> None:
        """Words were said there that nobody heard."""
        if self._first_ms is None:
            self._first_ms = start_ms
        self._lost.append((stream, start_ms))

    def speak(self, language: str) -> None:
        """Items are titled in this language from now on."""
        self._language = language

    def saw(self, fact: Fact) -> None:
        """What the rest of the engine made of the call."""
        match fact:
            case Insight(kind="compliance"):
                self._verdicts[fact.seq] = fact
            case Insight(kind="intent"):
                self._intents[fact.seq] = fact.value
            case Insight(kind="mood"):
                self._moods[fact.seq] = fact
            case CallEvent(name="alert.judged") if fact.data["role"] != "agent":
                judged = {fact.data["of"]}
                self._wrong = self._wrong | judged if fact.data["verdict"] == "wrong" else self._wrong - judged
            case CallEvent(name="withdrawn"):
                for seq in fact.data["of"]:
                    self._intents.pop(seq, None)
                    self._verdicts.pop(seq, None)
                    self._moods.pop(seq, None)

    def falls_due(self, after_ms: int, until_ms: int) -> bool:
        """Whether the time for something ran out in between."""
        if self._first_ms is None or not self._dated:
            return False
        times_ms = (self._first_ms + within_s * 1000 for within_s in self._within_s)
        return any(after_ms < at_ms <= until_ms for at_ms in times_ms)

    def score(self, leg_of: Callable[[str], Leg], now_ms: int, talk: Talk | None = None) -> QualityScore:
        """As things stand. With `talk` the call is over, and what was not done by now was not done."""
        items = [self._item(item, leg_of, now_ms, talk) for item in self.form.items]
        return scored(self.form.id, self.form.version, self.form.pass_score, items)

    # ─── marks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _found(self, item: Item, turn: JudgedTurn, texts: Sequence[Folded]) -> tuple[int, int] | None:
        match item.check:
            case ByAct(acts=acts, absent=absent):
                for act in acts:
                    hit = self._detectors[act].find(texts[0], turn.reading)
                    if hit and (not absent or is_sure(act, hit.score, turn.reading)):
                        return hit.start, hit.end
            case ByPhrase():
                phrases = self._phrases[item.id]
                found = (text.span(*span) for text in texts for span in meant(phrases, text, turn.language))
                return next(found, None)
        return None

    # ─── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _item(self, item: Item, leg_of: Callable[[str], Leg], now_ms: int, talk: Talk | None) -> QualityItem:
        answer, evidence, note = self._answer(item, leg_of, now_ms, talk)
        if item.when and not self._came_up(leg_of) & set(item.when):
            answer, evidence, note = "n_a" if talk else "open", (), ""
        return QualityItem(
            item=item.id,
            title=title_in(item.title, self._language),
            weight=item.weight,
            answer=answer,
            auto=not isinstance(item.check, ByPerson),
            auto_fail=item.auto_fail,
            evidence=evidence,
            note=note,
        )

    def _answer(
        self, item: Item, leg_of: Callable[[str], Leg], now_ms: int, talk: Talk | None
    ) -> tuple[Answer, tuple[Evidence, ...], str]:
        match item.check:
            case ByRules(rules=rules):
                return self._by_rules(rules, ended=talk is not None and not self._agent_unheard(leg_of))
            case NoViolation(severity=severity):
                violations = (one for one in self._standing() if one.outcome == "violation")
                bad = [one for one in violations if one.severity in _SEVERE[severity]]
                kept: Answer = "yes" if talk and not self._agent_unheard(leg_of) else "open"
                return ("no", cited(bad), "") if bad else (kept, (), "")
            case ByAct() | ByPhrase() as check:
                return self._by_words(item.id, check, leg_of, now_ms, ended=talk is not None)
            case ByMetric() as metric:
                return _by_metric(metric, talk) if self._timed else ("n_a" if talk else "open", (), "")
            case ByMood(ends=ends):
                if talk is None or not self._moods:
                    return ("n_a" if talk else "open"), (), ""
                mood = self._moods[max(self._moods)]
                if "mixed" in (mood.leg, leg_of(mood.stream)):
                    return "open", (), ""  # it is the agent's as well
                return ("yes" if mood.value in ends else "no"), (), mood.value
        return "open", (), ""

    def _by_rules(self, rules: Sequence[str], *, ended: bool) -> tuple[Answer, tuple[Evidence, ...], str]:
        asked = [rule for rule in rules if rule in self._rules]
        if not asked:
            return "n_a", (), ""
        of_these = [one for one in self._standing() if one.rule in asked]
        if bad := [one for one in of_these if one.outcome == "violation"]:
            return "no", cited(bad), ""
        done = [one for one in of_these if one.outcome == "satisfied"]
        if {one.rule for one in done} >= set(asked):
            return "yes", cited(done), ""
        if not ended or not self._opening or any(one.outcome == "undecided" for one in of_these):
            return "open", (), ""
        return "yes", cited(done), ""

    def _by_words(
        self, item: str, check: ByAct | ByPhrase, leg_of: Callable[[str], Leg], now_ms: int, *, ended: bool
    ) -> tuple[Answer, tuple[Evidence, ...], str]:
        began = self._first_ms or 0
        until = began + check.within_s * 1000 if check.within_s and self._dated else None
        legs = [(mark.of(leg_of), leg_of(mark.stream)) for mark in self._marks.get(item, ())]
        timely = [(proof, leg) for proof, leg in legs if until is None or proof.start_ms < until]
        said = tuple(proof for proof, leg in timely if check.leg in ("any", leg))[:EVIDENCE]
        if said and check.within_s and not self._dated:
            return "open", said, ""
        if said:
            return ("no" if check.absent else "yes"), said, ""
        if any(leg in ("mixed", "unknown") for _, leg in timely):
            return "open", (), ""
        if check.leg == "agent" and self._agent_unheard(leg_of):
            return "open", (), ""
        if self._lost_words(check.leg, leg_of, until) or not (self._opening or check.absent):
            return "open", (), ""
        over = ended or (until is not None and now_ms >= until)
        return ("yes" if check.absent else "no") if over else "open", (), ""

    def _lost_words(self, by: SpokenBy, leg_of: Callable[[str], Leg], until_ms: int | None) -> bool:
        """Whether words are lost among which it may have been."""
        return any(
            (by == "any" or leg_of(stream) in (by, "mixed", "unknown")) and (until_ms is None or start_ms < until_ms)
            for stream, start_ms in self._lost
        )

    def _agent_unheard(self, leg_of: Callable[[str], Leg]) -> bool:
        """Whether no word is an agent's: nobody knows then what they said, nor what they left unsaid."""
        return all(leg_of(stream) == "customer" for stream in self._streams)

    def _standing(self) -> Iterator[Insight]:
        return (one for seq, one in self._verdicts.items() if seq not in self._wrong)

    def _came_up(self, leg_of: Callable[[str], Leg]) -> set[str]:
        acts = {act for act, stream in self._acts if tells_of_customer(act, leg_of(stream))}
        return acts.union(self._intents.values())


def compiled(phrases: Phrases) -> tuple[Phrase, ...]:
    return tuple(Phrase(source, {}) for sources in phrases.values() for source in sources)


def evidence_of(turn: JudgedTurn, start: int, end: int) -> Evidence:
    """The words of a turn between two places of its masked text."""
    return Evidence(
        turn=turn.turn,
        leg=turn.leg,
        quote=turn.text[start:end],
        start=to_spoken(turn.offsets, start),
        end=to_spoken(turn.offsets, end),
        start_ms=turn.start_ms,
        end_ms=turn.end_ms,
    )


def cited(insights: Sequence[Insight]) -> tuple[Evidence, ...]:
    return tuple(piece for one in insights for piece in one.evidence)[:EVIDENCE]


def _by_metric(check: ByMetric, talk: Talk | None) -> tuple[Answer, tuple[Evidence, ...], str]:
    if talk is None:
        return "open", (), ""
    value = _value(check.metric, talk)
    if value is None:
        return "n_a", (), ""
    fits = (check.at_least is None or value >= check.at_least) and (check.at_most is None or value <= check.at_most)
    return ("yes" if fits else "no"), (), f"{check.metric} {value:g}"


def _value(metric: str, talk: Talk) -> float | None:
    agent = talk.legs.get("agent")
    match metric:
        case "talk_over_ms" if talk.sides > 1:
            return talk.talk_over_ms
        case "dead_air_ms":
            return talk.dead_air_ms
        case "longest_silence_ms":
            return talk.longest_silence_ms
        case "hold_ms":
            return talk.hold_ms
        case "agent_share" if agent:
            return agent.share
        case "agent_interruptions" if agent:
            return agent.interruptions
        case "agent_words_per_minute" if agent:
            return agent.words_per_minute
        case "agent_response_ms" if agent:
            return agent.response_ms
        case "agent_monologue_ms" if agent:
            return agent.monologue_ms
        case _:
            return None
