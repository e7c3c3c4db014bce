"""Reliable provisional answers, offers in any message that may bear one, session timers and transfers: usages under
virtual time."""

import itertools

import pytest

from media.sip import effects
from media.sip.message import Headers, Request, Response
from media.sip.referral import Referral, Replaces, Target, parse_refer, parse_replaces, read_notify, refer_to
from media.sip.session_timer import SessionTimer
from media.sip.usage import InviteUsage, new_invite
from tests.media.sip.virtual_net import Lose, Net, never

OFFER, ANSWER, HELD = b"v=0\r\noffer", b"v=0\r\nanswer", b"v=0\r\nheld"
SDP = ("Content-Type", "application/sdp")


def connected(
    lose: Lose = never, *, body: bytes = OFFER, extra: tuple[tuple[str, str], ...] = (), session_s: int = 0
) -> Net:
    """A call that has arrived at the server and waits for what it does."""
    net = Net(lose)

    def on_invite(request: Request) -> None:
        net.server.usage = InviteUsage(request, "<sip:server@127.0.0.1>", "s", ours=False, dice=lambda: 0.5)

    net.server.on_invite = on_invite
    contact = "<sip:caller@127.0.0.1>"
    invite = new_invite("sip:s@127.0.0.1", "<sip:c@x>;tag=c", "<sip:s@x>", "id", contact, *extra, body=body)
    net.caller.usage = InviteUsage(invite, contact, "c", ours=True, dice=lambda: 0.5, session_s=session_s)
    net.caller.run(net.caller.usage.start())
    net.run(net.now + 0.1)
    return net


def both(net: Net) -> tuple[InviteUsage, InviteUsage]:
    assert net.caller.usage is not None
    assert net.server.usage is not None
    return net.caller.usage, net.server.usage


def accept(net: Net, body: bytes = ANSWER) -> None:
    _, server = both(net)
    net.server.run(server.accept(server.invite, net.now, body=body))
    net.run(net.now + 0.1)


def test_reliable_ringing_goes_until_prack_and_the_200_waits_for_it() -> None:
    net = connected(lambda kind, number: kind == "PRACK" and number < 2)
    _, server = both(net)
    net.server.run(server.ring(183, SDP, now=net.now, body=ANSWER, reliable=True))
    net.server.run(server.ring(180, now=net.now, reliable=True))  # one at a time: it waits
    net.server.run(server.accept(server.invite, net.now, body=ANSWER))
    net.run(0.2)
    assert net.sent("180 INVITE") == net.sent("200 INVITE") == []
    net.run(5)
    assert len(net.sent("183 INVITE")) >= 2
    assert len(net.sent("180 INVITE")) == 1
    assert len(net.sent("200 INVITE")) == 1
    assert net.sent("481 PRACK") == []
    statuses = [one.response.status for one in net.caller.heard if isinstance(one, effects.Progress)]
    assert statuses == [183, 180]
    assert [one.state for one in both(net)] == ["up", "up"]
    net.run(120)
    assert len(net.caller.layer) == len(net.server.layer) == 0


def test_no_prack_at_all_refuses_the_call() -> None:
    net = connected(lambda kind, number: kind == "PRACK")
    _, server = both(net)
    net.server.run(server.ring(180, now=net.now, reliable=True))
    net.run(120)
    sent = net.sent("180 INVITE")
    assert [round(later - earlier, 1) for earlier, later in itertools.pairwise(sent)][:4] == [0.5, 1, 2, 4]
    (ended,) = [one for one in net.caller.heard if isinstance(one, effects.Ended)]
    assert ended.response is not None
    assert ended.response.status == 504


def test_prack_for_nothing_is_481() -> None:
    net = connected()
    caller, server = both(net)
    net.server.run(server.ring(180, now=net.now, reliable=True))
    net.run(net.now + 1)
    dialog = caller._forks.only()
    assert dialog is not None
    net.caller.run([effects.Send(dialog.request("PRACK", ("RAck", "7 1 INVITE")))])
    net.run(net.now + 1)
    assert len(net.sent("200 PRACK")) == len(net.sent("481 PRACK")) == 1


