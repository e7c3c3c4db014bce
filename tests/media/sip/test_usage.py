"""INVITE usages against each other on a virtual network: loss, glare, hold, and every way for a call to end."""

import contextlib
import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.sip import effects
from media.sip.message import Headers, Request
from media.sip.usage import InviteUsage, new_invite
from tests.media.sip.virtual_net import Lose, Net, never

OFFER, ANSWER = b"v=0\r\noffer", b"v=0\r\nanswer"


def placed(
    lose: Lose = never,
    *,
    transport: str = "UDP",
    answer: bool = True,
    dice: float = 0.5,
    late: Callable[[], float] = lambda: 0.0,
) -> Net:
    """A call from the caller to the server, which answers at once unless told not to."""
    net = Net(lose, transport=transport, late=late)

    def on_invite(request: Request) -> None:
        net.server.usage = InviteUsage(request, "<sip:server@127.0.0.1>", "s", ours=False, dice=lambda: dice)
        net.server.run(net.server.usage.ring(180))
        if answer:
            net.server.run(net.server.usage.accept(request, net.now, body=ANSWER))

    net.server.on_invite = on_invite
    contact = "<sip:caller@127.0.0.1>"
    invite = new_invite("sip:s@127.0.0.1", "<sip:c@x>;tag=c", "<sip:s@x>", "id", contact, body=OFFER)
    net.caller.usage = InviteUsage(invite, contact, "c", ours=True, dice=lambda: dice)
    net.caller.run(net.caller.usage.start())
    net.run(net.now + 0.1)
    return net


def both(net: Net) -> tuple[InviteUsage, InviteUsage]:
    assert net.caller.usage is not None
    assert net.server.usage is not None
    return net.caller.usage, net.server.usage


def answer_all(net: Net) -> None:
    """Each side accepts what it was asked and has not answered."""
    for side in (net.caller, net.server):
        for effect in list(side.heard):
            if isinstance(effect, effects.Asked) and side.usage is not None:
                side.run(side.usage.accept(effect.request, net.now, body=ANSWER))


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_call_is_set_up_once(transport: str) -> None:
    net = placed(transport=transport)
    net.run(60)
    caller, server = both(net)
    assert (caller.state, server.state) == ("up", "up")
    assert net.sent("INVITE") == [0.0]
    assert net.sent("200 INVITE") == [0.01]
    assert len(net.sent("ACK")) == 1
    assert (net.caller.count(effects.Established), net.server.count(effects.Established)) == (1, 1)


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_lost_ack_repeats_the_2xx_and_the_ack(transport: str) -> None:
    net = placed(lambda kind, number: kind == "ACK" and number < 3, transport=transport)
    net.run(60)
    assert net.sent("200 INVITE") == [0.01, 0.51, 1.51, 3.51]  # T1, doubled: also over TCP (RFC 3261 §13.3.1.4)
    assert len(net.sent("ACK")) == 4
    assert both(net)[1].state == "up"
    assert net.caller.count(effects.Established) == net.server.count(effects.Established) == 1


def test_lost_200_comes_again_and_the_invite_is_absorbed() -> None:
    net = placed(lambda kind, number: kind in ("180 INVITE", "200 INVITE") and number < 2)
    net.run(60)
    caller, server = both(net)
    assert (caller.state, server.state) == ("up", "up")
    assert len(net.sent("INVITE")) > 1
    assert net.server.count(effects.Established) == 1


def test_no_ack_at_all_ends_the_call_with_bye() -> None:
    net = placed(lambda kind, number: kind == "ACK")
    net.run(60)
    sent = net.sent("200 INVITE")
    assert sent[:5] == [0.01, 0.51, 1.51, 3.51, 7.51]
    assert max(later - earlier for earlier, later in itertools.pairwise(sent)) == pytest.approx(4.0)  # T2
    assert effects.Ended("no_ack") in net.server.heard
    assert effects.Ended("bye") in net.caller.heard


