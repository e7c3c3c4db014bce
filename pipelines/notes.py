"""What reaches one call's conversation from outside, note by note, in the order in which it came: enough to hold the
conversation once more without a model.

Notes hold words as they were heard, before anything is masked. They are written to a sealed file and nowhere else.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.errors import Invalid
from engine.facts import CallEvent
from engine.ports.intake import RoleDecision
from engine.ports.reading import Passage, Reading, Scored, SpokenAct
from pipelines.setup import Setup
from pipelines.utterance import Utterance

_LENGTH: Final = struct.Struct(">I")


class _Input(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    seq: int
    """The call's last number when it came: other parts of the call number facts as well."""


class Began(msgspec.Struct, frozen=True, tag=True):
    """The first note."""

    version: str
    """Of the program that took them."""
    setup: Setup


class Heard(_Input, frozen=True, kw_only=True):
    utterance: Utterance


class WentOn(_Input, frozen=True, kw_only=True):
    """What was made of the words so far is told; the conversation goes on with them."""


class Unheard(_Input, frozen=True, kw_only=True):
    stream: str
    start_ms: int
    end_ms: int
    lost: bool


class Ticked(_Input, frozen=True, kw_only=True):
    at_ms: int


class RolesDecided(_Input, frozen=True, kw_only=True):
    decisions: tuple[RoleDecision, ...]
    at_ms: int


class Held(_Input, frozen=True, kw_only=True):
    at_ms: int


class Resumed(_Input, frozen=True, kw_only=True):
    at_ms: int


class Spoke(_Input, frozen=True, kw_only=True):
    language: str
    at_ms: int


class Noticed(_Input, frozen=True, kw_only=True):
    event: CallEvent


class CardAnswered(_Input, frozen=True, kw_only=True):
    action: str
    article: str
    at_ms: int


class Ended(_Input, frozen=True, kw_only=True):
    at_ms: int
    cut_off: bool = False


class Made(msgspec.Struct, frozen=True, tag=True):
    """All facts of an input, or of a step of one, by their numbers. Missing where it failed."""

    seqs: tuple[int, ...]
    last: bool = True
    """Nothing more comes of the input."""


class Read(msgspec.Struct, frozen=True, tag=True):
    """What the text models gave, and for which words."""

    text: str
    before: str
    language: str
    sentiment: Scored
    intents: tuple[Scored, ...]
    acts: tuple[SpokenAct, ...]
    unlikely: frozenset[str]
    vector: bytes
    """float32, as are the views."""
    views: bytes | None
    latency_ms: float

    @property
    def reading(self) -> Reading:
        vector = np.frombuffer(self.vector, np.float32)
        views = None if self.views is None else np.frombuffer(self.views, np.float32).reshape(-1, len(vector))
        return Reading(vector, self.sentiment, self.intents, self.acts, self.latency_ms, self.unlikely, views)


class Found(msgspec.Struct, frozen=True, tag=True):
    """What the search gave, and for which words."""

    text: str
    passages: tuple[Passage, ...]


class Voiced(msgspec.Struct, frozen=True, tag=True):
    """The voices on the call, when they were asked for and had changed."""

    now_ms: int
    agent_speaks: bool


Input = Heard | Unheard | Ticked | RolesDecided | Held | Resumed | Spoke | Noticed | CardAnswered | Ended
Output = Read | Found | Voiced
Note = Began | Input | WentOn | Made | Output


@lru_cache(maxsize=1)
def program_version() -> str:
    """Empty where the program is not installed."""
    try:
        return version("welcomedly")
    except PackageNotFoundError:
        return ""


def note_of_reading(text: str, before: str, language: str, reading: Reading) -> Read:
    return Read(
        text=text,
        before=before,
        language=language,
        sentiment=reading.sentiment,
        intents=reading.intents,
        acts=reading.acts,
        unlikely=reading.unlikely,
        vector=_bytes_of(reading.vector),
        views=None if reading.views is None else _bytes_of(reading.views),
        latency_ms=reading.latency_ms,
    )


def note_of_search(text: str, passages: Sequence[Passage]) -> Found:
    return Found(text, tuple(passages))


def encode(note: Note) -> bytes:
    """With its length before it: notes follow one another in a file."""
    data = _encoder.encode(note)
    return _LENGTH.pack(len(data)) + data


def decode(pieces: Iterable[bytes]) -> Iterator[Note]:
    """Inverse of `encode` over pieces of any size; a note that is cut at the end is left out. Raises `Invalid` for what
    are no notes of this version."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        at = 0
        while len(kept) >= at + _LENGTH.size:
            (length,) = _LENGTH.unpack_from(kept, at)
            end = at + _LENGTH.size + length
            if len(kept) < end:
                break
            yield _decoded(kept[at + _LENGTH.size : end])
            at = end
        del kept[:at]


def _decoded(data: bytes | bytearray) -> Note:
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, RecursionError):
        raise Invalid("what was noted of the call is not as this version notes it") from None


def _bytes_of(vector: NDArray[np.float32]) -> bytes:
    return np.ascontiguousarray(vector, np.float32).tobytes()


def _plain(value: Any) -> Any:
    """Numbers of numpy."""
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(type(value).__name__)


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_decoder: msgspec.msgpack.Decoder[Note] = msgspec.msgpack.Decoder(Note)
