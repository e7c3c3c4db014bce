import importlib.util
import threading
from collections.abc import Callable

import numpy as np
import pytest

from engine.errors import Invalid
from engine.ports.intake import CallEnded
from media.mic import MicCall, PyAudioMicrophone
from media.sockets.plane import SocketPlane
from tests.media.sockets.site import FakeClock, bank
from tests.media.sockets.speech import correlation, voices, wide


class FakeMicrophone:
    """Says given sound from a thread of its own, as PortAudio does."""

    name = "fake"

    def __init__(self, sound: bytes, *, rate_hz: int = 16_000, channels: int = 1) -> None:
        self.rate_hz, self.channels = rate_hz, channels
        self.stopped = False
        self._sound = sound
        self._thread: threading.Thread | None = None

    def start(self, heard: Callable[[bytes], None]) -> None:
        size = self.rate_hz * self.channels * 2 * 20 // 1000

        def say() -> None:
            for start in range(0, len(self._sound), size):
                heard(self._sound[start : start + size])

        self._thread = threading.Thread(target=say)
        self._thread.start()

    def stop(self) -> None:
        self.stopped = True
        if self._thread is not None:
            self._thread.join()


def plane(clock: FakeClock | None = None) -> SocketPlane:
    return SocketPlane(bank=bank(), clock=clock or FakeClock(), ahead_ms=3_600_000)


async def test_a_microphone_is_heard_at_its_own_rate() -> None:
    voice, clock = voices()[0], FakeClock()
    microphone = FakeMicrophone(wide(voice).tobytes())
    async with MicCall(microphone, ("agent",), plane=plane(clock)) as call:
        await clock.until(lambda: call.session.tracks["agent"].frontier >= 63_000)
        assert correlation(call.session.audio("agent", 0, 3800), voice) >= 0.99
        call.hang_up()
        events = [event async for event in call.session.events()]
    assert isinstance(events[-1], CallEnded)
    assert events[-1].reason == "bye"
    assert microphone.stopped


async def test_a_headset_has_two_legs() -> None:
    both, clock = np.stack(voices(), axis=1), FakeClock()
    microphone = FakeMicrophone(both.tobytes(), rate_hz=8000, channels=2)
    async with MicCall(microphone, ("customer", "agent"), plane=plane(clock)) as call:
        await clock.until(lambda: call.session.tracks["agent"].frontier >= 31_000)
        for leg, voice in zip(("customer", "agent"), voices(), strict=True):
            assert correlation(call.session.audio(leg, 0, 3800), voice) >= 0.99


async def test_one_voice_without_a_name_is_everybodys() -> None:
    async with MicCall(FakeMicrophone(b""), plane=plane()) as call:
        assert call.session.offer.participants[0].mixed
    with pytest.raises(Invalid):
        MicCall(FakeMicrophone(b"", channels=2), ("agent", "agent"), plane=plane())


@pytest.mark.skipif(importlib.util.find_spec("pyaudio") is not None, reason="PyAudio is installed")
def test_without_pyaudio_the_extra_is_named() -> None:
    with pytest.raises(Invalid, match=r"the extra `mic`"):
        PyAudioMicrophone()
