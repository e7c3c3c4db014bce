"""A browser's side of a call by aiortc, on loopback: an independent WebRTC client."""

import asyncio
import fractions
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

from engine.facts import Pcm16

FRAME = 160


@contextmanager
def on_loopback() -> Iterator[None]:
    """aiortc leaves loopback out of its candidates, and a test may have nothing else. Patched, since neither aiortc's
    connection nor its gatherer nor aioice's takes addresses: all three make the next one themselves."""
    with mock.patch("aioice.ice.get_host_addresses", return_value=["127.0.0.1"]):
        yield


class Microphone(MediaStreamTrack):
    """8 kHz sound in frames of 20 ms, paced; then silence."""

    kind = "audio"

    def __init__(self, samples: Pcm16, *, paced: bool = True) -> None:
        super().__init__()
        self._samples = samples
        self._paced = paced
        self._at = 0
        self._began: float | None = None

    async def recv(self) -> AudioFrame:
        loop = asyncio.get_running_loop()
        if self._began is None:
            self._began = loop.time()
        wait = self._began + self._at / 8000 - loop.time()
        if self._paced and wait > 0:
            await asyncio.sleep(wait)
        sound = self._samples[self._at : self._at + FRAME]
        frame = AudioFrame.from_ndarray(np.pad(sound, (0, FRAME - len(sound)))[np.newaxis, :], layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, self._at, fractions.Fraction(1, 8000)
        self._at += FRAME
        return frame


class Peer:
    """Offers one audio line; `heard` is what was played to it, at 8 kHz, from its first packet on."""

    def __init__(self, samples: Pcm16 | None = None) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTrack(Microphone(np.zeros(0, np.int16) if samples is None else samples))
        self.heard: list[Pcm16] = []
        self._listening: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self.connection.on("track", self._listen)
        self.connection.on("connectionstatechange", self._changed.set)

    async def offer(self) -> bytes:
        with on_loopback():
            await self.connection.setLocalDescription(await self.connection.createOffer())
        return bytes(self.connection.localDescription.sdp, "utf-8")

    async def answered(self, sdp: bytes) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp.decode(), "answer"))

    async def connected(self) -> None:
        while self.connection.connectionState != "connected":
            assert self.connection.connectionState not in ("failed", "closed")
            self._changed.clear()
            await self._changed.wait()

    async def hears(self, frames: int) -> None:
        while len(self.heard) < frames:
            self._changed.clear()
            await self._changed.wait()

    @property
    def sound(self) -> Pcm16:
        return np.concatenate(self.heard) if self.heard else np.zeros(0, np.int16)

    def _listen(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.ensure_future(self._take(track))

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            assert isinstance(frame, AudioFrame)
            self.heard.append(frame.to_ndarray().reshape(-1).astype(np.int16))
            self._changed.set()

    async def close(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
