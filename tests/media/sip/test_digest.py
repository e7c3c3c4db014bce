"""Digest authentication: the RFC's own example, both sides against each other, and what must not pass."""

import hashlib

import pytest

from media.sip import effects
from media.sip.digest import MAX_NONCES, NONCE_SECONDS, Credentials, Gatekeeper, Login, digest, parameters_of
from media.sip.message import Headers, Request
from media.sip.usage import InviteUsage, new_invite
from media.sip.wire import parse_message

ANA = Credentials("ana", "s3cret")
VIA = ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")


def invite(*extra: tuple[str, str], uri: str = "sip:5000@x") -> Request:
    headers = (VIA, ("From", "<sip:a@x>;tag=1"), ("To", "<sip:5000@x>"), ("Call-ID", "c"), ("CSeq", "1 INVITE"), *extra)
    return Request(headers=Headers(headers), method="INVITE", uri=uri)


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_example_of_rfc_7616(algorithm: str, expected: str) -> None:
    given = {
        "realm": "http-auth@example.org",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "uri": "/dir/index.html",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "nc": "00000001",
        "qop": "auth",
        "algorithm": algorithm,
    }
    assert digest(Credentials("Mufasa", "Circle of Life"), "GET", b"", given) == expected


@pytest.mark.parametrize(("user", "password"), [("ana", "contraseña"), ("ana", "€€€"), ("añil", "密码")])
def test_what_is_beyond_ascii_is_hashed_and_written_as_utf_8(user: str, password: str) -> None:
    keeper, account, request = Gatekeeper("welcomedly", b"k"), Credentials(user, password), invite()
    headers = Login(account).answer(request, keeper.challenge(request, "unproven", 0.0, "t"))
    assert headers is not None
    proven = parse_message(request.changed(headers=headers).to_bytes())
    assert isinstance(proven, Request)
    given = parameters_of(proven.headers.get("Authorization"))
    assert given["username"].encode("latin-1") == user.encode()
    secret = hashlib.sha256(f"{user}:welcomedly:{password}".encode()).hexdigest()
    target = hashlib.sha256(b"INVITE:sip:5000@x").hexdigest()
    proof = f"{secret}:{given['nonce']}:{given['nc']}:{given['cnonce']}:auth:{target}"
    assert given["response"] == hashlib.sha256(proof.encode()).hexdigest()
    assert keeper.judge(proven, Credentials(user, "???"), 0.0) == "refused"
    assert keeper.judge(proven, account, 0.0) == "accepted"


def challenged(keeper: Gatekeeper, now: float = 0.0) -> tuple[Login, Request]:
    login = Login(ANA)
    request = invite()
    headers = login.answer(request, keeper.challenge(request, "unproven", now, "t"))
    assert headers is not None
    return login, request.changed(headers=headers)


def test_what_we_answer_we_accept_once() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    assert keeper.judge(invite(), ANA, 0.0) == "unproven"
    login, request = challenged(keeper)
    assert parameters_of(request.headers.get("Authorization"))["algorithm"] == "SHA-256"
    assert keeper.judge(request, ANA, 1.0) == "accepted"
    assert keeper.judge(request, ANA, 1.0) == "stale"  # a replay
    again = request.changed(headers=login.headers(request))
    assert parameters_of(again.headers.get("Authorization"))["nc"] == "00000002"
    assert keeper.judge(again, ANA, 2.0) == "accepted"
    late = again.changed(headers=login.headers(again))
    assert keeper.judge(late, ANA, NONCE_SECONDS + 2) == "stale"
    fresh = keeper.challenge(late, "stale", NONCE_SECONDS + 2, "t")
    assert "stale=true" in fresh.headers.get("WWW-Authenticate")
    headers = login.answer(late, fresh)
    assert headers is not None  # stale: the password was right
    assert keeper.judge(late.changed(headers=headers), ANA, NONCE_SECONDS + 3) == "accepted"