@given(st.lists(st.booleans(), min_size=30, max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_loss_that_lets_something_through_still_sets_the_call_up_once(losses: list[bool]) -> None:
    seen = iter(losses)
    net = placed(lambda kind, number: next(seen, False) and number < 4)
    net.run(32)  # four INVITEs, four 200s and four ACKs are lost by 27.02
    caller, server = both(net)
    assert (caller.state, server.state) == ("up", "up")
    assert net.caller.count(effects.Established) == net.server.count(effects.Established) == 1
    caller_hangs_up = caller.bye("bye")
    net.caller.run(caller_hangs_up)
    net.run(70)
    assert effects.Ended("bye") in net.server.heard
    net.run(140)
    assert len(net.caller.layer) == len(net.server.layer) == 0  # nothing is left behind


@pytest.mark.parametrize("seed", range(10))
def test_many_calls_over_a_lossy_network_that_reorders(seed: int) -> None:
    """20 calls a seed at 5 % loss and 20 % delayed past their followers: none stuck, none doubled."""
    dice = random.Random(seed)

    def late() -> float:
        return dice.uniform(0.05, 0.6) if dice.random() < 0.2 else 0.0

    for _ in range(20):
        net = placed(lambda kind, number: dice.random() < 0.05, late=late)
        net.run(35)
        assert [one.state for one in both(net)] == ["up", "up"]
        assert net.caller.count(effects.Established) == net.server.count(effects.Established) == 1
        net.caller.run(both(net)[0].bye("bye"))
        net.run(75)
        assert effects.Ended("bye") in net.server.heard
        net.run(150)
        assert len(net.caller.layer) == len(net.server.layer) == 0


def test_cancel_is_answered_with_487() -> None:
    net = placed(answer=False)
    caller, server = both(net)
    net.caller.run(caller.cancel())
    net.run(5)
    assert net.sent("CANCEL") == [0.1]
    assert net.sent("200 CANCEL") == [0.11]
    assert effects.Ended("cancelled") in net.server.heard
    assert [effect.reason for effect in net.caller.heard if isinstance(effect, effects.Ended)] == ["cancelled"]
    assert server.accept(server.invite, net.now, body=ANSWER) == []


def test_cancel_waits_for_a_provisional_answer() -> None:
    net = placed(lambda kind, number: kind == "180 INVITE" and number == 0, answer=False)
    caller, _ = both(net)
    net.caller.run(caller.cancel())
    net.run(0.3)
    assert net.sent("CANCEL") == []  # RFC 3261 §9.1
    net.run(2)
    assert len(net.sent("CANCEL")) == 1


@pytest.mark.parametrize("late", [False, True])
def test_cancel_waits_for_the_next_target_s_provisional_answer(late: bool) -> None:
    """The first has said 100, and is left for another of its name's targets (RFC 3263 §4.3)."""
    invite = new_invite("sip:s@x", "<sip:c@x>;tag=c", "<sip:s@x>", "id", "<sip:caller@192.0.2.1>", body=OFFER)
    via = ("Via", "SIP/2.0/UDP x.example;branch=z9hG4bKp")
    arrived = invite.changed(headers=Headers((via, *invite.headers.items)))
    caller = InviteUsage(invite, "<sip:caller@192.0.2.1>", "c", ours=True, dice=lambda: 0.0)
    caller.receive_response(caller.invite, arrived.respond(100), 0.0)
    if not late:
        caller.cancel()  # while the other is connected to
    caller.moved(caller.invite)
    if late:
        assert caller.cancel() == [effects.HoldBack(caller.invite)]
    ringing = caller.receive_response(caller.invite, arrived.respond(180, to_tag="s"), 0.1)
    assert effects.CancelInvite(caller.invite) in ringing


def test_cancel_that_crosses_the_200_becomes_bye() -> None:
    net = placed(answer=False)
    caller, server = both(net)
    net.server.run(server.accept(server.invite, net.now, body=ANSWER))
    net.caller.run(caller.cancel())
    net.run(5)
    assert [effect.reason for effect in net.caller.heard if isinstance(effect, effects.Ended)] == ["cancelled"]
    assert effects.Ended("bye") in net.server.heard


def test_refusal_and_busy() -> None:
    net = placed(answer=False)
    _, server = both(net)
    net.server.run(server.refuse(server.invite, 404))
    net.run(60)
    ended = [effect for effect in net.caller.heard if isinstance(effect, effects.Ended)]
    assert [(effect.reason, effect.response.status if effect.response else 0) for effect in ended] == [
        ("rejected", 404)
    ]
    assert net.sent("404 INVITE") == [0.1]


def test_nobody_there() -> None:
    net = placed(lambda kind, number: True)
    net.run(60)
    assert net.caller.heard == [effects.Ended("timeout")]
    assert len(net.sent("INVITE")) == 7


def test_bye_from_either_side_and_twice() -> None:
    net = placed()
    caller, server = both(net)
    net.server.run(server.bye("shutdown", ("Reason", 'SIP;cause=503;text="x"')))
    net.caller.run(caller.bye("bye"))  # they cross
    net.run(60)
    assert net.server.count(effects.Ended) == net.caller.count(effects.Ended) == 1
    assert net.server.usage is not None
    assert net.server.usage.bye("bye") == []


def test_reinvite_and_update_are_asked_and_answered() -> None:
    net = placed()
    caller, _ = both(net)
    net.caller.run(caller.reinvite(OFFER))
    net.run(0.12)
    answer_all(net)
    net.run(1)
    net.caller.run(caller.update(b"<recording/>", ("Content-Type", "application/rs-metadata+xml")))
    net.run(1.02)
    answer_all(net)
    net.run(40)
    answers = [effect for effect in net.caller.heard if isinstance(effect, effects.Answered)]
    assert [(effect.request.method, effect.response.status) for effect in answers] == [("INVITE", 200), ("UPDATE", 200)]
    assert net.server.count(effects.Asked) == 2
    assert len(net.sent("200 INVITE")) == 2  # both were acknowledged


def test_glare_is_491_and_both_try_again() -> None:
    net = placed()
    caller, server = both(net)
    net.caller.run(caller.reinvite(OFFER))
    net.server.run(server.reinvite(OFFER))
    for _ in range(100):
        net.run(net.now + 0.1)
        answer_all(net)
    assert len(net.sent("491 INVITE")) == 2
    # §14.1: the side that did not make the call waits 0–2 s, its owner 2.1–4 s
    retries = [at for at in net.sent("INVITE") if at > 0.2]
    assert retries == pytest.approx([1.12, 3.17], abs=0.1)
    assert net.caller.count(effects.Answered) == net.server.count(effects.Answered) == 1


def test_an_update_without_a_description_is_no_glare() -> None:
    """RFC 3311 §5.2: a hold is taken while a request for metadata is on its way; an offer of ours would refuse it."""
    for body, statuses in ((b"<request/>", ["200 INVITE", "200 UPDATE"]), (OFFER, ["491 INVITE", "491 UPDATE"])):
        net = placed()
        caller, server = both(net)
        net.server.run(server.update(body))
        net.caller.run(caller.reinvite(OFFER))
        began = len(net.carried)
        net.run(net.now + 0.015)
        answer_all(net)
        net.run(net.now + 0.1)
        kinds = [kind for _, kind in net.carried[began:]]
        assert sorted(kind for kind in kinds if kind[0].isdigit()) == sorted(statuses)


def test_offer_that_was_refused_for_glare_is_made_anew() -> None:
    net = placed()
    caller, server = both(net)
    version = itertools.count(2)  # of our description, whichever message bears it

    def describe() -> bytes:
        return b"v=0\r\no=- 1 %d IN IP4 127.0.0.1" % next(version)

    net.caller.run(caller.reinvite(describe))
    net.server.run(server.reinvite(OFFER))
    net.run(net.now + 1.5)  # the server is the first to try again
    (asked,) = [effect.request for effect in net.caller.heard if isinstance(effect, effects.Asked)]
    net.caller.run(caller.accept(asked, net.now, body=describe()))
    net.run(net.now + 5)
    (again,) = [effect.request for effect in net.server.heard if isinstance(effect, effects.Asked)]
    assert again.body == b"v=0\r\no=- 1 4 IN IP4 127.0.0.1"  # version 3 was the answer (RFC 3264 §8)


def test_retry_waits_while_the_peer_s_offer_is_not_answered() -> None:
    net = placed()
    caller, server = both(net)
    net.caller.run(caller.reinvite(OFFER))
    net.server.run(server.reinvite(OFFER))
    net.run(net.now + 6)  # the caller's turn has come and gone
    assert net.server.count(effects.Asked) == 0
    answer_all(net)
    net.run(net.now + 2)
    answer_all(net)
    net.run(net.now + 1)
    assert net.caller.count(effects.Answered) == net.server.count(effects.Answered) == 1


def test_offer_in_a_2xx_is_open_until_the_ack() -> None:
    net = placed(lambda kind, number: kind == "ACK" and number in (1, 2))
    caller, server = both(net)
    metadata = b"<recording/>"  # an INVITE without SDP, though it has a body
    net.caller.run(caller.reinvite(metadata, ("Content-Type", "application/rs-metadata+xml")))
    net.run(net.now + 0.1)
    (asked,) = [effect.request for effect in net.server.heard if isinstance(effect, effects.Asked)]
    net.server.run(server.accept(asked, net.now, body=OFFER))
    net.run(net.now + 0.1)
    (offered,) = [effect for effect in net.caller.heard if isinstance(effect, effects.Offered)]
    net.caller.run(caller.answer(offered.request, offered.response, net.now, ANSWER))
    with pytest.raises(ValueError, match="open"):
        server.reinvite(OFFER)
    net.caller.run(caller.update(OFFER))
    net.run(net.now + 0.1)
    assert len(net.sent("491 UPDATE")) == 1
    net.run(net.now + 5)  # the third ACK came through, and the UPDATE again
    assert [effect.request.body for effect in net.server.heard if isinstance(effect, effects.AnswerCame)] == [ANSWER]
    assert net.server.count(effects.Asked) == 2


def test_only_what_is_accepted_moves_the_target() -> None:
    net = placed()
    caller, server = both(net)
    assert caller.dialog is not None
    assert server.dialog is not None
    before = server.dialog.remote_target
    caller.dialog.contact = "<sip:moved@127.0.0.1>"
    for status, target in ((488, before), (0, "sip:moved@127.0.0.1")):
        net.caller.run(caller.reinvite(OFFER))
        net.run(net.now + 0.1)
        asked = [effect.request for effect in net.server.heard if isinstance(effect, effects.Asked)][-1]
        assert server.dialog.remote_target == before, "it is not answered yet"
        refuse_or_accept = server.refuse(asked, status) if status else server.accept(asked, net.now, body=ANSWER)
        net.server.run(refuse_or_accept)
        net.run(net.now + 0.1)
        assert server.dialog.remote_target == target
    caller.dialog.contact = "<sip:again@127.0.0.1>"
    net.caller.run(caller.update())  # a refresh and nothing else, accepted at once
    net.run(net.now + 0.1)
    assert server.dialog.remote_target == "sip:again@127.0.0.1"


def test_second_offer_while_the_first_is_open() -> None:
    net = placed()
    caller, _ = both(net)
    net.caller.run(caller.reinvite(OFFER))
    with pytest.raises(ValueError, match="open"):
        caller.reinvite(OFFER)
    assert caller.dialog is not None
    net.caller.run([effects.Send(caller.dialog.request("UPDATE", body=OFFER))])
    net.run(1)
    assert len(net.sent("500 UPDATE")) == 1  # RFC 3311 §5.2, with Retry-After


def test_requests_out_of_order_are_refused() -> None:
    net = placed()
    caller, _ = both(net)
    assert caller.dialog is not None
    caller.dialog.local_cseq = 0
    net.caller.run([effects.Send(caller.dialog.request("INFO"))])
    net.run(1)
    assert net.sent("500 INFO") == [0.11]


def test_peer_that_forgot_the_dialog_or_does_not_answer_is_gone() -> None:
    net = placed()
    _, server = both(net)
    net.server.run(server.probe())
    net.run(1)
    assert net.server.count(effects.Answered) == 1
    net.caller.usage = None  # no usage answers any more: the transactions time out
    net.server.run(server.probe())
    net.run(60)
    assert net.server.count(effects.Unanswered) == 1  # its owner looks whether sound flows
    net.server.run(server.update(b""))
    net.run(120)
    assert effects.Ended("peer_vanished") in net.server.heard
    net = placed()
    caller, server = both(net)
    caller.state = "ended"
    net.server.run(server.probe())
    net.run(1)
    assert net.sent("481 OPTIONS") == [0.11]
    assert effects.Ended("peer_vanished") in net.server.heard


def test_record_route_is_kept_in_order_by_the_server_and_reversed_by_the_caller() -> None:
    invite = new_invite("sip:s@x", "<sip:c@x>;tag=c", "<sip:s@x>", "id", "<sip:caller@192.0.2.1>", body=OFFER)
    routes = (("Record-Route", "<sip:p1.example;lr>, <sip:p2.example;lr>"), ("Record-Route", "<sip:p3.example;lr>"))
    routed = invite.changed(
        headers=Headers((("Via", "SIP/2.0/UDP p1.example;branch=z9hG4bKp"), *invite.headers.items, *routes))
    )
    server = InviteUsage(routed, "<sip:server@192.0.2.2>", "s", ours=False, dice=lambda: 0.0)
    assert server.dialog is not None
    bye = server.dialog.request("BYE")
    assert bye.headers.all("Route") == ["<sip:p1.example;lr>", "<sip:p2.example;lr>", "<sip:p3.example;lr>"]
    assert (bye.uri, server.dialog.next_hop()) == ("sip:caller@192.0.2.1", "sip:p1.example;lr")
    caller = InviteUsage(invite, "<sip:caller@192.0.2.1>", "c", ours=True, dice=lambda: 0.0)
    wanted = caller.receive_response(
        invite, routed.respond(200, ("Contact", "<sip:server@192.0.2.2>"), to_tag="s"), 0.0
    )
    (ack,) = [effect.request for effect in wanted if isinstance(effect, effects.SendAck)]
    assert ack.headers.all("Route") == ["<sip:p3.example;lr>", "<sip:p2.example;lr>", "<sip:p1.example;lr>"]
    assert ack.uri == "sip:server@192.0.2.2"


def test_strict_router_takes_the_request_uri() -> None:
    invite = new_invite("sip:s@x", "<sip:c@x>;tag=c", "<sip:s@x>", "id", "<sip:caller@192.0.2.1>", body=OFFER)
    routed = invite.changed(headers=invite.headers.adding(("Record-Route", "<sip:old.example>")))
    server = InviteUsage(routed, "<sip:server@192.0.2.2>", "s", ours=False, dice=lambda: 0.0)
    assert server.dialog is not None
    bye = server.dialog.request("BYE")
    assert (bye.uri, bye.headers.all("Route")) == ("sip:old.example", ["<sip:caller@192.0.2.1>"])


def test_second_fork_that_answers_is_acknowledged_and_hung_up() -> None:
    invite = new_invite("sip:s@x", "<sip:c@x>;tag=c", "<sip:s@x>", "id", "<sip:caller@192.0.2.1>", body=OFFER)
    invite = invite.changed(headers=Headers((("Via", "SIP/2.0/UDP x.example;branch=z9hG4bKp"), *invite.headers.items)))
    caller = InviteUsage(invite, "<sip:caller@192.0.2.1>", "c", ours=True, dice=lambda: 0.0)
    contact = ("Contact", "<sip:server@192.0.2.2>")
    caller.receive_response(invite, invite.respond(200, contact, to_tag="one"), 0.0)
    wanted = caller.receive_response(invite, invite.respond(200, contact, to_tag="two"), 0.1)
    sent = [effect.request for effect in wanted if isinstance(effect, effects.Send | effects.SendAck)]
    assert [(request.method, request.to_tag) for request in sent] == [("ACK", "two"), ("BYE", "two")]
    assert caller.state == "up"


steps = st.tuples(
    st.sampled_from(["caller", "server"]),
    st.sampled_from(["reinvite", "update", "metadata", "probe", "answer", "refuse", "wait", "cancel", "bye"]),
    st.floats(0.0, 3.0),
)


def take(net: Net, side: str, step: str) -> None:
    """One thing that an owner may do at any time."""
    actor = net.caller if side == "caller" else net.server
    machine = actor.usage
    if machine is None:
        return
    asked = [effect.request for effect in actor.heard if isinstance(effect, effects.Asked)]
    with contextlib.suppress(ValueError):  # "another offer is open", "the call is not up"
        match step:
            case "reinvite":
                actor.run(machine.reinvite(OFFER))
            case "update":
                actor.run(machine.update(OFFER))
            case "metadata":
                actor.run(machine.update(b"<recording/>"))
            case "probe":
                actor.run(machine.probe())
            case "answer" if asked:
                actor.run(machine.accept(asked[-1], net.now, body=ANSWER))
            case "refuse" if asked:
                actor.run(machine.refuse(asked[-1], 488))
            case "cancel":
                actor.run(machine.cancel())
            case "bye":
                actor.run(machine.bye("bye"))


@given(
    st.lists(steps, max_size=14), st.lists(st.booleans(), max_size=40), st.booleans(), st.sampled_from(["UDP", "TCP"])
)
@settings(max_examples=150, deadline=None)
def test_whatever_both_sides_do_the_call_ends_once_and_leaves_nothing(
    story: list[tuple[str, str, float]], losses: list[bool], answers: bool, transport: str
) -> None:
    seen = iter(losses if transport == "UDP" else [])
    net = placed(lambda kind, number: next(seen, False), transport=transport, answer=answers)
    for actor, step, pause in story:
        take(net, actor, step)
        net.run(net.now + pause)
    for _ in range(2):  # an INVITE that was lost so far may yet arrive
        for side in (net.caller, net.server):
            if side.usage is not None:
                side.run(side.usage.bye("bye"))
        net.run(net.now + 150)
    for side in (net.caller, net.server):
        if side.usage is not None:
            assert side.count(effects.Ended) == 1
            assert side.usage.state == "ended"
            assert side.usage.deadline == float("inf")
        assert side.count(effects.Established) <= 1
        assert len(side.layer) == 0


def test_bye_before_the_ack_says_that_the_call_stood() -> None:
    net = placed(lambda kind, number: kind == "ACK")
    caller, _ = both(net)
    net.caller.run(caller.bye("bye"))
    net.run(60)
    assert net.server.heard == [effects.Established(), effects.Ended("bye")]
