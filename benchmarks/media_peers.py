"""What we measure ourselves against: the road that is built first, and aiortc's for a received track."""

import asyncio
import importlib
from collections.abc import Callable
from typing import Any, Protocol

import av
import numpy as np
import onnxruntime

from media.rtp import parse_packet
from media.vad import model_bytes


class Peer(Protocol):
    """One stream's road."""

    def hear(self, data: bytes) -> None:
        """A datagram, all the way to the VAD."""


class NaiveVad:
    """Resamples each frame to 16 kHz and asks the network of one leg."""

    def __init__(self) -> None:
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=16_000)
        self._network = network()
        self._state, self._waiting = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32)

    def hear(self, frame: av.AudioFrame) -> None:
        for wide in self._resampler.resample(frame):
            sound = wide.to_ndarray().reshape(-1).astype(np.float32) / np.float32(32768)
            self._waiting = np.concatenate([self._waiting, sound])
        while len(self._waiting) >= 64 + 512:
            inputs = {"input": self._waiting[None, : 64 + 512], "state": self._state, "sr": np.array(16_000, np.int64)}
            _, self._state = self._network.run(None, inputs)
            self._waiting = self._waiting[512:]


_NETWORKS: list[onnxruntime.InferenceSession] = []


def network() -> onnxruntime.InferenceSession:
    """Silero as its authors give it, shared by all streams, which is kind."""
    if not _NETWORKS:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        _NETWORKS.append(onnxruntime.InferenceSession(model_bytes(), options, providers=["CPUExecutionProvider"]))
    return _NETWORKS[0]


class Naive:
    """PyAV decodes and resamples each packet, and a VAD at 16 kHz judges each leg alone. No jitter buffer, no RTCP."""

    def __init__(self) -> None:
        self._decoder = av.CodecContext.create("pcm_mulaw", "r")
        self._decoder.sample_rate, self._decoder.layout, self._decoder.format = 8000, "mono", "s16"
        self._vad = NaiveVad()

    def hear(self, data: bytes) -> None:
        for frame in self._decoder.decode(av.Packet(parse_packet(data).payload)):
            self._vad.hear(frame)


class Aiortc:
    """aiortc's parser, jitter buffer and decoder, without its threads and DTLS, and with the naive road's VAD behind
    it. Raises `ImportError` where it is not installed."""

    def __init__(self) -> None:
        jitter: Any = importlib.import_module("aiortc.jitterbuffer")
        codecs: Any = importlib.import_module("aiortc.codecs")
        parameters: Any = importlib.import_module("aiortc.rtcrtpparameters")
        self._rtp: Any = importlib.import_module("aiortc.rtp")
        codec = parameters.RTCRtpCodecParameters(mimeType="audio/PCMU", clockRate=8000, channels=1, payloadType=0)
        self._decoder, self._waiting = codecs.get_decoder(codec), jitter.JitterBuffer(capacity=16, prefetch=4)
        self._vad = NaiveVad()

    def hear(self, data: bytes) -> None:
        packet = self._rtp.RtpPacket.parse(data)
        packet._data = packet.payload  # as RTCRtpReceiver does, by codecs.depayload
        _, encoded = self._waiting.add(packet)
        for frame in self._decoder.decode(encoded) if encoded is not None else ():
            self._vad.hear(frame)


def peers() -> dict[str, Callable[[], Peer]]:
    """Those that are installed."""
    found: dict[str, Callable[[], Peer]] = {"naive": Naive}
    try:
        Aiortc()
    except ImportError:
        return found
    return found | {"aiortc": Aiortc}


class Receiver(asyncio.DatagramProtocol):
    """A peer's socket, one a stream."""

    def __init__(self, peer: Peer) -> None:
        self.heard = 0
        self._peer = peer

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.heard += 1
        self._peer.hear(data)
