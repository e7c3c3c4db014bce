"""The bus with the real NATS server: sealed facts once, through deaths of the server, and never in a card's way."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import nats.errors
import pytest
from nats.js import JetStreamContext
from structlog.testing import capture_logs

from engine.bus import Bus, asyncapi, make_broker
from engine.errors import Overloaded, StartupError
from engine.facts import Transcript
from engine.fanout import Hub
from engine.nats_server import NatsServer, Program, check_program, find_program
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.store.outbox import Letter, Outbox
from engine.telemetry import Metrics


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    server = await NatsServer.start(find_program("").path, tmp_path / "nats")
    yield server
    await server.stop()


@asynccontextmanager
async def running(bus: Bus) -> AsyncIterator[Bus]:
    await bus.start()
    try:
        yield bus
    finally:
        await bus.stop()


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[JetStreamContext]:
    """Another client of the bus."""
    broker = make_broker(url)
    await broker.start()
    try:
        yield broker.config.connection_state.stream
    finally:
        await broker.connection.close()


class Gauges(Metrics):
    """Says when the bus is not up."""

    def __init__(self) -> None:
        super().__init__()
        self.down = asyncio.Event()

    def set(self, name: str, value: float, /, **labels: str) -> None:
        super().set(name, value, **labels)
        if name == "bus_up":
            (self.down.clear if value else self.down.set)()


def of_clients() -> list[asyncio.Task[Any]]:
    """The tasks of NATS clients in this loop."""
    return [task for task in asyncio.all_tasks() if "nats/aio/client.py" in repr(task)]


def said(seq: int) -> Transcript:
    return Transcript(call_id="call-1", seq=seq, turn=seq, text="cuatro cuotas")


async def test_facts_go_out_sealed_and_once(
    server: NatsServer, store: Store, record: CallRecord, settings: Settings
) -> None:
    metrics = Metrics()
    bus = Bus(settings.model_copy(update={"bus_url": server.url}), store.outbox, metrics=metrics)
    hub = Hub(store, metrics=metrics, relay=bus.wake)
    async with running(bus), asyncio.timeout(20):
        await hub.opened(record)
        await hub.publish(record, [said(1), said(2)])
        await bus.empty.wait()
        assert await store.outbox.count() == 0
    async with reading(server.url) as stream:
        state = (await stream.stream_info("facts")).state
        assert state.messages == 2
        message = await stream.get_msg("facts", 1)
        assert message.subject == f"facts.{record.organisation_id}.call-1.transcript"
        assert message.headers is not None
        assert message.headers["Nats-Msg-Id"] == "call-1:1"
        assert b"cuotas" not in (message.data or b"")


async def test_a_killed_server_delays_no_fact_and_is_started_again(
    store: Store, record: CallRecord, settings: Settings
) -> None:
    metrics = Metrics()
    bus = Bus(settings, store.outbox, metrics=metrics)
    hub = Hub(store, metrics=metrics, relay=bus.wake)
    await hub.opened(record)
    async with running(bus), asyncio.timeout(20):
        await bus.up.wait()
        first = bus.server_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await hub.publish(record, [said(1)])
        assert len(await hub.facts_after(record.organisation_id, "call-1", 0)) == 1
        await bus.empty.wait()
        assert await store.outbox.count() == 0
        second = bus.server_pid
    assert second not in (None, first)
    assert not of_clients(), "a client still looks for its server"
    assert second is not None
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


async def test_a_bus_that_goes_away_is_known_at_once_and_looked_for_by_nobody_but_us(
    server: NatsServer, store: Store, settings: Settings
) -> None:
    metrics = Gauges()
    bus = Bus(settings.model_copy(update={"bus_url": server.url}), store.outbox, metrics=metrics)
    async with running(bus), asyncio.timeout(20):
        await bus.up.wait()
        assert not metrics.down.is_set()
        assert of_clients()
        await server.stop()
        await metrics.down.wait()
        assert not bus.up.is_set()
    assert not of_clients()


class Away(Outbox):
    """Of a store that neither reads nor writes at first."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox._database)
        self.reads, self.writes = 3, 1

    async def waiting(self, limit: int = 256) -> list[Letter]:
        self.reads -= 1
        if self.reads >= 0:
            raise Overloaded("the store cannot read")
        return await super().waiting(limit)

    async def sent(self, letters: Sequence[Letter]) -> None:
        self.writes -= 1
        if self.writes >= 0:
            raise Overloaded("the store cannot write")
        await super().sent(letters)


