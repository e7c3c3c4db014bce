"""Platforms, played from their published protocols: nothing here knows our adapters.

Each client opens a call, says two people's sound in 20 ms frames, pauses, changes what it knows, and ends in order or
not. What a protocol does not have is in `lacks`, with the reason.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import struct
import uuid
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from engine.control.peers import Peer
from engine.facts import Pcm16
from tests.media.sockets.speech import FRAME, to_ulaw, wide

SECRET = "s3cr3t-of-the-test"
NOW = 1_700_000_000
NO_PAUSE = "the protocol has no sign of it; silence by its clock is tested instead"
NO_CHANGE = "its metadata comes once, at the start"


class Disconnected(Exception):
    """The AudioHook server wants to be left."""


class Client:
    """What all have in common. `streams` is what each voice is called, the customer's first."""

    name: ClassVar[str]
    streams: ClassVar[tuple[str, ...]] = ("inbound", "outbound")
    roles: ClassVar[tuple[str, ...]] = ("customer", "agent")
    rate: ClassVar[int] = 8000
    lacks: ClassVar[dict[str, str]] = {}
    garbage: ClassVar[tuple[str | bytes, ...]] = ("{", "[]", b"\x00\x01\x02", '{"event": 7}')
    """After the start; each must be survived, by an answer or by a closed connection."""
    fatal: ClassVar[str | bytes] = "{"
    """What no server can take: the connection ends."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.socket: ClientConnection | None = None
        self.sent = 0
        """Frames so far."""

    @classmethod
    def peer(cls) -> Peer:
        return Peer(cls.name, cls.name, path=f"/{cls.name}", secret=SECRET, number="+34910000000")  # type: ignore[arg-type]

    @property
    def ws(self) -> ClientConnection:
        assert self.socket is not None
        return self.socket

    def headers(self, secret: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}"}

    def target(self) -> str:
        return f"/{self.name}"

    async def connect(self, secret: str = SECRET) -> None:
        host, port = self.address
        self.socket = await connect(
            f"ws://{host}:{port}{self.target()}",
            additional_headers=self.headers(secret),
            proxy=None,
            ping_interval=None,
        )

    async def begin(self) -> None:
        raise AssertionError("each protocol begins in its way")

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        raise AssertionError("each protocol has its frames")

    async def speak(self, sounds: Sequence[Pcm16]) -> None:
        for start in range(0, len(sounds[0]) - FRAME + 1, FRAME):
            await self.frame([sound[start : start + FRAME] for sound in sounds])
            self.sent += 1

    async def quiet(self, frames: int) -> None:
        """Time passes without sound: seen on the wire's clock."""
        self.sent += frames

    async def pause(self) -> None: ...

    async def resume(self, paused_ms: int) -> None: ...

    async def change(self) -> None: ...

    async def hang_up(self) -> None:
        await self.ws.close()

    async def vanish(self) -> None:
        self.ws.transport.abort()

    async def throw(self, what: str | bytes) -> None:
        await self.ws.send(what)

    async def ended_by_server(self) -> bool:
        """Reads to the end."""
        try:
            async with asyncio.timeout(5):
                while True:
                    await self.ws.recv()
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False

    async def say(self, **message: Any) -> None:
        await self.ws.send(json.dumps(message))

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()


