"""A media worker: a process that hears its share of the calls' RTP.

Started by `media.workers.pool` with an open socket and open shared memory; ends with the engine, however that ends.
"""

import argparse
import asyncio
import gc
import logging
import os
import random
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial

import msgspec
import numpy as np
import uvloop

from engine.child import die_with, framed, messages
from engine.errors import Overloaded
from engine.facts import SpeechSegment
from engine.ports.intake import CallEnded, ClockTick, MediaEvent, MediaNotice
from media.audio import MODEL_RATE_HZ
from media.hearing import Since
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.rtp_session import Before, RtpSession
from media.srtp import Newest
from media.workers.rings import SharedRing, SharedRings
from media.workers.wire import (
    Alive,
    Announce,
    Close,
    Counted,
    FromWorker,
    Hold,
    Judged,
    Noticed,
    Open,
    Opened,
    Over,
    Ready,
    Refused,
    Spoke,
    Stop,
    Ticked,
    Told,
    ToWorker,
    Update,
    WeighPause,
)

TELL_EVERY_S = 0.1
"""How stale the engine's picture of a stream's last packet may be."""
ALIVE_EVERY_S = 1.0

log = logging.getLogger(__name__)


class Call:
    """A session, and where its sound goes."""

    def __init__(self, rings: SharedRings, begun: Collection[str] = ()) -> None:
        """`begun`: streams that another worker heard before."""
        self.places: dict[str, int] = {}
        self.session: RtpSession | None = None
        self._memory, self._begun = rings, begun
        self._rings: dict[str, SharedRing] = {}

    def ring(self, stream: str, rate_hz: int) -> SharedRing:
        ring = self._rings[stream] = self._memory.ring(self.places[stream], rate_hz)
        if stream not in self._begun:
            ring.clear()
        return ring

    def newest(self) -> dict[str, Newest]:
        """What another worker has opened of protected streams."""
        begun = {stream: place for stream, place in self.places.items() if stream in self._begun}
        found = {stream: self._memory.ring(place, MODEL_RATE_HZ).newest for stream, place in begun.items()}
        return {stream: newest for stream, newest in found.items() if newest is not None}

    def tell(self) -> None:
        if self.session is None:
            return
        for name, stream in self.session.streams.items():
            if stream.last_packet_ms is not None:
                at_s = self.session.answered_s + stream.last_packet_ms / 1000
                self._rings[name].tell(at_s, stream.ahead_ms, stream.newest)


class MediaWorker:
    def __init__(self, plane: RtpPlane, rings: SharedRings, send: Callable[[FromWorker], None]) -> None:
        self._plane, self._rings, self._send = plane, rings, send
        self._calls: dict[int, Call] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Until the engine says so or is gone."""
        self._send(Ready())
        async for message in messages(reader, msgspec.msgpack.Decoder(ToWorker)):
            match message:
                case Open():
                    await self._open(message)
                case Update():
                    await self._update(message)
                case Hold(number, held):
                    if (session := self._session(number)) is not None:
                        session.hold() if held else session.resume()
                case Announce(number, sound, words, beep_every_s):
                    if (session := self._session(number)) is not None:
                        session.announce(np.frombuffer(sound, np.int16), words=words, beep_every_s=beep_every_s)
                case WeighPause(number, stream, segment, end_ms, pause):
                    if (session := self._session(number)) is not None:
                        session.weigh_pause(stream, segment, end_ms, pause)
                case Told(number, events):
                    if (session := self._session(number)) is not None:
                        session.told(events)
                case Close(number, reason):
                    if (session := self._session(number)) is not None:
                        session.close(reason)
                case Stop():
                    return

    async def tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            for call in self._calls.values():
                call.tell()

    async def live(self) -> None:
        while True:
            await asyncio.sleep(ALIVE_EVERY_S)
            self._send(Alive())

    def _session(self, number: int) -> RtpSession | None:
        call = self._calls.get(number)
        return None if call is None else call.session

    async def _open(self, open_: Open) -> None:
        call = self._calls[open_.session] = Call(self._rings, open_.ports)
        call.places |= open_.rings
        with self._refusing(open_):
            call.session = await self._plane.allocate(
                open_.offer,
                open_.streams,
                sink=partial(self._heard, open_.session),
                ring=call.ring,
                before=Before(open_.answered_s, open_.ports, open_.rates, call.newest(), open_.held),
                since=Since(open_.since_ms, open_.segments),
            )
            self._opened(open_, call.session)
        if call.session is None:
            del self._calls[open_.session]

    async def _update(self, update: Update) -> None:
        call = self._calls.get(update.session)
        with self._refusing(update):
            if call is None or call.session is None:
                raise Overloaded("the call is over")
            call.places |= update.rings
            await call.session.update(update.streams)
            self._opened(update, call.session)

    @contextmanager
    def _refusing(self, question: Open | Update) -> Iterator[None]:
        try:
            yield
        except Overloaded as error:
            self._send(Refused(question.session, question.asked, str(error)))

    def _opened(self, question: Open | Update, session: RtpSession) -> None:
        self._send(Opened(question.asked, dict(session.local_ports()), dict(session.numbers())))

    def _heard(self, number: int, event: MediaEvent) -> None:
        match event:
            case SpeechSegment():
                self._send(Spoke(number, event))
            case MediaNotice():
                self._send(Noticed(number, event))
            case ClockTick(at_ms):
                self._send(Ticked(number, at_ms))
            case CallEnded():
                call = self._calls.pop(number, None)
                if call is not None:
                    call.tell()
                self._send(Over(number, event))


async def _serve(arguments: argparse.Namespace) -> None:
    reader, writer = await asyncio.open_unix_connection(sock=socket.socket(fileno=arguments.socket_fd))

    def send(message: FromWorker) -> None:
        if not writer.is_closing():
            writer.write(framed(message))

    plane = RtpPlane(
        arguments.host,
        PortRange(arguments.first_port, arguments.last_port),
        gated=arguments.gated,
        start=random.random(),
        counted=lambda fate, packets: send(Counted(fate, packets)),
        judged=lambda quality: send(Judged(quality)),
    )
    worker = MediaWorker(plane, SharedRings(arguments.rings_fd, arguments.rings), send)
    async with plane:
        beside = [asyncio.create_task(worker.tell(), name="tell"), asyncio.create_task(worker.live(), name="live")]
        gc.collect()
        gc.freeze()  # what is loaded by now stays: no collection need look at it
        await worker.serve(reader)
        for task in beside:
            task.cancel()
    writer.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m media.workers.process", description=__doc__)
    parser.add_argument("--socket-fd", type=int, required=True)
    parser.add_argument("--rings-fd", type=int, required=True)
    parser.add_argument("--rings", type=int, required=True)
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--first-port", type=int, required=True)
    parser.add_argument("--last-port", type=int, required=True)
    parser.add_argument("--gated", type=int, default=0)
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    die_with(arguments.parent)
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "info").upper(), format="%(levelname)s %(name)s %(message)s")
    uvloop.run(_serve(arguments))


if __name__ == "__main__":
    main()
