"""The desk's socket: snapshot and live on one road, nothing lost or doubled, and clear ends."""

import asyncio
from typing import Any

import msgspec
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from structlog.testing import capture_logs

from engine.errors import Overloaded
from engine.facts import CallEvent, Draft, Transcript, encode
from engine.feeds import BEHIND
from engine.ports.desk import Person
from engine.ports.storage import CallRecord
from engine.web import keys, sockets
from tests.engine.web.running_site import Site


def said(seq: int, *, stream: str = "1", end_ms: int = 0, call_id: str = "call-1") -> Transcript:
    return Transcript(call_id=call_id, seq=seq, turn=seq, text=f"turno {seq}", stream=stream, end_ms=end_ms or seq)


def draft(revision: int, end_ms: int, segment: int = 0) -> Draft:
    return Draft(
        call_id="call-1",
        stream="1",
        leg="customer",
        segment=segment,
        revision=revision,
        start_ms=0,
        end_ms=end_ms,
        text="tur",
    )


async def opened(client: Any, calls: dict[str, int] | None = None) -> ClientWebSocketResponse:
    """A socket that has said hello and resume."""
    ws: ClientWebSocketResponse = await client.ws_connect("/ws/desk")
    hello = await ws.receive_json(timeout=5)
    assert hello["type"] == "hello"
    assert hello["now_ms"] > 0
    assert hello["at"] > 0
    await ws.send_json({"type": "resume", "calls": calls or {}})
    return ws


async def take(ws: ClientWebSocketResponse, count: int) -> list[Any]:
    """So many messages; between them the engine may tell the time."""
    taken: list[Any] = []
    while len(taken) < count:
        message = await ws.receive_json(timeout=5)
        taken += [] if message["type"] == "beat" else [message]
    return taken


async def close_of(ws: ClientWebSocketResponse) -> int | None:
    while (message := await ws.receive(timeout=5)).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED):
        pass
    return ws.close_code if message.type is WSMsgType.CLOSED else message.data


async def test_a_call_comes_to_its_desk_with_all_facts_as_encoded(site: Site) -> None:
    ws = await opened(await site.logged_in("ana"))
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1), said(2)])
    call, first, second = await take(ws, 3)
    assert call == {"type": "call", "call": msgspec.to_builtins(site.record)}
    assert first == msgspec.json.decode(encode(said(1)))
    assert second["seq"] == 2


async def test_another_desk_sees_nothing_and_may_not_follow(site: Site) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    ws = await opened(await site.logged_in("ben"), {"call-1": 0})
    await ws.send_json({"type": "follow", "id": "call-1"})
    assert (await take(ws, 1))[0]["code"] == "forbidden"
    await ws.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ws, 1))[0]["code"] == "not_found"


async def test_who_follows_a_call_of_another_is_in_the_log_once(site: Site) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    with capture_logs() as logs:
        for login, before in (("ana", {}), ("sofia", {}), ("root", {"call-1": 1})):
            ws = await opened(await site.logged_in(login), before)
            for _ in range(2):
                await ws.send_json({"type": "follow", "id": "call-1"})
            await ws.send_json({"type": "follow", "id": "no-such-call"})
            while (await take(ws, 1))[0]["type"] != "error":
                pass
    told = [(log["call_id"], log["by"]) for log in logs if log["event"] == "call.read"]
    assert told == [("call-1", "user-sofia"), ("call-1", "user-root")]


async def test_a_supervisor_follows_and_stops(site: Site) -> None:
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    ws = await opened(await site.logged_in("sofia"))
    await ws.send_json({"type": "follow", "id": "call-1"})
    assert [message["type"] for message in await take(ws, 2)] == ["call", "transcript"]
    await ws.send_json({"type": "unfollow", "id": "call-1"})
    await ws.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ws, 1))[0]["type"] == "error"
    await site.hub.publish(site.record, [said(2)])
    await ws.send_json({"type": "follow", "id": "call-1"})
    assert [message.get("seq") for message in await take(ws, 3)] == [None, 1, 2]


@pytest.mark.parametrize("known", [0, 7, 300])
async def test_a_racing_publisher_loses_and_doubles_nothing(site: Site, known: int) -> None:
    """The client resumes while facts are being published, more of them than memory keeps."""
    client = await site.logged_in("ana")
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(seq) for seq in range(1, 701)])

    async def publish() -> None:
        for start in range(701, 1_001, 3):
            await site.hub.publish(site.record, [said(seq) for seq in range(start, start + 3)])

    async with asyncio.TaskGroup() as group:
        group.create_task(publish())
        ws = await opened(client, {"call-1": known})
        seen = [message["seq"] for message in await take(ws, 1 + 1_000 - known) if message["type"] == "transcript"]
    assert seen == list(range(known + 1, 1_001))