def test_a_peer_without_100rel_is_rung_plainly() -> None:
    net = connected()
    _, server = both(net)
    bare = server.invite.changed(headers=server.invite.headers.without("Supported"))
    plain = InviteUsage(bare, "<sip:s@x>", "s", ours=False, dice=lambda: 0.5)
    (reply,) = plain.ring(180, now=0.0, reliable=True)
    assert isinstance(reply, effects.Reply)
    assert "RSeq" not in reply.response.headers
    assert plain.deadline == float("inf")


def test_offer_in_reliable_183_is_answered_by_prack() -> None:
    net = connected(body=b"")
    caller, server = both(net)
    net.server.run(server.ring(183, SDP, now=net.now, body=OFFER, reliable=True))
    net.run(net.now + 0.1)
    (offered,) = [one for one in net.caller.heard if isinstance(one, effects.Offered)]
    net.caller.run(caller.answer(offered.request, offered.response, net.now, ANSWER))
    net.run(net.now + 0.1)
    (came,) = [one for one in net.server.heard if isinstance(one, effects.AnswerCame)]
    assert (came.request.method, came.request.body) == ("PRACK", ANSWER)
    accept(net, b"")
    assert [one.state for one in both(net)] == ["up", "up"]


def test_update_before_the_answer() -> None:
    net = connected()
    caller, server = both(net)
    net.server.run(server.ring(183, SDP, now=net.now, body=ANSWER, reliable=True))
    net.run(net.now + 0.1)
    net.caller.run(caller.update(OFFER, SDP))
    net.run(net.now + 0.1)
    (asked,) = [one for one in net.server.heard if isinstance(one, effects.Asked)]
    net.server.run(server.accept(asked.request, net.now, SDP, body=ANSWER))
    net.run(net.now + 0.1)
    assert net.caller.count(effects.Answered) == 1
    accept(net)
    assert [one.state for one in both(net)] == ["up", "up"]


def test_offer_in_200_is_answered_in_ack_though_the_ack_be_lost() -> None:
    net = connected(lambda kind, number: kind == "ACK" and number < 2, body=b"")
    caller, server = both(net)
    accept(net, OFFER)
    (offered,) = [one for one in net.caller.heard if isinstance(one, effects.Offered)]
    assert caller.state == "inviting"
    net.caller.run(caller.answer(offered.request, offered.response, net.now, ANSWER))
    net.run(10)
    acks = [one.ack for one in net.server.heard if isinstance(one, effects.Established)]
    assert [ack.body for ack in acks if ack] == [ANSWER]
    assert len(net.sent("ACK")) == 3
    assert server.state == "up"


def test_reinvite_without_an_offer_both_ways() -> None:
    net = connected()
    caller, server = both(net)
    accept(net)
    net.caller.run(caller.reinvite())
    net.run(net.now + 0.1)
    (asked,) = [one for one in net.server.heard if isinstance(one, effects.Asked)]
    net.server.run(server.accept(asked.request, net.now, SDP, body=OFFER))
    net.run(net.now + 0.1)
    (offered,) = [one for one in net.caller.heard if isinstance(one, effects.Offered)]
    net.caller.run(caller.answer(offered.request, offered.response, net.now, ANSWER))
    net.run(net.now + 0.1)
    assert [one.request.body for one in net.server.heard if isinstance(one, effects.AnswerCame)] == [ANSWER]
    assert net.caller.count(effects.Answered) == 1


def test_call_given_up_while_its_200_waits_for_our_answer() -> None:
    net = connected(body=b"")
    caller, _ = both(net)
    accept(net, OFFER)
    net.caller.run(caller.bye("bye"))
    net.run(net.now + 5)
    assert len(net.sent("ACK")) == len(net.sent("BYE")) == 1
    assert effects.Ended("bye") in net.server.heard


