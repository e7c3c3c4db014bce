"""`welcomedly call erase`: calls erased while no engine runs; a running one does it at `DELETE /api/calls/{id}`."""

import argparse
import sys
from collections.abc import Sequence

import uvloop

from engine.erasures import COMMAND, Erasures
from engine.errors import Conflict, NotFound
from engine.inputs import Inputs
from engine.recordings import Recordings
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.telemetry import set_up_logs
from engine.vault import open_vault


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    return uvloop.run(erase(settings, arguments.organisation, arguments.call_ids))


async def erase(settings: Settings, organisation: str, call_ids: Sequence[str]) -> int:
    """Erases each call that may be; 1 when one is not there or must stay. The engine must not be running on the same
    data. Raises `StartupError`, `NotFound`."""
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
        for call_id in call_ids:
            try:
                await erasures.erase(organisation_id, call_id, COMMAND)
                print(f"{call_id}: erased")
            except (NotFound, Conflict) as error:
                missing += 1
                print(f"{call_id}: {error}", file=sys.stderr)
    finally:
        await store.close()
    return 1 if missing else 0
