"""Everything that the file of peers asks for, opened and closed as one."""

from collections.abc import Sequence
from contextlib import AsyncExitStack

from engine.control.peers import Peer
from engine.ports.intake import CallIntake
from media.session import MediaAllocator
from media.sip.telemetry import Counts
from media.sockets.ari import Ari
from media.sockets.plane import SocketPlane
from media.sockets.rtpengine import Rtpengine
from media.sockets.server import SocketServer


class Platforms:
    """`open`, then calls come; `close` ends them. Peers that connect to us share a server and a clock of 20 ms; those
    that we call bring RTP, which goes through `rtp`."""

    def __init__(
        self,
        host: str,
        port: int,
        peers: Sequence[Peer],
        intake: CallIntake,
        rtp: MediaAllocator,
        *,
        metrics: Counts | None = None,
    ) -> None:
        self.plane = SocketPlane()
        self.server = SocketServer(host, port, peers, intake, self.plane, metrics=metrics)
        self.called: list[Rtpengine | Ari] = [
            (Rtpengine if peer.protocol == "rtpengine" else Ari)(peer, intake, rtp)
            for peer in peers
            if peer.protocol in ("rtpengine", "ari")
        ]
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """Raises `StartupError`, and then nothing is open."""
        try:
            await self._stack.enter_async_context(self.plane)
            await self.server.open()
            self._stack.push_async_callback(self.server.close)
            for one in self.called:
                await one.open()
                self._stack.push_async_callback(one.close)
        except BaseException:
            await self._stack.aclose()
            raise

    async def close(self) -> None:
        await self._stack.aclose()