def test_early_dialogs_of_forks_are_apart() -> None:
    net = connected(lambda kind, number: kind == "INVITE")
    caller, _ = net.caller.usage, None
    assert caller is not None
    via = ("Via", "SIP/2.0/UDP x.example;branch=z9hG4bKp")
    invite = caller.invite.changed(headers=Headers((via, *caller.invite.headers.items)))

    def ringing(tag: str, rseq: int) -> list[str]:
        headers = (("Require", "100rel"), ("RSeq", str(rseq)), ("Contact", f"<sip:{tag}@192.0.2.1>"))
        wanted = caller.receive_response(caller.invite, invite.respond(180, *headers, to_tag=tag), 0.0)
        sent = [one.request for one in wanted if isinstance(one, effects.Send)]
        return [f"{one.method} {one.uri} {one.headers.get('RAck')}" for one in sent]

    assert ringing("one", 5) == ["PRACK sip:one@192.0.2.1 5 1 INVITE"]
    assert ringing("two", 9) == ["PRACK sip:two@192.0.2.1 9 1 INVITE"]
    assert ringing("one", 5) == []  # again
    assert ringing("one", 7) == []  # a gap: number 6 is missing
    assert ringing("one", 6) == ["PRACK sip:one@192.0.2.1 6 1 INVITE"]
    contact = ("Contact", "<sip:one@192.0.2.1>")
    caller.receive_response(caller.invite, invite.respond(200, contact, to_tag="one"), 0.0)
    assert caller.dialog is not None
    assert caller.dialog.request("BYE").cseq == 4  # after two PRACKs of that fork


# ─── session timers ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_caller_refreshes_by_update_and_the_session_lives_on() -> None:
    net = connected(session_s=90)
    accept(net)
    caller, server = both(net)
    assert (caller.timer.ours, server.timer.ours) == (True, False)
    net.run(300)
    assert len(net.sent("UPDATE")) == 6
    assert net.server.count(effects.Refreshed) == net.caller.count(effects.Refreshed) == 6
    assert [one.state for one in both(net)] == ["up", "up"]


def test_a_peer_that_does_not_refresh_is_hung_up() -> None:
    net = connected(lambda kind, number: kind == "UPDATE", session_s=90)
    accept(net)
    net.run(300)
    assert effects.Ended("peer_vanished") in net.server.heard
    byes = net.sent("BYE")
    assert byes
    assert byes[0] == pytest.approx(60, abs=1)  # 90 s less the smaller of 32 s and a third


def test_refresh_by_reinvite_where_update_is_not_allowed() -> None:
    net = connected(session_s=90)
    accept(net)
    caller, _ = both(net)
    net.run(10)
    caller._refresh = update = caller.dialog.request("UPDATE") if caller.dialog else None
    assert update is not None
    response = Response(status=405, headers=Headers((("CSeq", f"{update.cseq} UPDATE"),)))
    net.caller.run(caller.receive_response(update, response, net.now))
    net.run(net.now + 0.1)
    (asked,) = [one for one in net.server.heard if isinstance(one, effects.Asked)]
    assert (asked.request.method, asked.request.body) == ("INVITE", OFFER)
    assert asked.request.headers.get("Session-Expires") == "90;refresher=uac"


