"""Forms of quality and wrap-up: an organisation's own, version by version, before those that come with the engine."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
import structlog

from engine.control.renewal import Renewal
from engine.errors import Invalid
from engine.ports.desk import FormHead, FormKeeper, Person
from engine.store import Store
from engine.store.forms import StoredForm
from engine.telemetry import AUDIT

audit = structlog.get_logger(AUDIT)


class FormSheet(msgspec.Struct, frozen=True, omit_defaults=True):
    """A form to read and to edit."""

    id: str
    title: dict[str, str]
    campaigns: list[str]
    active: bool
    items: int
    dispositions: int
    version: int
    """0 for one that comes with the engine."""
    source: str
    """YAML."""
    item_titles: dict[str, dict[str, str]]
    """By id, then by language."""
    disposition_titles: dict[str, dict[str, str]]
    """By code, then by language."""
    created_at: float = 0.0
    created_by: str = ""
    fault: str = ""
    """Why a stored form is not used any more; it was good when it was stored."""


class FormService:
    """One for the whole engine: what it stores last is what it hands on last."""

    def __init__(
        self, store: Store, keeper: FormKeeper, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._store = store
        self.keeper = keeper
        self._renewal = Renewal(self._adopt, "forms.not_refreshed", sleep)
        """Of what the keeper has, by organisation."""

    async def load(self) -> None:
        """Hands every organisation's forms to the keeper; once, before the first call."""
        for organisation_id in {one.organisation_id for one in await self._store.forms.newest()}:
            async with self._renewal.turn:
                await self._adopt(organisation_id)

    async def keep_up(self) -> None:
        """Until cancelled."""
        await self._renewal.keep_up()

    async def all(self, by: Person) -> list[FormSheet]:
        """The newest of each, in order of id."""
        stored = await self._store.forms.newest(by.organisation_id)
        return await asyncio.to_thread(self._sheets, stored)

    async def version(self, by: Person, form: str, version: int) -> FormSheet:
        """One version of the organisation's own. Raises `NotFound`."""
        stored = await self._store.forms.get(by.organisation_id, form, version)
        return await asyncio.to_thread(self._sheet, stored)

    async def put(self, by: Person, form: str, source: str) -> FormSheet:
        """The form's next version; calls are judged by it from the next one on. Raises `Invalid`."""
        head = await asyncio.to_thread(self.keeper.check, source)
        if head.id != form:
            raise Invalid(f"id: the form says {head.id}, and its address {form}")
        stored = await self._store.forms.add(by.organisation_id, form, source, by.user_id, time.time())
        audit.info("form.changed", form=form, version=stored.version, by=by.user_id)
        async with self._renewal.turn:
            await self._renewal.renew(by.organisation_id)
        return await asyncio.to_thread(self._sheet, stored)

    async def _adopt(self, organisation_id: str) -> None:
        newest = await self._store.forms.newest(organisation_id)
        sources = [(one.source, one.version) for one in newest]
        await asyncio.to_thread(self.keeper.adopt, organisation_id, sources)

    def _sheets(self, stored: list[StoredForm]) -> list[FormSheet]:
        bundled = [_sheet(self.keeper.check(source), source, 0) for source in self.keeper.bundled()]
        newest = {one.id: one for one in bundled} | {one.form: self._sheet(one) for one in stored}
        return [newest[form] for form in sorted(newest)]

    def _sheet(self, stored: StoredForm) -> FormSheet:
        try:
            sheet = _sheet(self.keeper.check(stored.source), stored.source, stored.version)
        except Invalid as error:
            sheet = FormSheet(stored.form, {}, [], False, 0, 0, stored.version, stored.source, {}, {}, fault=str(error))
        return msgspec.structs.replace(sheet, created_at=stored.created_at, created_by=stored.created_by)


def _sheet(head: FormHead, source: str, version: int) -> FormSheet:
    return FormSheet(
        id=head.id,
        title=dict(head.title),
        campaigns=list(head.campaigns),
        active=head.active,
        items=len(head.items),
        dispositions=len(head.dispositions),
        version=version,
        source=source,
        item_titles={item: dict(title) for item, title in head.items.items()},
        disposition_titles={code: dict(title) for code, title in head.dispositions.items()},
    )