async def test_a_client_that_comes_back_gets_exactly_what_it_missed(site: Site) -> None:
    client = await site.logged_in("ana")
    ws = await opened(client)
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1), said(2)])
    await take(ws, 3)
    await ws.close()
    await site.hub.publish(site.record, [said(3)])
    ended = msgspec.structs.replace(site.record, ended_at=9.0, end_reason="bye")
    await site.hub.publish(ended, [CallEvent(call_id="call-1", seq=4, name="call.ended", data={"reason": "bye"})])
    await site.hub.changed(ended)
    ws = await opened(client, {"call-1": 2})
    call, third, last = await take(ws, 3)
    assert call["call"]["end_reason"] == "bye"
    assert (third["seq"], last["name"]) == (3, "call.ended")


async def test_a_claim_brings_the_call_and_takes_it_from_the_other_desk(site: Site) -> None:
    ana, ben = await opened(await site.logged_in("ana")), await opened(await site.logged_in("ben"))
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    await take(ana, 2)
    await ben.send_json({"type": "claim", "id": "call-1"})
    call, fact = await take(ben, 2)
    assert call["call"]["agent_name"] == "Ben"
    assert fact["seq"] == 1
    assert (await take(ana, 1))[0]["call"]["agent_id"] == "user-ben"
    record: CallRecord = await site.hub.record(site.record.organisation_id, "call-1")
    await site.hub.publish(record, [said(2)])
    assert (await take(ben, 1))[0]["seq"] == 2
    await ana.send_json({"type": "follow", "id": "call-1"})
    assert (await take(ana, 1))[0]["code"] == "forbidden"


async def test_who_followed_their_own_call_hears_no_more_of_it_on_another_desk(site: Site) -> None:
    ana = await opened(await site.logged_in("ana"))
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    await take(ana, 2)
    await ana.send_json({"type": "follow", "id": "call-1"})
    await ana.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ana, 1))[0]["code"] == "not_found"  # so the first has been taken
    moved = msgspec.structs.replace(site.record, agent_id="user-ben", agent_name="Ben")
    await site.hub.changed(moved)
    await site.hub.publish(moved, [said(2)])
    assert (await take(ana, 1))[0]["call"]["agent_id"] == "user-ben"
    await ana.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ana, 1))[0]["code"] == "not_found"


async def test_a_refused_answer_to_a_card_says_to_which(site: Site) -> None:
    ws = await opened(await site.logged_in("ana"))
    await ws.send_json({"type": "card", "id": "no-such-call", "seq": 7, "action": "accepted"})
    (error,) = await take(ws, 1)
    assert (error["code"], error["id"], error["seq"]) == ("not_found", "no-such-call", 7)


async def test_acknowledgements_and_cards_reach_the_desk_and_are_stamped(site: Site) -> None:
    ws = await opened(await site.logged_in("ana"))
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    await take(ws, 2)
    await ws.send_json({"type": "shown", "id": "call-1", "seq": 1})
    await ws.send_json({"type": "shown", "id": "call-1", "stream": "1", "segment": 4, "revision": 2})
    await ws.send_json({"type": "card", "id": "call-1", "seq": 1, "action": "accepted"})
    await ws.send_json({"type": "shown", "id": "no-such-call", "seq": 1})
    await ws.send_json({"type": "follow", "id": "no-such-call"})
    stamped, error = await take(ws, 2)
    commands = [command for _, command in site.desk.commands]
    assert stamped == {"type": "stamped", "id": "call-1", "seq": 1, "shown": commands[0].at_ms}
    assert error["code"] == "not_found"
    assert (commands[1].stream, commands[1].segment, commands[1].revision) == ("1", 4, 2)
    assert (commands[2].name, commands[2].action) == ("card", "accepted")
    assert all(command.at_ms > 0 for command in commands)


async def test_drafts_are_shown_until_their_words_are_final(site: Site) -> None:
    ws = await opened(await site.logged_in("ana"))
    await site.hub.opened(site.record)
    site.hub.draft(site.record, draft(1, 500))
    site.hub.draft(site.record, draft(2, 800))
    call, shown = await take(ws, 2)
    assert call["type"] == "call"
    assert (shown["type"], shown["revision"]) == ("draft", 2)
    site.hub.draft(site.record, draft(3, 900))
    await site.hub.publish(site.record, [said(1, end_ms=1_000)])
    site.hub.draft(site.record, draft(4, 950))
    site.hub.draft(site.record, draft(1, 1_500, segment=1))
    rest = await take(ws, 3)
    assert [(message["type"], message.get("segment")) for message in rest] == [
        ("draft", 0),
        ("transcript", None),
        ("draft", 1),
    ]


