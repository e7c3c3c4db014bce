import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.control.peers import Peer, PeerProtocol
from media.sockets.signature import Upgrade, is_authentic, is_signed, sign

KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
NAMES = ("@request-target", "host", "audiohook-organization-id", "audiohook-session-id", "audiohook-correlation-id")
PARAMS = (
    '("@request-target" "host" "audiohook-organization-id" "audiohook-session-id" "audiohook-correlation-id" '
    f'"x-api-key");keyid="{KEY}";nonce="VGhpc0lzQVVuaXF1ZU5vbmNl";alg="hmac-sha256";created=1641013200;'
    "expires=3282026430"
)
HEADERS = {
    "host": "audiohook.example.com",
    "audiohook-organization-id": "d7934305-0972-4844-938e-9060eef73d05",
    "audiohook-session-id": "30b0e395-84d3-4570-ac13-9a62d8f514c0",
    "audiohook-correlation-id": "e160e428-53e2-487c-977d-96989bf5c99d",
    "x-api-key": KEY,
    "signature-input": f"sig1={PARAMS}",
    "signature": "sig1=:zupMJUMfd/kMuvKc5zhRyfJPE3jTROuz1S1hn8SCTpE=:",
}
CREATED = 1_641_013_200


def upgrade(**changed: str) -> Upgrade:
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    return Upgrade("/api/v1/voicebiometrics/ws", headers, "192.0.2.1")


def test_the_published_vector() -> None:
    """The reference implementation's own (purecloudlabs/audiohook-reference-implementation)."""
    signed = sign(upgrade(), (*NAMES, "x-api-key"), PARAMS, SECRET)
    assert base64.b64encode(signed) == b"zupMJUMfd/kMuvKc5zhRyfJPE3jTROuz1S1hn8SCTpE="
    assert is_signed(upgrade(), KEY, SECRET, CREATED + 5)


@pytest.mark.parametrize("now", [CREATED - 4, CREATED + 14])
def test_a_signature_of_another_time_is_none(now: int) -> None:
    assert not is_signed(upgrade(), KEY, SECRET, now)


@pytest.mark.parametrize(
    "changed",
    [
        {"x_api_key": "another"},
        {"audiohook_session_id": "30b0e395-84d3-4570-ac13-9a62d8f514c1"},
        {"signature": "sig2=:zupMJUMfd/kMuvKc5zhRyfJPE3jTROuz1S1hn8SCTpE=:"},
        {"signature": "sig1=:AAAA:"},
        {"signature": "sig1=:not base64:"},
        {"signature": ""},
        {"signature_input": ""},
        {"signature_input": f"sig1={PARAMS};created=1"},
        {"signature_input": "sig1=" + PARAMS.replace('"audiohook-session-id" ', "")},
        {"signature_input": "sig1=" + PARAMS.replace("hmac-sha256", "none")},
        {"signature_input": "sig1=" + PARAMS.replace("VGhpc0lzQVVuaXF1ZU5vbmNl", "short")},
    ],
)
def test_whatever_is_changed_breaks_it(changed: dict[str, str]) -> None:
    peer = Peer("g", "audiohook", secret=base64.b64encode(SECRET).decode(), key=KEY)
    assert not is_authentic(peer, upgrade(**changed), CREATED + 5)


def test_twilio_signs_the_address_that_it_called() -> None:
    """The vector: base64(HMAC-SHA1("12345", "wss://example.com/stream"))."""
    peer = Peer("t", "twilio", secret="12345")
    behind_proxy = Peer("t", "twilio", secret="12345", url="wss://example.com/stream")
    import hashlib
    import hmac

    signature = base64.b64encode(hmac.new(b"12345", b"wss://example.com/stream", hashlib.sha1).digest()).decode()
    for host in ("example.com", "example.com:443"):
        request = Upgrade("/stream", {"host": host, "x-twilio-signature": signature}, "192.0.2.1")
        assert is_authentic(peer, request, 0)
    inside = Upgrade("/other", {"host": "10.0.0.1", "x-twilio-signature": signature}, "192.0.2.1")
    assert is_authentic(behind_proxy, inside, 0)
    assert not is_authentic(peer, inside, 0)


@pytest.mark.parametrize("protocol", ["twilio", "plivo", "audiohook", "telnyx", "audio_fork"])
@given(headers=st.dictionaries(st.sampled_from([*HEADERS, "authorization", "x-twilio-signature"]), st.text()))
def test_no_header_is_an_error(protocol: PeerProtocol, headers: dict[str, str]) -> None:
    peer = Peer("p", protocol, secret="c2VjcmV0", key=KEY)
    assert not is_authentic(peer, Upgrade("/x?token=%zz", headers, "192.0.2.1"), CREATED)


def test_tokens_come_in_three_ways() -> None:
    peer = Peer("fs", "audio_fork", secret="hush", key="user")
    basic = base64.b64encode(b"user:hush").decode()
    for request in (
        Upgrade("/fs", {"authorization": "Bearer hush"}, ""),
        Upgrade("/fs", {"authorization": f"Basic {basic}"}, ""),
        Upgrade("/fs?token=hush", {}, ""),
    ):
        assert is_authentic(peer, request, 0)
    assert not is_authentic(peer, Upgrade("/fs?token=", {}, ""), 0)
