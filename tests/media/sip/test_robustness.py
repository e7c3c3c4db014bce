"""What peers do to a server besides calling it properly: each gets its answer, and the other calls go on."""

import asyncio
import base64
import contextlib
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from engine.control.trunks import LOOPBACK, Line, Trunk
from engine.ports.intake import Notice, Refusal
from media import siprec_source
from media.sip.layer import Flow
from media.sip.message import Request, Response
from media.sip.sdp import Sdp, parse_sdp
from media.sip.server import SipServer
from media.sip.transport import MAX_CONNECTIONS_PER_HOST, is_inside
from media.sip.wire import StreamFramer, parse_message
from media.siprec_source import RecordedParty
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia

SAMPLES = Path(__file__).parents[2] / "data"
SDP = "v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n{media}"
SUITE = "AES_CM_128_HMAC_SHA1_80"
AUDIO = "m=audio {port} RTP/AVP {codec}\r\na={direction}\r\na=label:{label}\r\n"


class Peer(asyncio.DatagramProtocol):
    """A hand-driven peer on UDP or, through a `StreamWriter`, on TCP."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None
        self.tag = ""
        self.cseq = 0

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.inbox.put_nowait(data)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.sendto(data)

    def request(
        self, method: str, *headers: str, body: str = "", branch: str = "", cseq: int = 0, call: str = "call"
    ) -> bytes:
        self.cseq = cseq or self.cseq + 1
        to = f"<sip:5000@127.0.0.1>;tag={self.tag}" if self.tag else "<sip:5000@127.0.0.1>"
        lines = [
            f"{method} sip:5000@127.0.0.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:5999;rport;branch=z9hG4bK{branch or f'{method}{self.cseq}'}",
            "From: <sip:peer@127.0.0.1>;tag=peer",
            f"To: {to}",
            f"Call-ID: {call}",
            f"CSeq: {self.cseq} {method}",
            *headers,
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def contact(self) -> str:
        assert self.transport is not None
        return f"Contact: <sip:peer@127.0.0.1:{self.transport.get_extra_info('sockname')[1]}>"

    def flow(self) -> Flow:
        assert self.transport is not None
        return Flow("UDP", *self.transport.get_extra_info("sockname"))

    async def final(self) -> Response:
        """The next final response."""
        while True:
            message = parse_message(await self.inbox.get())
            if isinstance(message, Response) and message.final:
                return message

    async def ask(self, method: str, *headers: str, body: str = "") -> Response:
        self.send(self.request(method, *headers, body=body))
        return await self.final()

    async def invite_late(self, *answer: str) -> Sdp:
        """A re-INVITE without an offer; the one that comes, which the ACK answers with these lines."""
        response = await self.ask("INVITE", self.contact())
        body = SDP.format(version=self.cseq, media="".join(answer))
        self.send(self.request("ACK", "Content-Type: application/sdp", body=body, cseq=response.cseq))
        return parse_sdp(response.body)

    async def invite(self, *media: str) -> Response:
        offer = SDP.format(version=self.cseq, media="".join(media)) if media else ""
        kind = ("Content-Type: application/sdp",) if media else ()
        response = await self.ask("INVITE", self.contact(), *kind, body=offer)
        self.tag = response.to_tag
        self.send(self.request("ACK", cseq=response.cseq))
        return response


def audio(label: str, *, port: int = 40_000, codec: int = 0, direction: str = "sendonly") -> str:
    return AUDIO.format(port=port, codec=codec, direction=direction, label=label)


class Bench:
    def __init__(self, server: SipServer, intake: FakeIntake, media: FakeMedia, peer: Peer, counts: FakeCounts) -> None:
        self.server, self.intake, self.media, self.peer, self.counts = server, intake, media, peer, counts


@asynccontextmanager
async def bench(trunks: Sequence[Trunk] = LOOPBACK, *, advertise: str = "") -> AsyncIterator[Bench]:
    intake, media, counts = FakeIntake(), FakeMedia(), FakeCounts()
    server = SipServer("127.0.0.1", 0, intake, media, metrics=counts, trunks=trunks, advertise=advertise)
    await server.open()
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Peer, remote_addr=("127.0.0.1", server.port))
    peer.transport = transport
    try:
        async with asyncio.timeout(20):
            yield Bench(server, intake, media, peer, counts)
    finally:
        transport.close()
        await server.close(0)
    assert not intake.places


async def test_random_bytes_are_counted_and_calls_go_on() -> None:
    async with bench() as it:
        await it.peer.invite(audio("1"))
        await it.intake.begun()
        dice = random.Random(1)
        for size in range(1, 200):
            it.peer.send(b"x" + dice.randbytes(size))
        assert (await it.peer.ask("OPTIONS")).status == 200
        assert it.counts.seen["sip_dropped_total malformed"] == 199
        assert it.media.sessions[0].reason == ""
        assert (await it.peer.ask("BYE")).status == 200
        assert it.counts.seen["sip_messages_total in INVITE"] == 1
        assert it.counts.seen["sip_messages_total out 2xx"] == 3


async def test_random_bytes_on_tcp_close_that_connection_alone() -> None:
    async with bench() as it:
        good_reader, good = await asyncio.open_connection("127.0.0.1", it.server.port)
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        writer.write(random.Random(2).randbytes(100_000) + b"\r\n\r\n")
        assert await reader.read() == b""
        good.write(it.peer.request("OPTIONS"))
        assert (await good_reader.readline()).startswith(b"SIP/2.0 200")
        for each in (writer, good):
            each.close()


async def test_messages_cut_and_glued_on_tcp() -> None:
    async with bench() as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        data = it.peer.request("OPTIONS") + b"\r\n\r\n" + it.peer.request("OPTIONS")
        for at in range(0, len(data), 7):
            writer.write(data[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)  # the server reads each piece by itself
        framer, pongs = StreamFramer(), 0
        got: list[bytes] = []
        while len(got) < 2:
            received = await reader.read(4_096)
            pongs += received.startswith(b"\r\n")
            got += framer.feed(received)
        assert [data.split()[1] for data in got] == [b"200", b"200"]
        assert pongs == 1
        writer.close()


async def test_a_bad_message_on_tcp_takes_none_with_it() -> None:
    """On a proxy's one connection go the messages of many calls."""
    async with bench() as it:
        good = [it.peer.request("OPTIONS") for _ in range(3)]
        bad = it.peer.request("OPTIONS", "X Called Number: 1")
        uncut = it.peer.request("OPTIONS").replace(b"Content-Length", b"Content-Size")
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        writer.write(good[0] + bad + good[1] + good[2] + uncut)
        answers = StreamFramer().feed(await reader.read())  # to the end: that stream cannot be cut any more
        assert [data.split()[1] for data in answers] == [b"200", b"400", b"200", b"200", b"400"]
        writer.close()


