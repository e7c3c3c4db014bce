"""`welcomedly feedback`: what people judged, as training rows."""

import argparse
import sys

import structlog
import uvloop

from engine.erasures import COMMAND
from engine.errors import NotFound
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.telemetry import AUDIT, set_up_logs
from engine.vault import open_vault
from models.compliance import open_rules
from pipelines.training_rows import training_rows

audit = structlog.get_logger(AUDIT)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    return uvloop.run(export(settings, arguments.organisation, arguments.allow))


async def export(settings: Settings, organisation: str, allow: bool) -> int:
    """Prints JSON lines. The engine must not be running on the same data: while it does, an administrator takes them
    from `/api/feedback/rows`. Raises `StartupError`, `NotFound`, `Conflict`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings), make=False)
    store = await Store.open(settings, vault, as_it_is=True)
    try:
        organisation_id = await store.people.organisation_named(organisation)
        if organisation_id is None:
            raise NotFound(f"no organisation is called {organisation}")
        if allow:
            await store.feedback.let_train(organisation_id, True)
            audit.info("training.changed", organisation_id=organisation_id, allowed=True, by=COMMAND)
        count = 0
        async for row in training_rows(store, lambda: open_rules(settings.rules))(organisation_id):
            print(row.decode())
            count += 1
        print(f"{count} rows", file=sys.stderr)
        audit.info("feedback.exported", organisation_id=organisation_id, by=COMMAND)
    finally:
        await store.close()
    return 0
