"""An organisation's forms: its calls are judged by what was stored last, whatever the store does meanwhile."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from engine.control.forms import FormService
from engine.control.renewal import LOOK_S
from engine.errors import Overloaded
from engine.ports.desk import FormHead, Person
from engine.store import Store
from tests.virtual_time import VirtualTime


class NotingKeeper:
    """Takes any text for a form that is called `own`, and notes what it is handed."""

    def __init__(self, patience_s: float = 0.0) -> None:
        """The first that is handed to it waits so long for another to overtake it."""
        self.adopted: dict[str, list[tuple[str, int]]] = {}
        self.began = threading.Event()
        self._overtaken = threading.Event()
        self._patience_s = patience_s

    def check(self, source: str) -> FormHead:
        return FormHead("own", {}, (), True, {}, {})

    def adopt(self, organisation_id: str, sources: Sequence[tuple[str, int]]) -> None:
        first = not self.began.is_set()
        self.began.set()
        if first:
            self._overtaken.wait(self._patience_s)
        self.adopted[organisation_id] = list(sources)
        if not first:
            self._overtaken.set()

    def bundled(self) -> Sequence[str]:
        return ()

    def endings(self, organisation_id: str, campaign: str, name: str, language: str) -> Sequence[tuple[str, str]]:
        return ()


@pytest.fixture
def root(organisation: str) -> Person:
    return Person("user-root", organisation, "Root", "admin")


async def test_of_two_forms_that_are_saved_at_once_the_later_counts(store: Store, root: Person) -> None:
    keeper = NotingKeeper(patience_s=0.3)
    service = FormService(store, keeper)
    first = asyncio.create_task(service.put(root, "own", "one"))
    assert await asyncio.to_thread(keeper.began.wait, 10)
    second = asyncio.create_task(service.put(root, "own", "two"))
    assert [sheet.version for sheet in await asyncio.gather(first, second)] == [1, 2]
    assert keeper.adopted == {root.organisation_id: [("two", 2)]}


async def test_a_form_that_cannot_be_read_once_it_is_stored_is_read_later(
    store: Store, root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(organisation_id: str) -> None:
        raise Overloaded("the store cannot read")

    keeper, time = NotingKeeper(), VirtualTime()
    service = FormService(store, keeper, time.sleep)
    monkeypatch.setattr(store.forms, "newest", fail)
    assert (await service.put(root, "own", "one")).version == 1
    assert keeper.adopted == {}
    monkeypatch.undo()
    keeping = asyncio.create_task(service.keep_up())
    time.goes.set()
    await time.until(2 * LOOK_S)
    keeping.cancel()
    assert keeper.adopted == {root.organisation_id: [("one", 1)]}