async def test_invite_that_comes_again_and_again_is_one_call() -> None:
    async with bench() as it:
        body = SDP.format(version=1, media=audio("1"))
        invite = it.peer.request("INVITE", "Contact: <sip:p@127.0.0.1>", "Content-Type: application/sdp", body=body)
        for _ in range(5):
            it.peer.send(invite)
        response = await it.peer.final()
        for _ in range(5):
            it.peer.send(invite)
        it.peer.tag = response.to_tag
        it.peer.send(it.peer.request("ACK", cseq=response.cseq))
        await it.intake.begun()
        assert len(it.intake.offers) == 1
        merged = invite.replace(b"branch=z9hG4bK", b"branch=z9hG4bKother")
        it.peer.send(merged)
        assert (await it.peer.final()).status == 482


async def test_lost_ack_is_asked_for_again_with_the_200() -> None:
    async with bench() as it:
        body = SDP.format(version=1, media=audio("1"))
        headers = ("Contact: <sip:p@127.0.0.1>", "Content-Type: application/sdp")
        first = await it.peer.ask("INVITE", *headers, body=body)
        second = await it.peer.final()
        assert first.to_bytes() == second.to_bytes()
        assert it.intake.sessions == []
        it.peer.tag = first.to_tag
        it.peer.send(it.peer.request("ACK", cseq=first.cseq))
        await it.intake.begun()