def test_wrong_password_user_target_and_nonce_are_refused() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    _, request = challenged(keeper)
    assert keeper.judge(request, Credentials("ana", "other"), 0.0) == "refused"
    assert keeper.judge(request, Credentials("eva", "s3cret"), 0.0) == "refused"
    assert keeper.judge(request.changed(uri="sip:premium@x"), ANA, 0.0) == "refused"
    _, foreign = challenged(Gatekeeper("welcomedly", b"another key"))
    assert keeper.judge(foreign, ANA, 0.0) == "stale"
    for damage in ("nc=0000000x", 'algorithm="none"', 'qop="auth-int"', 'username=""'):
        value = request.headers.get("Authorization") + ", " + damage
        assert keeper.judge(invite(("Authorization", value)), ANA, 0.0) in ("refused", "stale")


def test_old_clients_without_qop_get_one_use_of_a_nonce() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    offered = parameters_of(keeper.challenge(invite(), "unproven", 0.0, "t").headers.all("WWW-Authenticate")[1])
    given = {"realm": "welcomedly", "nonce": offered["nonce"], "uri": "sip:5000@x", "username": "ana"}
    given["response"] = digest(ANA, "INVITE", b"", given)
    value = "Digest " + ", ".join(f'{name}="{text}"' for name, text in given.items())
    assert keeper.judge(invite(("Authorization", value)), ANA, 0.0) == "accepted"
    assert keeper.judge(invite(("Authorization", value)), ANA, 0.0) == "stale"


def test_nonces_are_forgotten_only_with_all_that_are_older() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    _, first = challenged(keeper, 0.0)
    assert keeper.judge(first, ANA, 0.0) == "accepted"
    for number in range(MAX_NONCES):
        _, request = challenged(keeper, 1.0 + number / 1000)
        assert keeper.judge(request, ANA, 10.0) == "accepted"
    assert len(keeper._used) == MAX_NONCES
    assert keeper.judge(first, ANA, 10.0) == "stale"  # its count is forgotten, it serves no more


def test_login_gives_up_on_what_it_cannot_do() -> None:
    login = Login(ANA)
    request = invite()
    for value in (
        "Basic realm=x",
        'Digest realm="x", nonce="n", algorithm=SHA-512',
        'Digest realm="x", nonce="n", qop="auth-int"',
    ):
        assert login.answer(request, request.respond(401, ("WWW-Authenticate", value))) is None
    assert (
        Login(None).answer(request, request.respond(401, ("WWW-Authenticate", 'Digest realm="x", nonce="n"'))) is None
    )
    proxy = request.respond(407, ("Proxy-Authenticate", 'Digest realm="p", nonce="n", opaque="o", qop="auth,auth-int"'))
    headers = login.answer(request, proxy)
    assert headers is not None
    given = parameters_of(headers.get("Proxy-Authorization"))
    assert (given["opaque"], given["qop"], given["nc"]) == ("o", "auth", "00000001")
    assert login.answer(request.changed(headers=headers), proxy) is None  # refused


def test_passwords_are_in_no_repr() -> None:
    assert "s3cret" not in repr(ANA)
    assert "s3cret" not in repr(challenged(Gatekeeper("w", b"k")))


def test_invite_is_sent_again_with_the_next_cseq_and_the_ack_bears_the_proof() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    first = new_invite("sip:5000@x", "<sip:a@x>;tag=1", "<sip:5000@x>", "c", "<sip:a@x>", body=b"v=0")
    caller = InviteUsage(first, "<sip:a@x>", "1", ours=True, dice=lambda: 0.0, login=Login(ANA))
    arrived = first.changed(headers=Headers((VIA, *first.headers.items)))
    (sent,) = caller.receive_response(caller.invite, keeper.challenge(arrived, "unproven", 0.0, "t"), 0.0)
    assert isinstance(sent, effects.Send)
    assert (sent.request.cseq, sent.request.from_tag, sent.request.call_id) == (2, "1", "c")
    assert keeper.judge(sent.request, ANA, 0.0) == "accepted"
    arrived = sent.request.changed(headers=Headers((VIA, *sent.request.headers.items)))
    answer = arrived.respond(200, ("Contact", "<sip:s@x>"), to_tag="t")
    ack = next(
        one.request for one in caller.receive_response(sent.request, answer, 0.0) if isinstance(one, effects.SendAck)
    )
    assert ack.cseq == 2
    assert ack.headers.get("Authorization") == sent.request.headers.get("Authorization")


