"""The application on a free loopback port, with one person of each role."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from engine.control.login import Passwords
from engine.control.routing import CachedRouter
from engine.errors import NotFound
from engine.fanout import Hub
from engine.ports import CallRecord, DeskCommand, Person
from engine.settings import Settings
from engine.store import Store
from engine.store.people import Role, User
from engine.telemetry import Metrics
from engine.web.app import build_app

PASSWORD = "a good long password"
Client = TestClient[web.Request, web.Application]


@dataclass
class FakeDesk:
    """Does what the pipelines' desk does of a claim; notes the rest."""

    hub: Hub
    commands: list[tuple[Person, DeskCommand]] = field(default_factory=list)

    async def command(self, person: Person, command: DeskCommand) -> None:
        self.commands.append((person, command))
        record = await self.hub.record(person.organisation_id, command.call_id)
        if record.ended_at:
            raise NotFound("no such live call")
        if command.name == "claim":
            await self.hub.changed(msgspec.structs.replace(record, agent_id=person.user_id, agent_name=person.name))


@dataclass
class Site:
    store: Store
    hub: Hub
    desk: FakeDesk
    router: CachedRouter
    metrics: Metrics
    app: web.Application
    server: TestServer
    users: dict[str, User]
    record: CallRecord
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        client: Client = TestClient(self.server)
        self.clients.append(client)
        return client

    async def logged_in(self, login: str) -> Client:
        client = self.client()
        response = await client.post("/api/login", json={"user": login, "password": PASSWORD})
        assert response.status == 200
        return client


@pytest.fixture
async def site(settings: Settings, store: Store, record: CallRecord) -> AsyncIterator[Site]:
    metrics = Metrics()
    hub = Hub(store, metrics=metrics)
    passwords = Passwords(rounds=1, memory_kib=8)
    hashed = await passwords.hash(PASSWORD)
    users = {}
    roles: list[tuple[str, Role]] = [
        ("ana", "agent"),
        ("ben", "agent"),
        ("sofia", "supervisor"),
        ("root", "admin"),
    ]
    for login, role in roles:
        users[login] = User(f"user-{login}", record.organisation_id, login, login.title(), role)
        await store.people.add(users[login], hashed, 1.0)
    router = await CachedRouter.load(store)
    desk = FakeDesk(hub)
    app = build_app(settings, store, hub, desk, router, metrics=metrics, passwords=passwords)
    server: TestServer = TestServer(app)
    await server.start_server()
    record = msgspec.structs.replace(record, agent_id="user-ana", agent_name="Ana")
    site = Site(store, hub, desk, router, metrics, app, server, users, record)
    yield site
    for client in site.clients:
        session: ClientSession = client.session
        await session.close()
    await server.close()