async def test_offerless_invite_gets_an_offer_and_the_ack_answers_it() -> None:
    async with bench() as it:
        response = await it.peer.ask("INVITE", "Contact: <sip:p@127.0.0.1>")
        offer = parse_sdp(response.body)
        assert [line.port for line in offer.media] == list(it.media.sessions[0].local_ports().values())
        it.peer.tag = response.to_tag
        answer = SDP.format(version=1, media=audio("x", codec=8))
        it.peer.send(it.peer.request("ACK", "Content-Type: application/sdp", body=answer, cseq=response.cseq))
        await it.intake.begun()
        assert (await it.peer.ask("OPTIONS")).status == 200
        (stream,) = it.media.sessions[0].streams
        assert (stream.codec, stream.payload_type, stream.stream) == ("PCMA", 8, "0")
        assert it.intake.offers[0].protocol == "sip"


async def test_late_offer_ends_a_hold_of_both_legs() -> None:
    async with bench() as it:
        first = parse_sdp((await it.peer.invite(audio("1"), audio("2"), audio("3", codec=3))).body)
        await it.intake.begun()
        (session,) = it.media.sessions
        inactive = [audio(label, direction="inactive") for label in ("1", "2")]
        held = parse_sdp((await it.peer.invite(*inactive, audio("3", codec=3))).body)
        offer = await it.peer.invite_late(audio("1", codec=8), audio("2"), audio("3", port=0))
        await session.until(lambda session: "resume" in session.history)
        assert session.history == ["update", "hold", "update", "resume"]
        assert [(one.stream, one.codec, one.flowing) for one in session.streams] == [
            ("1", "PCMA", True),
            ("2", "PCMU", True),
        ]
        assert [one.stream for one in session.participants] == ["1", "2"]
        # as for a new call (RFC 3261 §14.2), in the lines that there are (RFC 3264 §8)
        assert [(line.port, line.label, offer.direction(line), line.formats) for line in offer.media] == [
            (first.media[0].port, "1", "recvonly", ("0", "8")),
            (first.media[1].port, "2", "recvonly", ("0", "8")),
            (0, "3", "inactive", ("3",)),
        ]
        assert (offer.session_id, int(offer.version)) == (held.session_id, int(held.version) + 1)
        again = await it.peer.invite_late(audio("1", codec=8), audio("2", port=0), audio("3", port=0))
        await session.until(lambda session: len(session.streams) == 1)
        assert again == offer
        assert (await it.peer.ask("BYE")).status == 200


@pytest.mark.parametrize(
    ("announced", "direction", "history"),
    [
        (False, "inactive", ["update", "hold"]),
        (False, "sendonly", ["update"]),  # all that an answer to recvonly can say
        (True, "sendonly", ["announce 6000 False 0", "update", "hold"]),  # music (RFC 3264 §8.4)
        (True, "sendrecv", ["announce 6000 False 0", "update"]),
    ],
)
async def test_answer_to_our_offer_may_hold(announced: bool, direction: str, history: list[str]) -> None:
    async with bench() as it:
        it.intake.says = Notice((), announced=True, beep_every_s=0) if announced else None
        await it.peer.invite(audio("1", direction="sendrecv"))
        await it.intake.begun()
        (session,) = it.media.sessions
        offer = await it.peer.invite_late(audio("1", direction=direction, port=40_002))
        assert offer.direction(offer.media[0]) == ("sendrecv" if announced else "recvonly")
        await session.until(lambda session: session.history == history)
        assert (await it.peer.ask("OPTIONS")).status == 200
        assert session.history == history


async def test_call_without_an_offer_may_begin_on_hold_and_be_named_later() -> None:
    async with bench() as it:
        response = await it.peer.ask("INVITE", it.peer.contact())
        it.peer.tag = response.to_tag
        answer = SDP.format(version=1, media=audio("x", direction="inactive"))
        it.peer.send(it.peer.request("ACK", "Content-Type: application/sdp", body=answer, cseq=response.cseq))
        await it.intake.begun()
        (session,) = it.media.sessions
        await session.until(lambda session: session.history == ["update", "hold"])
        metadata = siprec_source.metadata_of([RecordedParty("x", "ana@pstn.example", "Ana")]).decode()
        assert (await it.peer.ask("UPDATE", "Content-Type: application/rs-metadata+xml", body=metadata)).status == 200
        await session.changed.wait()
        assert [one.aor for one in session.participants] == ["ana@pstn.example"]
        assert session.reason == ""


