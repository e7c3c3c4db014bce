"""Keys over RTP and over INFO: told once each, whatever is lost or repeated."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.bridge.telephone_events import KEYS, KeyReader, event_payloads, info_body, is_end, read_info
from media.rtp import RtpPacket


def packets(key: str, duration_ms: int, timestamp: int, clock_hz: int = 8000) -> list[RtpPacket]:
    return [
        RtpPacket(101, number, timestamp, 9, payload)
        for number, payload in enumerate(event_payloads(key, duration_ms, clock_hz))
    ]


@given(st.sampled_from(KEYS), st.integers(20, 4000), st.sampled_from([8000, 48_000]))
def test_a_key_comes_back_as_it_was_sent_once(key: str, duration_ms: int, clock_hz: int) -> None:
    reader = KeyReader()
    sent = packets(key, duration_ms, 1000, clock_hz)
    longest = 65_535 * 1000 // clock_hz
    assert [told for one in sent for told in reader.event(one, clock_hz)] == [(key, min(duration_ms, longest))]
    assert sum(is_end(one.payload) for one in sent) == 3


def test_two_presses_of_one_key_are_two() -> None:
    reader = KeyReader()
    both = [*packets("1", 60, 1000), *packets("1", 60, 3000)]
    assert [told for one in both for told in reader.event(one, 8000)] == [("1", 60), ("1", 60)]


def test_a_key_whose_end_was_lost_is_told_with_the_next_one_or_with_sound() -> None:
    reader = KeyReader()
    for one in packets("7", 100, 1000)[:-3]:
        assert reader.event(one, 8000) == []
    assert reader.sound(RtpPacket(0, 1, 1160, 9, b""), 8000) == []
    assert reader.sound(RtpPacket(0, 9, 4000, 9, b""), 8000) == [("7", 80)]
    assert reader.sound(RtpPacket(0, 9, 4160, 9, b""), 8000) == []
    for one in packets("7", 100, 8000)[:-3]:
        reader.event(one, 8000)
    assert reader.event(packets("8", 100, 12_000)[0], 8000) == [("7", 80)]


@given(st.binary(max_size=12))
def test_any_bytes_are_a_key_or_nothing(payload: bytes) -> None:
    for key, _ in KeyReader().event(RtpPacket(101, 1, 1, 1, payload), 8000):
        assert key in KEYS


@pytest.mark.parametrize("key", ["", "12", "x", "E"])
def test_what_is_no_key_is_not_sent(key: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        list(event_payloads(key, 100, 8000))


@pytest.mark.parametrize(
    ("kind", "body", "told"),
    [
        ("application/dtmf-relay", info_body("5", 160), ("5", 160)),
        ("application/dtmf-relay", b"Signal= 11\nDuration=90", ("#", 90)),
        ("application/dtmf", b"*", ("*", 100)),
        ("application/dtmf-relay", b"Signal=x", None),
        ("application/dtmf-relay", b"\xff\xfe", None),
        ("text/plain", b"5", None),
    ],
)
def test_keys_by_info(kind: str, body: bytes, told: tuple[str, int] | None) -> None:
    assert read_info(kind, body) == told