async def test_a_desk_that_falls_too_far_behind_is_sent_away_and_resumes(site: Site) -> None:
    client = await site.logged_in("ana")
    ws = await opened(client)
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [said(1)])
    await take(ws, 2)
    await site.hub.publish(site.record, [said(seq) for seq in range(2, BEHIND + 10)])
    assert await close_of(ws) == 1013
    assert b'sockets_slow_total{kind="desk"} 1.0' in site.metrics.text()
    ws = await opened(client, {"call-1": 1})
    messages = await take(ws, BEHIND + 9)
    assert [message["seq"] for message in messages[1:]] == list(range(2, BEHIND + 10))


@pytest.mark.parametrize(
    ("first", "then", "code"),
    [
        ("{", None, 1007),
        ('{"type":"sing"}', None, 1007),
        ('{"type":"resume","calls":{"a":"b"}}', None, 1007),
        ('{"type":"resume","calls":{"a":10000000000000000000000}}', None, 1007),
        ('{"type":"resume","calls":{"a":-1}}', None, 1007),
        ('{"type":"resume","x":' + "[" * 5_000, None, 1007),
        ("[" * 5_000, None, 1007),
        ('{"type":"resume"}', '{"type":"shown","id":"a","seq":10000000000000000000000}', 1007),
        ('{"type":"claim","id":"call-1"}', None, 1002),
        ('{"type":"resume"}', '{"type":"resume"}', 1002),
        ('{"type":"resume"}', '{"type":"card","id":"a","seq":1,"action":"eaten"}', 1007),
        (b"\x00", None, 1003),
        ("x" * 70_000, None, 1009),
    ],
)
async def test_what_cannot_be_understood_closes_with_its_code(
    site: Site, first: str | bytes, then: str | None, code: int
) -> None:
    ws = await (await site.logged_in("ana")).ws_connect("/ws/desk")
    await (ws.send_bytes(first) if isinstance(first, bytes) else ws.send_str(first))
    if then is not None:
        await ws.send_str(then)
    assert await close_of(ws) == code


async def test_the_engine_s_stop_is_said(site: Site) -> None:
    ws = await opened(await site.logged_in("ana"))
    closing = asyncio.ensure_future(close_of(ws))
    await site.app.shutdown()
    assert await closing == 1001


async def test_a_mistake_of_ours_closes_the_socket_and_no_other(site: Site) -> None:
    ana, ben = await opened(await site.logged_in("ana")), await opened(await site.logged_in("ben"))
    await site.hub.opened(site.record)
    await take(ana, 1)
    site.desk.broken = True
    await ana.send_json({"type": "claim", "id": "call-1"})
    assert await close_of(ana) == 1011
    await ben.send_json({"type": "follow", "id": "call-1"})
    assert (await take(ben, 1))[0]["code"] == "forbidden"


async def test_a_session_that_the_store_cannot_tell_of_goes_on_until_it_can(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, asked, over = await site.logged_in("ana"), asyncio.Event(), False
    who, answers = site.app[keys.LOGIN].who, 0

    async def sometimes(token: str, *, held: bool = False) -> Person | None:
        nonlocal answers
        answers += 1
        if answers == 1:
            return await who(token, held=held)  # the handshake's
        if answers == 3:
            asked.set()
        if not over:
            raise Overloaded("the store cannot read")
        return None

    monkeypatch.setattr(site.app[keys.LOGIN], "who", sometimes)
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.01)
    ws = await opened(client)
    await asyncio.wait_for(asked.wait(), 5)
    await ws.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ws, 1))[0]["code"] == "not_found"
    over = True
    assert await close_of(ws) == 1008


async def test_an_open_desk_uses_its_session(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.01)
    ana, ben = await site.logged_in("ana"), await site.logged_in("ben")
    people, noted = site.store.people, asyncio.Event()
    prolong = people.prolong_session

    async def prolong_session(token: str, ends_at: float) -> None:
        await prolong(token, ends_at)
        noted.set()

    ws = await opened(ana)
    monkeypatch.setattr(people, "prolong_session", prolong_session)
    for client in (ana, ben):  # neither has been used for long
        (cookie,) = client.session.cookie_jar
        await prolong(cookie.value, 1.0)
    await asyncio.wait_for(noted.wait(), 5)
    assert [(await client.get("/api/me")).status for client in (ana, ben)] == [200, 401]
    await ws.send_json({"type": "follow", "id": "no-such-call"})
    assert (await take(ws, 1))[0]["code"] == "not_found"
