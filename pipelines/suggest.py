"""When a card is worth an agent's attention, and which.

Pure. The governor says no far more often than yes: one card at a time, none twice, none while the agent speaks, none
below confidence, fewer after dismissals; every refusal keeps its reason.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from engine.facts import Leg
from engine.ports.reading import Passage, Reading
from pipelines.resolved import resolved

CARD_SCORE = 0.5
"""`Passage.score` is calibrated so that this deserves a card."""
QUIET_MS = 6_000
"""After a card the next waits this long, so that the agent can read the one on screen."""
CARDS_PER_MINUTE = 4
DISMISSALS_RAISE = 0.08
"""Each dismissal since a card was used asks this much more confidence of the next one."""
FORGOTTEN_MS = 120_000
"""Half of what dismissals ask more is forgotten in this time: a card that did not fit is no reason to stay silent for
the rest of a long call."""
FRESH_MS = 10_000
"""A card is shown so long after the words that called for it, and no later: it may have waited for the agent's pause,
or the words for the store or for `ears`."""
HELPFUL_INTENTS = frozenset(
    {
        "cancel_service",
        "billing_dispute",
        "technical_problem",
        "payment_arrangement",
        "change_address",
        "product_question",
        "price_objection",
        "competitor_mention",
        "callback_request",
        "complaint",
        "purchase_ready",
    }
)
"""Customer intents that an article can help with. Escalations want an action, not a card."""

ACTION_INTENTS = frozenset({"opt_out"})
"""A customer who wants no more contact is answered by the agent's deed: only an article that is surely about it may
stand beside that."""
ACTION_RAISE = 0.2

HELPED: Final[tuple[Leg, ...]] = ("customer", "mixed")
"""Whose needs a card may answer."""

NEED = "need"
"""The trigger of a turn that no head names: what is found, and how sure, decides alone."""
_LEAST_WORDS = 3

Refused = Literal[
    "",
    "no_need",
    "nothing_fits",
    "already_shown",
    "dismissed",
    "too_soon",
    "budget",
    "low_confidence",
    "stale",
    "overtaken",
    "resolved",
    "role_changed",
    "call_ended",
]
"""The last four befall a card that waited; `stale` one whose words came late, too, and `too_soon` and `budget` those
that would be late by the time the next may be shown."""


class Choice(msgspec.Struct, frozen=True):
    """A card, or why there is none."""

    passage: Passage | None
    refused: Refused
    trigger: str = ""
    nearest: Passage | None = None
    """With a refusal: the article that it is about."""
    bar: float = 0.0
    """The score that was asked for."""
    waits: bool = False
    """The agent speaks, or is still to read the card before: it is not shown yet."""


class Governor:
    """Guards one agent's attention over one call. Time is media time."""

    def __init__(self) -> None:
        self._shown: dict[str, int] = {}
        self._times: list[int] = []
        self._put_away: dict[str, bool] = {}
        """Articles whose card was answered: whether that was to put it away."""
        self._raised = 0.0
        """What dismissals asked more at `_raised_at`."""
        self._raised_at = 0

    def needs_help(self, leg: Leg, text: str, reading: Reading) -> str:
        """The trigger that may call for a card: an intent's name, one to be left alone before all others, `question`,
        `need`, or empty. Only a customer's words do, and not those that say that all is well again."""
        if leg not in HELPED or self.settled(leg, text, reading):
            return ""
        if intent := _wanted(reading):
            return intent
        words = len(text.split())
        if "?" in text and words > _LEAST_WORDS:
            return "question"
        return NEED if words >= _LEAST_WORDS else ""

    def settled(self, leg: Leg, text: str, reading: Reading) -> bool:
        """Whether a customer's words say that all is well again, and nothing else."""
        return leg in HELPED and resolved(text, wanting=bool(_wanted(reading)))

    def served(self, article: str) -> bool:
        """Whether the article was shown in this call."""
        return article in self._shown

    def choose(
        self,
        trigger: str,
        passages: Sequence[Passage],
        now_ms: int,
        *,
        said_ms: int | None = None,
        speaking: bool = False,
    ) -> Choice:
        """Best passage that is new, sure enough and within the budget; `passages` are the surest first. While the agent
        is `speaking`, or reads the one before, it waits, and counts as shown from `shown` on. The words that call for
        it ended at `said_ms`, just now unless that is given."""
        if not trigger:
            return Choice(None, "no_need")
        bar = CARD_SCORE + self._asked_more(now_ms) + (ACTION_RAISE if trigger in ACTION_INTENTS else 0.0)
        if not passages:
            return Choice(None, "nothing_fits", trigger, bar=bar)
        fitting = [passage for passage in passages if passage.score >= bar]
        if not fitting:
            return Choice(None, "low_confidence", trigger, passages[0], bar)
        new = [passage for passage in fitting if passage.article not in self._shown]
        if not new:
            put_away = self._put_away.get(fitting[0].article)
            return Choice(None, "dismissed" if put_away else "already_shown", trigger, fitting[0], bar)
        best = new[0]
        said_ms = now_ms if said_ms is None else said_ms
        then = self.after_waiting(said_ms, now_ms, speaking=speaking)
        if then == "stale":
            return Choice(None, "stale", trigger, best, bar)
        if self._read_ms() - said_ms > FRESH_MS:
            return Choice(None, "too_soon", trigger, best, bar)
        if self._afforded_ms() - said_ms > FRESH_MS:
            return Choice(None, "budget", trigger, best, bar)
        if then == "show":
            self.shown(best.article, now_ms)
        return Choice(best, "", trigger, bar=bar, waits=then == "wait")

    def shown(self, article: str, now_ms: int) -> None:
        """A card that waited is on the screen now."""
        self._shown[article] = now_ms
        self._times.append(now_ms)

    def after_waiting(self, said_ms: int, now_ms: int, *, speaking: bool) -> Literal["show", "wait", "stale"]:
        """What becomes of a card that waits, and was called for by words that ended at `said_ms`."""
        if now_ms - said_ms > FRESH_MS:
            return "stale"
        return "wait" if speaking or now_ms < max(self._read_ms(), self._afforded_ms()) else "show"

    def forget(self, article: str) -> None:
        """A card was called for by nobody's need, and has been taken off the screen."""
        self._put_away.pop(article, None)
        if (at := self._shown.pop(article, None)) is not None:
            self._times.remove(at)

    def answered(self, action: str, article: str, now_ms: int) -> None:
        """What the agent did with a card: `accepted`, `dismissed`, or said that it is `wrong`. The newest answer to a
        card holds, and counts once however many give it."""
        put_away = action != "accepted"
        if self._put_away.get(article) == put_away:
            return
        self._put_away[article] = put_away
        self._raised = self._asked_more(now_ms) + DISMISSALS_RAISE if put_away else 0.0
        self._raised_at = now_ms

    def _read_ms(self) -> int:
        """From when on the newest card has been read."""
        return self._times[-1] + QUIET_MS if self._times else 0

    def _afforded_ms(self) -> int:
        """From when on one more card is within the budget."""
        return self._times[-CARDS_PER_MINUTE] + 60_000 if len(self._times) >= CARDS_PER_MINUTE else 0

    def _asked_more(self, now_ms: int) -> float:
        halvings = max(0, now_ms - self._raised_at) / FORGOTTEN_MS
        return float(self._raised * 0.5**halvings)


def _wanted(reading: Reading) -> str:
    """The surest intent that something can be done about, one to be left alone before all others."""
    labels = [intent.label for intent in reading.intents]
    found = (label for some in (ACTION_INTENTS, HELPFUL_INTENTS) for label in labels if label in some)
    return next(found, "")
