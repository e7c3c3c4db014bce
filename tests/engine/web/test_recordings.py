"""A recording is a supervisor's to hear, and its pause a button of whoever has the call."""

import io
import json
import logging

import msgspec
import pytest

from engine.errors import Conflict
from tests.engine.web.running_site import Client, Site

SOUND = [bytes([number]) * 100 for number in range(10)]
WHOLE = b"".join(SOUND)
URL = "/api/calls/call-1/recording"


async def recorded(site: Site) -> Client:
    await site.hub.opened(site.record)
    sink = await site.recordings.begin(site.record, 2, 90)
    for chunk in SOUND:
        sink.write(chunk)
    return await site.logged_in("sofia")


async def test_a_supervisor_hears_it_while_it_is_made(site: Site) -> None:
    client = await recorded(site)
    response = await client.get(URL)
    assert response.status == 200
    assert response.headers["Content-Type"] == "audio/ogg"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Recording-Complete"] == "?0"
    assert await response.read() == WHOLE


async def test_ranges_are_served_as_players_ask_for_them(site: Site) -> None:
    client = await recorded(site)
    for asked, start, stop in (("0-0", 0, 1), ("150-349", 150, 350), ("990-", 990, 1000), ("-20", 980, 1000)):
        response = await client.get(URL, headers={"Range": f"bytes={asked}"})
        assert response.status == 206, asked
        assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/1000"
        assert await response.read() == WHOLE[start:stop]
    response = await client.get(URL, headers={"Range": "bytes=1000-"})
    assert (response.status, response.headers["Content-Range"]) == (416, "bytes */1000")
    response = await client.get(URL, headers={"Range": "lines=1-2"})
    assert (response.status, await response.read()) == (200, WHOLE)


async def test_nobody_else_hears_it_and_what_is_not_there_is_404(site: Site) -> None:
    supervisor = await recorded(site)
    assert (await (await site.logged_in("ana")).get(URL)).status == 403
    assert (await site.client().get(URL)).status == 401
    assert (await supervisor.get("/api/calls/call-2/recording")).status == 404
    site.record_file().write_bytes(b"garbage")
    response = await supervisor.get(URL)
    assert (response.status, (await response.json())["code"]) == (404, "damaged")


async def test_who_heard_and_erased_it_is_in_the_log_whatever_its_level(site: Site, logs: io.StringIO) -> None:
    logging.getLogger().setLevel("WARNING")  # LOG_LEVEL=warning
    await recorded(site)
    admin = await site.logged_in("root")
    assert (await admin.get(URL)).status == 200
    await site.hub.changed(msgspec.structs.replace(site.record, ended_at=1_700_000_060.0))
    assert (await admin.delete("/api/calls/call-1")).status == 204
    lines = [json.loads(line) for line in logs.getvalue().splitlines()]
    assert [(line["event"], line.get("call_id"), line.get("by")) for line in lines] == [
        ("login.accepted", None, "user-sofia"),
        ("login.accepted", None, "user-root"),
        ("recording.read", "call-1", "user-root"),
        ("call.erased", "call-1", "user-root"),
        ("recording.deleted", "call-1", None),
    ]


async def test_an_altered_chunk_ends_the_answer_short(site: Site) -> None:
    supervisor = await recorded(site)
    sealed = bytearray(site.record_file().read_bytes())
    sealed[-1] ^= 1
    site.record_file().write_bytes(sealed)
    response = await supervisor.get(URL, headers={"Range": "bytes=0-99"})
    assert await response.read() == SOUND[0]
    response = await supervisor.get(URL, headers={"Range": "bytes=900-"})
    try:
        got = await response.read()
    except Exception as error:  # aiohttp's, by how far the answer came
        assert "payload" in type(error).__name__.lower()  # noqa: PT017
    else:
        assert len(got) < 100


async def test_a_player_that_goes_away_is_no_mistake_of_ours(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    await site.hub.opened(site.record)
    sink = await site.recordings.begin(site.record, 2, 90)
    for _ in range(40):
        sink.write(bytes(500_000))
    supervisor = await site.logged_in("sofia")
    response = await supervisor.get(URL)
    await response.content.readexactly(1_000)
    response.close()
    response = await supervisor.get(URL, headers={"Range": "bytes=-10"})
    assert await response.read() == bytes(10)
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_pause_and_resume_reach_the_desk_and_its_refusal_the_caller(site: Site) -> None:
    await site.hub.opened(site.record)
    agent = await site.logged_in("ana")
    for press in ("pause", "resume"):
        assert (await agent.post(f"{URL}/{press}")).status == 204
    assert [(person.name, command.name) for person, command in site.desk.commands] == [
        ("Ana", "pause"),
        ("Ana", "resume"),
    ]
    site.desk.refuses = Conflict("the call is not being recorded")
    assert (await agent.post(f"{URL}/pause")).status == 409
    assert (await agent.post(f"{URL}/forget")).status == 404
