"""Transfers of plain calls: REFER to our server, and INVITEs that take the place of one."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from media.sip.agreement import Agreement
from media.sip.bodies import Body
from media.sip.caller import Caller, CallPlan, CallRefused, PlacedCall, place_call
from media.sip.negotiation import Answerer
from media.sip.referral import EXPIRES_S, Replaces
from media.sip.sdp import parse_sdp
from media.sip.server import SipServer
from media.siprec_source import RecordedParty
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia, FakeMediaSession
from tests.media.sip.test_robustness import SDP, SUITE, audio
from tests.media.sip.test_robustness import bench as by_hand


class Bench:
    def __init__(self, server: SipServer, caller: Caller, intake: FakeIntake, media: FakeMedia) -> None:
        self.server, self.caller, self.intake, self.media = server, caller, intake, media

    def plan(self, name: str, *extra: tuple[str, str], parties: int = 0) -> CallPlan:
        recorded = [RecordedParty(str(number)) for number in range(parties)]
        return CallPlan(
            f"sip:5000@127.0.0.1:{self.server.port}",
            "127.0.0.1",
            [40_000 + 2 * number for number in range(max(1, parties))],
            parties=recorded,
            from_uri=f"sip:{name}@pbx.example",
            extra=extra,
        )

    async def call(self, name: str, *extra: tuple[str, str]) -> PlacedCall:
        call = await place_call(self.caller, self.plan(name, *extra))
        return call


@asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("127.0.0.1", 0, intake, media)
    await server.open()
    try:
        async with asyncio.timeout(20), Caller() as caller:
            yield Bench(server, caller, intake, media)
    finally:
        await server.close(0.2)


async def test_invite_with_replaces_takes_over_the_call() -> None:
    async with bench() as it:
        first = await it.call("ana")
        await it.intake.begun()
        port = first.remote_ports()
        second = await it.call("eva", ("Replaces", first.as_replaced().text))
        assert await first.ended == "bye"
        session = it.media.sessions[0]
        await session.changed.wait()
        assert second.remote_ports() == port  # the same sound, from another party
        assert [one.aor for one in session.participants] == ["eva@pbx.example"]
        assert (len(it.media.sessions), len(it.intake.sessions), session.reason) == (1, 1, "")
        assert await second.reinvite(hold=True) == 200
        second.bye()
        await session.ended.wait()
        assert (session.reason, it.server.calls) == ("bye", 0)


@pytest.mark.parametrize(("text", "status"), [("x;to-tag=1;from-tag=2", 481), ("x;to-tag=1", 400)])
async def test_replaces_of_nothing(text: str, status: int) -> None:
    async with bench() as it:
        with pytest.raises(CallRefused, match=str(status)):
            await it.call("eva", ("Replaces", text))


async def test_early_only_and_recordings_are_not_replaced() -> None:
    async with bench() as it:
        first = await it.call("ana")
        await it.intake.begun()
        mine = first.as_replaced()
        with pytest.raises(CallRefused, match="486"):
            await it.call("eva", ("Replaces", Replaces(mine.call_id, mine.to_tag, mine.from_tag, True).text))
        recorded = await place_call(it.caller, it.plan("src", parties=2))
        with pytest.raises(CallRefused, match="603"):
            await it.call("eva", ("Replaces", recorded.as_replaced().text))
        assert await recorded.refer("sip:carol@127.0.0.1") == 603


class Answering:
    """A party on the trunk whom transfers go to: another server, whose calls are of its own."""

    def __init__(self) -> None:
        self.intake, self.media = FakeIntake(), FakeMedia()
        self.server = SipServer("127.0.0.1", 0, self.intake, self.media)


async def test_refer_moves_the_call_to_whom_it_names() -> None:
    async with bench() as it:
        carol = Answering()
        await carol.server.open()
        call = await it.call("ana")
        await it.intake.begun()
        assert await call.reinvite(hold=True) == 200  # as phones do before they transfer
        assert await call.refer(f"sip:carol@127.0.0.1:{carol.server.port}") == 202
        assert await call.transfer == 200
        assert await call.ended == "bye"
        session = it.media.sessions[0]
        await session.changed.wait()
        assert [one.aor for one in session.participants] == ["carol@127.0.0.1"]
        assert carol.intake.offers[0].to_aor == "carol@127.0.0.1"
        assert [step for step in session.history if step != "update"] == ["hold", "resume"]
        assert session.reason == ""
        await carol.server.close(1.0)  # carol hangs up
        await session.ended.wait()
        assert session.reason == "bye"


async def ringing(it: Bench, carol: Answering) -> FakeMediaSession:
    """The sound of a call that asked to be carol's, and hung up before she answers."""
    await carol.server.open()
    carol.media.gate.clear()
    call = await it.call("ana")
    await it.intake.begun()
    assert await call.refer(f"sip:carol@127.0.0.1:{carol.server.port}") == 202
    await carol.media.asked.wait()
    call.bye()
    session = it.media.sessions[0]
    await session.until(lambda session: "hold" in session.history)
    assert (session.reason, it.server.calls) == ("", 1)
    return session