@pytest.mark.parametrize("ours", [True, False], ids=["we called", "it called"])
@pytest.mark.parametrize(
    ("allow", "method"), [("INVITE, ACK, BYE, UPDATE", "UPDATE"), ("INVITE, ACK, BYE", "INVITE"), ("", "UPDATE")]
)
def test_a_session_is_refreshed_by_what_the_peer_says_it_takes(ours: bool, allow: str, method: str) -> None:
    said = (("Allow", allow),) if allow else ()
    timed = (("Supported", "timer"), ("Session-Expires", f"90;refresher={'uac' if ours else 'uas'}"))
    me, it = "<sip:me@127.0.0.1>", "<sip:it@127.0.0.1>"
    invite = new_invite("sip:s@x", "<sip:c@x>;tag=c", "<sip:s@x>", "id", me if ours else it, SDP, body=OFFER)
    via = ("Via", "SIP/2.0/UDP x.example;branch=z9hG4bKp")
    if ours:
        usage = InviteUsage(invite.changed(headers=invite.headers.adding(via)), me, "c", ours=True, dice=lambda: 0.5)
        accepted = usage.invite.respond(200, ("Contact", it), *said, *timed, body=ANSWER, to_tag="s")
        usage.receive_response(usage.invite, accepted, 0.0)
    else:
        headers = invite.headers.without("Allow").without("Supported").adding(via, *said, *timed)
        usage = InviteUsage(invite.changed(headers=headers), me, "s", ours=False, dice=lambda: 0.5)
        usage.accept(usage.invite, 0.0, SDP, body=ANSWER)
        usage.receive_request(invite.changed(method="ACK", headers=headers.setting("CSeq", "1 ACK")), 0.0)
    assert usage.timer.ours
    (sent,) = [one.request for one in usage.tick(45.0) if isinstance(one, effects.Send)]
    assert sent.method == method


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
@pytest.mark.parametrize(("status", "described"), [(200, HELD), (488, OFFER), (500, OFFER)])
def test_refresh_says_what_the_peer_took_last_of_our_offers(method: str, status: int, described: bytes) -> None:
    net = connected(extra=(SDP,), session_s=90)
    accept(net)
    caller, server = both(net)
    caller._updates = False
    net.caller.run(caller.reinvite(HELD, SDP) if method == "INVITE" else caller.update(HELD, SDP))
    net.run(net.now + 0.1)
    (asked,) = [one.request for one in net.server.heard if isinstance(one, effects.Asked)]
    taken = server.accept(asked, net.now, SDP, body=ANSWER) if status == 200 else server.refuse(asked, status)
    net.server.run(taken)
    net.run(net.now + 0.1)
    net.run(caller.timer.refresh_at + 0.1)
    refresh = [one.request for one in net.server.heard if isinstance(one, effects.Asked)][-1]
    assert (refresh.method, refresh.content_type, refresh.body) == ("INVITE", "application/sdp", described)


def test_refresh_by_reinvite_is_an_offer_that_others_wait_for() -> None:
    net = connected(session_s=90)
    accept(net)
    caller, server = both(net)
    caller._updates = False
    net.run(caller.timer.refresh_at)
    net.server.run(server.reinvite(OFFER, SDP))  # crosses the refresh
    net.run(net.now + 0.1)
    assert len(net.sent("491 INVITE")) == 2
    assert net.caller.count(effects.Asked) == 0
    net.run(net.now + 1.5)  # the server is the first to try again
    (asked,) = [one for one in net.caller.heard if isinstance(one, effects.Asked)]
    net.caller.run(caller.accept(asked.request, net.now, SDP, body=ANSWER))
    net.run(net.now + 40)
    assert net.server.count(effects.Answered) == 1
    assert net.server.count(effects.Asked) == 0, "that offer has refreshed the session"


def test_interval_too_small_is_422_and_asked_again() -> None:
    net = connected()
    caller, _ = both(net)
    caller.timer.wanted = 30
    invite = caller.invite.changed(headers=caller.invite.headers.adding(("Session-Expires", "30")))
    assert SessionTimer.objection(invite) == (("Min-SE", "90"),)
    refused = invite.changed(headers=Headers((("Via", "SIP/2.0/UDP x"), *invite.headers.items)))
    wanted = caller.receive_response(invite, refused.respond(422, ("Min-SE", "120"), to_tag="s"), 0.0)
    (sent,) = [one.request for one in wanted if isinstance(one, effects.Send)]
    assert (sent.cseq, sent.call_id, sent.from_tag) == (2, "id", "c")
    assert (sent.headers.get("Session-Expires"), sent.headers.get("Min-SE")) == ("120", "120")
    (ended,) = caller.receive_response(sent, refused.respond(422, ("Min-SE", "120"), to_tag="s"), 0.0)
    assert isinstance(ended, effects.Ended)  # it asks for what it got


