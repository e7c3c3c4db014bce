"""Which language a leg speaks: a belief that clear speech moves at once and a short foreign phrase does not. Pure.

A forward filter of a hidden Markov model: people rarely change language from one segment to the next (`_CHANGE`), and
what Whisper says of a segment counts by how much speech there was to judge by.
"""

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

from engine.ports.hearing import Heard, ListenJob

OURS = ("es", "pt", "en")
Belief = Mapping[str, float]
"""Shares by language, 1 together; a language that is left out has hardly any."""

_CHANGE = 0.05
"""Share of segments after which a leg may speak another language."""
_OTHERS = 0.06
"""Of all languages but ours together, where nothing is known."""
_OTHER_LANGUAGES = 96
_CAMPAIGN = 0.8
"""Of the campaign's language before anybody has spoken."""
_FLOOR = 3e-3
"""No segment speaks more clearly against a language than so."""
_CLEAR_S = 2.0
"""Speech so long counts in full: of a word alone Whisper takes Spanish for Arabic."""
_KEPT = 1e-4
_STREAMS = 1024


def expected(language: str = "") -> Belief:
    """What a leg is believed to speak before it has spoken; `language` is its campaign's, if that has one."""
    campaign = _CAMPAIGN if language else 0.0
    shares = {ours: (1 - campaign) * (1 - _OTHERS) / len(OURS) for ours in OURS}
    return shares | {language: shares.get(language, 0.0) + campaign} if language else shares


def moved(belief: Belief, scores: Mapping[str, float], speech_s: float) -> Belief:
    """The belief after a segment of so much speech, of which Whisper gives these probabilities by language."""
    weight = min(1.0, speech_s / _CLEAR_S)
    fresh, rest = expected(), _OTHERS / _OTHER_LANGUAGES
    shares = {
        language: ((1 - _CHANGE) * belief.get(language, 0.0) + _CHANGE * fresh.get(language, rest))
        * max(score, _FLOOR) ** weight
        for language, score in scores.items()
    }
    whole = sum(shares.values())
    return {language: round(share / whole, 4) for language, share in shares.items() if share >= _KEPT * whole}


def likeliest(belief: Belief) -> str:
    return max(belief, key=lambda language: belief[language])


class _Spoken(msgspec.Struct, frozen=True):
    segment: int
    job: int
    before: Belief
    after: Belief


class Languages:
    """What each stream is believed to speak, segment by segment; of one that is heard again, what was asked last."""

    def __init__(self) -> None:
        self._spoken: OrderedDict[tuple[str, str], _Spoken] = OrderedDict()

    def before(self, job: ListenJob) -> Belief:
        """What the stream was believed to speak before the job's segment."""
        spoken = self._spoken.get((job.call_id, job.stream))
        if spoken is None:
            return expected(job.language)
        return spoken.before if spoken.segment >= job.segment else spoken.after

    def heard(self, job: ListenJob, heard: Heard) -> None:
        """A segment's answer. One without words says nothing of a language."""
        stream = (job.call_id, job.stream)
        if not heard.belief or not heard.text or job.suspect or self._later(job):
            return
        self._spoken[stream] = _Spoken(job.segment, job.job, self.before(job), heard.belief)
        self._spoken.move_to_end(stream)
        while len(self._spoken) > _STREAMS:
            self._spoken.popitem(last=False)

    def _later(self, job: ListenJob) -> bool:
        spoken = self._spoken.get((job.call_id, job.stream))
        return spoken is not None and (spoken.segment, spoken.job) > (job.segment, job.job)

    def forget(self, call_id: str) -> None:
        """The call is over."""
        for stream in [stream for stream in self._spoken if stream[0] == call_id]:
            del self._spoken[stream]
