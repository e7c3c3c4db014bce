"""The store: the one source of truth, in one database."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from sqlalchemy import insert, select

from engine.errors import StartupError
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.store.calls import Calls
from engine.store.campaigns import Campaigns
from engine.store.erasures import Erasures
from engine.store.feedback import Feedback
from engine.store.forms import Forms
from engine.store.knowledge import Knowledge
from engine.store.outbox import Outbox
from engine.store.people import People
from engine.store.recordings import Recordings
from engine.store.scores import Scores
from engine.store.session import KEY_PROOFS, Database, Rows, key_proofs, url_of
from engine.store.sqlite import DATABASE
from engine.store.tables import KeyProofRow
from engine.vault import Vault


async def data_exist(settings: Settings) -> bool:
    """Whether there is something that a lost key would make unreadable; for `engine.vault.open_vault`. Raises
    `StartupError`."""
    if settings.database_url:
        return bool(await key_proofs(settings.database_url))
    return (settings.data_dir / DATABASE).exists()


async def check_key(settings: Settings, vault: Vault) -> None:
    """Whether the key is that of the data, of which there are some; nothing is changed. Raises `StartupError`."""
    _must_fit(await key_proofs(url_of(settings.database_url, settings.data_dir)), vault)


def _unmeasured(_seconds: float, _writes: int) -> None:
    pass


class Store:
    """Everything that is kept, by noun. `open` migrates and ends calls that a dead engine left, unless all is to stay
    as it is; `close` commits."""

    def __init__(self, database: Database, vault: Vault, interrupted: list[CallRecord]) -> None:
        self.calls = Calls(database, vault)
        self.people = People(database)
        self.campaigns = Campaigns(database)
        self.knowledge = Knowledge(database)
        self.recordings = Recordings(database)
        self.erasures = Erasures(database)
        self.forms = Forms(database)
        self.scores = Scores(database)
        self.feedback = Feedback(database)
        self.outbox = Outbox(database)
        self.interrupted = interrupted
        """Calls that `open` found live and closed as `engine_restarted`."""
        self._database = database

    @classmethod
    async def open(
        cls,
        settings: Settings,
        vault: Vault,
        *,
        as_it_is: bool = False,
        committed: Callable[[float, int], None] = _unmeasured,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> "Store":
        """`as_it_is` for who only looks: data of another version are refused, and no call is ended. `clock` and `sleep`
        are the writer's. Raises `StartupError`."""
        database = await Database.open(
            settings.database_url, settings.data_dir, committed, clock, sleep, as_it_is=as_it_is
        )
        try:
            await _check_key(database, vault)
            interrupted = [] if as_it_is else await Calls(database, vault).close_interrupted()
        except BaseException:
            await database.close()
            raise
        return cls(database, vault, interrupted)

    def waiting(self) -> int:
        """Writes that wait for the writer."""
        return self._database.waiting()

    async def writable(self) -> bool:
        """The last write was taken. After one that was not, a small one is tried here now and then."""
        return await self._database.writable()

    async def ready(self) -> bool:
        """A read answers, and the store is `writable`."""
        return await self.writable() and len(await self._database.fetch(select(KeyProofRow.key_id))) > 0

    async def scrub(self) -> bool:
        """After erasures: see `Database.scrub`."""
        return await self._database.scrub()

    async def close(self) -> None:
        await self._database.close()


async def _check_key(database: Database, vault: Vault) -> None:
    """The key must open what the data were begun with; the first start leaves the proof."""
    proofs = await database.fetch(KEY_PROOFS)
    _must_fit(proofs, vault)
    if not proofs:
        row = {"key_id": vault.key_id, "proof": vault.proof(), "created_at": time.time()}
        await database.write(lambda connection: connection.execute(insert(KeyProofRow).values(row)))


def _must_fit(proofs: Rows, vault: Vault) -> None:
    if proofs and not any(row.key_id == vault.key_id and vault.fits(row.proof) for row in proofs):
        raise StartupError(f"KEY_URL: the data were sealed with key {proofs[0].key_id}, and this is {vault.key_id}")
