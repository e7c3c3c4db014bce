"""`welcomedly models`: which weights there are, with licence and hash, and how they come here."""

import argparse
import sys
from pathlib import Path

from engine.errors import Invalid
from engine.settings import load_settings
from models.catalogue import CATALOGUE, entry
from models.installation import install, installed
from models.own_model import bring_in
from models.weights import models_dir


def run(arguments: argparse.Namespace) -> int:
    models = models_dir(load_settings())
    if arguments.action == "install" and arguments.source:
        if not arguments.name:
            raise Invalid("name it: welcomedly models install NAME --from FOLDER")
        print(f"WHISPER_DIR={bring_in(Path(arguments.source), arguments.name, models, _progress).resolve()}")
        return 0
    if arguments.action == "install":
        wanted = [entry(arguments.name)] if arguments.name else [one for one in CATALOGUE if one.default]
        for one in wanted:
            install(one, models, _progress)
        return 0
    for one in CATALOGUE:
        mark = "installed" if installed(one, models) else "not installed"
        print(f"{one.name:<20} {mark:<14} {one.licence:<12} {one.purpose}")
        for file in one.files:
            print(f"{'':<20} {file.sha256}  {file.name}")
        for upgrade in one.upgrades:
            print(f"{'':<20} upgrade: {upgrade}")
    return 0


def _progress(name: str, done: int, total: int) -> None:
    """A moving percentage on a terminal, one line when done elsewhere."""
    finished = total > 0 and done >= total
    if sys.stderr.isatty():
        share = f"{100 * done // total:3d} %" if total else ""
        print(f"\r  {name:<20} {share}", end="\n" if finished else "", file=sys.stderr, flush=True)
    elif finished:
        print(f"  {name:<20} installed", file=sys.stderr, flush=True)