@pytest.mark.parametrize("lines", [(), (audio("1", codec=3),)])
async def test_late_offer_without_a_usable_answer_ends_the_call(lines: tuple[str, ...]) -> None:
    async with bench() as it:
        await it.peer.invite(audio("1"))
        await it.intake.begun()
        response = await it.peer.ask("INVITE", it.peer.contact())
        body = SDP.format(version=1, media="".join(lines)) if lines else ""
        kind = ("Content-Type: application/sdp",) if lines else ()
        it.peer.send(it.peer.request("ACK", *kind, body=body, cseq=response.cseq))
        while not (message := await it.peer.inbox.get()).startswith(b"BYE "):
            pass
        assert b"no usable answer" in message


async def test_late_offer_of_a_protected_line_keeps_our_key() -> None:
    def protected(number: int, direction: str) -> str:
        crypto = f"a=crypto:1 {SUITE} inline:{base64.b64encode(bytes([number]) * 30).decode()}\r\n"
        return audio("1", direction=direction).replace("RTP/AVP", "RTP/SAVP") + crypto

    async with bench() as it:
        first = parse_sdp((await it.peer.invite(protected(1, "inactive"))).body)
        await it.intake.begun()
        (session,) = it.media.sessions
        offer = await it.peer.invite_late(protected(2, "sendonly"))
        await session.until(lambda session: "resume" in session.history)
        (stream,) = session.streams
        assert stream.srtp is not None
        assert stream.srtp.theirs.secret == bytes([2]) * 30
        ours = first.media[0].attribute("crypto")
        assert stream.srtp.answer() == offer.media[0].attribute("crypto") == ours
        for number, stays in ((2, True), (3, False)):  # while the peer's does
            answer = parse_sdp((await it.peer.invite(protected(number, "sendonly"))).body)
            assert (answer.media[0].attribute("crypto") == ours) is stays


async def test_third_line_and_another_codec_after_a_transfer() -> None:
    async with bench() as it:
        first = parse_sdp((await it.peer.invite(audio("1"), audio("2"))).body)
        await it.intake.begun()
        assert it.intake.offers[0].protocol == "siprec"  # two recorded legs, though nothing says so
        changed = (audio("1", codec=8), audio("2"), audio("3"), audio("4", codec=3))
        second = parse_sdp((await it.peer.invite(*changed)).body)
        assert [line.label for line in second.media] == ["1", "2", "3", "4"]
        assert [line.port for line in second.media][:2] == [line.port for line in first.media]
        assert [line.port > 0 for line in second.media] == [True, True, True, False]
        assert [s.codec for s in it.media.sessions[0].streams] == ["PCMA", "PCMU", "PCMU"]
        assert [p.stream for p in it.media.sessions[0].participants] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("directions", "protocols"),
    [
        (("sendrecv", "sendrecv"), ("RTP/SAVP", "RTP/AVP")),
        (("sendrecv", "sendrecv"), ("RTP/AVP", "RTP/AVP")),
        (("sendonly", "sendonly"), ("RTP/SAVP", "RTP/AVP")),  # it begins on hold
    ],
)
async def test_one_sound_that_is_offered_twice_is_a_plain_call(
    directions: tuple[str, str], protocols: tuple[str, str]
) -> None:
    """With SRTP, else without: two lines, of which the first that we can hear is taken (RFC 3264 §6)."""
    crypto = f"a=crypto:1 {SUITE} inline:{base64.b64encode(bytes(30)).decode()}\r\n"
    lines = [
        audio("", direction=direction).replace("RTP/AVP", protocol).replace("a=label:\r\n", crypto * ("S" in protocol))
        for direction, protocol in zip(directions, protocols, strict=True)
    ]
    async with bench() as it:
        it.intake.says = Notice((), announced=True, beep_every_s=15)
        answer = parse_sdp((await it.peer.invite(*lines)).body)
        await it.intake.begun()
        (offer,), (session,) = it.intake.offers, it.media.sessions
        assert (offer.protocol, offer.from_aor) == ("sip", "peer@127.0.0.1")
        assert [(one.position, one.aor) for one in offer.participants] == [(0, "peer@127.0.0.1")]
        assert [line.port > 0 for line in answer.media] == [True, False]
        assert [stream.srtp is not None for stream in session.streams] == ["S" in protocols[0]]
        assert session.history[0].startswith("announce")


