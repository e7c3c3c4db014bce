"""`welcomedly check`: whether what is set would let the engine, or the bridge, start; nothing is started or changed."""

import argparse
import asyncio
import datetime
import os
import sys
import time
from collections.abc import Iterator

import uvloop

from engine.errors import StartupError, WelcomedlyError
from engine.setting_names import misspelt
from engine.settings import Settings, load_settings
from engine.store import check_key, data_exist
from engine.vault import Vault, key_file, open_vault
from media.sip.tls import ends_at
from models.weights import find_weights, verify_whisper
from pipelines.site_files import bridge_faults, engine_faults


def run(arguments: argparse.Namespace) -> int:
    """1 and a line each on what is wrong, also with settings (`StartupError` with the first of those)."""
    settings = load_settings()
    for hint in misspelt(os.environ):
        print(f"welcomedly: {hint}", file=sys.stderr)
    faults = bridge_faults(settings) if arguments.bridge else uvloop.run(check(settings))
    faults += over(settings, time.time())
    for fault in faults:
        print(f"welcomedly: {fault}", file=sys.stderr)
    if not faults:
        print("no problems")
    return 1 if faults else 0


async def check(settings: Settings) -> list[str]:
    """What is wrong with files, key, database and weights of the engine and, with `BRIDGE=on`, with the bridge's."""
    faults = await asyncio.to_thread(engine_faults, settings)
    if settings.bridge == "on":
        faults += [fault for fault in await asyncio.to_thread(bridge_faults, settings) if fault not in faults]
    for look in (_data(settings), asyncio.to_thread(_weights, settings)):
        try:
            await look
        except WelcomedlyError as error:
            faults.append(str(error))
    return faults


async def _data(settings: Settings) -> None:
    exist = await data_exist(settings)
    vault = await asyncio.to_thread(_vault, settings, exist)
    if exist and vault:
        await check_key(settings, vault)


def _vault(settings: Settings, exist: bool) -> Vault | None:
    """None: the first start makes its key, and can. Raises `StartupError`."""
    file = key_file(settings.key_url, settings.data_dir)
    if exist or file is None or os.path.exists(file):
        return open_vault(settings.key_url, settings.data_dir, data_exist=exist, make=False)
    folder = next(folder for folder in file.parents if os.path.exists(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartupError(f"KEY_URL: cannot make {file}: {folder} is not ours to write")
    return None


def _weights(settings: Settings) -> None:
    find_weights(settings)
    verify_whisper(settings)


def over(settings: Settings, now: float) -> Iterator[str]:
    """A certificate that has ended keeps no start, but every peer away that looks at it."""
    if settings.sip_tls_cert and 0 < (ends := ends_at(settings.sip_tls_cert)) <= now:
        day = datetime.datetime.fromtimestamp(ends, datetime.UTC)
        yield f"SIP_TLS_CERT: the certificate has ended, on {day:%Y-%m-%d}"
