"""Sockets of an RTP port pair."""

import contextlib
import socket
import struct
import sys

RECEIVE_BUFFER = 1 << 19
"""Kernel memory for packets that come while the loop is busy: seconds of one stream."""
STAMP_OPTION = 35 if sys.platform == "linux" else 0
"""SO_TIMESTAMPNS of Linux (asm-generic/socket.h), which Python 3.11 does not name; SCM_TIMESTAMPNS is the same."""

_TIMESPEC = struct.Struct("@ll")
ANCILLARY = socket.CMSG_SPACE(_TIMESPEC.size)
"""Room that `recvmsg` needs for the stamp."""
_EXPEDITED = 46 << 2
"""DSCP EF in the octet of IP."""


def stamp_of(ancillary: list[tuple[int, int, bytes]]) -> float:
    """UNIX seconds at which the kernel took the datagram from the wire; 0 where it does not say."""
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == STAMP_OPTION and len(value) == _TIMESPEC.size:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return float(seconds + nanoseconds / 1e9)
    return 0.0


def expedite(sock: socket.socket) -> None:
    """Marks what is sent over IPv4 as voice (RFC 3246): networks that have a queue for it put it there."""
    if sock.family is socket.AF_INET:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _EXPEDITED)


def bind_udp(host: str, port: int) -> socket.socket:
    """With an IPv6 host IPv6 alone, as for TCP: IPv4 peers would have addresses that nobody allows or reaches. Raises
    `OSError` when another program has it."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if STAMP_OPTION:
            with contextlib.suppress(OSError):  # a kernel without it: packets came when they are read
                sock.setsockopt(socket.SOL_SOCKET, STAMP_OPTION, 1)
        if sock.family is socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def bind_pair(host: str, number: int) -> tuple[socket.socket, socket.socket]:
    """RTP on the even port, RTCP on the odd one after it (RFC 3550 §11). Raises `OSError`."""
    sound = bind_udp(host, number)
    try:
        return sound, bind_udp(host, number + 1)
    except OSError:
        sound.close()
        raise