async def test_session_refresh_is_answered_alike() -> None:
    async with bench() as it:
        first = await it.peer.invite(audio("1"), audio("2"))
        again = await it.peer.invite(audio("1"), audio("2"))
        assert first.body == again.body
        assert it.media.sessions[0].history == []


@pytest.mark.parametrize(("codec", "told"), [(8, ("info", 2, 0)), (96, ("warning", 1, 1))])
async def test_the_log_says_of_a_recordings_lines_which_are_not_heard(codec: int, told: tuple[str, int, int]) -> None:
    async with bench() as it:
        with capture_logs() as logs:
            await it.peer.invite(audio("1", codec=codec) + "a=rtpmap:96 AMR-WB/16000\r\n", audio("2"))
            await it.intake.begun()
        answered = [line for line in logs if line["event"] == "sip.answered"]
        assert [(line["log_level"], line["streams"], line["unheard"]) for line in answered] == [told]


async def test_music_on_hold_of_a_plain_call_is_a_hold() -> None:
    async with bench() as it:
        await it.peer.invite(audio("1", direction="sendrecv"))
        await it.intake.begun()
        await it.peer.invite(audio("1"))
        await it.peer.invite(audio("1", direction="sendrecv"))
        assert it.media.sessions[0].history == ["update", "hold", "update", "resume"]


@pytest.mark.parametrize("late", [False, True], ids=["before we look", "while ports open"])
async def test_a_reinvite_that_is_cancelled_changes_nothing(late: bool) -> None:
    async with bench() as it:
        await it.peer.invite(audio("1"), audio("2"))
        await it.intake.begun()
        (session,) = it.media.sessions
        before = session.streams
        changed = SDP.format(version=9, media=audio("1", direction="inactive") + audio("2", port=0))
        reinvite = it.peer.request("INVITE", it.peer.contact(), "Content-Type: application/sdp", body=changed)
        cancel = it.peer.request("CANCEL", branch=f"INVITE{it.peer.cseq}", cseq=it.peer.cseq)
        if late:
            session.gate.clear()
            it.peer.send(reinvite)
            await session.until(lambda session: session.history == ["update"])
            it.peer.send(cancel)
        else:  # in one segment
            it.server.endpoint.received(reinvite, it.peer.flow())
            it.server.endpoint.received(cancel, it.peer.flow())
        assert {(await it.peer.final()).status for _ in range(2)} == {200, 487}
        it.peer.send(it.peer.request("ACK", branch=f"INVITE{it.peer.cseq}", cseq=it.peer.cseq))
        again = asyncio.ensure_future(it.peer.invite(audio("1"), audio("2", codec=8)))  # waits its turn
        await it.counts.until("sip_messages_total in INVITE", 3)
        session.gate.set()
        assert parse_sdp((await again).body).media[1].formats == ("8",)
        assert session.history == (["update"] * 3 if late else ["update"])
        assert session.streams[0] == before[0]
        assert session.streams[1].codec == "PCMA"
        assert (await it.peer.ask("BYE")).status == 200