@pytest.mark.parametrize(
    ("supported", "asked", "answered", "ours"),
    [
        ("timer", "600", ("600;refresher=uac", "timer"), False),
        ("timer", "600;refresher=uas", ("600;refresher=uas", ""), True),
        ("", "600", ("600;refresher=uas", ""), True),
        ("", "30", ("90;refresher=uas", ""), True),
        ("timer", "", ("", ""), False),
        ("timer", "soon", ("", ""), False),
    ],
)
def test_who_refreshes(supported: str, asked: str, answered: tuple[str, str], ours: bool) -> None:
    request = Request(headers=Headers((("Supported", supported), ("Session-Expires", asked))), method="INVITE")
    timer = SessionTimer()
    headers = dict(timer.answer(request, 0.0))
    assert (headers.get("Session-Expires", ""), headers.get("Require", "")) == answered
    assert timer.ours is ours
    assert timer.refresh_at == (timer.interval / 2 if ours else float("inf"))


# ─── transfers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_refer_is_accepted_and_its_progress_told() -> None:
    net = connected()
    accept(net)
    caller, server = both(net)
    target = Target("sip:carol@127.0.0.1", Replaces("a@b", "t", "f"))
    net.caller.run(caller.refer(refer_to(target)))
    net.run(net.now + 0.1)
    (referred,) = [one for one in net.server.heard if isinstance(one, effects.Referred)]
    assert parse_refer(referred.request) == target
    for status in (180, 200):
        net.server.run(server.accept_refer(referred.request, net.now))
        net.server.run(server.tell_referrer(status, net.now))
    net.run(net.now + 1)
    told = [(one.status, one.final) for one in net.caller.heard if isinstance(one, effects.Notified)]
    assert told == [(100, False), (180, False), (200, True)]
    assert server.tell_referrer(200, net.now) == []
    assert net.caller.count(effects.Answered) == 1


def test_second_refer_while_the_first_runs_and_bad_ones() -> None:
    net = connected()
    accept(net)
    caller, _ = both(net)
    net.caller.run(caller.refer("<sip:carol@x>"))
    net.run(net.now + 0.1)
    net.caller.run(caller.refer("<sip:dave@x>"))
    net.run(net.now + 0.1)
    assert len(net.sent("491 REFER")) == 1
    net = connected()
    accept(net)
    caller, _ = both(net)
    net.caller.run(caller.refer("<http://carol.example>"))
    net.run(net.now + 0.1)
    assert len(net.sent("400 REFER")) == 1


def refer(value: str, *extra: tuple[str, str]) -> Request:
    return Request(headers=Headers((("Refer-To", value), ("CSeq", "5 REFER"), *extra)), method="REFER", uri="sip:x@y")


def test_refer_to_and_replaces_are_read_as_written() -> None:
    replaced = Replaces("98asjd8@t.example", "33s", "77x", early_only=True)
    target = Target("sip:carol@t.example;transport=tcp", replaced)
    assert parse_refer(refer(refer_to(target))) == target
    assert parse_refer(refer("sip:carol@t.example")) == Target("sip:carol@t.example")
    plus = parse_refer(refer("<sip:b@x?Subject=a%26b&Replaces=aGk+Zw%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2>"))
    assert plus == Target("sip:b@x", Replaces("aGk+Zw@pbx", "1", "2"))  # a Call-ID in Base64
    assert parse_replaces("c; from-tag=2;to-tag=1") == Replaces("c", "1", "2")
    for bad in ("<sip:c@x;method=BYE>", "nowhere", ""):
        with pytest.raises(ValueError, match=r"valid|REFER"):
            parse_refer(refer(bad))
    for bad in ("c;to-tag=1", ";to-tag=1;from-tag=2", "c\r\nX: y;to-tag=1;from-tag=2", "c;to-tag=1\n;from-tag=2 3"):
        with pytest.raises(ValueError, match="Replaces"):
            parse_replaces(bad)


def test_referrer_that_wants_no_notify() -> None:
    net = connected()
    _, server = both(net)
    assert server.dialog is not None
    silent = Referral(refer("<sip:c@x>", ("Refer-Sub", "false")), 0.0, later=False)
    assert silent.notify(server.dialog, 200, 0.0) is None
    later = Referral(refer("<sip:c@x>"), 0.0, later=True)
    notify = later.notify(server.dialog, 486, 1.0)
    assert notify is not None
    assert (notify.headers.get("Event"), read_notify(notify)) == ("refer;id=5", (486, True))
    assert later.notify(server.dialog, 200, 1.0) is None
