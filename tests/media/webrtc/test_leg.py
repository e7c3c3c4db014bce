"""A leg against aiortc as the browser."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.codecs import PCMU
from media.rtp import RtpPacket
from media.session import AudioCodec
from media.webrtc.description import read_offer
from media.webrtc.leg import LegState, LegTimes, WebRtcLeg
from media.webrtc.ports import LegPorts
from tests.media.webrtc.test_description import offer
from tests.webrtc_peer import Peer

OFFER = read_offer(offer())
TONE = (8000 * np.sin(np.arange(8000) * 2 * np.pi * 440 / 8000)).astype(np.int16)


class Ends:
    """What a leg told."""

    def __init__(self) -> None:
        self.packets: list[RtpPacket] = []
        self.states: list[LegState] = []
        self.changed = asyncio.Event()

    def told(self, state: LegState) -> None:
        self.states.append(state)
        self.changed.set()

    def hear(self, packet: RtpPacket) -> None:
        self.packets.append(packet)
        self.changed.set()

    async def heard(self, count: int) -> None:
        while len(self.packets) < count:
            self.changed.clear()
            await self.changed.wait()

    async def state(self, wanted: LegState) -> None:
        while wanted not in self.states:
            self.changed.clear()
            await self.changed.wait()


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer(TONE)
    yield peer
    await peer.close()


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "opus"])
async def test_sound_goes_both_ways_in_the_codec_that_was_taken(peer: Peer, codec: AudioCodec) -> None:
    ends = Ends()
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), codec, heard=ends.hear, told=ends.told)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.state("open")
        await ends.heard(20)
    assert {packet.payload_type for packet in ends.packets} == {leg.payload_type}
    assert [packet.sequence for packet in ends.packets] == list(
        range(ends.packets[0].sequence, ends.packets[0].sequence + len(ends.packets))
    )
    if codec == "PCMU":
        tone = np.concatenate(PCMU.decode([packet.payload for packet in ends.packets[:20]]))
        assert np.corrcoef(tone, TONE[: len(tone)])[0, 1] > 0.99
    leg.close()
    await leg.closed()


async def test_what_is_sent_is_heard_by_the_browser(peer: Peer) -> None:
    ends = Ends()
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), "PCMU", heard=ends.hear, told=ends.told)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.state("open")
        for number in range(40):
            sound = PCMU.encode(TONE[number * 160 : (number + 1) * 160])
            leg.send(RtpPacket(leg.payload_type, number, number * 160, leg.ssrc, sound))
            await asyncio.sleep(0)
        await peer.hears(20)
    heard = peer.sound[:3200]
    assert np.corrcoef(heard, TONE[: len(heard)])[0, 1] > 0.99
    leg.close()
    await leg.closed()


async def test_a_browser_that_closes_says_goodbye(peer: Peer) -> None:
    ends = Ends()
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), "PCMU", heard=ends.hear, told=ends.told)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.state("open")
        await peer.connected()
        await peer.close()
        await ends.state("closed")
    await leg.closed()
    assert ends.states == ["open", "closed"]
    assert not leg.is_open


async def test_a_browser_that_falls_silent_has_vanished(peer: Peer) -> None:
    ends, times = Ends(), LegTimes(vanished_s=-1.0)
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), "PCMU", heard=ends.hear, told=ends.told, times=times)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.state("vanished")
    await leg.closed()


async def test_whoever_is_not_the_one_of_the_offer_gets_no_keys(peer: Peer) -> None:
    ends = Ends()
    sdp = await peer.offer()
    at = sdp.index(b"a=fingerprint:sha-256 ") + 22
    forged = sdp[:at] + (b"00" if sdp[at : at + 2] != b"00" else b"11") + sdp[at + 2 :]
    leg = WebRtcLeg(LegPorts(), read_offer(forged), "PCMU", heard=ends.hear, told=ends.told)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.state("failed")
    assert ends.packets == []
    await leg.closed()


async def test_a_browser_that_never_comes_has_failed(peer: Peer) -> None:
    ends, times = Ends(), LegTimes(opening_s=0.0)
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), "PCMU", heard=ends.hear, told=ends.told, times=times)
    async with asyncio.timeout(10):
        await ends.state("failed")
    await leg.closed()


async def test_reports_of_both_sides_reach_each_other(peer: Peer) -> None:
    ends, times = Ends(), LegTimes(watch_s=0.05, report_s=0.2)
    leg = WebRtcLeg(LegPorts(), read_offer(await peer.offer()), "PCMU", heard=ends.hear, told=ends.told, times=times)
    await peer.answered(leg.answer)
    async with asyncio.timeout(10):
        await ends.heard(20)
        for number in range(1_000):
            leg.send(RtpPacket(leg.payload_type, number, number * 160, leg.ssrc, bytes(160)))
            kinds = {one.type for one in (await peer.connection.getStats()).values()}
            if {"remote-inbound-rtp", "remote-outbound-rtp"} <= kinds:
                break
            await ends.heard(len(ends.packets) + 1)  # the browser's figures are there when they are asked for
        else:
            pytest.fail("a report is missing")
    leg.close()
    await leg.closed()


@given(st.lists(st.binary(max_size=100), max_size=20))
async def test_no_datagram_from_anywhere_raises_or_moves_it(noise: list[bytes]) -> None:
    ends = Ends()
    leg = WebRtcLeg(LegPorts(), OFFER, "PCMU", heard=ends.hear, told=ends.told)
    for data in noise:
        for first in (0, 22, 128, 200):
            leg._take(bytes([first]) + data, ("192.0.2.9", 9))
    assert (ends.packets, ends.states, leg.is_open) == ([], [], False)
    leg.close()
    await leg.closed()
