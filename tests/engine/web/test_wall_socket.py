"""The wall's socket: the floor, then what changes; an agent sees what can be claimed, and no more."""

import time

import msgspec
import pytest

from engine.facts import Insight
from engine.web import sockets
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
    assert abs(floor["at"] - time.time()) < 60
    assert floor["tiles"] == [
        {
            "id": "call-1",
            "agent_name": "Ana",
            "campaign": "collections",
            "direction": "outbound",
            "language": "es",
            "started_at": 1_700_000_000.0,
            "state": "live",
            "mood": "",
            "mood_score": 0.0,
            "mood_lean": 0.0,
            "mood_seq": 0,
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


@pytest.mark.parametrize("kind", ["wall", "desk"])
async def test_a_socket_on_which_nothing_happens_tells_the_time(
    site: Site, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "BEAT_S", 0.01)
    ws = await (await site.logged_in("sofia")).ws_connect(f"/ws/{kind}")
    first, *beats = [await ws.receive_json(timeout=5) for _ in range(3)]
    assert first["type"] == ("floor" if kind == "wall" else "hello")
    assert [beat["type"] for beat in beats] == ["beat", "beat"]
    assert time.time() - 60 < first["at"] <= beats[0]["at"] <= beats[1]["at"] <= time.time()
