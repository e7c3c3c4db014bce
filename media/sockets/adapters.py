"""The adapter that speaks a peer's protocol."""

from engine.control.peers import Peer
from media.sockets import carrier, fork
from media.sockets.audiohook import AudioHook
from media.sockets.audiosocket import AudioSocket
from media.sockets.carrier import Carrier
from media.sockets.chan_websocket import ChanWebSocket
from media.sockets.fork import Fork
from media.sockets.signature import Upgrade
from media.sockets.wire import Adapter


def adapter_for(peer: Peer, upgrade: Upgrade | None) -> Adapter:
    """`upgrade` is the WebSocket's request; None over TCP. Raises `ValueError` for a protocol that we call."""
    if peer.protocol == "audiosocket":
        return AudioSocket(peer)
    if peer.protocol == "audiohook":
        return AudioHook(peer, upgrade.header("audiohook-session-id") if upgrade else "")
    if peer.protocol == "chan_websocket":
        return ChanWebSocket(peer, upgrade.query() if upgrade else {})
    if peer.protocol in carrier.DIALECTS:
        return Carrier(peer)
    if peer.protocol in fork.DIALECTS:
        return Fork(peer)
    raise ValueError(f"{peer.protocol} opens no socket to us")
