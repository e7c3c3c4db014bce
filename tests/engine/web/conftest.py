"""The application on a free loopback port, with one person of each role."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from engine.control.forms import FormService
from engine.control.knowledge import KnowledgeService
from engine.control.login import Passwords
from engine.control.routing import CachedRouter
from engine.erasures import Erasures
from engine.fanout import Hub
from engine.inputs import Inputs
from engine.ports.storage import CallRecord
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.store.people import Role, User
from engine.telemetry import Metrics
from engine.web.app import build_app
from models.compliance import load_rules
from pipelines.forms import FormBook
from pipelines.knowledge_bases import Libraries
from pipelines.training_rows import training_rows
from pipelines.typed_text import mask_typed
from tests.engine.web.running_site import PASSWORD, FakeDesk, Site


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
    recordings = Recordings(store, settings.data_dir, wall_clock=lambda: record.started_at)
    forms = FormBook()
    forms.load()
    libraries = Libraries()
    knowledge = KnowledgeService(store, libraries)
    app = build_app(
        settings,
        store,
        hub,
        desk,
        router,
        metrics=metrics,
        recordings=recordings,
        erasures=Erasures(store, recordings, Inputs(store, settings.data_dir, 0), hub.forget),
        forms=FormService(store, forms),
        knowledge=knowledge,
        mask=mask_typed,
        training_rows=training_rows(store, load_rules),
        passwords=passwords,
    )
    server: TestServer = TestServer(app)
    await server.start_server()
    record = msgspec.structs.replace(record, agent_id="user-ana", agent_name="Ana")
    site = Site(store, hub, desk, router, metrics, app, server, users, record, recordings, settings.data_dir)
    yield site
    for client in site.clients:
        session: ClientSession = client.session
        await session.close()
    await server.close()
    await knowledge.close()
    libraries.close()
