"""The wall's socket: the floor, then what changes; an agent sees what can be claimed, and no more."""

import msgspec

from engine.facts import Insight
from tests.engine.web.running_site import Site

ALERT = Insight(
    call_id="call-1", seq=1, kind="compliance", turn=1, rule="PCI-PAN", outcome="violation", severity="critical",
    end_ms=4_000,
)  # fmt: skip


async def test_the_floor_then_changes_then_gone(site: Site) -> None:
    await site.hub.opened(site.record)
    ws = await (await site.logged_in("sofia")).ws_connect("/ws/wall")
    floor = await ws.receive_json(timeout=5)
    assert floor["type"] == "floor"
    assert floor["tiles"] == [
        {
            "id": "call-1",
            "agent_name": "Ana",
            "campaign": "collections",
            "direction": "outbound",
            "language": "es",
            "started_at": 1_700_000_000.0,
            "state": "live",
            "mood": "neutral",
            "mood_score": 0.0,
            "alerts": [],
            "last_at_ms": 0,
            "unclaimed": False,
            "agent_share": None,
            "silent": False,
        }
    ]
    await site.hub.publish(site.record, [ALERT])
    tile = await ws.receive_json(timeout=5)
    shown = {"rule": "PCI-PAN", "outcome": "violation", "seq": 1, "severity": "critical", "at_ms": 4_000}
    assert tile["tile"]["alerts"] == [shown]
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=5.0))
    assert await ws.receive_json(timeout=5) == {"type": "gone", "id": "call-1"}


async def test_an_agent_sees_unclaimed_calls_only(site: Site) -> None:
    await site.hub.opened(site.record)
    unclaimed = msgspec.structs.replace(site.record, call_id="call-2", agent_id="", agent_name="")
    await site.hub.opened(unclaimed)
    ws = await (await site.logged_in("ben")).ws_connect("/ws/wall")
    floor = await ws.receive_json(timeout=5)
    assert [(tile["id"], tile["unclaimed"]) for tile in floor["tiles"]] == [("call-2", True)]
    await site.hub.publish(site.record, [ALERT])
    await site.hub.changed(msgspec.structs.replace(unclaimed, agent_id="user-ana", agent_name="Ana"))
    assert await ws.receive_json(timeout=5) == {"type": "gone", "id": "call-2"}


async def test_the_wall_takes_no_messages(site: Site) -> None:
    ws = await (await site.logged_in("sofia")).ws_connect("/ws/wall")
    await ws.receive_json(timeout=5)
    await ws.send_str("hello")
    await ws.receive(timeout=5)
    assert ws.close_code == 1008
