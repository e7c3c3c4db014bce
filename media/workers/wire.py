"""What the engine and a media worker say to each other."""

import msgspec

from engine.facts import CallEvent, SpeechSegment
from engine.ports.intake import CallEnded, CallOffer, MediaNotice, Pause
from media.reception import Quality
from media.session import StreamOffer


class Open(msgspec.Struct, frozen=True, tag="open"):
    """A call; answered with `Opened` or `Refused`."""

    session: int
    offer: CallOffer
    streams: tuple[StreamOffer, ...]
    rings: dict[str, int]
    """By stream, where its sound goes."""
    answered_s: float
    """On the monotonic clock, which all processes of a machine share."""
    ports: dict[str, int] = {}
    """By stream, the ports that a worker had which is gone."""
    rates: dict[str, int] = {}
    """By stream, of the rings that it wrote: a stream keeps the rate it began with."""
    since_ms: int = 0
    segments: dict[str, int] = {}
    """The same for `media.hearing.Since`."""
    held: bool = False
    asked: int = 0
    """The answer repeats it; 0 is asked by nobody who waits."""


class Update(msgspec.Struct, frozen=True, tag="update"):
    """Answered with `Opened` or `Refused`."""

    session: int
    streams: tuple[StreamOffer, ...]
    rings: dict[str, int]
    asked: int


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    session: int
    held: bool


class Announce(msgspec.Struct, frozen=True, tag="announce"):
    """A notice to the call's far end (`MediaSession.announce`)."""

    session: int
    sound: bytes
    """int16 of this machine, 8 kHz."""
    words: bool
    beep_every_s: int


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Of the facts that `RtpSession.told` is told, those that it heeds."""

    session: int
    events: tuple[CallEvent, ...]


class WeighPause(msgspec.Struct, frozen=True, tag="weigh_pause"):
    """See `IngestSession`."""

    session: int
    stream: str
    segment: int
    end_ms: int
    pause: Pause


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Answered with `Over`."""

    session: int
    reason: str


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Every call has been closed: end."""


ToWorker = Open | Update | Hold | Announce | WeighPause | Told | Close | Stop


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Calls may come."""


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """Every `media.workers.process.ALIVE_EVERY_S`: a worker without it hangs."""


class Opened(msgspec.Struct, frozen=True, tag="opened"):
    asked: int
    ports: dict[int, int]
    """m-line position → port."""
    numbers: dict[str, int]
    """Stream → port."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """No port is free; nothing has changed."""

    session: int
    asked: int
    why: str


class Spoke(msgspec.Struct, frozen=True, tag="spoke"):
    session: int
    segment: SpeechSegment


class Noticed(msgspec.Struct, frozen=True, tag="noticed"):
    session: int
    notice: MediaNotice


class Ticked(msgspec.Struct, frozen=True, tag="ticked"):
    session: int
    at_ms: int


class Over(msgspec.Struct, frozen=True, tag="over"):
    """All that was heard has been told."""

    session: int
    ended: CallEnded


class Counted(msgspec.Struct, frozen=True, tag="counted"):
    fate: str
    packets: int


class Judged(msgspec.Struct, frozen=True, tag="judged"):
    quality: Quality


FromWorker = Ready | Alive | Opened | Refused | Spoke | Noticed | Ticked | Over | Counted | Judged
