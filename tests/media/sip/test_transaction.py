"""RFC 3261 §17's machines under virtual time."""

import pytest

from media.sip.message import Headers, Request, Response
from media.sip.transaction import (
    T1,
    T2,
    T4,
    Deliver,
    Effect,
    InviteClient,
    InviteServer,
    NonInviteClient,
    NonInviteServer,
    TimedOut,
    Transmit,
    cancel_of,
    client_key,
    server_key,
)

Machine = InviteServer | NonInviteServer | InviteClient | NonInviteClient


def request(method: str = "INVITE", branch: str = "z9hG4bKone", to_tag: str = "") -> Request:
    to = "<sip:b@b.example>" + (f";tag={to_tag}" if to_tag else "")
    headers = [
        ("Via", f"SIP/2.0/UDP a.example:5070;branch={branch}"),
        ("Route", "<sip:p.example;lr>"),
        ("From", "<sip:a@a.example>;tag=1"),
        ("To", to),
        ("Call-ID", "c"),
        ("CSeq", f"1 {method}"),
    ]
    return Request(headers=Headers(headers), method=method, uri="sip:b@b.example")


def run(machine: Machine, until: float) -> list[tuple[float, Effect]]:
    """Lets time pass to each deadline up to `until`."""
    seen: list[tuple[float, Effect]] = []
    while machine.deadline <= until:
        now = machine.deadline
        seen += [(now, effect) for effect in machine.tick(now)]
    return seen


def times(seen: list[tuple[float, Effect]]) -> list[float]:
    return [at for at, effect in seen if isinstance(effect, Transmit)]


INVITE = request()
OPTIONS = request("OPTIONS")


def test_invite_client_doubles_and_gives_up_after_64_t1() -> None:
    machine = InviteClient(INVITE, reliable=False)
    assert machine.start(0.0) == [Transmit(INVITE)]
    seen = run(machine, 100)
    assert times(seen) == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert seen[-1] == (64 * T1, TimedOut())
    assert machine.state == "terminated"


def test_invite_client_is_quiet_on_streams_and_while_it_rings() -> None:
    stream = InviteClient(INVITE, reliable=True)
    stream.start(0.0)
    assert run(stream, 100) == [(64 * T1, TimedOut())]
    ringing = InviteClient(INVITE, reliable=False)
    ringing.start(0.0)
    ring = INVITE.respond(180, to_tag="t")
    assert ringing.receive(ring, 0.1) == [Deliver(ring)]
    assert run(ringing, 1_000) == []  # ringing has no end of its own


def test_invite_client_acknowledges_refusals_and_their_repetitions() -> None:
    machine = InviteClient(INVITE, reliable=False)
    machine.start(0.0)
    refusal = INVITE.respond(486, to_tag="t")
    (sent, delivered) = machine.receive(refusal, 1.0)
    assert isinstance(sent, Transmit)
    assert isinstance(sent.message, Request)
    ack = sent.message
    assert delivered == Deliver(refusal)
    assert (ack.method, ack.branch, ack.cseq, ack.to_tag) == ("ACK", INVITE.branch, 1, "t")
    assert ack.headers.all("Route") == ["<sip:p.example;lr>"]
    assert machine.receive(refusal, 2.0) == [Transmit(ack)]
    assert run(machine, 100) == []
    assert machine.state == "terminated"


def test_invite_client_delivers_every_2xx_for_64_t1() -> None:
    machine = InviteClient(INVITE, reliable=False)
    machine.start(0.0)
    accepted = INVITE.respond(200, to_tag="t")
    assert machine.receive(accepted, 1.0) == [Deliver(accepted)]
    assert machine.receive(accepted, 2.0) == [Deliver(accepted)]  # RFC 6026: the user acknowledges it again
    run(machine, 1.0 + 64 * T1)
    assert machine.receive(accepted, 34.0) == []


