"""A store on a fresh data directory, and records to put into it."""

import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store import Store
from engine.vault import Vault
from tests.logged import logged

KEY = bytes(range(32))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """What is logged from now on, a JSON line each."""
    with logged() as stream:
        yield stream


@pytest.fixture
def vault() -> Vault:
    return Vault(KEY, "the test")


@pytest.fixture
async def store(settings: Settings, vault: Vault) -> AsyncIterator[Store]:
    store = await Store.open(settings, vault)
    yield store
    await store.close()


@pytest.fixture
async def organisation(store: Store) -> str:
    return await store.people.add_organisation("Acme", 1.0)


@pytest.fixture
def record(organisation: str) -> CallRecord:
    return CallRecord(
        call_id="call-1",
        organisation_id=organisation,
        campaign_id="campaign-1",
        campaign="collections",
        direction="outbound",
        language="es",
        country="CO",
        started_at=1_700_000_000.0,
        protocol="siprec",
    )
