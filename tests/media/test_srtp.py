"""Keys from SDP, packets that only their holder can make, and nothing of a key in any text."""

import base64
from pathlib import Path
from typing import get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports.intake import CallOffer
from media.codecs import PCMU
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.session import StreamOffer
from media.sip.negotiation import Answerer, negotiate
from media.sip.sdp import parse_sdp
from media.srtp import SrtpKey, SrtpKeys, SrtpReader, SrtpWriter, Suite, choose_keys
from media.vad import VadBank
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"
OCTETS = {"AES_CM_128_HMAC_SHA1_80": 30, "AES_CM_128_HMAC_SHA1_32": 30, "AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44}
SUITES: tuple[Suite, ...] = get_args(Suite)


def line(suite: str, *, tag: str = "1", octets: int | None = None, tail: str = "") -> str:
    secret = bytes(range(octets or OCTETS[suite]))
    return f"{tag} {suite} inline:{base64.b64encode(secret).decode()}{tail}"


def keys(suite: Suite) -> SrtpKeys:
    chosen = choose_keys([line(suite)])
    assert chosen is not None
    return chosen


def rtp(number: int, payload: bytes = b"\xd5" * 160) -> bytes:
    return build_packet(RtpPacket(0, number & 0xFFFF, number * 160, 5, payload))


@pytest.mark.parametrize("suite", SUITES)
def test_packets_come_through_and_only_once(suite: Suite) -> None:
    agreed = keys(suite)
    writer, reader = SrtpWriter(agreed.theirs), SrtpReader(agreed.theirs)
    sent = [writer.rtp(rtp(number)) for number in range(65_500, 65_600)]
    late = sent.pop(10)
    assert [reader.rtp(packet) for packet in sent[:90]] == [rtp(n) for n in range(65_500, 65_591) if n != 65_510]
    assert reader.rtp(late) == rtp(65_510)
    tag = {"AES_CM_128_HMAC_SHA1_80": 10, "AES_CM_128_HMAC_SHA1_32": 4}.get(suite, 16)
    assert len(sent[0]) == len(rtp(0)) + tag
    for wrong in (sent[0], sent[95][:-1] + b"x", rtp(1), b"", b"x"):
        with pytest.raises(ValueError, match="authentic"):
            reader.rtp(wrong)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("first", [0, 5, 40_000, 65_500])
def test_another_reader_goes_on_where_the_first_was_however_often_the_numbers_began_anew(
    suite: Suite, first: int
) -> None:
    key = keys(suite).theirs
    writer, reader = SrtpWriter(key), SrtpReader(key)
    for number in range(first, first + 200_000, 16_000):
        reader.rtp(writer.rtp(rtp(number)))
    assert reader.newest == (5, number)
    late, following = writer.rtp(rtp(number + 1)), [writer.rtp(rtp(number + ahead)) for ahead in (2, 3, 100)]
    successor = SrtpReader(key, reader.newest)
    assert [successor.rtp(packet) for packet in following] == [rtp(number + ahead) for ahead in (2, 3, 100)]
    assert successor.rtp(late) == rtp(number + 1)
    assert successor.newest == (5, number + 100)
    with pytest.raises(ValueError, match="authentic"):
        SrtpReader(key).rtp(following[0])


def test_the_peers_first_that_we_can_do_is_taken() -> None:
    offered = [line("AES_CM_128_HMAC_SHA1_80", octets=12), "2 F8_128_HMAC_SHA1_80 inline:x", line(SUITES[1], tag="3")]
    chosen = choose_keys(offered)
    assert chosen is not None
    assert (chosen.tag, chosen.theirs.suite, chosen.ours.suite) == ("3", SUITES[1], SUITES[1])
    assert chosen.ours.secret != chosen.theirs.secret
    assert choose_keys(offered) == chosen
    assert choose_keys([chosen.answer()]) != chosen


@pytest.mark.parametrize("tail", ["|2^20", "|2^20|", " WSH=128", " -future"])
def test_lifetimes_and_windows_are_understood(tail: str) -> None:
    assert choose_keys([line(SUITES[0], tail=tail)]) is not None


@pytest.mark.parametrize("tail", ["|2^20|1:4", ";inline:AAAA", " UNENCRYPTED_SRTP", " UNAUTHENTICATED_SRTP", " KDR=4"])
def test_what_we_cannot_do_is_not_taken(tail: str) -> None:
    assert choose_keys([line(SUITES[0], tail=tail)]) is None


@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    assert choose_keys([text]) is None
    assert choose_keys([f"1 {SUITES[0]} inline:{text}"]) is None


def test_a_key_has_no_readable_form() -> None:
    agreed = keys(SUITES[0])
    offer = StreamOffer("a", 0, "PCMU", 0, srtp=agreed)
    for text in (repr(agreed), str(agreed.theirs), f"{offer}", repr(SrtpReader(agreed.theirs))):
        assert "\\x01" not in text
        assert agreed.answer().split(":")[1] not in text


def offered(profile: str, *crypto: str) -> bytes:
    lines = "".join(f"a=crypto:{value}\r\n" for value in crypto)
    return f"v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 10 {profile} 0\r\n{lines}a=rtcp-mux\r\n".encode()


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/SAVPF", "RTP/AVP"])
def test_answers_are_protected_and_stay_the_same(profile: str) -> None:
    offer = parse_sdp(offered(profile, line(SUITES[2], tag="7")))
    (stream,) = negotiate(offer)
    assert stream.srtp is not None
    answerer = Answerer(7, "127.0.0.1")
    first = answerer.answer(offer, (stream,), {0: 20_000})
    assert first.media[0].protocol == profile
    assert first.media[0].attribute("crypto") == stream.srtp.answer()
    assert first.media[0].attribute("rtcp-mux") == ""
    assert answerer.answer(offer, negotiate(offer), {0: 20_000}) == first
    other = choose_keys([first.media[0].attribute("crypto") or ""])
    assert other is not None
    assert (other.tag, other.theirs) == ("7", stream.srtp.ours)


def test_a_protected_line_is_never_answered_in_the_clear() -> None:
    assert negotiate(parse_sdp(offered("RTP/SAVP"))) == ()
    assert negotiate(parse_sdp(offered("RTP/SAVP", "1 UNKNOWN inline:x"))) == ()
    assert negotiate(parse_sdp(offered("UDP/TLS/RTP/SAVPF", line(SUITES[0])))) == ()
    (plain,) = negotiate(parse_sdp(offered("RTP/AVP", "1 UNKNOWN inline:x")))
    assert plain.srtp is None


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_protected_call_is_heard_and_a_new_key_loses_nothing() -> None:
    sound = read_channels(CALL)[0][0][: 8000 * 2]
    clock = Clock()
    plane = RtpPlane(ports=PortRange(32_200, 32_299), bank=VadBank(), clock=clock)
    first, second = keys(SUITES[0]), keys(SUITES[3])
    session = await plane.allocate(
        CallOffer("call", "sip", "", "", "", ()), (StreamOffer("a", 0, "PCMU", 0, srtp=first),)
    )
    writers = SrtpWriter(first.theirs), SrtpWriter(second.theirs)
    for at in range(100):
        if at == 50:  # the re-INVITE comes before the last packets of the old key
            await session.update((StreamOffer("a", 0, "PCMU", 0, srtp=second),))
        clock.now_s += 0.020
        packet = rtp(at, PCMU.encode(sound[at * 160 : at * 160 + 160]))
        stream = session.streams["a"]
        stream.receive(writers[at >= 53].rtp(packet), ("192.0.2.1", 4000), session.now_ms())
        stream.receive(rtp(at, b"\x00" * 160), ("192.0.2.1", 4000), session.now_ms())
        plane.tick()
    session.close("bye")
    assert np.array_equal(session.audio("a", 0, 1990)[::2], sound[: 1990 * 8])
    assert session.streams["a"].fates["played"] == 100
    assert session.streams["a"].fates["malformed"] == 100
    await plane.aclose()


@pytest.mark.parametrize("odd", ["", "keep-alive", "a byte", "a copy", "a stranger", "a report", "overtaken"])
async def test_a_line_that_goes_to_the_clear_is_heard_without_a_gap_and_without_noise(odd: str) -> None:
    sound = read_channels(CALL)[0][0][: 8000 * 4]
    clock = Clock()
    plane = RtpPlane(ports=PortRange(32_200, 32_299), bank=VadBank(), clock=clock)
    agreed = keys(SUITES[0])
    offer = StreamOffer("a", 0, "PCMU", 0, srtp=agreed)
    session = await plane.allocate(CallOffer("call", "sip", "", "", "", ()), (offer,))
    writer = SrtpWriter(agreed.theirs)
    packets = [rtp(at, PCMU.encode(sound[at * 160 : at * 160 + 160])) for at in range(200)]
    sent = [writer.rtp(packet) if at < 53 else packet for at, packet in enumerate(packets)]
    between = {
        "keep-alive": b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # RFC 8489 §5
        "a byte": b"\x00",
        "a copy": sent[49],
        "a stranger": build_packet(RtpPacket(0, 7, 7, 99, b"\x00" * 160)),
        "a report": writer.rtcp(bytes.fromhex("80c90001") + (5).to_bytes(4, "big")),
    }
    if odd == "overtaken":
        sent[52], sent[53] = sent[53], sent[52]
    stream = session.streams["a"]
    for at, data in enumerate(sent):
        if at == 50:  # the re-INVITE comes before the last packets of the key
            await session.update((msgspec.structs.replace(offer, srtp=None),))
        clock.now_s += 0.020
        if at == 51 and odd in between:
            stream.receive(between[odd], ("192.0.2.1", 4000), session.now_ms())
        stream.receive(data, ("192.0.2.1", 4000), session.now_ms())
        plane.tick()
    session.close("bye")
    assert np.array_equal(session.audio("a", 0, 3_990)[::2], sound[: 3_990 * 8])
    assert stream.fates["played"] == 200
    assert stream.newest is None, "nothing is under way any more"
    await plane.aclose()


async def test_our_counters_go_on_while_our_key_does() -> None:
    plane = RtpPlane(ports=PortRange(32_200, 32_299), bank=VadBank(), clock=Clock())
    first, other = keys(SUITES[0]), keys(SUITES[0])
    kept = SrtpKeys(first.tag, other.theirs, first.ours)
    offer = StreamOffer("a", 0, "PCMU", 0, srtp=first)
    session = await plane.allocate(CallOffer("call", "sip", "", "", "", ()), (offer,))
    stream, reader = session.streams["a"], SrtpReader(first.ours)
    reader.rtcp(stream.report(0.0))
    await session.update((msgspec.structs.replace(offer, srtp=kept),))
    reader.rtcp(stream.report(5_000.0))  # a peer takes a counter that begins anew for a repeated packet
    await session.update((msgspec.structs.replace(offer, srtp=other),))
    SrtpReader(other.ours).rtcp(stream.report(10_000.0))
    session.close("bye")
    await plane.aclose()


def test_a_key_of_the_wrong_length_is_refused_by_the_library_too() -> None:
    with pytest.raises(ValueError, match="key"):
        SrtpReader(SrtpKey(SUITES[0], b"short"))