def test_invite_server_repeats_its_last_answer_and_absorbs_the_invite() -> None:
    machine = InviteServer(INVITE, reliable=False)
    assert machine.receive(INVITE, 0.1) == []
    ringing = INVITE.respond(180, to_tag="t")
    assert machine.respond(ringing, 0.2) == [Transmit(ringing)]
    assert machine.receive(INVITE, 0.5) == [Transmit(ringing)]
    accepted = INVITE.respond(200, to_tag="t")
    assert machine.respond(accepted, 1.0) == [Transmit(accepted)]
    assert machine.receive(INVITE, 1.5) == []  # RFC 6026 §7.1: absorbed; the user repeats its 2xx
    assert machine.respond(accepted, 1.5) == [Transmit(accepted)]
    ack = request("ACK")
    assert machine.receive(ack, 1.6) == [Deliver(ack)]
    assert run(machine, 100) == []
    assert machine.state == "terminated"


def test_invite_server_repeats_refusals_until_the_ack() -> None:
    machine = InviteServer(INVITE, reliable=False)
    refusal = INVITE.respond(404, to_tag="t")
    machine.respond(refusal, 0.0)
    assert times(run(machine, 8.0)) == [0.5, 1.5, 3.5, 7.5]
    assert machine.receive(request("ACK"), 8.1) == []
    assert machine.state == "confirmed"
    assert machine.deadline == 8.1 + T4
    assert run(machine, 100) == []


def test_invite_server_gives_up_without_ack() -> None:
    machine = InviteServer(INVITE, reliable=False)
    machine.respond(INVITE.respond(404, to_tag="t"), 0.0)
    seen = run(machine, 100)
    assert times(seen)[-1] - times(seen)[-2] == T2
    assert seen[-1] == (64 * T1, TimedOut())


def test_non_invite_client_repeats_up_to_t2_and_gives_up() -> None:
    machine = NonInviteClient(OPTIONS, reliable=False)
    machine.start(0.0)
    seen = run(machine, 100)
    assert times(seen) == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert seen[-1] == (32.0, TimedOut())


def test_non_invite_client_takes_one_final_answer() -> None:
    machine = NonInviteClient(OPTIONS, reliable=False)
    machine.start(0.0)
    answer = OPTIONS.respond(200, to_tag="t")
    assert machine.receive(answer, 0.1) == [Deliver(answer)]
    assert machine.receive(answer, 0.2) == []
    run(machine, 0.1 + T4)
    assert machine.state == "terminated"


@pytest.mark.parametrize("reliable", [False, True])
def test_non_invite_server_answers_repetitions_alike(reliable: bool) -> None:
    machine = NonInviteServer(OPTIONS, reliable)
    assert machine.receive(OPTIONS, 0.1) == []
    answer = OPTIONS.respond(200, to_tag="t")
    assert machine.respond(answer, 0.2) == [Transmit(answer)]
    assert machine.respond(OPTIONS.respond(500), 0.3) == []
    assert machine.receive(OPTIONS, 0.4) == [Transmit(answer)]
    run(machine, 0.2 + (0.0 if reliable else 64 * T1))
    assert machine.state == "terminated"


def test_keys() -> None:
    assert server_key(INVITE) == server_key(request("ACK"))
    assert server_key(INVITE) != server_key(request("CANCEL"))
    assert server_key(INVITE) != server_key(request(branch="z9hG4bKtwo"))
    old = [request(branch=branch) for branch in ("z9hG4bK", "1")]  # RFC 2543: no magic cookie, or nothing behind it
    assert all(server_key(item)[0] == "2543" for item in old)
    assert client_key(INVITE) == client_key(INVITE.respond(200))
    assert client_key(INVITE) != client_key(cancel_of(INVITE))


def test_cancel_bears_the_invites_branch_and_route() -> None:
    cancel = cancel_of(INVITE)
    assert (cancel.method, cancel.branch, cancel.cseq, cancel.cseq_method) == ("CANCEL", INVITE.branch, 1, "CANCEL")
    assert cancel.headers.all("Route") == INVITE.headers.all("Route")
    assert isinstance(INVITE.respond(200), Response)
