"""The application as the web's tests see it: running, with a desk that notes what it is told."""

from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from engine.control.routing import CachedRouter
from engine.errors import NotFound, WelcomedlyError
from engine.fanout import Hub
from engine.ports.desk import DeskCommand, Person
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.store import Store
from engine.store.people import User
from engine.telemetry import Metrics

PASSWORD = "a good long password"
Client = TestClient[web.Request, web.Application]


@dataclass
class FakeDesk:
    """Does what the pipelines' desk does of a claim; notes the rest."""

    hub: Hub
    commands: list[tuple[Person, DeskCommand]] = field(default_factory=list)
    broken: bool = False
    """Fails as only a mistake of ours would."""
    refuses: WelcomedlyError | None = None

    async def command(self, person: Person, command: DeskCommand) -> None:
        self.commands.append((person, command))
        if self.broken:
            raise RuntimeError("cuatro uno uno uno")
        if self.refuses:
            raise self.refuses
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
    recordings: Recordings
    data_dir: Path
    clients: list[Client] = field(default_factory=list)

    def client(self) -> Client:
        client: Client = TestClient(self.server)
        self.clients.append(client)
        return client

    def record_file(self) -> Path:
        """The recording of `record`, as it lies on the disk."""
        return next(self.data_dir.rglob(f"{self.record.call_id}.sealed"))

    async def logged_in(self, login: str) -> Client:
        client = self.client()
        response = await client.post("/api/login", json={"user": login, "password": PASSWORD})
        assert response.status == 200
        return client
