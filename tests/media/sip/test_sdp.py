"""SDP and offer/answer: every line answered in its place, one codec, labels, no promise that we cannot keep."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.bridge.description import far_line
from media.session import StreamOffer
from media.sip.negotiation import Answerer, audio_offer, negotiate
from media.sip.sdp import Direction, Sdp, parse_sdp


def sdp(*lines: str, head: str = "c=IN IP4 192.0.2.1") -> Sdp:
    return parse_sdp("\r\n".join(["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", head, "t=0 0", *lines, ""]).encode())


def answer(offer: Sdp, lines: int = 32) -> tuple[Sdp, tuple[StreamOffer, ...]]:
    streams = negotiate(offer, lines=lines)
    ports = {stream.position: 20_000 + 2 * stream.position for stream in streams}
    return parse_sdp(Answerer(7, "127.0.0.1").answer(offer, streams, ports).to_bytes()), streams


def test_every_line_is_answered_in_its_place() -> None:
    offer = sdp(
        "m=audio 10 RTP/AVP 18 0 100",
        "a=rtpmap:100 telephone-event/8000",
        "a=sendonly",
        "a=label:16777227",
        "m=video 12 RTP/AVP 98",
        "a=rtpmap:98 H264/90000",
        "a=label:v",
        "m=audio 14 RTP/SAVP 0",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x",
        "m=audio 16 RTP/AVP 9 8",
        "a=inactive",
        "m=audio 18 RTP/AVP 3",
        "m=audio 0 RTP/AVP 0",
    )
    got, streams = answer(offer)
    assert [(line.kind, line.port, line.protocol) for line in got.media] == [
        ("audio", 20_000, "RTP/AVP"),
        ("video", 0, "RTP/AVP"),
        ("audio", 0, "RTP/SAVP"),  # never RTP/AVP for RTP/SAVP
        ("audio", 20_006, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
        ("audio", 0, "RTP/AVP"),
    ]
    assert [line.formats for line in got.media if line.port] == [("0", "100"), ("9",)]
    assert [got.direction(line) for line in got.media if line.port] == ["recvonly", "inactive"]
    assert (got.media[0].label, got.media[1].label) == ("16777227", "v")
    assert [(s.stream, s.codec, s.payload_type, s.event_payload_type, s.flowing) for s in streams] == [
        ("16777227", "PCMU", 0, 100, True),
        ("3", "G722", 9, None, False),
    ]


@pytest.mark.parametrize(
    ("offered", "answered", "flowing"),
    [
        ("sendonly", "recvonly", True),
        ("sendrecv", "recvonly", True),
        ("inactive", "inactive", False),
        ("recvonly", "inactive", False),
    ],
)
def test_directions(offered: Direction, answered: str, flowing: bool) -> None:
    got, (stream,) = answer(audio_offer("192.0.2.1", [10], direction=offered))
    assert (got.direction(got.media[0]), stream.flowing) == (answered, flowing)


def test_direction_of_the_session_holds_for_lines_without_their_own() -> None:
    offer = sdp("m=audio 10 RTP/AVP 0", "m=audio 12 RTP/AVP 0", "a=sendonly", head="c=IN IP4 192.0.2.1\r\na=inactive")
    assert [stream.flowing for stream in negotiate(offer)] == [False, True]


def test_old_hold_by_address_is_a_hold_for_callers_only() -> None:
    """RFC 2543's `c=0.0.0.0` in a two-way call; a recorder's sendonly line with it (Connectel) does send."""
    (held,) = negotiate(sdp("m=audio 10 RTP/AVP 0", head="c=IN IP4 0.0.0.0"))
    (sends,) = negotiate(sdp("m=audio 10 RTP/AVP 0", "a=sendonly", head="c=IN IP4 0.0.0.0"))
    assert (held.flowing, sends.flowing) == (False, True)
    assert held.remote_host == sends.remote_host == ""


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("IP6 2001:DB8::10", "2001:db8::10"),
        ("IP6 2001:0db8:0:0:0:0:0:10", "2001:db8::10"),
        ("IP6 ::FFFF:192.0.2.7", "192.0.2.7"),
        ("IP6 ::", ""),
        ("IP6 0:0:0:0:0:0:0:0", ""),
        ("IP4 192.0.2.7", "192.0.2.7"),
        ("IP4 0.0.0.0", ""),
        ("IP4 sbc.example", ""),
    ],
)
def test_addresses_are_known_as_the_kernel_spells_them(written: str, known: str) -> None:
    """Else the source lock takes the one whom the offer named for a stranger."""
    offer = sdp("m=audio 10 RTP/AVP 0", f"a=rtcp:11 IN {written}", head=f"c=IN {written}")
    (stream,) = negotiate(offer)
    assert (stream.remote_host, stream.rtcp_host) == (known, known)
    far = far_line(offer)
    assert far is not None
    assert (far.host, far.rtcp_host) == (known, known)


def test_dynamic_payload_types_and_encoding_case() -> None:
    offer = sdp("m=audio 10 RTP/AVP 96 97", "a=rtpmap:97 pcma/8000/1", "a=rtpmap:96 speex/16000", "a=ptime: 30 ")
    (stream,) = negotiate(offer)
    assert (stream.codec, stream.payload_type, stream.ptime_ms) == ("PCMA", 97, 30)


@pytest.mark.parametrize(
    ("formats", "chosen", "narrow"),
    [
        ("0 8 9 18", "G722", "PCMU"),
        ("8 0 18", "PCMA", "PCMA"),
        ("18 8", "PCMA", "PCMA"),
        ("18", "G729", "G729"),
        ("0 96 9", "opus", "PCMU"),
        ("97 18", "L16/16000", "L16/16000"),
        ("98 0", "PCMU", "PCMU"),
    ],
)
def test_the_codec_that_tells_most(formats: str, chosen: str, narrow: str) -> None:
    maps = ("a=rtpmap:96 opus/48000/2", "a=rtpmap:97 L16/16000/1", "a=rtpmap:98 L16/16000/2")
    offer = sdp(f"m=audio 10 RTP/AVP {formats}", *maps)
    assert [stream.codec for stream in negotiate(offer)] == [chosen]
    assert [stream.codec for stream in negotiate(offer, wideband=False)] == [narrow]


def test_answers_name_codecs_as_their_standards_do() -> None:
    opus = "m=audio 10 RTP/AVP 96 101", "a=rtpmap:96 OPUS/48000/2", "a=rtpmap:101 telephone-event/48000"
    got, (stream,) = answer(sdp(*opus))
    assert stream.event_payload_type == 101
    assert [value for key, value in got.media[0].attributes if key in ("rtpmap", "fmtp")] == [
        "96 opus/48000/2",
        "96 maxplaybackrate=16000;stereo=0",
        "101 telephone-event/48000",
        "101 0-15",
    ]
    got, _ = answer(sdp("m=audio 10 RTP/AVP 18"))
    assert got.media[0].attribute("fmtp") == "18 annexb=no"
    got, _ = answer(sdp("m=audio 10 RTP/AVP 9"))
    assert got.media[0].attribute("rtpmap") == "9 G722/8000"


@pytest.mark.parametrize("line", ["m=audio 10 RTP/SAVP 0", "m=audio 10 RTP/AVP 3", "m=video 10 RTP/AVP 31"])
def test_nothing_that_we_can_hear(line: str) -> None:
    assert negotiate(sdp(line)) == ()


def test_plain_calls_take_one_line() -> None:
    got, streams = answer(sdp("m=audio 10 RTP/AVP 0", "m=audio 12 RTP/AVP 0"), lines=1)
    assert [line.port > 0 for line in got.media] == [True, False]
    assert len(streams) == 1


def test_names_are_unique_and_stay() -> None:
    offer = sdp("m=audio 10 RTP/AVP 0", "a=label:1", "m=audio 12 RTP/AVP 0", "m=audio 14 RTP/AVP 0", "a=label:1")
    assert [stream.stream for stream in negotiate(offer)] == ["0", "line-1", "2"]
    changed = sdp("m=audio 10 RTP/AVP 0", "a=label:x", "m=audio 12 RTP/AVP 8", "a=label:y")
    assert [stream.stream for stream in negotiate(changed, {0: "1"})] == ["1", "y"]


def test_refresh_is_answered_with_the_same_bytes_and_a_change_with_a_new_version() -> None:
    answerer = Answerer(7, "127.0.0.1")
    offer = audio_offer("192.0.2.1", [10], labels=["1"])
    first = answerer.answer(offer, negotiate(offer), {0: 20_000}).to_bytes()
    again = answerer.answer(offer, negotiate(offer), {0: 20_000}).to_bytes()
    held = audio_offer("192.0.2.1", [10], labels=["1"], direction="inactive")
    changed = answerer.answer(held, negotiate(held), {0: 20_000})
    assert first == again
    assert (parse_sdp(first).version, changed.version) == ("7", "8")


def test_offer_of_ours_can_be_answered() -> None:
    offer = parse_sdp(Answerer(7, "127.0.0.1").offer(20_000).to_bytes())
    assert offer.media[0].payloads == {0: "PCMU/8000", 8: "PCMA/8000", 101: "TELEPHONE-EVENT/8000"}
    assert offer.direction(offer.media[0]) == "recvonly"


@pytest.mark.parametrize(("speaks", "direction"), [(False, "recvonly"), (True, "sendrecv")])
def test_what_stands_is_offered_again_as_for_a_new_call(speaks: bool, direction: str) -> None:
    held = parse_sdp(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=video 9 RTP/AVP 96\r\n"
        b"m=audio 10 UDP/TLS/RTP/SAVP 111 8 101\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n"
        b"a=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=rtcp-mux\r\na=label:1\r\na=inactive\r\n"
    )
    answerer = Answerer(7, "127.0.0.1")
    answerer.speaks = speaks
    answer = answerer.answer(held, negotiate(held), {1: 20_000})
    offer = parse_sdp(answerer.again(parse_sdp(answer.to_bytes())).to_bytes())
    video, line = offer.media
    assert (video.port, line.port, line.protocol) == (0, 20_000, "UDP/TLS/RTP/SAVP")
    assert line.formats == ("111", "101", "0", "8")
    assert line.payloads[8] == "PCMA/8000"
    assert (line.attribute("setup"), line.label, offer.direction(line)) == ("actpass", "1", direction)
    assert line.attribute("fingerprint") == answer.media[1].attribute("fingerprint")
    assert int(offer.version) == int(answer.version) + 1
    assert answerer.again(offer) == offer


def test_unknown_attributes_and_lines_are_kept_in_order() -> None:
    text = (
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nb=AS:84\r\nt=0 0\r\na=X-nat:0\r\n"
        b"m=audio 10 RTP/AVP 0\r\nb=TIAS:64000\r\nc=IN IP4 192.0.2.2\r\na=ice-ufrag:4e08\r\na=rtcp:11\r\na=sendonly\r\n"
    )
    parsed = parse_sdp(text)
    assert parsed.to_bytes() == text
    assert parsed.address(parsed.media[0]) == "192.0.2.2"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hello",
        b"v=1\r\n",
        b"v=0\r\no=x\r\n",
        b"v=0\r\nm=audio\r\n",
        b"v=0\r\nm=audio 99999 RTP/AVP 0\r\n",
        b"v=0\r\nc=elsewhere\r\n",
        b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 40,
        b"v=0\r\n" + b"a=x\r\n" * 20_000,
        b"v=0\r\n" + b"a=x\r\n" * 2_000,
    ],
)
def test_bad_descriptions(text: bytes) -> None:
    with pytest.raises(ValueError, match="SDP"):
        parse_sdp(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_description_or_a_value_error(noise: bytes) -> None:
    for data in (noise, b"v=0\r\n" + noise, b"v=0\r\nm=audio 1 RTP/AVP 0\r\n" + noise):
        try:
            offer = parse_sdp(data)
        except ValueError:
            continue
        got, _ = answer(offer)
        assert len(got.media) == len(offer.media)


lines = st.sampled_from(
    [
        ("m=audio 10 RTP/AVP 0 8", "a=sendonly"),
        ("m=audio 10 RTP/AVP 3",),
        ("m=audio 10 RTP/SAVP 0",),
        ("m=video 10 RTP/AVP 31",),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 10 RTP/AVP 8", "a=label:1"),
    ]
)


@given(st.lists(lines, max_size=6))
def test_answer_has_the_offers_lines_in_its_order(chosen: list[tuple[str, ...]]) -> None:
    offer = sdp(*(line for group in chosen for line in group))
    got, streams = answer(offer)
    assert [(line.kind, line.protocol) for line in got.media] == [(line.kind, line.protocol) for line in offer.media]
    assert {position for position, line in enumerate(got.media) if line.port} == {s.position for s in streams}
    assert len({stream.stream for stream in streams}) == len(streams)
