"""Checks by aioice's own STUN, right and wrong."""

from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc.ice_lite import IceLite

BROWSER = ("192.0.2.7", 50_000)
MOVED = ("192.0.2.8", 50_001)


def check(ice: IceLite, *, user: str = "", key: str = "", nominate: bool = False) -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = user or f"{ice.user}:them"
    request.attributes["ICE-CONTROLLING"] = 1
    if nominate:
        request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity((key or ice.password).encode())
    return bytes(request)


def test_a_check_is_answered_with_the_address_that_it_came_from() -> None:
    ice = IceLite("them")
    answer = ice.check(check(ice), BROWSER)
    assert answer is not None
    message = stun.parse_message(answer)
    assert message.message_class == stun.Class.RESPONSE
    assert message.attributes["XOR-MAPPED-ADDRESS"] == BROWSER
    assert message.check_message_integrity(ice.password.encode())
    assert ice.address == BROWSER


def test_the_pair_that_was_nominated_last_is_sent_to() -> None:
    ice = IceLite("them")
    ice.check(check(ice), BROWSER)
    ice.check(check(ice), MOVED)
    assert ice.address == BROWSER
    ice.check(check(ice, nominate=True), MOVED)
    assert ice.address == MOVED


def test_whoever_does_not_know_the_password_is_not_answered_and_moves_nothing() -> None:
    ice = IceLite("them")
    assert ice.check(check(ice, key="x" * 24, nominate=True), MOVED) is None
    assert ice.check(check(ice, user="other:them", nominate=True), MOVED) is None
    assert ice.check(b"\x00\x01\x00\x00", MOVED) is None
    assert ice.address is None


@given(st.binary(max_size=200), st.integers(0, 150))
def test_no_datagram_raises(noise: bytes, at: int) -> None:
    ice = IceLite("them")
    good = check(ice)
    assert ice.check(noise, BROWSER) is None
    ice.check(good[:at] + noise + good[at + len(noise) :], BROWSER)
