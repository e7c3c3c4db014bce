"""Calls that the intake let in and no port was free for: counted as refused, whatever brought them."""

from engine.errors import Overloaded
from engine.ports.intake import CallOffer
from media.session import MediaAllocator, MediaSession, StreamOffer
from media.sip.telemetry import Counts


class CountedMedia:
    """A `media.session.MediaAllocator` around another one."""

    def __init__(self, inner: MediaAllocator, metrics: Counts) -> None:
        self._inner, self._metrics = inner, metrics

    def address(self, peer_host: str) -> str:
        return self._inner.address(peer_host)

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> MediaSession:
        try:
            return await self._inner.allocate(offer, streams)
        except Overloaded:
            self._metrics.count("calls_refused_total", code="overloaded")
            raise
