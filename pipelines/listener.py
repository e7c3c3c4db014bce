"""Hears one call's media: what is said goes to its transcriber, the clock to all who keep time, and whatever is to be
committed to the call's queue, in order."""

from engine.ports.intake import CallEnded, ClockTick, IngestSession, MediaNotice, ParticipantsChanged
from pipelines.call_queue import CallQueue
from pipelines.conversation import Conversation
from pipelines.tape import Tape
from pipelines.transcribe import Transcriber
from pipelines.voices import Voices


class Listener:
    def __init__(
        self, session: IngestSession, queue: CallQueue, conversation: Conversation, voices: Voices, tape: Tape | None
    ) -> None:
        self.now_ms = 0
        """The audio clock, as the last tick had it."""
        self._session = session
        self._queue = queue
        self._conversation = conversation
        self._voices = voices
        self._tape = tape

    async def listen(self, transcriber: Transcriber) -> None:
        """Returns when the call has ended."""
        async for event in self._session.events():
            match event:
                case ClockTick(at_ms=at_ms):
                    self.now_ms = at_ms
                    self._voices.tick(at_ms)
                    if self._tape:
                        self._tape.tick(at_ms)
                    await self._queue.put(self._judgeable_until(transcriber))
                case ParticipantsChanged() | MediaNotice() | CallEnded():
                    await self._queue.put(event)
                case segment:
                    self._voices.hear(segment)
                    if final := transcriber.hear(segment):
                        await self._queue.put(final)
                    elif segment.state == "paused" and self._conversation.card_waits:  # not only at the next tick
                        await self._queue.put(self._judgeable_until(transcriber))

    def _judgeable_until(self, transcriber: Transcriber) -> ClockTick:
        """What is being said is not judged yet: time stands still at its start."""
        since = transcriber.open_since_ms()
        return ClockTick(self.now_ms if since is None else min(self.now_ms, since))
