"""One audio line both ways: what we answer and offer, and that nothing is said twice in two ways."""

import re

import msgspec
import pytest

from media.bridge.description import Description, far_line, meeting
from media.session import AudioCodec
from media.sip.sdp import Direction, parse_sdp
from media.srtp import crypto_value, new_key

CALLER = b"""v=0
o=sbc 1 1 IN IP4 192.0.2.1
s=-
c=IN IP4 192.0.2.1
t=0 0
m=video 6000 RTP/AVP 96
a=rtpmap:96 VP8/90000
m=audio 7000 RTP/AVP 8 0 13 120
a=rtpmap:120 telephone-event/8000
a=label:x
"""


@pytest.mark.parametrize(
    ("theirs", "ours", "answer"),
    [
        ("sendrecv", "sendrecv", "sendrecv"),
        ("sendonly", "sendrecv", "recvonly"),
        ("inactive", "sendrecv", "inactive"),
        ("recvonly", "sendrecv", "sendonly"),
        ("sendrecv", "sendonly", "sendonly"),
        ("sendonly", "sendonly", "inactive"),
        ("sendrecv", "inactive", "inactive"),
        ("sendrecv", "recvonly", "recvonly"),
    ],
)
def test_directions_meet(theirs: Direction, ours: Direction, answer: Direction) -> None:
    assert meeting(theirs, ours) == answer


def test_answer_has_every_line_and_one_codec_and_an_offer_after_it_too() -> None:
    offer = parse_sdp(CALLER)
    far = far_line(offer)
    assert far is not None
    assert (far.position, list(far.numbers), far.events, far.host, far.port) == (
        1,
        ["PCMA", "PCMU"],
        {"PCMA": 120, "PCMU": 120},
        "192.0.2.1",
        7000,
    )
    ours = Description("198.51.100.1", 21_000)
    answer, keys = ours.answer(offer, far, "PCMU", "sendrecv")
    assert keys is None
    lines = parse_sdp(answer).media
    assert [(line.kind, line.port, line.formats) for line in lines] == [
        ("video", 0, ("96",)),
        ("audio", 21_000, ("0", "120")),
    ]
    held = parse_sdp(ours.again("sendonly"))
    assert [line.port for line in held.media] == [0, 21_000]
    assert held.direction(held.media[1]) == "sendonly"
    assert int(held.version) == int(parse_sdp(answer).version) + 1
    assert parse_sdp(ours.again("sendonly")).version == held.version


def test_hold_of_old_is_inactive_and_sends_nowhere() -> None:
    far = far_line(parse_sdp(CALLER.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 0.0.0.0")))
    assert far is not None
    assert (far.direction, far.host, far.sends) == ("inactive", "", False)


def test_wideband_offer_has_keys_at_each_clock() -> None:
    line = parse_sdp(Description("198.51.100.1", 21_000).offer(("opus", "PCMU"))).media[0]
    assert line.formats == ("111", "0", "101", "110")
    far = far_line(parse_sdp(Description("198.51.100.1", 2).offer(("opus", "PCMU"))))
    assert far is not None
    assert far.events == {"opus": 110, "PCMU": 101}


@pytest.mark.parametrize(("codec", "formats"), [("opus", ("111", "110")), ("PCMU", ("0", "101"))])
def test_keys_run_at_the_clock_of_the_codec_that_was_agreed_on(codec: AudioCodec, formats: tuple[str, ...]) -> None:
    offer = parse_sdp(Description("192.0.2.1", 7000).offer(("opus", "PCMU")))
    far = far_line(offer)
    assert far is not None
    answer, _ = Description("198.51.100.1", 21_000).answer(offer, far, codec, "sendrecv")
    assert parse_sdp(answer).media[0].formats == formats


@pytest.mark.parametrize("clock", [8000, 16_000, 48_000])
def test_keys_at_another_clock_than_the_codec_s_are_taken_where_there_are_no_others(clock: int) -> None:
    offer = parse_sdp(CALLER.replace(b"telephone-event/8000", b"telephone-event/%d" % clock))
    far = far_line(offer)
    assert far is not None
    assert (far.events, far.event_clocks) == ({"PCMA": 120, "PCMU": 120}, {120: clock})
    line = parse_sdp(Description("198.51.100.1", 21_000).answer(offer, far, "PCMU", "sendrecv")[0]).media[1]
    assert (line.formats, line.payloads[120]) == (("0", "120"), f"TELEPHONE-EVENT/{clock}")


def test_protected_line_is_protected_on_both_sides_or_not_at_all() -> None:
    ours, theirs = Description("198.51.100.1", 21_000, protected=True), Description("192.0.2.1", 7000)
    offer = parse_sdp(ours.offer(("PCMU",)))
    far = far_line(offer)
    assert far is not None
    answer, keys = theirs.answer(offer, far, "PCMU", "sendrecv")
    agreed = far_line(parse_sdp(answer))
    assert agreed is not None
    assert keys is not None
    mine = ours.keys(agreed)
    assert mine is not None
    assert (mine.ours, mine.theirs) == (keys.theirs, keys.ours)
    with pytest.raises(ValueError, match="no key"):
        ours.keys(msgspec.structs.replace(agreed, crypto=()))
    with pytest.raises(ValueError, match="no key"):
        theirs.answer(offer, msgspec.structs.replace(far, crypto=()), "PCMU", "sendrecv")
    bad = parse_sdp(offer.to_bytes().replace(b"AES_CM_128_HMAC_SHA1_80", b"F8_128_HMAC_SHA1_80"))
    refused = far_line(bad)
    assert refused is not None
    with pytest.raises(ValueError, match="no key"):
        theirs.answer(bad, refused, "PCMU", "sendrecv")


def test_our_key_stays_while_the_peer_s_does_and_none_is_taken_back() -> None:
    ours, theirs = Description("198.51.100.1", 21_000, protected=True), Description("192.0.2.1", 7000)
    offer = parse_sdp(ours.offer(("PCMU",)))
    far = far_line(offer)
    assert far is not None
    agreed = far_line(parse_sdp(theirs.answer(offer, far, "PCMU", "sendrecv")[0]))
    assert agreed is not None
    standing = ours.keys(agreed)
    assert standing is not None
    held = parse_sdp(theirs.again("sendonly"))  # the peer's turn to offer
    line = far_line(held)
    assert line is not None
    answer, keys = ours.answer(held, line, "PCMU", "recvonly", standing)
    assert keys == standing
    assert f"a=crypto:{standing.answer()}".encode() in answer
    moved = msgspec.structs.replace(line, crypto=(crypto_value("1", new_key()),))
    other = ours.answer(held, moved, "PCMU", "recvonly", standing)[1]
    assert other is not None
    assert other.theirs != standing.theirs
    assert other.ours != standing.ours
    for protocol in (b"RTP/SAVP", b"RTP/AVP"):
        clear = parse_sdp(re.sub(rb"a=crypto.*\r\n", b"", held.to_bytes()).replace(b"RTP/SAVP", protocol))
        bare = far_line(clear)
        assert bare is not None
        with pytest.raises(ValueError, match="no key"):
            ours.answer(clear, bare, "PCMU", "recvonly", standing)
