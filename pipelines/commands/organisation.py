"""`welcomedly organisation add`: an organisation and its first administrator; everybody else is made at `/admin`."""

import argparse
import secrets

import structlog
import uvloop

from engine.control.login import Passwords
from engine.control.people import found_organisation
from engine.erasures import COMMAND
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.telemetry import AUDIT, set_up_logs
from engine.vault import open_vault

audit = structlog.get_logger(AUDIT)

PASSWORD_BYTES = 12


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    return uvloop.run(add(settings, arguments.name, arguments.admin))


async def add(settings: Settings, name: str, login: str) -> int:
    """Prints the administrator's log-in with a random password, which is kept nowhere else. The engine must not be
    running on the same data. Raises `StartupError`, `Invalid`, `Conflict`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings))
    store = await Store.open(settings, vault)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        user = await found_organisation(store, Passwords(), name, login, password)
    finally:
        await store.close()
    audit.info("organisation.created", organisation_id=user.organisation_id, user_id=user.id, by=COMMAND)
    print(f"{name.strip()} is there. Its administrator logs in at /admin, and should choose another password there:")
    print(f"  login     {user.login}\n  password  {password}")
    return 0