async def test_a_transfer_goes_on_when_who_asked_for_it_hangs_up() -> None:
    async with bench() as it:
        carol = Answering()
        session = await ringing(it, carol)
        carol.media.gate.set()
        await session.changed.wait()
        assert [one.aor for one in session.participants] == ["carol@127.0.0.1"]
        assert [step for step in session.history if step != "update"] == ["hold", "resume"]
        await carol.server.close(1.0)
        await session.ended.wait()
        assert session.reason == "bye"


@pytest.mark.parametrize(("how", "reason"), [("refused", "bye"), ("too late", "bye"), ("shutdown", "shutdown")])
async def test_a_call_that_waits_for_a_transfer_alone_ends_with_it(how: str, reason: str) -> None:
    async with bench() as it:
        carol = Answering()
        session = await ringing(it, carol)
        if how == "refused":
            await carol.server.close(1.0)
        elif how == "too late":
            it.server.look_after(it.server.endpoint.clock() + EXPIRES_S)
        else:
            await it.server.close(1.0)
        await session.ended.wait()
        assert (session.reason, it.server.calls) == (reason, 0)
        carol.media.gate.set()
        await carol.media.allocated.wait()
        assert carol.intake.sessions == []
        await carol.server.close(0)


async def test_refer_to_somebody_who_refuses_leaves_the_call_as_it_was() -> None:
    async with bench() as it, Caller() as busy:  # a caller answers INVITEs with 403
        call = await it.call("ana")
        await it.intake.begun()
        assert await call.refer(f"sip:carol@127.0.0.1:{busy.endpoint.transports.port}") == 202
        assert await call.transfer == 403
        assert it.media.sessions[0].reason == ""
        assert await call.refer("tel:+5551") == 603
        assert await call.reinvite() == 200
        call.bye()
        await it.media.sessions[0].ended.wait()


async def test_refer_beyond_our_peers_goes_back_over_the_trunk() -> None:
    async with bench() as it:
        call = await it.call("ana")
        await it.intake.begun()
        assert await call.refer("sip:carol@192.0.2.66") == 202
        assert await call.transfer == 403  # the trunk's own side answers the INVITE
        call.bye()
        await it.media.sessions[0].ended.wait()


@pytest.mark.parametrize("before", ["", "m=video 40004 RTP/AVP 96\r\n"], ids=["the same line", "another line"])
async def test_what_is_heard_moves_when_the_new_leg_stands(before: str) -> None:
    """Not before: an INVITE with Replaces may still be cancelled, and then the call is as it was (RFC 3891 §3)."""
    async with by_hand() as it:
        first = parse_sdp((await it.peer.invite(audio("1", direction="sendrecv"))).body)
        await it.intake.begun()
        (session,) = it.media.sessions
        heard, leg = session.streams, it.peer.tag
        body = SDP.format(version=1, media=before + audio("x", port=40_008, direction="sendrecv"))
        headers = ("Content-Type: application/sdp", f"Replaces: call;to-tag={leg};from-tag=peer")
        it.peer.tag = ""
        for call in ("taken back", "taken over"):
            name = call.replace(" ", "-")
            invite = it.peer.request("INVITE", it.peer.contact(), *headers, body=body, call=name, cseq=1, branch=name)
            it.server.endpoint.received(invite, it.peer.flow())
            if call == "taken back":
                cancel = it.peer.request("CANCEL", call=name, cseq=1, branch=name)
                it.server.endpoint.received(cancel, it.peer.flow())
                assert {(await it.peer.final()).status for _ in range(2)} == {200, 487}
                it.peer.send(it.peer.request("ACK", call=name, cseq=1, branch=name))
        answer = await it.peer.final()
        assert (session.streams, session.history) == (heard, [])
        described = parse_sdp(answer.body)
        assert described.media[-1].port == first.media[0].port
        it.peer.tag = answer.to_tag
        it.peer.send(it.peer.request("ACK", call="taken-over", cseq=1))
        await session.changed.wait()
        assert [(one.stream, one.position, one.remote_port) for one in session.streams] == [
            (heard[0].stream, len(described.media) - 1, 40_008)
        ]
        assert session.reason == ""


