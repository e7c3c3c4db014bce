"""Every socket protocol against every column of the interop table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from websockets.exceptions import InvalidStatus

from engine.control.roles import decide_roles
from engine.ports.intake import CallEnded, MediaNotice, ParticipantsChanged, Routing
from tests.media.sockets.clients import CLIENTS, NOW, Client
from tests.media.sockets.site import Site, site
from tests.media.sockets.speech import FRAME, correlation, voices

ROUTING = Routing("o", "c", "care", "inbound", "es", "ES", "", (), "", {}, {})


def column(name: str) -> pytest.MarkDecorator:
    """All protocols that have the thing, as a row of cells; for the others the table says why."""
    having = [client for client in CLIENTS if name not in client.lacks]
    cells = [pytest.param(client, id=client.name, marks=pytest.mark.interop(client.name, name)) for client in having]
    return pytest.mark.parametrize("kind", cells)


@asynccontextmanager
async def playing(kind: type[Client]) -> AsyncIterator[tuple[Site, Client]]:
    peer = kind.peer()
    async with site([peer], now=float(NOW)) as place:
        client = kind(place.address(peer))
        try:
            yield place, client
        finally:
            await client.close()


async def heard_all(place: Site, client: Client, samples: int) -> None:
    """Every track of the call has been filled so far (in samples at 8 kHz)."""
    session = await place.intake.session()
    wanted = samples * client.rate // 8000
    await place.clock.until(lambda: len(session.tracks) == len(client.streams))
    await place.clock.until(lambda: all(track.frontier >= wanted for track in session.tracks.values()))


def said(client: Client) -> list[np.ndarray[tuple[int], np.dtype[np.int16]]]:
    return list(voices()[: max(1, len(client.streams))]) if len(client.streams) > 1 else [voices()[0]]


@column("connects")
async def test_a_call_opens_and_ends_in_order(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        sounds = [sound[: 25 * FRAME] for sound in said(client)]
        await client.speak(sounds)
        await heard_all(place, client, 24 * FRAME)
        await client.hang_up()
        events = await place.intake.over()
        assert isinstance(events[-1], CallEnded)
        assert events[-1].reason == "bye"
        assert len(place.intake.offers) == 1
        assert place.intake.offers[0].to_aor
        assert place.intake.offers[0].protocol == kind.name


@column("legs right")
async def test_each_voice_is_on_its_own_leg(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        await client.speak(said(client))
        await heard_all(place, client, 3 * 8000)
        session = await place.intake.session()
        everybody = {one.stream: one for one in session.offer.participants}
        for event in place.intake.events[session.offer.call_id]:
            if isinstance(event, ParticipantsChanged):
                everybody = {one.stream: one for one in event.participants}
        roles = {one.stream: one.role for one in decide_roles(tuple(everybody.values()), ROUTING)}
        assert roles == dict(zip(client.streams, client.roles, strict=True))
        for stream, sound in zip(client.streams, said(client), strict=True):
            assert correlation(session.audio(stream, 0, 3000), sound) > 0.9
        if len(client.streams) > 1:
            assert abs(correlation(session.audio(client.streams[0], 0, 3000), said(client)[1])) < 0.5


@column("audio exact")
async def test_the_sound_is_what_was_sent(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        sounds = said(client)
        await client.speak(sounds)
        await heard_all(place, client, len(sounds[0]))
        session = await place.intake.session()
        for stream, sound in zip(client.streams, sounds, strict=True):
            assert correlation(session.audio(stream, 0, len(sound) // 8), sound) >= 0.99
            if client.rate == 8000:
                assert np.array_equal(session.hearing.sound(stream, 0, len(sound)), sound)


@column("silence")
async def test_time_without_sound_is_silence_of_that_length(kind: type[Client]) -> None:
    """Wire clocks say so; without one the call's clock does."""
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        sounds = [sound[: 8000 + 8000] for sound in said(client)]
        await client.speak([sound[:8000] for sound in sounds])
        await heard_all(place, client, 8000)
        place.passes(3.0 + 1.0)
        session = await place.intake.session()
        wanted = 3 * 8000 * client.rate // 8000
        assert all(track.frontier >= wanted for track in session.tracks.values())
        await client.quiet(100)
        await client.speak([sound[8000:] for sound in sounds])
        await heard_all(place, client, 3 * 8000 + 7900)
        for stream, sound in zip(client.streams, sounds, strict=True):
            assert correlation(session.audio(stream, 0, 990), sound[:7920]) >= 0.99
            assert not np.any(session.audio(stream, 1100, 2900))
            assert correlation(session.audio(stream, 3010, 3990), sound[8080:15920]) >= 0.98


@column("pause")
async def test_a_pause_is_told_and_undone(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        await client.speak([sound[:8000] for sound in said(client)])
        await heard_all(place, client, 8000)
        await client.pause()
        await place.intake.told("call.held")
        place.passes(3.0)
        await client.resume(2000)
        await client.speak([sound[8000:16000] for sound in said(client)])
        await place.intake.told("call.resumed")
        await client.hang_up()
        events = await place.intake.over()
        names = [event.name for event in events if isinstance(event, MediaNotice)]
        assert names.index("call.held") < names.index("call.resumed")


@column("change")
async def test_changed_metadata_is_taken_and_the_call_goes_on(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        await client.speak([sound[:8000] for sound in said(client)])
        await client.change()
        await client.speak([sound[8000:16000] for sound in said(client)])
        await heard_all(place, client, 16_000)
        session = await place.intake.session()
        for stream, sound in zip(client.streams, said(client), strict=True):
            assert correlation(session.audio(stream, 0, 2000), sound[:16000]) >= 0.99


@column("abnormal end")
async def test_a_vanished_peer_ends_the_call(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        await client.connect()
        await client.begin()
        await client.speak([sound[:8000] for sound in said(client)])
        await heard_all(place, client, 8000)
        await client.vanish()
        events = await place.intake.over()
        assert isinstance(events[-1], CallEnded)
        assert events[-1].reason in ("peer_vanished", "bye")
        await place.server.emptied(10)
        assert not place.server.links
        assert len(place.server.board) == 0


@column("bad auth")
async def test_a_wrong_secret_is_no_call(kind: type[Client]) -> None:
    async with playing(kind) as (place, client):
        with pytest.raises(InvalidStatus) as refused:
            await client.connect("another secret")
        assert refused.value.response.status_code == 401
        assert place.counted.outcomes == ["unauthorized"]
        assert not place.intake.offers


@column("malformed input")
async def test_malformed_input_hurts_its_own_connection_alone(kind: type[Client]) -> None:
    peer = kind.peer()
    async with site([peer], now=float(NOW)) as place:
        for garbage in (*kind.garbage, kind.fatal):
            client = kind(place.address(peer))
            await client.connect()
            await client.begin()
            await client.throw(garbage)
            if garbage == kind.fatal:
                assert await client.ended_by_server()
            await client.close()
            await place.server.emptied(10)
            assert not place.server.links
        assert len(place.server.board) == 0