@pytest.mark.parametrize("late", [False, True], ids=["before we look", "while ports open"])
async def test_who_hangs_up_while_a_line_is_added_is_no_fault(late: bool) -> None:
    async with bench() as it:
        await it.peer.invite(audio("1"), audio("2"))
        await it.intake.begun()
        (session,) = it.media.sessions
        more = SDP.format(version=9, media=audio("1") + audio("2") + audio("3"))
        reinvite = it.peer.request("INVITE", it.peer.contact(), "Content-Type: application/sdp", body=more)
        bye = it.peer.request("BYE")
        with capture_logs() as logs:
            if late:
                session.gate.clear()
                it.peer.send(reinvite)
                await session.until(lambda session: session.history == ["update"])
                it.peer.send(bye)
                await session.ended.wait()
                session.gate.set()
            else:
                it.server.endpoint.received(reinvite, it.peer.flow())
                it.server.endpoint.received(bye, it.peer.flow())
            assert {(await it.peer.final()).status for _ in range(2)} == {200, 487}
            assert (await it.peer.ask("OPTIONS")).status == 481  # the step is over by now
        assert session.reason == "bye"
        assert [entry for entry in logs if entry["event"] == "sip.fault"] == []


async def test_offer_that_we_cannot_hear_leaves_the_call_as_it_was() -> None:
    async with bench() as it:
        await it.peer.invite(audio("1"))
        assert (await it.peer.invite(audio("1", codec=3))).status == 488
        assert (await it.peer.ask("BYE")).status == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (("Content-Type: application/sdp",), "v=0\r\nm=audio\r\n", 400),
        (("Content-Type: multipart/mixed;boundary=b",), "--x\r\n", 400),
        (("Content-Type: text/plain",), "hello", 415),
        (("Content-Type: application/sdp", "Content-Encoding: gzip"), "v=0", 415),
        (("Content-Type: application/sdp",), SDP.format(version=1, media="m=audio 1 RTP/SAVP 0\r\n"), 488),
        (("Require: siprec, 100rel, path",), "", 420),
    ],
)
async def test_invites_that_are_refused(headers: tuple[str, ...], body: str, status: int) -> None:
    async with bench() as it:
        response = await it.peer.ask("INVITE", "Contact: <sip:p@127.0.0.1>", *headers, body=body)
        assert response.status == status
        assert it.intake.offers == []
        assert it.server.calls == 0


@pytest.mark.parametrize(
    ("method", "status"), [("BYE", 481), ("UPDATE", 481), ("REFER", 481), ("REGISTER", 405), ("FOO", 501)]
)
async def test_requests_for_nothing(method: str, status: int) -> None:
    async with bench() as it:
        it.peer.tag = "unknown"
        assert (await it.peer.ask(method)).status == status


async def test_samples_of_all_vendors_are_answered() -> None:
    async with bench() as it:
        for path in sorted((SAMPLES / "siprec").glob("*.sip")):
            via = rb"Via: SIP/2.0/UDP 127.0.0.1;rport"
            invite = re.sub(rb"Via: SIP/2.0/(UDP|TCP) [^;]+", via, path.read_bytes(), count=1)
            it.peer.send(invite)
            while (response := await it.peer.final()).call_id != parse_message(invite).call_id:
                pass  # nobody acknowledges the ones before: they come again
            assert response.status == 200, path.name
            answer, offered = parse_sdp(response.body), it.intake.offers[-1]
            assert offered.protocol == "siprec"
            accepted = [line for line in answer.media if line.port]
            assert {answer.direction(line) for line in accepted} == {"recvonly"}
            assert [line.label for line in accepted] == list(dict.fromkeys(p.stream for p in offered.participants))


async def test_pings_are_answered_as_an_invite_would_be() -> None:
    async with bench() as it:
        assert (await it.peer.ask("OPTIONS")).status == 200
        it.intake.refusal = Refusal("overloaded", 7)
        answer = await it.peer.ask("OPTIONS")
        assert (answer.status, answer.headers.get("Retry-After")) == (503, "7")
        assert "INVITE" in answer.headers.get("Allow")
        it.intake.refusal = None
        await it.peer.invite(audio("1"))
        inside = await it.peer.ask("OPTIONS")
        it.peer.tag = ""
        closing = asyncio.ensure_future(it.server.close(5.0))
        answer = await it.peer.ask("OPTIONS")  # our BYE waits for its answer meanwhile
        assert (inside.status, answer.status, answer.headers.get("Retry-After")) == (200, 503, "30")
        closing.cancel()


