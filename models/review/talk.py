"""How a call was talked: shares, talk-over, dead air, pace, monologues. Pure, on the audio clock.

A span is one final: from its first voiced frame to its last. Everything is counted from spans, so that a recording, a
transcript and the live call give the same figures.
"""

import statistics
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from engine.facts import Leg

DEAD_AIR_MS = 8_000
"""A silence of both sides that is this long counts as dead air; hold and music do not."""
TALK_OVER_MS = 500
"""Who begins while another goes on for at least this long talks over them."""
JOINED_MS = 1_000
"""Who speaks again after a pause up to this, in which nobody else began, goes on: a long turn is heard in several
finals."""
BACKCHANNEL_WORDS = 2
"""No more words than these ("mhm", "yes, okay") interrupt nobody and end no monologue."""
MONOLOGUE_GAP_MS = 4_000
"""A pause up to this belongs to the monologue around it."""
PACE_MS = 10_000
"""Of less speech than this no pace is told."""
SHOWN = 10
"""Stretches given as evidence, the longest ones."""


class Span(msgspec.Struct, frozen=True):
    """One final."""

    turn: int
    stream: str
    start_ms: int
    end_ms: int
    words: int


class Stretch(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where something was, and by whom."""

    start_ms: int
    end_ms: int
    leg: Leg = "unknown"
    turn: int | None = None

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


class LegTalk(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of the call."""

    spoken_ms: int
    share: float
    """Of all that was spoken, 0 to 1."""
    words: int
    words_per_minute: int | None = None
    """Over speech alone, silence left out."""
    interruptions: int = 0
    """How often this side began while the other went on."""
    response_ms: int | None = None
    """Median wait from the end of the other side's words to the beginning of these; 0 where they overlap."""
    monologue_ms: int = 0
    """The longest stretch that nobody answered."""


class Talk(msgspec.Struct, frozen=True, omit_defaults=True):
    """The call up to `until_ms`."""

    until_ms: int
    legs: dict[str, LegTalk]
    talk_over_ms: int
    """Both sides at once."""
    dead_air_ms: int
    """All dead air together."""
    longest_silence_ms: int
    hold_ms: int
    sides: int = 0
    """How many spoke: of two streams of which nothing is known each is one."""
    interruptions: tuple[Stretch, ...] = ()
    dead_air: tuple[Stretch, ...] = ()
    monologue: Stretch | None = None


def measure(
    spans: Sequence[Span],
    legs: Mapping[str, Leg],
    holds: Sequence[tuple[int, int]],
    until_ms: int,
    since_ms: int = 0,
    filled: Sequence[tuple[int, int]] = (),
) -> Talk:
    """`legs` by stream; a stream without one is a side of its own. `holds` are times on hold, the last one perhaps
    still open at `until_ms`, and `filled` those in which music played, or somebody spoke whose words did not come: none
    is silence. Up to `since_ms` the spans are not known any more, and no silence is counted."""
    ordered = sorted(spans, key=lambda span: (span.start_ms, span.end_ms, span.stream))
    interruptions = [one for one, interrupts in _talk_over(_joined(ordered), legs) if interrupts]
    silences = list(_silences(ordered, [*holds, *filled], since_ms, until_ms))
    runs = list(_runs(ordered, legs))
    dead = [one for one in silences if one.length_ms >= DEAD_AIR_MS]
    return Talk(
        until_ms=until_ms,
        legs=_legs(ordered, legs, interruptions, runs, _waits(ordered, legs, [*holds, *filled])),
        talk_over_ms=sum(one.length_ms for one, _ in _talk_over(ordered, legs)),
        dead_air_ms=sum(one.length_ms for one in dead),
        longest_silence_ms=max((one.length_ms for one in silences), default=0),
        hold_ms=sum(min(end, until_ms) - start for start, end in holds if start < until_ms),
        sides=len({_side(span, legs) for span in ordered}),
        interruptions=_longest(interruptions),
        dead_air=_longest(dead),
        monologue=max(runs, key=lambda one: one.length_ms, default=None),
    )


def _legs(
    spans: Sequence[Span],
    legs: Mapping[str, Leg],
    interruptions: Sequence[Stretch],
    runs: Sequence[Stretch],
    waits: Mapping[Leg, Sequence[int]],
) -> dict[str, LegTalk]:
    spoken: dict[Leg, int] = {}
    words: dict[Leg, int] = {}
    for span in spans:
        leg = legs.get(span.stream, "unknown")
        spoken[leg] = spoken.get(leg, 0) + span.end_ms - span.start_ms
        words[leg] = words.get(leg, 0) + span.words
    whole = sum(spoken.values())
    return {
        leg: LegTalk(
            spoken_ms=spoken[leg],
            share=round(spoken[leg] / whole, 4) if whole else 0.0,
            words=words[leg],
            words_per_minute=round(words[leg] * 60_000 / spoken[leg]) if spoken[leg] >= PACE_MS else None,
            interruptions=sum(one.leg == leg for one in interruptions),
            response_ms=round(statistics.median(waits[leg])) if leg in waits else None,
            monologue_ms=max((one.length_ms for one in runs if one.leg == leg), default=0),
        )
        for leg in sorted(spoken)
    }


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans of one stream that are one utterance, as one; murmurs stay by themselves and part nothing."""
    joined: list[Span] = []
    newest: dict[str, int] = {}
    begun: dict[str, int] = {}
    for span in spans:
        if span.words <= BACKCHANNEL_WORDS:
            joined.append(span)
            continue
        others = max((start for stream, start in begun.items() if stream != span.stream), default=0)
        before = joined[newest[span.stream]] if span.stream in newest else None
        begun[span.stream] = span.start_ms
        if before and span.start_ms - before.end_ms <= JOINED_MS and others <= before.end_ms:
            end_ms, words = max(before.end_ms, span.end_ms), before.words + span.words
            joined[newest[span.stream]] = msgspec.structs.replace(before, end_ms=end_ms, words=words)
        else:
            newest[span.stream] = len(joined)
            joined.append(span)
    return joined


def _talk_over(spans: Sequence[Span], legs: Mapping[str, Leg]) -> Iterator[tuple[Stretch, bool]]:
    """Stretches in which two sides speak at once, each by who began later; and whether that interrupted."""
    open_: list[Span] = []
    for span in spans:
        open_ = [one for one in open_ if one.end_ms > span.start_ms]
        for one in open_:
            if _side(one, legs) == _side(span, legs):
                continue
            stretch = Stretch(span.start_ms, min(one.end_ms, span.end_ms), legs.get(span.stream, "unknown"), span.turn)
            known = min(span.start_ms - one.start_ms, one.end_ms - span.start_ms) >= TALK_OVER_MS
            yield stretch, known and span.words > BACKCHANNEL_WORDS
        open_.append(span)


def _side(span: Span, legs: Mapping[str, Leg]) -> str:
    """Two agents of one call are one side, two streams of which nothing is known are two."""
    leg = legs.get(span.stream, "unknown")
    return leg if leg in ("agent", "customer") else span.stream


def _silences(
    spans: Sequence[Span], filled: Sequence[tuple[int, int]], since_ms: int, until_ms: int
) -> Iterator[Stretch]:
    """Where nobody speaks and nothing else fills the time, the call's end included."""
    busy = sorted([(span.start_ms, span.end_ms) for span in spans] + list(filled))
    clock = since_ms
    for start, end in [*busy, (until_ms, until_ms)]:
        if clock < min(start, until_ms):
            yield Stretch(clock, min(start, until_ms))
        clock = max(clock, end)


def _runs(spans: Sequence[Span], legs: Mapping[str, Leg]) -> Iterator[Stretch]:
    """Stretches of one side that nobody answered."""
    run: Stretch | None = None
    for span in spans:
        leg = legs.get(span.stream, "unknown")
        if run and leg == run.leg and span.start_ms - run.end_ms <= MONOLOGUE_GAP_MS:
            run = msgspec.structs.replace(run, end_ms=max(run.end_ms, span.end_ms))
        elif run is None or span.words > BACKCHANNEL_WORDS:
            if run:
                yield run
            run = Stretch(span.start_ms, span.end_ms, leg, span.turn)
    if run:
        yield run


def _waits(spans: Sequence[Span], legs: Mapping[str, Leg], filled: Sequence[tuple[int, int]]) -> dict[Leg, list[int]]:
    """How long each side took to answer the other; what is `filled` kept nobody waiting."""
    waits: dict[Leg, list[int]] = {}
    taken, passed = sorted(filled), 0
    last: Span | None = None
    for span in spans:
        if span.words <= BACKCHANNEL_WORDS and last is not None:
            continue
        leg = legs.get(span.stream, "unknown")
        if last is not None and leg != legs.get(last.stream, "unknown"):
            while passed < len(taken) and taken[passed][1] <= last.end_ms:
                passed += 1
            within = taken[passed : bisect_left(taken, (span.start_ms, 0))]
            quiet = _silences((), within, last.end_ms, span.start_ms)
            waits.setdefault(leg, []).append(sum(one.length_ms for one in quiet))
        last = span if last is None or span.end_ms >= last.end_ms else last
    return waits


def _longest(stretches: Sequence[Stretch]) -> tuple[Stretch, ...]:
    """The longest ones, in their order."""
    kept = sorted(stretches, key=lambda one: -one.length_ms)[:SHOWN]
    return tuple(sorted(kept, key=lambda one: one.start_ms))
