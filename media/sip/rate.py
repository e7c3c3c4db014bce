"""How much one source may send: token buckets in a table of bounded size."""

from collections import OrderedDict

MAX_SOURCES = 4_096


class Allowance:
    """Pure. `rate` a second, `burst` at once (two seconds' worth, and one at least), for each source; a rate of 0 is no
    limit."""

    def __init__(self, rate: float, burst: float = 0.0, sources: int = MAX_SOURCES) -> None:
        self._rate, self._burst, self._sources = rate, burst or max(1.0, 2 * rate), sources
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def takes(self, source: str, now: float) -> bool:
        """Whether one more from that source fits. A full table forgets the source that was quiet longest; by then its
        bucket is as good as full."""
        if self._rate <= 0:
            return True
        left, since = self._buckets.get(source, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        fits = left >= 1
        self._buckets[source] = (left - 1 if fits else left, now)
        self._buckets.move_to_end(source)
        if len(self._buckets) > self._sources:
            self._buckets.popitem(last=False)
        return fits
