"""What models, search and voices answered in a call, given once more in the order in which they did."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.ports.reading import Passage, Reading, TextReader
from pipelines import notes

Answer = TypeVar("Answer", notes.Read, notes.Found)


class NotRecorded(Exception):
    """More is asked than was in the call."""


class RecordedOutputs:
    """Goes through a call's notes. Stands in for the text models (`reads`), the search and the voices: a question is
    answered from between the note of its input and the next one. Answers that nobody asks for are passed over."""

    def __init__(self, taken: Iterable[notes.Note]) -> None:
        self._notes = iter(taken)
        self._next = next(self._notes, None)
        self._voiced = notes.Voiced(0, agent_speaks=False)
        self.otherwise = 0
        """Questions in other words than the call's."""

    @property
    def over(self) -> bool:
        return self._next is None

    def pop(self) -> notes.Note | None:
        note, self._next = self._next, next(self._notes, None)
        if isinstance(note, notes.Voiced):
            self._voiced = note
        return note

    def pop_made(self) -> notes.Made | None:
        """What the call made of the input, if it did not fail."""
        while isinstance(self._next, notes.Output):
            self.pop()
        if not isinstance(self._next, notes.Made):
            return None
        made = self._next
        self.pop()
        return made

    async def reads(self, reader: TextReader, text: str, before: str, language: str, *, feelings: bool) -> Reading:
        return self.read(text, before, language, feelings=feelings)

    def read(self, text: str, before: str = "", language: str = "", *, feelings: bool = True) -> Reading:
        """What was read of whose feelings is as it was."""
        del feelings
        note = self._answer(notes.Read)
        self.otherwise += (note.text, note.before, note.language) != (text, before, language)
        return note.reading

    def search(self, text: str, vector: NDArray[np.float32], *, language: str, limit: int = 5) -> Sequence[Passage]:
        note = self._answer(notes.Found)
        self.otherwise += note.text != text
        return note.passages

    @property
    def now_ms(self) -> int:
        return self._hear().now_ms

    def agent_speaks(self) -> bool:
        return self._hear().agent_speaks

    def _hear(self) -> notes.Voiced:
        if isinstance(self._next, notes.Voiced):
            self.pop()
        return self._voiced

    def _answer(self, kind: type[Answer]) -> Answer:
        while isinstance(self._next, notes.Output):
            note = self.pop()
            if isinstance(note, kind):
                return note
        raise NotRecorded