async def test_a_store_that_is_away_costs_the_bus_nothing(
    store: Store, record: CallRecord, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.bus.IDLE_S", 0.0)
    metrics = Metrics()
    hub = Hub(store, metrics=metrics)
    await hub.opened(record)
    await hub.publish(record, [said(1)])
    async with running(Bus(settings, Away(store.outbox), metrics=metrics)) as bus, asyncio.timeout(20):
        await bus.empty.wait()
        assert await store.outbox.count() == 0
    assert metrics.registry.get_sample_value("welcomedly_bus_starts_total") == 1


class Deaf:
    """A broker whose `start` swallows being cancelled, as the client's does while it flushes."""

    def __init__(self) -> None:
        self.connection = self
        self.is_connected = True
        self.connecting = asyncio.Event()

    async def start(self) -> None:
        self.connecting.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()

    async def close(self) -> None:
        self.is_connected = False


async def test_a_stop_is_heard_while_the_bus_connects(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = Deaf()
    monkeypatch.setattr("engine.bus.make_broker", lambda _url, _closed: broker)
    bus = Bus(settings.model_copy(update={"bus_url": "nats://192.0.2.7"}), store.outbox, metrics=Metrics())
    await bus.start()
    await broker.connecting.wait()
    async with asyncio.timeout(5):
        await bus.stop()
    assert not broker.is_connected


class Refused(Outbox):
    """Has a fact that no bus takes; `looks` says how often it was offered."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox._database)
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    async def waiting(self, limit: int = 256) -> list[Letter]:
        self.looks.put_nowait(None)
        return [Letter(1, "acme", "call-1", 1, "no subject has spaces", b"sealed")]


async def test_a_bus_that_refuses_what_waits_is_tried_less_and_less_often(
    server: NatsServer, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.bus.PAUSES_S", (0.0,))
    outbox = Refused(store.outbox)
    there = settings.model_copy(update={"bus_url": server.url})
    with capture_logs() as logs:
        async with running(Bus(there, outbox, metrics=Metrics())), asyncio.timeout(20):
            for _ in range(4):
                await outbox.looks.get()
    assert [log["failures"] for log in logs if log["event"] == "the bus is down"][:3] == [0, 1, 2]


class TooLarge(Outbox):
    """Has a fact that is larger than the bus takes before one that is not."""

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox._database)
        self.letters = [
            Letter(1, "acme", "call-1", 1, "suggestion", bytes((1 << 20) - 100)),  # with its headers
            Letter(2, "acme", "call-1", 2, "transcript", b"sealed"),
        ]

    async def waiting(self, limit: int = 256) -> list[Letter]:
        return self.letters

    async def sent(self, letters: Sequence[Letter]) -> None:
        self.letters = []


async def test_a_fact_that_is_too_large_keeps_no_other_from_the_bus(
    server: NatsServer, store: Store, settings: Settings
) -> None:
    metrics = Metrics()
    there = settings.model_copy(update={"bus_url": server.url})
    async with running(Bus(there, TooLarge(store.outbox), metrics=metrics)) as bus, asyncio.timeout(20):
        await bus.empty.wait()
    assert metrics.registry.get_sample_value("welcomedly_bus_too_large_total") == 1
    async with reading(server.url) as stream:
        assert (await stream.stream_info("facts")).state.messages == 1


async def test_an_orphan_is_ended_at_the_next_start(tmp_path: Path) -> None:
    program = find_program("").path
    orphan = await NatsServer.start(program, tmp_path / "nats")
    successor = await NatsServer.start(program, tmp_path / "nats")
    assert await orphan.wait() == -signal.SIGKILL
    assert (tmp_path / "nats" / "server.conf").stat().st_mode & 0o777 == 0o600
    await successor.stop()


async def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    program = tmp_path / "nats-server"
    said = "[7] 2026/11/30 21:00:00.000001 [FTL] Can not start JetStream: no room"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(StartupError, match=r"^NATS_SERVER: .* does not start: Can not start JetStream: no room$"):
        await NatsServer.start(program, tmp_path / "nats")


async def test_why_the_bus_is_down_is_told_and_not_every_time(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: asyncio.Queue[None] = asyncio.Queue()

    async def refused(_self: Bus, _url: str) -> None:
        tries.put_nowait(None)
        raise ConnectionError("the bus did not take a fact") from nats.errors.Error("nats: 'Authorization Violation'")

    monkeypatch.setattr("engine.bus.PAUSES_S", (0.0,))
    monkeypatch.setattr("engine.bus.Bus._relay_over", refused)
    there = settings.model_copy(update={"bus_url": "nats://192.0.2.7"})
    with capture_logs() as logs:
        async with running(Bus(there, store.outbox, metrics=Metrics())), asyncio.timeout(20):
            for _ in range(62):
                await tries.get()
    told = [log for log in logs if log["event"] == "the bus is down"]
    assert [log["failures"] for log in told] == [0, 1, 2, 3, 4, 60]
    assert {log["reason"] for log in told} == {"nats: 'Authorization Violation'"}


def test_the_program_is_found_and_held_against_its_record(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="NATS_SERVER"):
        find_program(str(tmp_path / "none"))
    fake = tmp_path / "nats-server"
    fake.write_bytes(b"#!/bin/sh\n")
    fake.chmod(0o755)
    assert find_program(str(fake)) == Program(fake, bundled=False)
    check_program(Program(fake, bundled=False))
    with pytest.raises(StartupError, match="NATS_SERVER"):
        check_program(Program(fake, bundled=True), "x86_64")


def test_the_asyncapi_names_the_fact_and_no_secret() -> None:
    document = msgspec.json.decode(asyncapi())
    assert document["asyncapi"].startswith("3.")
    assert "facts." in str(document["channels"])
    assert "at least once" in str(document)


async def test_what_waits_is_counted_while_the_bus_is_away(
    store: Store, record: CallRecord, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(Metrics):
        def __init__(self) -> None:
            super().__init__()
            self.seen: asyncio.Queue[float] = asyncio.Queue()

        def set(self, name: str, value: float, /, **labels: str) -> None:
            if name == "outbox_waiting":
                self.seen.put_nowait(value)

    monkeypatch.setattr("engine.bus.COUNT_EVERY_S", 0.0)
    monkeypatch.setattr("engine.bus.BATCH", 1)
    metrics = Counted()
    hub = Hub(store, metrics=metrics)
    await hub.opened(record)
    await hub.publish(record, [said(1), said(2)])
    nowhere = settings.model_copy(update={"bus_url": "nats://127.0.0.1:9"})
    async with running(Bus(nowhere, store.outbox, metrics=metrics)), asyncio.timeout(10):
        assert await metrics.seen.get() == 2
        await hub.publish(record, [said(3)])
        while await metrics.seen.get() != 3:
            pass