async def test_a_trunk_that_is_told_no_load_is_told_that_we_go() -> None:
    async with bench([Trunk(LOOPBACK[0].network, None, Line("pbx", tell_load=False))]) as it:
        it.intake.refusal = Refusal("overloaded", 7)
        assert (await it.peer.ask("OPTIONS")).status == 200
        it.intake.refusal = Refusal("shutting_down", 5)
        assert (await it.peer.ask("OPTIONS")).status == 503


async def test_who_listens_is_announced_to_and_a_recorder_s_source_is_not() -> None:
    async with bench() as it:
        it.intake.says = Notice((), announced=True, beep_every_s=15)
        answer = await it.peer.invite(audio("1", direction="sendrecv"))
        await it.intake.begun()
        assert parse_sdp(answer.body).direction(parse_sdp(answer.body).media[0]) == "sendrecv"
        assert it.media.sessions[0].history == ["announce 6000 False 15"]  # the bundled tone
        for number, lines in enumerate(((audio("1"),), (audio("1"), audio("2"))), 1):  # sendonly; two legs
            it.peer.tag = ""
            body = SDP.format(version=1, media="".join(lines))
            kind = "Content-Type: application/sdp"
            it.peer.send(it.peer.request("INVITE", it.peer.contact(), kind, body=body, call=f"n{number}"))
            answer = await it.peer.final()
            assert b"a=sendrecv" not in answer.body
            assert b"a=recvonly" in answer.body


async def test_a_fault_of_the_intake_is_500_and_hurts_nobody_else() -> None:
    class Faulty(FakeIntake):
        def admit(self, offer: object) -> None:
            raise RuntimeError("a bug")

    async with bench() as it:
        await it.peer.invite(audio("1"))
        await it.intake.begun()
        it.server.intake = Faulty()
        it.peer.tag = ""
        body = SDP.format(version=1, media=audio("1"))
        it.peer.send(it.peer.request("INVITE", "Content-Type: application/sdp", body=body, call="another"))
        assert (await it.peer.final()).status == 500
        assert it.server.calls == 1


async def test_an_answer_that_is_never_acknowledged_holds_a_place_until_the_call_is_given_up() -> None:
    async with bench() as it:
        body = SDP.format(version=1, media=audio("1"))
        answer = await it.peer.ask("INVITE", it.peer.contact(), "Content-Type: application/sdp", body=body)
        assert answer.status == 200
        assert len(it.intake.places) == 1
        await it.server.close(0)
        assert not it.intake.places
        assert it.intake.sessions == []


