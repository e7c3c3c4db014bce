"""`/ws/desk`: the calls of one desk, from snapshot to live on one road; acknowledgements and commands back.

The client says `resume` first, with the last `seq` that it has of each call; then `shown`, `card`, `claim`, `follow`
and `unfollow`, as defined below. The engine says, each as one JSON text message:

* `hello {person, now_ms, at}` at once: who is logged in, the engine's monotonic clock, on which `Stamps` are, and its
  time in UNIX seconds.
* `beat {at}` every ten seconds: the connection stands, and the engine's time again.
* `call {call}`: a call came to this desk, or its row changed (claimed, ended, gone to another desk).
* every fact beyond what the client has, in order of `seq`, and drafts, as `engine.facts.encode` gives them.
* `gone {id}`: a call that this desk shows was erased.
* `stamped {id, seq, shown}`: when the acknowledgement of a fact reached the engine.
* `error {code, message}`: a command was refused; `id` and `seq` are of the card when it was `card`.

It closes with 1002 when `resume` is not first, 1003 on binary, 1007 on what is no message of the desk, 1008 when the
session is over, 1009 when a message is too long, 1011 on a mistake of ours, 1013 when the client does not keep up (it
resumes), and 1001 when the engine stops.
"""

import time
from contextlib import suppress
from typing import Annotated, Literal

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from engine.errors import Forbidden, NotFound, WelcomedlyError
from engine.fanout import Hub
from engine.feeds import Feed
from engine.ports.desk import CallDesk, DeskCommand
from engine.ports.storage import CallRecord
from engine.web.calls_api import may_see, tell_reading
from engine.web.keys import DESK, HUB
from engine.web.sockets import Socket, open_socket

RESUMED = 64
"""Calls that one `resume` may name."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
"""A whole number that every database can hold."""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """The first message: what the client has already, by call. May be empty."""

    calls: dict[str, Count] = {}


class Shown(msgspec.Struct, frozen=True, tag="shown"):
    """The client has painted a fact (`seq`) or a draft (`stream`, `segment`, `revision`)."""

    id: str
    seq: Count = 0
    stream: str = ""
    segment: Count = 0
    revision: Count = 0


class Card(msgspec.Struct, frozen=True, tag="card"):
    id: str
    seq: Count
    action: Literal["accepted", "dismissed", "wrong"]


class Claim(msgspec.Struct, frozen=True, tag="claim"):
    id: str


class Follow(msgspec.Struct, frozen=True, tag="follow"):
    id: str


class Unfollow(msgspec.Struct, frozen=True, tag="unfollow"):
    id: str


Message = Resume | Shown | Card | Claim | Follow | Unfollow
_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


async def desk_socket(request: web.Request) -> web.WebSocketResponse:
    async with open_socket(request, "desk") as socket:
        person = socket.person

        def mine(record: CallRecord) -> bool:
            return record.agent_id == person.user_id

        hub = request.app[HUB]
        with hub.feed(person.organisation_id, mine) as feed:
            desk = _Desk(socket, hub, feed, request.app[DESK])
            await socket.serve(desk.read, desk.write)
        return socket.ws


def _hello(socket: Socket) -> bytes:
    clocks = {"now_ms": time.monotonic() * 1000, "at": time.time()}
    return msgspec.json.encode({"type": "hello", "person": socket.person, **clocks})


class _Desk:
    """The two directions of one desk's socket."""

    def __init__(self, socket: Socket, hub: Hub, feed: Feed, desk: CallDesk) -> None:
        self._socket = socket
        self._person = socket.person
        self._hub = hub
        self._feed = feed
        self._desk = desk
        self._resumed = False

    async def write(self) -> None:
        await self._socket.send(_hello(self._socket))
        while True:
            for message in await self._feed.next():
                await self._socket.send(message)

    async def read(self) -> None:
        """Until the client closes, or says what cannot be understood (1003, 1007, 1002)."""
        async for message in self._socket.ws:
            if message.type is not WSMsgType.TEXT:
                return await self._socket.close(WSCloseCode.UNSUPPORTED_DATA, "text only")
            try:
                said = _decoder.decode(message.data)
            except (msgspec.MsgspecError, RecursionError):  # `[[[[…` where no field of ours is
                return await self._socket.close(WSCloseCode.INVALID_TEXT, "not a message of the desk")
            if isinstance(said, Resume) == self._resumed:
                return await self._socket.close(WSCloseCode.PROTOCOL_ERROR, "resume comes first, and once")
            await self._obey(said)
        return None

    async def _obey(self, said: Message) -> None:
        try:
            match said:
                case Resume():
                    await self._resume(said)
                case Shown():
                    await self._shown(said)
                case Card():
                    await self._command(DeskCommand("card", said.id, seq=said.seq, action=said.action))
                case Claim():
                    await self._command(DeskCommand("claim", said.id))
                case Follow():
                    await self._show(said.id)
                case Unfollow():
                    await self._unfollow(said.id)
        except WelcomedlyError as error:
            of = {"id": said.id, "seq": said.seq} if isinstance(said, Card) else {}
            self._feed.say(msgspec.json.encode({"type": "error", "code": error.code, "message": str(error), **of}))

    async def _resume(self, said: Resume) -> None:
        self._resumed = True
        if len(said.calls) > RESUMED:
            raise Forbidden(f"resume names more than {RESUMED} calls")
        self._feed.begin(said.calls)
        for call_id, seq in said.calls.items():
            if not self._feed.shows(call_id):
                await self._resume_other(call_id, seq)

    async def _resume_other(self, call_id: str, seq: int) -> None:
        """A call that ended meanwhile, or that is followed. One that is nobody's business is passed over."""
        with suppress(NotFound, Forbidden):
            await self._show(call_id, seq)

    async def _show(self, call_id: str, after: int = 0) -> None:
        """One's own call is not followed: it goes with whoever has it next."""
        record = await self._seen(call_id)
        if not self._feed.shows(call_id):
            tell_reading(self._person, record, "call")
        self._feed.show(record, after, followed=record.agent_id != self._person.user_id)

    async def _shown(self, said: Shown) -> None:
        now_ms = time.monotonic() * 1000
        command = DeskCommand("shown", said.id, said.seq, said.stream, said.segment, said.revision, at_ms=now_ms)
        try:
            await self._desk.command(self._person, command)
        except NotFound:
            return  # it was painted after the call had gone
        if said.seq:
            self._feed.say(msgspec.json.encode({"type": "stamped", "id": said.id, "seq": said.seq, "shown": now_ms}))

    async def _command(self, command: DeskCommand) -> None:
        stamped = msgspec.structs.replace(command, at_ms=time.monotonic() * 1000)
        await self._desk.command(self._person, stamped)

    async def _unfollow(self, call_id: str) -> None:
        record = await self._seen(call_id)
        if record.agent_id != self._person.user_id:
            self._feed.hide(call_id)

    async def _seen(self, call_id: str) -> CallRecord:
        record = await self._hub.record(self._person.organisation_id, call_id)
        if not may_see(self._person, record):
            raise Forbidden("the call is on another desk")
        return record