def test_what_came_unasked_with_an_older_nonce_is_answered_once_more() -> None:
    """Not each server says `stale` of a nonce whose time is over, or that was another's."""
    keeper = Gatekeeper("welcomedly", b"k")
    login, request = challenged(keeper)
    assert keeper.judge(request, ANA, 1.0) == "accepted"
    later = request.changed(headers=login.headers(request))
    now = NONCE_SECONDS + 1
    assert keeper.judge(later, ANA, now) == "stale"
    headers = login.answer(later, keeper.challenge(later, "refused", now, "t"))
    assert headers is not None
    again = later.changed(headers=headers)
    assert keeper.judge(again, ANA, now) == "accepted"
    assert login.answer(again, keeper.challenge(again, "refused", now, "t")) is None
    assert "Authorization" not in login.headers(invite())  # what was refused is tried no more


def test_credentials_without_a_count_are_told_apart_by_who_asked() -> None:
    """Without qop, the answer to a challenge and what comes unasked later are the same to the letter."""
    login, request = Login(ANA), invite()
    first, second = (
        request.respond(401, ("WWW-Authenticate", f'Digest realm="x", nonce="{nonce}"')) for nonce in ("n1", "n2")
    )
    headers = login.answer(request, first)
    assert headers is not None
    unasked = login.headers(request)
    assert unasked == headers
    headers = login.answer(request.changed(headers=unasked), second)
    assert headers is not None
    assert parameters_of(headers.get("Authorization"))["nonce"] == "n2"
    assert login.answer(request.changed(headers=headers), second) is None


def test_two_who_ask_in_turn_are_answered_once_each() -> None:
    login, request = Login(ANA), invite()
    proxy = request.respond(407, ("Proxy-Authenticate", 'Digest realm="p", nonce="n", qop="auth"'))
    server = request.respond(401, ("WWW-Authenticate", 'Digest realm="s", nonce="n", qop="auth"'))
    for response, given in ((proxy, 1), (server, 2)):
        headers = login.answer(request, response)
        assert headers is not None
        assert len(headers.all("Authorization")) + len(headers.all("Proxy-Authorization")) == given
        request = request.changed(headers=headers)
    assert login.answer(request, proxy) is None


def test_the_bye_of_a_long_call_is_proven_anew() -> None:
    keeper = Gatekeeper("welcomedly", b"k")
    first = new_invite("sip:5000@x", "<sip:a@x>;tag=1", "<sip:5000@x>", "c", "<sip:a@x>", body=b"v=0")
    caller = InviteUsage(first, "<sip:a@x>", "1", ours=True, dice=lambda: 0.0, login=Login(ANA))

    def arrived(request: Request) -> Request:
        return request.changed(headers=Headers((VIA, *request.headers.items)))

    caller.receive_response(caller.invite, keeper.challenge(arrived(first), "unproven", 0.0, "t"), 0.0)
    answer = arrived(caller.invite).respond(200, ("Contact", "<sip:s@x>"), to_tag="t")
    caller.receive_response(caller.invite, answer, 0.0)
    now = NONCE_SECONDS + 1
    bye = next(one.request for one in caller.bye("bye") if isinstance(one, effects.Send))
    assert keeper.judge(bye, ANA, now) == "stale"
    refusal = keeper.challenge(arrived(bye), "unproven", now, "t")
    (again,) = caller.receive_response(bye, refusal, now)
    assert isinstance(again, effects.Send)
    assert keeper.judge(again.request, ANA, now) == "accepted"


@pytest.mark.parametrize("unasked", [False, True])
def test_a_server_that_calls_every_nonce_stale_is_not_answered_without_end(unasked: bool) -> None:
    keeper, request = Gatekeeper("welcomedly", b"k"), invite()
    login, _ = challenged(keeper)
    if unasked:
        request = request.changed(headers=login.headers(request))
    for now in (1.0, 2.0):
        headers = login.answer(request, keeper.challenge(request, "stale", now, "t"))
        assert headers is not None
        request = request.changed(headers=headers)
    assert login.answer(request, keeper.challenge(request, "stale", 3.0, "t")) is None
