"""Bytes to messages: limits, framing, and that nothing but `Malformed` comes of whatever bytes."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sipmessage.via import VIA_EXCEPTION

from media.sip import wire
from media.sip.address import aor_of, parse_address, parse_uri, parse_vias, readable, split_addresses, tag_of
from media.sip.message import Headers, Request, Response
from media.sip.wire import Malformed, StreamFramer, parse_message

OPTIONS = (
    b"OPTIONS sip:100@sbc1 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP sbc1:5060;branch=z9hG4bKa\r\n"
    b"From: <sip:a@sbc1>;tag=1\r\nTo: <sip:b@sbc2>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"
)


def message(extra: bytes = b"Content-Length: 0\r\n", body: bytes = b"") -> bytes:
    return OPTIONS + extra + b"\r\n" + body


def test_reads_what_it_writes() -> None:
    first = parse_message(message(b"Content-Length: 4\r\nX-Note: caf\xe9\r\n", b"body"))
    assert isinstance(first, Request)
    again = parse_message(first.to_bytes())
    assert isinstance(again, Request)
    assert (again.method, again.uri, again.body) == ("OPTIONS", "sip:100@sbc1", b"body")
    assert b"X-Note: caf\xe9\r\n" in again.to_bytes()  # bytes that are no UTF-8 come back unchanged


def test_compact_and_folded_headers() -> None:
    data = message(b"l: 0\r\nk: timer,\r\n siprec\r\nM: <sip:x@192.0.2.1>\r\n")
    headers = parse_message(data).headers
    assert headers.listed("supported") == ["timer", "siprec"]
    assert headers.get("Contact") == "<sip:x@192.0.2.1>"


def test_bare_line_feeds_are_read() -> None:
    parsed = parse_message(message().replace(b"\r\n", b"\n"))
    assert parsed.call_id == "c"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (message(b"Content-Length: 10\r\n", b"short"), 400),
        (message(b"Content-Length: 999999\r\n"), 413),
        (message(b"no colon here\r\n"), 400),
        (message(b"Bad Name: x\r\n"), 400),
        (message(b"Max-Forwards: many\r\n"), 400),
        (message().replace(b"sip:100@sbc1 ", b"http://sbc1 "), 416),
        (message().replace(b"SIP/2.0\r\nVia", b"SIP/3.0\r\nVia"), 505),
        (message().replace(b"CSeq: 1 OPTIONS", b"CSeq: 2147483648 OPTIONS"), 400),
    ],
)
def test_refusals_carry_their_answer(data: bytes, status: int) -> None:
    with pytest.raises(Malformed) as caught:
        parse_message(data)
    assert caught.value.answer is not None
    assert caught.value.answer.status == status
    assert caught.value.answer.headers.get("Call-ID") == "c"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"\x00" * 100,
        b"SIP/2.0 200 OK\r\n\r\n",
        b"SIP/2.0 999 Odd\r\n" + message().partition(b"\r\n")[2],
        message().replace(b"OPTIONS", b"ACK").replace(b"CSeq: 1", b"CSeq: x"),  # an ACK is never answered
        message(b"X: " + b"a" * (wire.MAX_LINE + 1) + b"\r\n"),
        message(b"X: y\r\n" * (wire.MAX_HEADERS + 1)),
        message(b"X: " + b"a" * (wire.MAX_HEAD + 1) + b"\r\n"),
    ],
)
def test_what_cannot_be_answered_is_dropped(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_message(data)
    assert caught.value.answer is None


@pytest.mark.parametrize(
    "value",
    [
        b"tel:+" + b"1" * 7_000 + b"x",  # cubic in sipmessage
        b"<sip:" + b"a" * 7_000 + b"@b>",
        b'"' * 7_001,
        b'"' + b'\\"' * 3_500,
        b"<" * 7_000,
        b"sip:a@" + b"b-" * 3_500,
    ],
)
@pytest.mark.parametrize("name", [b"From", b"Contact"])
def test_values_made_to_cost_time_are_refused(name: bytes, value: bytes) -> None:
    data = message().replace(b"From: <sip:a@sbc1>;tag=1", b"From: <sip:a@sbc1>;tag=1\r\nContact: <sip:a@sbc1>")
    with pytest.raises(Malformed, match="not valid"):
        parse_message(re.sub(rb"\r\n" + name + rb": [^\r]*", lambda _: b"\r\n" + name + b": " + value, data))


@given(st.binary(max_size=600))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_message(data)


@given(st.integers(0, len(message()) - 1), st.binary(min_size=1, max_size=3))
def test_any_damage_is_a_message_or_malformed(at: int, noise: bytes) -> None:
    data = message()
    try:
        parsed = parse_message(data[:at] + noise + data[at + len(noise) :])
        assert parsed.via.host
        assert parsed.cseq >= 0
        parsed.to_bytes()
    except Malformed:
        pass


@given(st.lists(st.integers(1, 90), max_size=30))
def test_framer_gives_the_same_messages_however_the_stream_is_cut(cuts: list[int]) -> None:
    whole = [message(), message(b"Content-Length: 5\r\n", b"12345"), message(b"Content-Length: 4\r\n", b"\r\n\r\n")]
    stream, framer, got = b"".join(whole), StreamFramer(), []
    for cut in cuts:
        got += framer.feed(stream[:cut])
        stream = stream[cut:]
    got += framer.feed(stream)
    assert got == whole
    assert not framer.partial


def test_framer_sees_keep_alives() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n") == []
    assert framer.feed(b"\r\n" + message() + b"\r\n\r\n") == [message()]
    assert framer.pings == 2


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_lone_crlf_is_no_message_that_has_begun(cut: int) -> None:
    framer = StreamFramer()
    for piece in (b"\r\n", b"\n", message() + b"\r\n"):  # a pong; an odd sender's; one behind a body
        framer.feed(piece)
        assert not framer.partial
    data = b"\r\n\r\n" + message()
    got = [*framer.feed(data[:cut]), *framer.feed(data[cut:])]
    assert (got, framer.partial) == ([message()], False)
    framer.feed(b"\r\nI")
    assert framer.partial


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_ping_is_one_however_it_is_cut(cut: int) -> None:
    framer = StreamFramer()
    for piece in (b"\r\n\r\n"[:cut], b"\r\n\r\n"[cut:]):
        assert framer.feed(piece) == []
    assert (framer.pings, framer.partial) == (1, False)


@pytest.mark.parametrize("bad", [b"", b"Content-Length: -1\r\n", b"Content-Length: 1\r\nl: 2\r\n"])
def test_framer_refuses_what_it_cannot_cut(bad: bytes) -> None:
    framer = StreamFramer()
    assert framer.feed(message() + message(bad) + message()) == [message()]
    assert framer.broken is not None
    assert framer.broken.answer is not None
    assert framer.broken.answer.status == 400


@pytest.mark.parametrize("bad", [b"X Called Number: 1", b"no colon here"])
def test_framer_passes_a_bad_header_by(bad: bytes) -> None:
    framer, refused = StreamFramer(), message(bad + b"\r\nContent-Length: 4\r\n", b"body")
    assert framer.feed(message() + refused + message()) == [message(), refused, message()]
    assert framer.broken is None
    with pytest.raises(Malformed, match="header line"):
        parse_message(refused)


def test_framer_bounds_headers_without_end() -> None:
    framer = StreamFramer()
    line = b"X: " + b"a" * 1_000 + b"\r\n"
    for _ in range(wire.MAX_HEAD // len(line)):
        assert framer.feed(line) == []
    assert framer.broken is None
    assert framer.feed(line) == []
    assert framer.broken is not None


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("sip:+15550100;phone-context=example.com@192.0.2.1", "+15550100;phone-context=example.com", "192.0.2.1", None),
        (
            "sip:+15550100;npdi;rn=+1555@sbc1.example:5080;transport=tcp",
            "+15550100;npdi;rn=+1555",
            "sbc1.example",
            5080,
        ),
        ("sips:ana@[2001:db8::1]:5061", "ana", "[2001:db8::1]", 5061),
        ("sip:pbx2", None, "pbx2", None),
        ("tel:+15550100", "+15550100", "", None),
    ],
)
def test_telephony_uris(text: str, user: str | None, host: str, port: int | None) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host, uri.port) == (user, host, port)


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:*67#5551@pbx1.example", "*67#5551"),
        ("sip:Jos\xe9@pbx.example", None),
        ("SIP:100@pbx.example", "100"),
        ("sip:10.1.1.10;thinfo=ab=cd==", None),
    ],
)
def test_uris_whose_writers_forgot_to_escape(text: str, user: str | None) -> None:
    uri = parse_uri(text)
    assert uri.scheme == "sip"
    assert user is None or uri.user == user
    assert parse_address(f"<{text}>").uri == text  # what we send back is as it came


@pytest.mark.parametrize("text", ["sip:", "sip:a b@c", "sip:@", "mailto:a@b.example", "sip:a@b@c", ""])
def test_bad_uris(text: str) -> None:
    with pytest.raises(ValueError, match="not valid"):
        parse_uri(text)


def test_addresses() -> None:
    address = parse_address('"Bell, \\"Al\\"" <sip:al@sbc1;lr>;tag=x')
    assert (address.name, address.uri, address.parameters) == ('Bell, "Al"', "sip:al@sbc1;lr", ";tag=x")
    assert parse_address("sip:al@example.com;tag=x").uri == "sip:al@example.com"
    assert parse_address("<urn:service:sos>").uri == "urn:service:sos"
    assert split_addresses(['<sip:a@b.c>, "x, y" <sip:d@e.f>;q=1', "<sip:g@h.i>"]) == [
        "<sip:a@b.c>",
        '"x, y" <sip:d@e.f>;q=1',
        "<sip:g@h.i>",
    ]
    assert tag_of("<sip:a;tag=no@b.c>;x=1;TAG = yes") == "yes"


@pytest.mark.parametrize(
    ("uri", "aor"),
    [
        ("sip:1001@PBX.example:5060;transport=udp", "1001@pbx.example"),
        ("1056", "1056"),
        ("<sip:+1@[2001:db8::1]:5060>", "+1@[2001:db8::1]"),
        ("tel:+15550100;phone-context=x", "+15550100"),
        ("sip:a;x=y@b", "a@b"),
    ],
)
def test_address_of_record(uri: str, aor: str) -> None:
    assert aor_of(uri) == aor


def test_vias_with_blanks_and_short_hosts() -> None:
    first, second = parse_vias("SIP / 2.0 / UDP sbc1:5070 ;branch=z9hG4bKa , SIP/2.0/TCP b.example;branch=z9hG4bKb")
    assert (first.host, first.port, second.host) == ("sbc1", 5070, "b.example")


def test_branch_that_is_no_token() -> None:
    (via,) = parse_vias("SIP/2.0/UDP sbc1:5060;rport;branch=z9hG4bKab/cd+e==")
    assert (via.host, via.parameters["branch"]) == ("sbc1", "z9hG4bKab/cd+e==")


def test_via_with_a_bare_ipv6_address() -> None:
    (via,) = parse_vias("SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bKa;received=2001:db8::2;rport=5061")
    assert (via.host, via.parameters["received"], via.parameters["rport"]) == ("[2001:db8::1]", "[2001:db8::2]", "5061")


def test_names_become_readable() -> None:
    assert readable("José Pérez".encode().decode("latin-1")) == "José Pérez"
    assert readable(b"Jos\xe9\x07".decode("latin-1")) == "José"


def test_responses_copy_what_they_must() -> None:
    invite = Request(
        headers=Headers(
            [
                ("Via", "SIP/2.0/UDP a.example;branch=z9hG4bK1"),
                ("Via", "SIP/2.0/UDP b.example;branch=z9hG4bK2"),
                ("Record-Route", "<sip:p1.example;lr>"),
                ("Record-Route", "<sip:p2.example;lr>"),
                ("From", "<sip:a@a.example>;tag=1"),
                ("To", "<sip:b@b.example>"),
                ("Call-ID", "c"),
                ("CSeq", "1 INVITE"),
            ]
        ),
        method="INVITE",
        uri="sip:b@b.example",
    )
    response = invite.respond(200, to_tag="t")
    assert isinstance(response, Response)
    assert response.headers.all("Via") == invite.headers.all("Via")
    assert response.headers.all("Record-Route") == invite.headers.all("Record-Route")
    assert response.headers.get("To") == "<sip:b@b.example>;tag=t"
    assert invite.respond(100, to_tag="t").headers.get("To") == "<sip:b@b.example>"


def test_refused_addresses_are_forgotten() -> None:
    """sipmessage keeps one exception object a grammar, which would hold the frames of every failure for ever."""
    for text in ("SIP/2.0/UDP", "SIP/2.0/UDP a;;b"):
        with pytest.raises(ValueError, match="not valid"):
            parse_vias(text)
    assert VIA_EXCEPTION.__traceback__ is None
