"""All media workers, as signalling sees them: one `MediaAllocator`."""

import asyncio
import itertools
import time
from collections.abc import Callable
from types import TracebackType

from engine.errors import Overloaded
from engine.ports.intake import CallOffer
from media.ports import PortRange
from media.reception import Quality
from media.rtp_port import own_address
from media.session import StreamOffer
from media.workers.keeper import Keeper
from media.workers.line import WorkerSettings
from media.workers.session import WorkerSession


class MediaWorkers:
    """`start` it in the loop that calls it, `aclose` it there. A call is pinned to the worker with the fewest streams
    and stays with it."""

    def __init__(
        self,
        workers: int,
        host: str,
        ports: PortRange,
        *,
        advertise: str = "",
        gated: bool = False,
        counted: Callable[[str, int], None] = lambda fate, packets: None,
        judged: Callable[[Quality], None] = lambda quality: None,
        lost: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """For the arguments see `RtpPlane`; `lost` is told of each worker that died or hung. Raises `ValueError` when
        there are fewer pairs of ports than workers."""
        self._host, self._advertise, self._clock = host, advertise, clock
        each = [WorkerSettings(host, share, gated) for share in shares(ports, workers)]
        self.keepers = [Keeper(settings, counted, judged, lost) for settings in each]
        self._numbers = itertools.count()

    async def __aenter__(self) -> "MediaWorkers":
        self.start()
        await self.ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def start(self) -> None:
        for keeper in self.keepers:
            keeper.line.start()

    async def ready(self) -> None:
        """Returns once every worker takes calls. Raises `StartupError` when one never does."""
        await asyncio.gather(*(keeper.line.wait_ready() for keeper in self.keepers))

    async def aclose(self) -> None:
        await asyncio.gather(*(keeper.aclose() for keeper in self.keepers))

    def address(self, peer_host: str) -> str:
        return own_address(self._host, self._advertise, peer_host)

    async def allocate(self, offer: CallOffer, streams: tuple[StreamOffer, ...]) -> WorkerSession:
        """The call's clock starts now. A worker that has just died takes none until it is back."""
        there = [keeper for keeper in self.keepers if keeper.line.ready.is_set()]
        if not there:
            raise Overloaded("no media worker is there")
        keeper = min(there, key=lambda one: one.streams)
        session = WorkerSession(next(self._numbers), offer, keeper, self._clock)
        await keeper.open(session, streams)
        return session


def shares(ports: PortRange, workers: int) -> list[PortRange]:
    """The range in equal parts that begin with an even port; what is left over belongs to nobody."""
    first = ports.first + ports.first % 2
    pairs = (ports.last - first + 1) // 2 // workers
    if pairs < 1:
        raise ValueError(f"{ports.first}-{ports.last} are too few ports for {workers} media workers")
    return [PortRange(first + at * 2 * pairs, first + (at + 1) * 2 * pairs - 1) for at in range(workers)]