async def test_music_on_hold_is_a_hold_after_a_transfer_too() -> None:
    async with by_hand() as it:
        await it.peer.invite(audio("1", direction="sendrecv"))
        await it.intake.begun()
        (session,) = it.media.sessions
        replaces = f"Replaces: call;to-tag={it.peer.tag};from-tag=peer"
        it.peer.tag = ""
        for direction, extra in (("sendrecv", (replaces,)), ("sendonly", ()), ("sendrecv", ())):
            body = SDP.format(version=it.peer.cseq, media=audio("1", direction=direction))
            headers = (it.peer.contact(), "Content-Type: application/sdp", *extra)
            it.peer.send(it.peer.request("INVITE", *headers, body=body, call="other"))
            answer = await it.peer.final()
            it.peer.tag = answer.to_tag
            it.peer.send(it.peer.request("ACK", cseq=answer.cseq, call="other"))
            await session.changed.wait()
        assert [step for step in session.history if step != "update"] == ["hold", "resume"]


CLEAR = audio("1", direction="sendrecv")
KEYED = CLEAR.replace("RTP/AVP", "RTP/SAVP") + f"a=crypto:1 {SUITE} inline:{base64.b64encode(bytes(30)).decode()}\r\n"


def agreed(described: bytes) -> Agreement:
    agreement = Agreement(Answerer(1, "127.0.0.1"))
    agreement.open(Body(parse_sdp(described), None, False, False))
    return agreement


@pytest.mark.parametrize(("before", "taken"), [(KEYED, False), (CLEAR, True)], ids=["protected", "in the clear"])
def test_an_answer_in_the_clear_is_none_to_a_call_that_is_protected(before: str, taken: bool) -> None:
    call = agreed(SDP.format(version=1, media=before).encode())
    (offered,) = parse_sdp(call.own_offer({0: 20_000})).media
    assert (offered.protocol == "RTP/AVP") == (offered.attribute("crypto") is None) == taken
    answer = parse_sdp(SDP.format(version=1, media=CLEAR).encode())
    assert (call.stream_by_answer(answer) is not None) == taken


def test_a_call_that_is_held_by_a_refused_line_stays_protected() -> None:
    call = agreed(SDP.format(version=1, media=KEYED).encode())
    call.take_offer(parse_sdp(SDP.format(version=2, media=KEYED.replace("40000", "0")).encode()), (), {})
    (offered,) = parse_sdp(call.own_offer({0: 20_000})).media
    assert offered.protocol == "RTP/SAVP"


async def test_refer_leaves_a_call_protected() -> None:
    async with by_hand() as it:
        carol = Answering()
        await carol.server.open()
        await it.peer.invite(KEYED)
        await it.intake.begun()
        named = f"Refer-To: <sip:carol@127.0.0.1:{carol.server.port}>"
        assert (await it.peer.ask("REFER", it.peer.contact(), named)).status == 202
        (session,) = it.media.sessions
        await session.changed.wait()
        ours, theirs = (one.streams[0].srtp for one in (session, carol.media.sessions[0]))
        assert ours is not None
        assert theirs is not None
        assert (ours.ours, ours.theirs) == (theirs.theirs, theirs.ours)
        await carol.server.close(0)


async def test_a_call_with_a_handshake_is_taken_over_by_its_like_alone() -> None:
    """Its port is not one for sound in the clear, which our own offer after a REFER would be."""
    shaking = f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\na=setup:actpass\r\n"
    clear = audio("1", direction="sendrecv")
    keyed = clear.replace("RTP/AVP", "UDP/TLS/RTP/SAVP") + shaking
    async with by_hand() as it:
        await it.peer.invite(keyed)
        await it.intake.begun()
        assert (await it.peer.ask("REFER", it.peer.contact(), "Refer-To: <sip:carol@127.0.0.1>")).status == 603
        headers = ("Content-Type: application/sdp", f"Replaces: call;to-tag={it.peer.tag};from-tag=peer")
        it.peer.tag = ""
        for media, status in ((clear, 488), (keyed, 200)):
            body = SDP.format(version=1, media=media)
            it.peer.send(it.peer.request("INVITE", it.peer.contact(), *headers, body=body, call=f"{status}"))
            answer = await it.peer.final()
            assert answer.status == status
            it.peer.tag = answer.to_tag if status == 200 else ""
            it.peer.send(it.peer.request("ACK", call=f"{status}", cseq=answer.cseq, branch=f"INVITE{answer.cseq}"))
        await it.media.sessions[0].changed.wait()
        assert it.media.sessions[0].history == ["update"]
