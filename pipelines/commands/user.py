"""`welcomedly user password`: a new password for who can get none at `/admin`, such as its only administrator."""

import argparse
import secrets

import uvloop

from engine.control.login import Passwords
from engine.control.people import set_password
from engine.erasures import COMMAND
from engine.errors import NotFound
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.telemetry import set_up_logs
from engine.vault import open_vault
from pipelines.commands.organisation import PASSWORD_BYTES


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    return uvloop.run(give_password(settings, arguments.login, arguments.organisation))


async def give_password(settings: Settings, login: str, organisation: str) -> int:
    """Prints a random password, which is kept nowhere else. The engine must not be running on the same data. Raises
    `StartupError`, `NotFound`, `Conflict`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings))
    store = await Store.open(settings, vault)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        organisation_id = await store.people.organisation_named(organisation)
        if organisation_id is None:
            raise NotFound(f"no organisation is called {organisation}")
        user, taken = await set_password(store, Passwords(), organisation_id, login, password, COMMAND)
    finally:
        await store.close()
    print(f"{user.name} ({user.role}) is logged out everywhere, and logs in with")
    print(f"  login     {user.login}\n  password  {password}")
    if taken:
        print(f"without {', '.join(sorted(taken))}: not all of it was free any more; set others at /admin")
    return 0
