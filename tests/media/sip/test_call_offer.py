"""What the intake is told of a call that comes in."""

import pytest

from media.sip.agreement import Agreement
from media.sip.bodies import Body
from media.sip.call_offer import call_offer
from media.sip.message import Headers, Request
from media.sip.negotiation import Answerer
from media.sip.sdp import parse_sdp
from media.siprec_metadata import parse_metadata
from media.siprec_source import RecordedParty, metadata_of
from tests.media.sip.test_robustness import SDP, audio

PARTIES = (RecordedParty("1", "+34600"), RecordedParty("2", "marta@desk"))
AT_TEN = 1_795_514_400.0
"""Of 2026-11-24, in UTC."""


@pytest.mark.parametrize(
    ("date", "age_s"),
    [
        ("Tue, 24 Nov 2026 10:00:02 GMT", 2.0),
        ("Tue, 24 Nov 2026 10:12:00 GMT", 720.0),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 10:12:00 -0000", 720.0),
        ("at ten", 0.0),
        ("", 0.0),
    ],
)
def test_a_calls_age_is_by_its_senders_clock_alone(date: str, age_s: float) -> None:
    sdp = parse_sdp(SDP.format(version=1, media=audio("1") + audio("2")).encode())
    body = Body(sdp, parse_metadata(metadata_of(PARTIES, began_at=AT_TEN)), True, True)
    agreement = Agreement(Answerer(1, "127.0.0.1"))
    agreement.open(body)
    headers = (("From", "<sip:sbc@x>;tag=1"), ("To", "<sip:srs@y>"), *((("Date", date),) if date else ()))
    invite = Request(headers=Headers(headers), method="INVITE", uri="sip:srs@y")
    assert call_offer(invite, body, agreement, "192.0.2.1:5060/udp").age_s == age_s


FAX = "m=image 40010 udptl t38\r\na=sendonly\r\n"
AMR_WB = audio("1", codec=96) + "a=rtpmap:96 AMR-WB/16000\r\n"


@pytest.mark.parametrize(
    ("media", "places"),
    [
        (audio("1") + audio("2"), [("1", 0), ("2", 1)]),
        (AMR_WB + audio("2"), [("2", 1)]),
        (audio("1", port=0) + audio("2"), [("2", 1)]),
        (FAX + audio("1") + audio("2"), [("1", 0), ("2", 1)]),
    ],
    ids=["both", "unknown codec", "refused", "behind another kind"],
)
def test_a_line_has_its_place_among_those_of_sound(media: str, places: list[tuple[str, int]]) -> None:
    agreement = Agreement(Answerer(1, "127.0.0.1"))
    agreement.open(Body(parse_sdp(SDP.format(version=1, media=media).encode()), None, False, True))
    agreement.introduce("", "")
    assert [(one.stream, one.position) for one in agreement.participants] == places
