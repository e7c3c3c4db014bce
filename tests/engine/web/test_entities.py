"""A masked word is read again by the call's agent until the wrap-up is done, and by supervisors; the log says so."""

import io
import json
import time

import msgspec
import pytest

from engine.control.tokens import WRAP_UP_S, Tokens
from engine.facts import CallEvent, Insight
from engine.ports.desk import Person
from engine.tokens import Token
from engine.web import keys
from tests.engine.web.running_site import Site

PHONE = "3104567890"
URL = "/api/calls/call-1/entities/{}/value"


def found(seq: int, entity_type: str) -> Insight:
    return Insight(call_id="call-1", seq=seq, kind="entity", turn=1, entity_type=entity_type, start=0, end=9)


@pytest.fixture
async def call(site: Site) -> Site:
    """A live call of Ana's: fact 1 is a telephone number, fact 2 a card."""
    await site.hub.opened(site.record)
    await site.hub.publish(site.record, [found(1, "PHONE"), found(2, "CARD")], [Token(1, PHONE)])
    keep(site, kept=True)
    return site


def keep(site: Site, *, kept: bool) -> None:
    tokens = site.app[keys.TOKENS]
    tokens.__dict__.update(Tokens(site.store, kept=kept).__dict__)  # aiohttp freezes the application's keys


async def status(site: Site, login: str, seq: int = 1) -> int:
    return (await (await site.logged_in(login)).get(URL.format(seq))).status


async def end(site: Site, ago_s: float = 0.0) -> None:
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=time.time() - ago_s))


async def test_the_agent_and_supervisors_read_it(call: Site) -> None:
    for login in ("ana", "sofia", "root"):
        response = await (await call.logged_in(login)).get(URL.format(1))
        assert response.status == 200
        assert await response.json() == {"value": PHONE}
        assert response.headers["Cache-Control"] == "no-store"


async def test_nobody_else_does(call: Site) -> None:
    assert await status(call, "ben") == 403
    assert await status(call, "ben", seq=2) == 403
    assert (await call.client().get(URL.format(1))).status == 401


async def test_what_has_no_value_is_404(call: Site) -> None:
    for seq in (0, 2, 3):
        assert await status(call, "ana", seq) == await status(call, "sofia", seq) == 404
    assert (await (await call.logged_in("sofia")).get("/api/calls/call-2/entities/1/value")).status == 404


async def test_another_organisation_s_call_is_404(site: Site) -> None:
    keep(site, kept=True)
    theirs = msgspec.structs.replace(
        site.record, organisation_id=await site.store.people.add_organisation("Other", 1.0)
    )
    await site.hub.opened(theirs)
    await site.hub.publish(theirs, [found(1, "PHONE")], [Token(1, PHONE)])
    for login in ("ana", "sofia", "root"):
        assert await status(site, login) == 404
    stranger = Person("user-x", theirs.organisation_id, "X", "supervisor")
    assert (await site.app[keys.TOKENS].read(stranger, theirs, 1))[1] == PHONE


async def test_the_agent_s_right_ends_with_the_wrap_up(call: Site) -> None:
    await end(call)
    assert await status(call, "ana") == 200
    ana = await call.logged_in("ana")
    body = {"summary": "Quiere que le llamen.", "disposition": "callback"}
    assert (await ana.put("/api/calls/call-1/wrap-up", json=body)).status == 200
    assert await status(call, "ana") == 403
    assert await status(call, "sofia") == 200


async def test_a_wrap_up_is_not_open_for_ever(call: Site) -> None:
    await end(call, ago_s=WRAP_UP_S + 60)
    assert await status(call, "ana") == 403
    assert await status(call, "sofia") == 200


async def test_who_read_what_is_in_the_log_and_never_the_value(call: Site, logs: io.StringIO) -> None:
    assert [await status(call, login) for login in ("ana", "sofia", "ben")] == [200, 200, 403]
    lines = [line for line in map(json.loads, logs.getvalue().splitlines()) if line["event"] != "login.accepted"]
    told = [{name: line[name] for name in ("event", "call_id", "by", "role", "seq", "entity_type")} for line in lines]
    what = {"event": "entity.read", "call_id": "call-1", "seq": 1, "entity_type": "PHONE"}
    assert told == [what | {"by": "user-ana", "role": "agent"}, what | {"by": "user-sofia", "role": "supervisor"}]
    assert PHONE not in logs.getvalue()


async def test_what_is_taken_back_or_erased_is_gone(call: Site) -> None:
    data = {"of": [1], "reason": "role_changed"}
    await call.hub.publish(call.record, [CallEvent(call_id="call-1", seq=3, name="withdrawn", data=data)])
    assert await status(call, "sofia") == 404
    await end(call)
    assert (await (await call.logged_in("root")).delete("/api/calls/call-1")).status == 204
    assert await status(call, "sofia") == 404


async def test_where_none_are_kept_none_are_read(call: Site) -> None:
    keep(call, kept=False)
    assert [await status(call, login) for login in ("ana", "sofia", "ben")] == [404, 404, 403]


async def test_no_fact_of_the_api_holds_it(call: Site) -> None:
    supervisor = await call.logged_in("sofia")
    assert PHONE not in await (await supervisor.get("/api/calls/call-1")).text()
