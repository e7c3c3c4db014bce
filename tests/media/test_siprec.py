"""SIPREC bodies as vendors send them: who speaks on which line, and what may never be trusted."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ports.intake import Participant
from media import siprec
from media.sip.message import Headers
from media.sip.multipart import MAX_PARTS, Part, split_body
from media.sip.negotiation import negotiate
from media.sip.sdp import parse_sdp
from media.sip.wire import parse_message
from media.siprec import is_siprec, participants, read_payload
from media.siprec_metadata import MAX_METADATA, Metadata, merge, parse_metadata
from media.siprec_source import RecordedParty, metadata_of, multipart_body

SAMPLES = Path(__file__).parents[1] / "data" / "siprec"
Speaker = tuple[str, str, str]
"""Stream, AOR, side."""


def read(name: str) -> tuple[Headers, bytes | None, Metadata | None, tuple[Participant, ...]]:
    """Headers, SDP, metadata and participants of a sample: a whole INVITE, or a body alone."""
    data = (SAMPLES / name).read_bytes()
    if name.endswith(".sip"):
        message = parse_message(data)
        headers, parts = message.headers, split_body(message.headers.get("Content-Type"), message.body)
    else:
        headers, parts = Headers(), split_body("multipart/mixed", data)
    payload = read_payload(parts)
    assert payload.sdp is not None
    assert is_siprec(headers, payload)
    offer = parse_sdp(payload.sdp)
    try:
        metadata = parse_metadata(payload.metadata) if payload.metadata else None
    except ValueError:
        metadata = None
    lines = [(s.position, offer.media[s.position].label, s.stream) for s in negotiate(offer)]
    alone = sum(line.kind == "audio" for line in offer.media) == 1
    return headers, payload.sdp, metadata, participants(metadata, lines, alone=alone)


SPEAKERS: dict[str, list[Speaker]] = {
    "01-rfc7866.sip": [("96", "bob@biloxi.example.com", ""), ("98", "paul@biloxi.example.com", "")],
    "02-cisco-cube.sip": [("1", "7301@198.51.100.20", ""), ("2", "7300@198.51.100.21", "")],
    "03-oracle-acme.sip": [
        ("16777227", "+15550100@192.0.2.77", "caller"),
        ("16777228", "1002@192.0.2.78", "called"),
    ],
    "04-audiocodes.sip": [("1", "1056", ""), ("2", "1052@192.0.2.11", "")],
    "05-ribbon-sonus.sip": [("1", "15550180@192.0.2.72", "called"), ("2", "15550185@192.0.2.55", "caller")],
    "06-broadworks-mixed.sip": [("1", "+15550190@192.0.2.10", ""), ("1", "caller@democorp.example", "caller")],
    "07-opensips.sip": [("1", "caller@198.51.100.5", ""), ("2", "agent@198.51.100.6", "")],
    "08-sems-textlabels.sip": [("a_leg", "+15550162@192.0.2.116", ""), ("b_leg", "extension-0619@pbx.example", "")],
    "acme-siprec-offer.txt": [
        ("16777227", "9000@192.168.50.102", "caller"),
        ("16777228", "1002@192.168.50.10", "called"),
    ],
    "broadworks-offer-2.txt": [("10", "9878942259@212.188.68.145", ""), ("20", "", "")],  # Avaya's placeholder
    "broadworks-offer.txt": [("1", "", "")],  # its metadata has lost its tags
    "cisco-siprec-offer.txt": [("1", "7301@35.162.237.204", ""), ("2", "7300@35.162.237.204", "")],
    "connectel-offer.txt": [("1", "0771121212@52.57.92.239", ""), ("2", "0760516936@sip-cust1.connectel.io", "")],
    "connectel-offer2.txt": [("1", "0771121212@52.57.92.239", ""), ("2", "0760516936@sip-cust1.connectel.io", "")],
    "connectel-offer3.txt": [("1", "0771121212@52.57.92.239", ""), ("2", "0760516936@sip-cust1.connectel.io", "")],
    "inactive-sdp-offer.txt": [("1", "0733165805@192.168.40.34", ""), ("2", "+972546136443@192.168.10.140", "")],
    "procomm-siprec-offer.txt": [
        ("a_leg", "016190200@87.252.209.116", ""),
        ("b_leg", "extension-016190619@speechpath.ie", ""),
    ],
    "sonus-siprec-offer.txt": [
        ("1", "2249888012@172.16.195.72", "called"),
        ("2", "2249888500@172.16.198.55", "caller"),
    ],
}


@pytest.mark.parametrize("name", sorted(SPEAKERS))
def test_speakers_of_every_vendor(name: str) -> None:
    _, _, _, found = read(name)
    assert [(p.stream, p.aor, p.side) for p in found] == SPEAKERS[name]
    assert all(p.mixed == name.startswith(("06", "broadworks-offer.txt")) for p in found)


def test_every_sample_is_covered() -> None:
    bodies = {path.name for path in SAMPLES.iterdir()} - {"README.md", "LICENSE.drachtio-siprec-recording-server"}
    assert bodies - set(SPEAKERS) == {
        "non-siprec-payload.txt",
        "sample-sdps.txt",
        "sample-sdp2.txt",
        "sample-sdp3.txt",
    }


def test_plain_sdp_is_no_siprec() -> None:
    body = (SAMPLES / "non-siprec-payload.txt").read_bytes()
    payload = read_payload(split_body("application/sdp", body))
    assert payload.sdp is not None
    assert not is_siprec(Headers([("Contact", "<sip:a@b.example>")]), payload)


@pytest.mark.parametrize("name", ["sample-sdps.txt", "sample-sdp2.txt", "sample-sdp3.txt"])
def test_plain_sdp_samples_parse(name: str) -> None:
    for text in (SAMPLES / name).read_bytes().split(b"__split_here__"):
        assert len(negotiate(parse_sdp(text))) == 1


@pytest.mark.parametrize(
    ("contact", "expected"),
    [
        ("<sip:a@b>;+sip.src", True),
        ("<sip:a@b>;src", True),
        ("<sip:a@b>;+sip-src", True),
        ("<sip:a@b>;expires=5;+sip-rec", True),
        ("<sip:src@b>", False),
        ("<sip:a@b;src-x=1>", False),
    ],
)
def test_feature_tags_and_their_misspellings(contact: str, expected: bool) -> None:
    assert is_siprec(Headers([("Contact", contact)]), siprec.Payload()) is expected


def test_ids_for_other_systems() -> None:
    headers, _, metadata, _ = read("03-oracle-acme.sip")
    assert siprec.correlation(headers, metadata)["ucid"] == "00FA0800012CAB553FA9ED"
    headers, _, metadata, _ = read("02-cisco-cube.sip")
    ids = siprec.correlation(headers, metadata)
    assert ids["cisco-guid"].startswith("2432917800")
    assert ids["session-id"].startswith("e9fffff2")
    headers, _, metadata, _ = read("04-audiocodes.sip")
    assert siprec.correlation(headers, metadata)["ucid"] == "FA080019001038F725B3"
    many = [(f"X-AC-{number}", "1") for number in range(60)]
    uui = Headers([("X-Genesys-Id", "7"), *many, ("User-to-User", "00FA08;encoding=hex")])
    ids = siprec.correlation(uui, None)
    assert (ids["ucid"], ids["x-genesys-id"]) == ("00FA08", "7")
    assert len(ids) <= 32


def doc(inner: str, mode: str = "complete") -> Metadata:
    return parse_metadata(f"<recording><datamode>{mode}</datamode>{inner}</recording>".encode())


LINES = [(0, "1", "1"), (1, "2", "2")]
PARTIES = (RecordedParty("1", "customer@x"), RecordedParty("2", "agent@x"))


def aors(metadata: Metadata | None, lines: list[tuple[int, str, str]] = LINES) -> list[str]:
    return [p.aor for p in participants(metadata, lines, alone=False)]


def test_labels_that_fit_nothing_fall_back_to_the_order() -> None:
    metadata = parse_metadata(metadata_of(PARTIES))
    assert aors(metadata, [(0, "a_leg", "a_leg"), (1, "b_leg", "b_leg")]) == ["customer@x", "agent@x"]
    assert aors(metadata, [(0, "2", "2"), (1, "1", "1")]) == ["agent@x", "customer@x"]


def test_without_metadata_every_line_stands_alone() -> None:
    assert aors(None) == ["", ""]
    (mixed,) = participants(None, [(0, "", "0")], alone=True)
    assert mixed.mixed


def test_a_line_alone_that_is_said_to_be_separate_is_not_mixed() -> None:
    metadata = doc(
        "<participant participant_id='p'><nameID aor='sip:a@x'/><send>s</send></participant>"
        "<stream stream_id='s'><label>1</label><mode>separate</mode></stream>"
    )
    (found,) = participants(metadata, [(0, "1", "1")], alone=True)
    assert (found.aor, found.mixed) == ("a@x", False)


def test_partial_metadata_merges_by_id() -> None:
    first = parse_metadata(metadata_of(PARTIES))
    named = merge(first, parse_metadata(metadata_of([RecordedParty("2", "eva@x", "Eva")], mode="partial")))
    assert aors(named) == ["customer@x", "eva@x"]
    assert len(named.streams) == 2


def test_what_xml_cannot_write_is_left_out_of_our_own_metadata() -> None:
    party = RecordedParty("2", "e\x0eva@x", 'Eva\u0007 <"Mar\ud800ía"> & Co\ufffe')
    (_, eva) = parse_metadata(metadata_of([PARTIES[0], party])).parties
    assert eva.aor == "eva@x"
    assert eva.name == "Eva < María > & Co"


def test_transfer_gives_the_stream_to_another() -> None:
    first = parse_metadata(metadata_of(PARTIES))
    transferred = merge(
        first,
        doc(
            "<participant participant_id='new'><nameID aor='sip:boss@x'/></participant>"
            "<participantsessionassoc participant_id='party-2'><disassociate-time>x</disassociate-time>"
            "</participantsessionassoc>"
            "<participantstreamassoc participant_id='new'><send>stream-2</send></participantstreamassoc>",
            "partial",
        ),
    )
    assert aors(transferred) == ["customer@x", "boss@x"]


def mention(party: str, aor: str) -> str:
    return f"<participant participant_id='{party}'><nameID aor='sip:{aor}'/></participant>"


def test_a_stream_that_another_was_given_goes_from_who_is_only_mentioned() -> None:
    first = parse_metadata(metadata_of(PARTIES))
    update = mention("new", "boss@x") + mention("party-2", "agent@x") + sending("new", "stream-2")
    assert aors(merge(first, doc(update, "partial"))) == ["customer@x", "boss@x"]
    swapped = sending("party-1", "stream-2") + sending("party-2", "stream-1")
    assert aors(merge(first, doc(swapped, "partial"))) == ["agent@x", "customer@x"]


def test_who_has_left_stays_away_until_said_to_be_there() -> None:
    over = "<disassociate-time>2026-06-25T04:58:15Z</disassociate-time>"
    session = "<participantsessionassoc participant_id='party-2'>{}</participantsessionassoc>"
    left = merge(parse_metadata(metadata_of(PARTIES)), doc(session.format(over), "partial"))
    assert aors(left) == ["customer@x", ""]
    named = merge(left, doc(mention("party-2", "eva@x"), "partial"))
    assert aors(named) == ["customer@x", ""], "a name brings nobody back"
    assert aors(merge(named, doc(session.format(""), "partial"))) == ["customer@x", "eva@x"]
    assert aors(merge(named, doc(sending("party-2", "stream-2"), "partial"))) == ["customer@x", "eva@x"]


def leaving(party: str, stream: str) -> str:
    return (
        f"<participantstreamassoc participant_id='{party}'><send>{stream}</send>"
        "<associate-time>2026-06-25T04:50:00Z</associate-time>"
        "<disassociate-time>2026-06-25T04:58:15Z</disassociate-time></participantstreamassoc>"
    )


def sending(party: str, stream: str) -> str:
    return f"<participantstreamassoc participant_id='{party}'><send>{stream}</send></participantstreamassoc>"


def test_who_has_left_a_stream_does_not_send_it() -> None:
    people = "".join(
        f"<participant participant_id='{name}'><nameID aor='sip:{name}@x'/></participant>"
        for name in ("customer", "agent", "boss")
    )
    streams = "".join(f"<stream stream_id='s{at}'><label>{at}</label></stream>" for at in (1, 2))
    first = sending("customer", "s1")
    taken_over = doc(people + streams + first + leaving("agent", "s2") + sending("boss", "s2"))
    assert aors(taken_over) == ["customer@x", "boss@x"]
    assert aors(doc(people + streams + first + leaving("agent", "s2"))) == ["customer@x", ""]
    assert aors(doc(people + streams + leaving("customer", "s1") + leaving("agent", "s2"))) == ["", ""]
    again = doc(people + streams + first + leaving("agent", "s2") + sending("agent", "s2"))
    assert aors(again) == ["customer@x", "agent@x"], "who came back sends it"


def test_a_partial_update_takes_a_stream_away_and_may_give_it_back() -> None:
    first = parse_metadata(metadata_of(PARTIES))
    left = merge(first, doc(leaving("party-2", "stream-2"), "partial"))
    assert aors(left) == ["customer@x", ""]
    named = merge(left, doc("<participant participant_id='party-2'><nameID aor='sip:eva@x'/></participant>", "partial"))
    assert aors(named) == ["customer@x", ""], "a name alone gives nothing back"
    assert aors(merge(named, doc(sending("party-2", "stream-2"), "partial"))) == ["customer@x", "eva@x"]
    moved = doc(
        leaving("party-1", "stream-1") + leaving("party-2", "stream-2") + sending("party-2", "stream-1"), "partial"
    )
    assert aors(merge(first, moved)) == ["agent@x", ""]
    assert aors(merge(first, doc(leaving("party-1", "stream-1") + leaving("party-2", "stream-2"), "partial"))) == [
        "",
        "",
    ]


def test_complete_metadata_replaces() -> None:
    first = parse_metadata(metadata_of(PARTIES))
    second = merge(first, parse_metadata(metadata_of([RecordedParty("1", "other@x"), RecordedParty("2", "agent@x")])))
    assert aors(second) == ["other@x", "agent@x"]
    assert aors(merge(first, doc(""))) == ["", ""]


AT_TEN, FIVE_PAST = 1_795_514_400.0, 1_795_514_700.0
"""Of 2026-11-24, in UTC."""


def joined(*times: str, into: str = "participantsessionassoc") -> str:
    times_by_id = enumerate(times)
    return "".join(f"<{into} id='{at}'><associate-time>{time}</associate-time></{into}>" for at, time in times_by_id)


@pytest.mark.parametrize(
    ("inner", "began_at"),
    [
        ("", 0.0),
        ("<session session_id='s'><start-time>2026-11-24T10:00:00Z</start-time></session>", 0.0),
        (joined("2026-11-24T10:00:00Z"), 0.0),
        (joined("2026-11-24T10:00:00Z") + joined("2026-11-24T10:00:00Z", into="participantstreamassoc"), 0.0),
        (joined("2026-11-24T10:00:00Z", "2026-11-24T10:05:00Z"), FIVE_PAST),
        (joined("2026-11-24T10:00:00Z", "2026-11-24T05:00:00.000-05:00"), AT_TEN),
        (joined("2026-11-24T10:00:00Z", "2026-11-24T10:05:00Z", into="participant"), FIVE_PAST),
        (joined("2026-11-24T10:00:00", "2026-11-24T10:05:00"), 0.0),
        (joined("2026-11-24T10:00:00Z", "2026-11-24T10:05:00"), 0.0),
        (joined("soon", "later"), 0.0),
        (
            joined("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z")
            + "<participantstreamassoc participant_id='a'><associate-time>2026-11-24T10:05:00Z</associate-time>"
            "<disassociate-time>2026-11-24T10:06:00Z</disassociate-time></participantstreamassoc>",
            AT_TEN,
        ),
    ],
)
def test_a_call_began_when_the_last_of_its_people_joined(inner: str, began_at: float) -> None:
    assert doc(inner).began_at == began_at


def test_our_source_says_when_its_call_began_and_its_updates_leave_that_standing() -> None:
    first = parse_metadata(metadata_of(PARTIES, began_at=AT_TEN))
    assert first.began_at == AT_TEN
    assert merge(first, parse_metadata(metadata_of(PARTIES[1:], mode="partial"))).began_at == AT_TEN


def test_avaya_placeholder_gets_its_name_by_update() -> None:
    _, _, metadata, _ = read("broadworks-offer-2.txt")
    update = doc(
        "<participant participant_id='abcdef12345678901234'><nameID aor='sip:1001@pbx.example'/></participant>",
        "partial",
    )
    lines = [(0, "10", "10"), (1, "20", "20")]
    assert aors(merge(metadata, update), lines) == ["9878942259@212.188.68.145", "1001@pbx.example"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not xml",
        b"<recording",
        b"<other/>",
        b'<!DOCTYPE recording [<!ENTITY e "x">]><recording>&e;</recording>',
        b'<?xml version="1.0"?><!DOCTYPE recording SYSTEM "file:///etc/passwd"><recording/>',
        b'<?xml version="1.0" encoding="U-8"?><recording/>',
        b'<?xml version="1.0" encoding="hex"?><recording/>',
        b"<recording>" + b"<a>" * 100 + b"</a>" * 100 + b"</recording>",
        b"<recording>" + b"<a/>" * 5_000 + b"</recording>",
        b"<recording>" + b" " * MAX_METADATA + b"</recording>",
        '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r><recording/>'.encode("utf-16"),
    ],
)
def test_metadata_that_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="metadata"):
        parse_metadata(data)


@given(st.binary(max_size=400))
def test_any_bytes_are_metadata_or_a_value_error(noise: bytes) -> None:
    for data in (noise, b"<recording>" + noise + b"</recording>"):
        try:
            metadata = parse_metadata(data)
        except ValueError:
            continue
        assert len(aors(metadata)) >= 2


elements = st.sampled_from(
    [
        "<participant participant_id='a'><nameID aor='sip:x@y'><name>n</name></nameID></participant>",
        "<participant id='b'><send>s</send></participant>",
        "<participant/>",
        "<stream stream_id='s'><label>1</label></stream>",
        "<stream><label>2</label></stream>",
        "<stream id='t'><mode>mixed</mode></stream>",
        "<participantstreamassoc participant_id='a'><send>t</send></participantstreamassoc>",
        "<participantstreamassoc><send/></participantstreamassoc>",
        "<participantsessionassoc participant_id='b'><disassociate-time/></participantsessionassoc>",
        "<session/>",
        "<group><associate-time/></group>",
    ]
)


@given(st.lists(st.lists(elements, max_size=8), min_size=1, max_size=4), st.booleans())
def test_every_line_always_has_a_speaker(documents: list[list[str]], partial: bool) -> None:
    metadata: Metadata | None = None
    for document in documents:
        metadata = merge(metadata, doc("".join(document), "partial" if partial else "complete"))
    found = participants(metadata, LINES, alone=False)
    assert list(dict.fromkeys(p.stream for p in found)) == ["1", "2"]


# ─── multipart ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
@pytest.mark.parametrize("close", [b"--b--", b"--b-- ", b""])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"a preamble\r\n"])
def test_multipart_as_it_comes(newline: bytes, close: bytes, before: bytes) -> None:
    body = before + newline.join([b"--b", b"Content-Type: application/sdp", b"", b"v=0", b"--b ", b"", b"bare", close])
    first, second = split_body('multipart/mixed; Boundary = "b"', body)
    assert (first.content_type, first.body.strip()) == ("application/sdp", b"v=0")
    assert (second.content_type, second.body.strip()) == ("", b"bare")


def test_bodies_that_are_one_part_or_none() -> None:
    assert split_body("application/sdp;charset=x", b"v=0") == (Part("application/sdp", "", b"v=0"),)
    assert split_body("", b"") == ()
    for body in (b"no boundary at all", b"--b\r\n\r\nx\r\n" * (MAX_PARTS + 1)):
        with pytest.raises(ValueError, match="multipart"):
            split_body("multipart/mixed;boundary=b", body)


def test_what_our_source_writes_our_server_reads() -> None:
    body = multipart_body(b"v=0\r\n", metadata_of(PARTIES))
    payload = read_payload(split_body("multipart/mixed;boundary=welcomedly-recording-boundary", body))
    assert payload.sdp == b"v=0"
    assert payload.metadata is not None
    assert aors(parse_metadata(payload.metadata)) == ["customer@x", "agent@x"]


def test_asserted_identity_beats_from() -> None:
    headers = Headers(
        [
            ("From", '"Anonymous" <sip:anonymous@anonymous.invalid>'),
            ("P-Asserted-Identity", '"José" <sip:+57300@X>, <tel:+57300>'),
        ]
    )
    assert siprec.asserted_identity(headers)[0] == "+57300@x"
    assert siprec.asserted_identity(Headers([("From", "sip:a@b.example;tag=1")])) == ("a@b.example", "")


def test_snapshot_request_is_xml() -> None:
    assert b"requestsnapshot" in siprec.snapshot_request("lost state")