class Twilio(Client):
    name = "twilio"
    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    def headers(self, secret: str) -> dict[str, str]:
        url = f"wss://{self.address[0]}:{self.address[1]}{self.target()}"
        digest = hmac.new(secret.encode(), url.encode(), hashlib.sha1).digest()
        return {"X-Twilio-Signature": base64.b64encode(digest).decode()}

    async def begin(self) -> None:
        self.number = 1
        await self.say(event="connected", protocol="Call", version="1.0.0")
        await self.say(
            event="start",
            sequenceNumber="1",
            streamSid="MZ0000000000000000000000000000000001",
            start={
                "accountSid": "AC1",
                "streamSid": "MZ0000000000000000000000000000000001",
                "callSid": "CA0000000000000000000000000000000001",
                "tracks": ["inbound", "outbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"from": "+5215550001", "to": "+5215559999"},
            },
        )

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        for track, sound in zip(("inbound", "outbound"), sounds, strict=True):
            self.number += 1
            media = {
                "track": track,
                "chunk": str(self.sent + 1),
                "timestamp": str(self.sent * 20 + 5),
                "payload": base64.b64encode(to_ulaw(sound)).decode(),
            }
            await self.say(
                event="media",
                sequenceNumber=str(self.number),
                streamSid="MZ0000000000000000000000000000000001",
                media=media,
            )

    async def hang_up(self) -> None:
        stop = {"accountSid": "AC1", "callSid": "CA0000000000000000000000000000000001"}
        await self.say(
            event="stop",
            sequenceNumber=str(self.number + 1),
            streamSid="MZ0000000000000000000000000000000001",
            stop=stop,
        )
        await self.ws.close()


class Telnyx(Client):
    name = "telnyx"
    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    async def begin(self) -> None:
        await self.say(event="connected", version="1.0.0")
        await self.say(
            event="start",
            sequence_number="1",
            stream_id="32de0dea",
            start={
                "user_id": "u",
                "call_control_id": "v2:1",
                "call_session_id": "cs1",
                "from": "+13122010055",
                "to": "+13122123456",
                "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            },
        )
        self._swapped: list[dict[str, Any]] = []

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        """Two chunks are exchanged now and then: the order of media events is not promised."""
        for track, sound in zip(("inbound", "outbound"), sounds, strict=True):
            media = {
                "track": track,
                "chunk": str(self.sent + 1),
                "timestamp": str(self.sent * 20),
                "payload": base64.b64encode(to_ulaw(sound)).decode(),
            }
            self._swapped.append({"event": "media", "sequence_number": "4", "media": media, "stream_id": "32de0dea"})
        if self.sent % 25 == 7:
            return
        for message in reversed(self._swapped) if self.sent % 25 == 8 else self._swapped:
            await self.say(**message)
        self._swapped = []

    async def hang_up(self) -> None:
        await self.say(event="stop", sequence_number="5", stream_id="32de0dea", stop={"call_control_id": "v2:1"})
        await self.ws.close()


class Plivo(Client):
    name = "plivo"
    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    def headers(self, secret: str) -> dict[str, str]:
        url = f"wss://{self.address[0]}:{self.address[1]}{self.target()}"
        digest = hmac.new(secret.encode(), f"{url}.12345678901".encode(), hashlib.sha256).digest()
        signature = base64.b64encode(digest).decode()
        return {"X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": "12345678901"}

    async def begin(self) -> None:
        await self.say(
            sequenceNumber=0,
            event="start",
            start={
                "callId": "c1",
                "streamId": "s1",
                "accountId": "MA1",
                "tracks": ["inbound", "outbound"],
                "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000},
            },
            extra_headers="from=+15550001;to=+15559999",
        )

    rate = 16_000

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        for track, sound in zip(("inbound", "outbound"), sounds, strict=True):
            media = {
                "track": track,
                "timestamp": str(1_705_312_200_000 + self.sent * 20),
                "chunk": self.sent + 1,
                "payload": base64.b64encode(sound.astype("<i2").tobytes()).decode(),
            }
            await self.say(sequenceNumber=self.sent, streamId="s1", event="media", media=media, extra_headers="{}")

    async def speak(self, sounds: Sequence[Pcm16]) -> None:
        loud = [wide(sound) for sound in sounds]
        for start in range(0, len(loud[0]) - 2 * FRAME + 1, 2 * FRAME):
            await self.frame([sound[start : start + 2 * FRAME] for sound in loud])
            self.sent += 1

    async def hang_up(self) -> None:
        await self.say(event="stop", streamId="s1")
        await self.ws.close()


class Exotel(Client):
    name = "exotel"
    streams = ("inbound",)
    roles = ("customer",)
    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    async def begin(self) -> None:
        await self.say(event="connected")
        await self.say(
            event="start",
            sequence_number=1,
            stream_sid="s1",
            start={
                "stream_sid": "s1",
                "call_sid": "c1",
                "account_sid": "a",
                "from": "+911",
                "to": "+912",
                "custom_parameters": {},
                "media_format": {"encoding": "raw/slin", "sample_rate": "8000"},
            },
        )

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        payload = base64.b64encode(sounds[0].astype("<i2").tobytes()).decode()
        media = {"chunk": self.sent + 1, "timestamp": str(self.sent * 20), "payload": payload}
        await self.say(event="media", sequence_number=self.sent + 2, stream_sid="s1", media=media)

    async def hang_up(self) -> None:
        await self.say(event="stop", sequence_number=9, stream_sid="s1", stop={"call_sid": "c1", "reason": "callended"})
        await self.ws.close()


class AudioHookClient(Client):
    name = "audiohook"
    streams = ("external", "internal")
    key = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
    probe = False
    dnis = "+34910000000"
    agent = "1001@pbx.example"
    fatal = '{"version":"2","id":"00","type":"ping","seq":1,"serverseq":0,"position":"PT0S","parameters":{}}'
    garbage: ClassVar = ("{", "[]", b"\x00\x01\x02", fatal)

    @classmethod
    def peer(cls) -> Peer:
        return Peer(
            "audiohook", "audiohook", path="/audiohook", secret=base64.b64encode(SECRET.encode()).decode(), key=cls.key
        )

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self.session = str(uuid.uuid4())
        self.now = NOW
        self.seq = self.serverseq = 0
        self.position = 0
        self.answers: list[dict[str, Any]] = []

    def headers(self, secret: str) -> dict[str, str]:
        fields = {
            "@request-target": self.target(),
            "@authority": f"{self.address[0]}:{self.address[1]}",
            "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
            "audiohook-session-id": self.session,
            "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
            "x-api-key": self.key,
        }
        names = " ".join(f'"{name}"' for name in fields)
        params = f'({names});keyid="{self.key}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256"'
        params += f";created={self.now};expires={self.now + 10}"
        base = "\n".join([*(f'"{name}": {value}' for name, value in fields.items()), f'"@signature-params": {params}'])
        signed = base64.b64encode(hmac.new(secret.encode(), base.encode(), hashlib.sha256).digest()).decode()
        return {name: value for name, value in fields.items() if not name.startswith("@")} | {
            "Signature-Input": f"sig1={params}",
            "Signature": f"sig1=:{signed}:",
        }

    async def control(self, kind: str, **parameters: Any) -> None:
        self.seq += 1
        await self.say(
            version="2",
            id=self.session,
            type=kind,
            seq=self.seq,
            serverseq=self.serverseq,
            position=f"PT{self.position / 8000:.3f}S",
            parameters=parameters,
        )

    async def answer(self, kind: str) -> dict[str, Any]:
        """The next message of that kind; checks the envelope of all on the way."""
        while True:
            message = json.loads(await asyncio.wait_for(self.ws.recv(), 5))
            self.serverseq += 1
            assert message["version"] == "2"
            assert message["id"] == self.session
            assert message["seq"] == self.serverseq
            assert message["clientseq"] <= self.seq
            self.answers.append(message)
            if message["type"] == kind:
                return dict(message)
            if message["type"] == "disconnect":
                raise Disconnected

    async def begin(self) -> None:
        nobody = str(uuid.UUID(int=0))
        person = {"id": str(uuid.uuid4()), "ani": "+34600000001", "aniName": "Ana", "dnis": self.dnis}
        self.offered = [
            {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000},
            {"type": "audio", "format": "L16", "channels": ["external", "internal"], "rate": 8000},
            {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000},
        ]
        await self.control(
            "open",
            organizationId="d7934305-0972-4844-938e-9060eef73d05",
            conversationId=nobody if self.probe else str(uuid.uuid4()),
            participant=person,
            media=self.offered,
            language="es-ES",
            customConfig={"agent": self.agent},
        )
        self.opened = await self.answer("opened")

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        stereo = np.stack([np.frombuffer(to_ulaw(sound), np.uint8) for sound in sounds], axis=1)
        self.position += len(sounds[0])
        await self.ws.send(stereo.tobytes())

    async def quiet(self, frames: int) -> None:
        await self.control("discarded", start=f"PT{self.position / 8000:.3f}S", discarded=f"PT{frames * 0.02:.2f}S")
        self.position += frames * FRAME

    async def pause(self) -> None:
        await self.control("paused")

    async def resume(self, paused_ms: int) -> None:
        start = f"PT{self.position / 8000:.3f}S"
        self.position += paused_ms * 8
        await self.control("resumed", start=start, discarded=f"PT{paused_ms / 1000:.3f}S")

    async def change(self) -> None:
        await self.control("update", language="pt-BR")
        await self.answer("updated")

    async def ended_by_server(self) -> bool:
        """The server asks to be left; the client does that."""
        assert (await self.answer("disconnect"))["parameters"]["reason"] == "error"
        await self.hang_up()
        return True

    async def hang_up(self) -> None:
        await self.control("close", reason="end")
        await self.answer("closed")
        await self.ws.close()


class Asterisk(Client):
    """chan_websocket: two sockets, one a direction, that name one call."""

    name = "chan_websocket"
    streams = ("customer", "agent")
    plain = False

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self.other: ClientConnection | None = None

    async def connect(self, secret: str = SECRET) -> None:
        host, port = self.address
        sockets = []
        for place in ("in", "out"):
            url = (
                f"ws://{host}:{port}/chan_websocket?call=1700000000.1&ch={place}&from=%2B34600000001&to=%2B34910000000"
            )
            headers = self.headers(secret)
            sockets.append(
                await connect(url, additional_headers=headers, proxy=None, ping_interval=None, subprotocols=None)
            )
        self.socket, self.other = sockets

    async def begin(self) -> None:
        for number, socket in enumerate((self.ws, self.other)):
            assert socket is not None
            if self.plain:
                text = f"MEDIA_START connection_id:c{number} channel:WebSocket/x channel_id:17.{number} "
                text += "format:ulaw optimal_frame_size:160 ptime:20"
            else:
                text = json.dumps(
                    {
                        "event": "MEDIA_START",
                        "connection_id": f"c{number}",
                        "channel": "WebSocket/x",
                        "channel_id": f"17.{number}",
                        "format": "ulaw",
                        "optimal_frame_size": 160,
                        "ptime": 20,
                        "channel_variables": {},
                    }
                )
            await socket.send(text)
            said = await asyncio.wait_for(socket.recv(), 5)
            assert said == "ANSWER" if self.plain else json.loads(said) == {"command": "ANSWER"}

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        assert self.other is not None
        await self.ws.send(to_ulaw(sounds[0]))
        await self.other.send(to_ulaw(sounds[1]))

    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    async def hang_up(self) -> None:
        await self.close()

    async def vanish(self) -> None:
        self.ws.transport.abort()
        assert self.other is not None
        self.other.transport.abort()

    async def close(self) -> None:
        for socket in (self.socket, self.other):
            if socket is not None:
                await socket.close()


class FreeSwitch(Client):
    """mod_audio_fork, stereo at 8 kHz. The dialplan tells of a hold by `uuid_audio_fork UUID send_text`."""

    name = "audio_fork"
    streams: ClassVar[tuple[str, ...]] = ("caller", "callee")
    fatal = b"\x00\x01\x02"

    def metadata(self) -> str:
        return json.dumps({"uuid": "u1", "mix": "stereo", "sampleRate": 8000, "from": "1000", "to": "+34910000000"})

    def headers(self, secret: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"{self.name}:{secret}".encode()).decode()}

    async def begin(self) -> None:
        await self.ws.send(self.metadata())

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        await self.ws.send(np.stack(sounds, axis=1).astype("<i2").tobytes())

    async def pause(self) -> None:
        await self.say(event="hold")

    async def resume(self, paused_ms: int) -> None:
        await self.say(event="unhold")

    async def change(self) -> None:
        await self.say(agent="1001@pbx.example")


class FreeSwitchStream(FreeSwitch):
    """mod_audio_stream, stereo at 16 kHz."""

    name = "audio_stream"
    rate = 16_000

    def metadata(self) -> str:
        return json.dumps({"uuid": "u1", "mix": "stereo", "sampleRate": 16000, "from": "1000", "to": "+34910000000"})

    speak = Plivo.speak


class Jambonz(FreeSwitchStream):
    name = "jambonz"
    lacks: ClassVar = {"pause": NO_PAUSE}

    def metadata(self) -> str:
        said = {"callSid": "cs1", "callId": "sip-1", "from": "+34600000001", "to": "+34910000000", "callerName": "Ana"}
        return json.dumps(said | {"direction": "inbound", "sampleRate": 16000, "mixType": "stereo"})


class Vonage(FreeSwitchStream):
    name = "vonage"
    streams = ("customer",)
    roles = ("customer",)
    lacks: ClassVar = {"pause": NO_PAUSE, "change": NO_CHANGE}

    def headers(self, secret: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}"}

    def metadata(self) -> str:
        said = {"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}
        return json.dumps(said | {"uuid": "u1", "from": "+34600000001", "to": "+34910000000"})

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        await self.ws.send(sounds[0].astype("<i2").tobytes())


class AudioSocketClient(Client):
    """Two TCP connections, one a direction, whose UUIDs differ in the last digit."""

    name = "audiosocket"
    streams = ("customer", "agent")
    lacks: ClassVar = {
        "pause": NO_PAUSE,
        "change": "the protocol carries nothing but a UUID",
        "bad auth": "it has no secret: UUIDs and addresses are its fence, tested as such",
    }
    call = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d10")
    fatal = b"\x10\xff\xff"
    garbage: ClassVar = (b"\x01\x00\x01A", b"\x77\x00\x00", b"\x10\x00\x03abc", b"\x10\xff\xff")

    @classmethod
    def peer(cls) -> Peer:
        return Peer("audiosocket", "audiosocket", port=0, pair=True, key="40325ec2", number="+34910000000")

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__(address)
        self.lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self, secret: str = SECRET) -> None:
        for _ in range(2):
            self.lines.append(await asyncio.open_connection(*self.address))

    async def begin(self) -> None:
        for last, (reader, writer) in enumerate(self.lines):
            writer.write(b"\x01\x00\x10" + self.call.bytes[:-1] + bytes([self.call.bytes[-1] + last]))
            silence = await asyncio.wait_for(reader.readexactly(323), 5)
            assert silence[:3] == b"\x10\x01\x40"

    async def frame(self, sounds: Sequence[Pcm16]) -> None:
        """In pieces that do not end where frames do."""
        for (_, writer), sound in zip(self.lines, sounds, strict=True):
            data = b"\x10" + struct.pack(">H", 2 * len(sound)) + sound.astype("<i2").tobytes()
            writer.write(data[:7])
            await asyncio.sleep(0)
            writer.write(data[7:])
            await writer.drain()

    async def hang_up(self) -> None:
        for _, writer in self.lines:
            writer.write(b"\x00\x00\x00")
            await writer.drain()

    async def vanish(self) -> None:
        for _, writer in self.lines:
            writer.transport.abort()

    async def throw(self, what: str | bytes) -> None:
        assert isinstance(what, bytes)
        self.lines[0][1].write(what)
        await self.lines[0][1].drain()

    async def ended_by_server(self) -> bool:
        try:
            async with asyncio.timeout(5):
                while await self.lines[0][0].read(4096):
                    pass
        except OSError:
            pass
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        for _, writer in self.lines:
            writer.close()


CLIENTS: tuple[type[Client], ...] = (
    Twilio,
    Telnyx,
    Plivo,
    Exotel,
    Vonage,
    AudioHookClient,
    AudioSocketClient,
    Asterisk,
    FreeSwitch,
    FreeSwitchStream,
    Jambonz,
)
