"""A microphone as a call: one person's voice, or a headset's two channels.

Needs the extra `mic` (PyAudio, which needs PortAudio). Sound comes on PortAudio's thread and is handed to the loop.
"""

import asyncio
import importlib
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Protocol

import uuid_utils

from engine.errors import Invalid
from engine.ports.intake import CallOffer, Participant
from media.sockets.plane import SocketPlane
from media.sockets.session import SocketSession
from media.sockets.sound import Format
from media.sockets.wire import ChannelSpec, Malformed

BLOCK_MS = 20
WAITING = 250
"""Blocks (5 s) that wait for a busy loop; what comes on top is dropped and counted."""


class Microphone(Protocol):
    """Where sound comes from."""

    name: str
    rate_hz: int
    channels: int

    def start(self, heard: Callable[[bytes], None]) -> None:
        """Calls `heard` with interleaved little-endian int16, on any thread, until `stop`. Raises `Invalid`."""

    def stop(self) -> None: ...


class PyAudioMicrophone:
    """A device of this machine, by PortAudio's number; None is the system's choice."""

    def __init__(self, device: int | None = None, *, rate_hz: int = 16_000, channels: int = 1) -> None:
        """Raises `Invalid` when PyAudio is not installed."""
        try:
            self._pyaudio: Any = importlib.import_module("pyaudio")
        except ImportError:
            raise Invalid("no microphone without PyAudio, the extra `mic`") from None
        self.name = "default" if device is None else f"device {device}"
        self.rate_hz, self.channels = rate_hz, channels
        self._device = device
        self._port: Any = None
        self._stream: Any = None

    def start(self, heard: Callable[[bytes], None]) -> None:
        def took(data: bytes, frames: int, times: object, status: int) -> tuple[None, int]:
            heard(data)
            return None, self._pyaudio.paContinue

        self._port = self._pyaudio.PyAudio()
        try:
            self._stream = self._port.open(
                format=self._pyaudio.paInt16,
                channels=self.channels,
                rate=self.rate_hz,
                input=True,
                input_device_index=self._device,
                frames_per_buffer=self.rate_hz * BLOCK_MS // 1000,
                stream_callback=took,
            )
        except (OSError, ValueError) as error:
            self.stop()
            raise Invalid(f"the microphone ({self.name}) cannot be opened: {error}") from None

    def stop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        if self._port is not None:
            self._port.terminate()
            self._port = None


class MicCall:
    """An async context manager around `session`, whose sound the microphone feeds."""

    def __init__(self, microphone: Microphone, legs: Sequence[str] = (), *, plane: SocketPlane | None = None) -> None:
        """`legs` names the channels; one without a name is `mixed`. Raises `Invalid`."""
        names = tuple(legs[: microphone.channels]) or ("mixed", "second")[: microphone.channels]
        if len(set(names)) != microphone.channels:
            raise Invalid(f"{microphone.channels} channels need as many different legs")
        self._microphone = microphone
        self._plane = plane or SocketPlane()
        self._format = Format("L16", microphone.rate_hz, microphone.channels)
        self._names = names
        self._waiting = 0
        self.dropped = 0
        """Blocks that the loop was too busy to take."""
        self.session: SocketSession

    async def __aenter__(self) -> "MicCall":
        people = tuple(Participant(name, place, mixed=name == "mixed") for place, name in enumerate(self._names))
        offer = CallOffer(
            call_id=str(uuid_utils.uuid7()),
            protocol="microphone",
            peer=self._microphone.name,
            from_aor="",
            to_aor="",
            participants=people,
            answered_at=time.time(),
        )
        self._plane.start()
        self.session = self._plane.open(offer)
        self.session.add([ChannelSpec(person, self._microphone.rate_hz) for person in people])
        loop = asyncio.get_running_loop()
        try:
            self._microphone.start(lambda data: self._take(loop, data))
        except BaseException:
            await self._plane.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        await self._plane.aclose()

    def hang_up(self) -> None:
        """Ends the call: its events end once what was heard is out. Idempotent."""
        self._microphone.stop()
        self.session.close("bye")

    def _take(self, loop: asyncio.AbstractEventLoop, data: bytes) -> None:
        """On the microphone's thread."""
        if self._waiting >= WAITING or loop.is_closed():
            self.dropped += 1
            return
        self._waiting += 1
        loop.call_soon_threadsafe(self._put, data)

    def _put(self, data: bytes) -> None:
        self._waiting -= 1
        try:
            sounds = self._format.decode(data)
        except Malformed:
            return
        for name, samples in zip(self._names, sounds, strict=True):
            self.session.put(name, samples)
