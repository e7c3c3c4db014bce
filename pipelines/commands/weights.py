"""`welcomedly models`: which weights there are, with licence and hash, and how they come here."""

import argparse
import sys

from engine.settings import load_settings
from models import catalogue
from models.weights import models_dir


def run(arguments: argparse.Namespace) -> int:
    models = models_dir(load_settings())
    if arguments.action == "install":
        if arguments.name:
            catalogue.install(arguments.name, models, _progress)
        else:
            catalogue.install_default(models, _progress)
        return 0
    for entry in catalogue.catalogue():
        mark = "installed" if catalogue.installed(entry.name, models) else "not installed"
        print(f"{entry.name:<20} {mark:<14} {entry.licence:<12} {entry.purpose}")
        for file in entry.files:
            print(f"{'':<20} {file.sha256}  {file.name}")
        for upgrade in entry.upgrades:
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
