"""A sound as the desk would have it: through G.711, the segmenter and the real `ears`, as fast as `ears` can."""

import asyncio
import tempfile
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import soxr

from engine.facts import Pcm16, Samples, SpeechSegment
from engine.ports.hearing import Headroom, Heard, ListenJob
from media.codecs import PCMU
from media.wav_file import FileSession, read_channels
from models.catalogue import WHISPER_BASE
from models.ears_client import EarsClient, EarsSettings
from models.installation import install
from pipelines.lane import Drafted, Finished
from pipelines.transcribe import Transcriber

RATE_HZ = 8000


class Listened(msgspec.Struct):
    """What was said to have been heard, and what never came to `ears`."""

    drafts: list[Drafted] = []
    finals: list[Finished] = []
    segments: list[SpeechSegment] = []
    """As they ended."""

    def words(self) -> list[str]:
        """Of all finals, and of drafts whose segment has none."""
        final = [one.heard.text for one in self.finals]
        said = {(one.stream, one.segment) for one in self.finals if one.heard.text}
        return [*final, *(one.text for one in self.drafts if (one.stream, one.segment) not in said)]


class PacedEars:
    """Implements `engine.ports.hearing.Ears` on the real one; tells when nothing is on its way, so that a file read
    faster than in real time sheds no draft."""

    def __init__(self, ears: EarsClient) -> None:
        self._ears = ears
        self._running = 0
        self.asked = 0
        self.idle = asyncio.Event()
        self.idle.set()

    async def listen(self, job: ListenJob, pcm: Pcm16, draft: Callable[[Heard], None] = lambda _: None) -> Heard:
        self._running += 1
        self.asked += 1
        self.idle.clear()
        try:
            return await self._ears.listen(msgspec.structs.replace(job, due=job.due + 60), pcm, draft)
        finally:
            self._running -= 1
            if not self._running:
                self.idle.set()

    def cancel(self, job: int) -> None:
        self._ears.cancel(job)

    def promote(self, job: int, due: float) -> None:
        self._ears.promote(job, due + 60)

    def forget(self, call_id: str) -> None:
        self._ears.forget(call_id)

    def headroom(self) -> Headroom:
        return Headroom(up=True, load=0.0, finals_late_ms=0.0, partials=True)


@asynccontextmanager
async def real_ears() -> AsyncIterator[PacedEars]:
    """The process `ears` with one worker and the default weights."""
    ears = EarsClient(EarsSettings(weights=install(WHISPER_BASE, Path("data/models")), workers=1, device="cpu"))
    await ears.start()
    try:
        await ears.ready()
        yield PacedEars(ears)
    finally:
        await ears.close()


async def listened(ears: PacedEars, legs: Sequence[Pcm16], language: str, *, drafts: bool = True) -> Listened:
    """One call of one or two legs at 8 kHz, in a campaign of this language."""
    found = Listened()
    names = ("customer", "agent")[: len(legs)]
    with tempfile.TemporaryDirectory(prefix="welcomedly-bench-") as folder:
        session = FileSession(written(Path(folder) / "call.wav", legs), legs=names)
    async with asyncio.TaskGroup() as group:
        transcriber = Transcriber(
            session,
            ears,
            language=language,
            drafts=drafts,
            group=group,
            draft=found.drafts.append,
            capturing=lambda: False,
            reading=lambda: False,
            may_break_off=lambda draft: False,
        )
        async for event in session.events():
            if not isinstance(event, SpeechSegment):
                continue
            if (final := transcriber.hear(event)) is not None:
                found.finals.append(await final)
                found.segments.append(event)
            await asyncio.sleep(0)
            await ears.idle.wait()
    ears.forget(session.offer.call_id)
    return found


def telephone(samples: Samples) -> Pcm16:
    """Sound within ±1 at 8 kHz as G.711 µ-law leaves it."""
    return np.concatenate(PCMU.decode([PCMU.encode(np.clip(samples * 32767, -32768, 32767).astype(np.int16))]))


def telephone_legs(recording: Path) -> list[Pcm16]:
    """A recording's channels as telephone lines carry them."""
    channels, rate_hz = read_channels(recording)
    return [telephone(soxr.resample(leg.astype(np.float32) / 32768, rate_hz, RATE_HZ)) for leg in channels]


def read(recording: Path) -> Pcm16:
    """Its first channel."""
    return telephone_legs(recording)[0]


def written(path: Path, legs: Sequence[Pcm16]) -> Path:
    length = max(map(len, legs))
    frames = np.stack([np.pad(leg, (0, length - len(leg))) for leg in legs], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(legs))
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(frames.astype("<i2").tobytes())
    return path