async def test_peer_whose_connection_broke_gets_its_bye_on_a_new_one() -> None:
    async with bench() as it:
        heard: asyncio.Queue[bytes] = asyncio.Queue()

        async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.put_nowait(await reader.readline())
            writer.close()

        listener = await asyncio.start_server(listen, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        body = SDP.format(version=1, media=audio("1"))
        contact = f"Contact: <sip:p@127.0.0.1:{port};transport=tcp>"
        invite = it.peer.request("INVITE", contact, "Content-Type: application/sdp", body=body)
        writer.write(invite.replace(b"/UDP", b"/TCP"))
        while b"SIP/2.0 200" not in (answer := await reader.read(4_096)):
            pass
        it.peer.tag = re.findall(rb"To: .*;tag=(\w+)", answer)[0].decode()
        writer.write(it.peer.request("ACK", cseq=1))
        await it.intake.begun()
        writer.close()
        await writer.wait_closed()
        assert (await it.peer.ask("OPTIONS")).status == 200  # by now the server has seen the connection close
        assert it.server.endpoint.transports.connections == 0
        await it.server.close(1.0)
        assert (await heard.get()).startswith(b"BYE ")
        listener.close()


async def test_a_fault_of_the_pipeline_ends_its_call_with_bye() -> None:
    class Faulty(FakeIntake):
        def begin(self, session: object) -> None:
            raise RuntimeError("a bug")

    async with bench() as it:
        it.server.intake = Faulty()
        await it.peer.invite(audio("1"))
        assert b"BYE sip:peer@127.0.0.1" in await it.peer.inbox.get()
        assert it.media.sessions[0].reason == "error"


async def test_source_that_names_nobody_is_asked_for_a_snapshot() -> None:
    async with bench() as it:
        accept = "Accept: application/sdp, application/rs-metadata-request"
        body = SDP.format(version=1, media=audio("1") + audio("2"))
        response = await it.peer.ask("INVITE", it.peer.contact(), accept, "Content-Type: application/sdp", body=body)
        it.peer.tag = response.to_tag
        it.peer.send(it.peer.request("ACK", cseq=response.cseq))
        update = parse_message(await it.peer.inbox.get())
        assert isinstance(update, Request)
        assert (update.method, update.content_type) == ("UPDATE", "application/rs-metadata-request")


async def test_number_in_a_tel_uri_is_what_was_dialled() -> None:
    async with bench() as it:
        body = SDP.format(version=1, media=audio("1"))
        invite = it.peer.request("INVITE", it.peer.contact(), "Content-Type: application/sdp", body=body)
        it.peer.send(invite.replace(b"INVITE sip:5000@127.0.0.1", b"INVITE tel:+576015550100"))
        await it.peer.final()
        assert it.intake.offers[0].to_aor == "+576015550100"


@pytest.mark.parametrize(
    ("advertised", "peer", "host"),
    [
        ("198.51.100.10", "203.0.113.5", "198.51.100.10"),
        ("2001:db8::1", "2001:db8:5::5", "[2001:db8::1]"),
        ("198.51.100.10", "sbc.example", "198.51.100.10"),
        ("198.51.100.10", "127.0.0.1", "127.0.0.1"),
        ("192.168.7.9", "10.1.2.3", "192.168.7.9"),
        ("", "203.0.113.5", "127.0.0.1"),
    ],
)
async def test_behind_nat_peers_beyond_it_are_told_the_address_that_reaches_us(
    advertised: str, peer: str, host: str
) -> None:
    async with bench(advertise=advertised) as it:
        contact = it.server.endpoint.contact("welcomedly", Flow("UDP", peer, 5060))
        assert contact == f"sip:welcomedly@{host}:{it.server.port}"


@pytest.mark.parametrize(
    "host", ["10.1.2.3", "172.20.0.1", "192.168.1.9", "100.64.0.1", "fd00::1", "169.254.1.1", "::1"]
)
def test_who_is_inside_is_told_the_address_that_we_have_there(host: str) -> None:
    assert is_inside(host)


async def test_shutdown_waits_for_the_ack_of_a_call_that_was_just_answered() -> None:
    async with bench() as it:
        body = SDP.format(version=1, media=audio("1"))
        response = await it.peer.ask("INVITE", it.peer.contact(), "Content-Type: application/sdp", body=body)
        closing = asyncio.ensure_future(it.server.close(5.0))
        await asyncio.sleep(0)  # it has begun
        assert not closing.done()
        it.peer.tag = response.to_tag
        it.peer.send(it.peer.request("ACK", cseq=response.cseq))
        bye = parse_message(await it.peer.inbox.get())
        assert isinstance(bye, Request)
        assert bye.method == "BYE"
        assert bye.headers.get("Reason").startswith("SIP;cause=503")
        it.peer.send(bye.respond(200).to_bytes())
        await closing
        assert it.media.sessions[0].reason == "shutdown"
        assert it.intake.sessions == []


async def test_connections_of_one_host_are_bounded() -> None:
    async with bench() as it:
        opened = [await asyncio.open_connection("127.0.0.1", it.server.port) for _ in range(MAX_CONNECTIONS_PER_HOST)]
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""  # one too many is closed at once
        assert it.counts.seen["sip_dropped_total connections"] == 1
        assert [line["peer"] for line in logs if line["event"] == "sip.crowded"] == ["127.0.0.1"]
        opened[0][1].write(it.peer.request("OPTIONS"))
        assert (await opened[0][0].readline()).startswith(b"SIP/2.0 200")
        for _, each in [*opened, (reader, writer)]:
            each.close()
