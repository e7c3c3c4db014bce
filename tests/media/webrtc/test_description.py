"""Offers as Chromium and Firefox write them, and the answer."""

import pytest

from media.sip.sdp import parse_sdp
from media.webrtc.description import read_offer, write_answer
from media.webrtc.ice_lite import IceLite

OFFER = """v=0
o=- 46117314 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=extmap-allow-mixed
m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=ice-ufrag:4ZcD
a=ice-pwd:2/1muCWoOi3uLifh0NuRHlmp
a=fingerprint:sha-256 7B:8B:F0:65:5F:78:E2:51:3B:AC:6F:F3:3F:46:1B:35:DC:B8:5F:64:1A:24:C2:43:F0:A1:58:D0:A1:2C:19:08
a=setup:actpass
a=mid:0
a=sendrecv
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtpmap:63 red/48000/2
a=rtpmap:9 G722/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:126 telephone-event/8000
m=video 9 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
a=mid:1
a=rtpmap:96 VP8/90000
"""


def offer(*changes: tuple[str, str]) -> bytes:
    text = OFFER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text.encode()


def test_a_browsers_offer_is_read() -> None:
    read = read_offer(offer())
    assert read.payloads == {"opus": 111, "G722": 9, "PCMU": 0, "PCMA": 8}
    assert (read.user, read.is_client, read.direction) == ("4ZcD", True, "sendrecv")
    assert read.fingerprints[0].startswith("sha-256 7B:8B")


def test_what_stands_in_the_session_holds_for_the_line() -> None:
    firefox = offer(
        ("a=ice-ufrag:4ZcD\n", ""), ("a=setup:actpass\n", ""), ("t=0 0\n", "t=0 0\na=ice-ufrag:Fx\na=setup:passive\n")
    )
    read = read_offer(firefox)
    assert (read.user, read.is_client) == ("Fx", False)


def test_the_answer_takes_one_codec_and_refuses_the_other_lines_in_their_place() -> None:
    ice = IceLite("4ZcD")
    answer = parse_sdp(write_answer(read_offer(offer()), "PCMU", ice, "sha-256 AA", ("192.0.2.1", 20_002), 7))
    audio, video = answer.media
    assert (audio.port, audio.formats, video.port) == (20_002, ("0",), 0)
    assert answer.attributes == (("ice-lite", None), ("group", "BUNDLE 0"))
    assert audio.attribute("candidate") == "1 1 udp 2130706431 192.0.2.1 20002 typ host"
    assert (audio.attribute("ice-pwd"), audio.attribute("setup")) == (ice.password, "passive")
    assert answer.direction(audio) == "sendrecv"
    assert video.attribute("mid") == "1"


@pytest.mark.parametrize(
    ("change", "defect"),
    [
        (("m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP"), "DTLS-SRTP"),
        (("a=ice-ufrag:4ZcD\n", ""), "ICE user"),
        (("a=fingerprint:sha-256", "a=fingerprint:md5"), "fingerprint"),
        (("a=setup:actpass", "a=setup:holdconn"), "setup"),
        (("a=rtcp-mux\n", ""), "RTCP"),
        (("111 63 9 0 8 13 110 126", "63 13 126"), "PCMU"),
        (("v=0", "v=1"), "v=0"),
    ],
)
def test_an_offer_that_cannot_be_taken_says_why(change: tuple[str, str], defect: str) -> None:
    with pytest.raises(ValueError, match=defect):
        read_offer(offer(change))
