"""Whether the peer of a call is still there: one that sends no sound is probed with OPTIONS, and its call ends when it
does not answer that either."""

from media.sip.leg import Leg
from media.sip.message import reason_header


class Liveness:
    """Of one call. Times are monotonic seconds; `heard_at` is when sound last came from the peer."""

    def __init__(self) -> None:
        self._probed_at = self._answered_at = 0.0

    def answered(self, now: float) -> None:
        """The peer has answered a request of ours, or refreshed the session."""
        self._probed_at, self._answered_at = 0.0, now

    def check(self, leg: Leg, heard_at: float, now: float, silence_s: float, dead_s: float) -> None:
        """To be called about once a second while the call is up."""
        if self._probed_at and now - self._probed_at > dead_s:
            self.unanswered(leg, heard_at)
        elif not self._probed_at and now - max(heard_at, self._answered_at) > silence_s:
            self._probed_at = now
            leg.run(leg.usage.probe())

    def unanswered(self, leg: Leg, heard_at: float) -> None:
        """A probe has got no answer: the peer has vanished unless it has sent sound since."""
        if heard_at > self._probed_at:
            self._probed_at = 0.0
        else:
            leg.run(leg.usage.bye("peer_vanished", reason_header(408, "peer does not answer")))
