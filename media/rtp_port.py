"""The UDP ports of an m-line, RTP and RTCP: read when somebody asks, stamped by the kernel with when it came."""

import contextlib
import socket
import time
from collections.abc import Callable

from media.rtp import MAX_PACKET_SIZE
from media.rtp_stream import INBOX, RtpStream
from media.udp_pair import ANCILLARY, stamp_of

_OLDEST_S = 10.0
"""A packet that seems older was stamped before somebody set the machine's clock."""


def own_address(host: str, advertise: str, peer_host: str) -> str:
    """What a peer is told of us who listen on `host`: `advertise` where that is given, else an address that it may
    reach us by."""
    if advertise or host not in ("0.0.0.0", "::", ""):
        return advertise or host
    family = socket.AF_INET6 if ":" in peer_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:  # sends nothing: asks the routing table
        probe.connect((peer_host, 9))
        return str(probe.getsockname()[0])


class RtpPort:
    """A bound pair. Before `stream` is set and after it is taken away, datagrams are dropped."""

    def __init__(self, number: int, sockets: tuple[socket.socket, socket.socket], now_ms: Callable[[], float]) -> None:
        """`number` is the even one."""
        self.number = number
        self.sockets = sockets
        self.stream: RtpStream | None = None
        self._now_ms = now_ms

    def read(self, sock: socket.socket, wall_s: float) -> bool:
        """Takes one datagram from either socket, without waiting. False: there is none. `wall_s` is `time.time()` of
        just now."""
        try:
            data, ancillary, _, address = sock.recvmsg(MAX_PACKET_SIZE + 1, ANCILLARY)
        except BlockingIOError:
            return False
        except OSError:  # an ICMP error says nothing about a port that mostly receives; the next one may be a packet
            return True
        if self.stream is not None:
            age_s = wall_s - stamp_of(ancillary)  # decades, where there is no stamp
            at_ms = self._now_ms() - (age_s * 1000 if 0 < age_s < _OLDEST_S else 0.0)
            self.stream.receive(data, (address[0], address[1]), at_ms)
        return True

    def drain(self) -> None:
        """Takes what the kernel holds."""
        for sock in self.sockets:
            for _ in range(INBOX):
                if not self.read(sock, time.time()):
                    break

    def report(self, now_ms: float) -> None:
        """Sends the RTCP report that is due."""
        if self.stream is None or now_ms < self.stream.reporter.due_ms:
            return
        data, address = self.stream.report(now_ms), self.stream.rtcp_address
        if address is not None:
            with contextlib.suppress(OSError):  # a report that is lost is followed by the next one
                self.sockets[0 if self.stream.offer.rtcp_mux else 1].sendto(data, address)

    def close(self) -> None:
        self.stream = None
        for sock in self.sockets:
            sock.close()
