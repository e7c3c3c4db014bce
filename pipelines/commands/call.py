"""`welcomedly call erase`, `hold` and `lift`: calls erased, or put under a legal hold and let go of it, while no engine
runs; a running one does it at `/api/calls/{id}`."""

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal

import uvloop

from engine.erasures import COMMAND, Erasures
from engine.errors import Conflict, NotFound
from engine.inputs import Inputs
from engine.recordings import Recordings
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.telemetry import set_up_logs
from engine.vault import open_vault

Action = Literal["erase", "hold", "lift"]

DONE: Final[Mapping[Action, str]] = {"erase": "erased", "hold": "held", "lift": "lifted"}


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    return uvloop.run(act(settings, arguments.action, arguments.organisation, arguments.call_ids))


async def act(settings: Settings, action: Action, organisation: str, call_ids: Sequence[str]) -> int:
    """Does it to each call; 1 when one is not there, or must stay and is to be erased. Nothing goes because its days
    are over. The engine must not be running on the same data. Raises `StartupError`, `NotFound`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings))
    store = await Store.open(settings, vault)
    missing = 0
    try:
        organisation_id = await store.people.organisation_named(organisation)
        if organisation_id is None:
            raise NotFound(f"no organisation is called {organisation}")
        erasures = Erasures(
            store,
            Recordings(store, settings.data_dir),
            Inputs(store, settings.data_dir, settings.keep_inputs_days),
        )
        acts: Mapping[Action, Callable[[str, str, str], Awaitable[None]]] = {
            "erase": erasures.erase,
            "hold": erasures.hold,
            "lift": erasures.lift,
        }
        for call_id in call_ids:
            try:
                await acts[action](organisation_id, call_id, COMMAND)
                print(f"{call_id}: {DONE[action]}")
            except (NotFound, Conflict) as error:
                missing += 1
                print(f"{call_id}: {error}", file=sys.stderr)
    finally:
        await store.close()
    return 1 if missing else 0
