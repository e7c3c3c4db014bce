"""Playbooks from their files, one a file, and the one of a call."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from engine.errors import StartupError
from models.compliance import load_detectors
from models.compliance.places import line_of, where
from models.playbooks.playbook import Playbook, faults
from models.yaml_file import load_yaml, read_yaml

BUNDLED = Path(__file__).parent / "data"
OFF = "off"


def read_file(path: Path) -> tuple[Playbook, list[str]]:
    """The playbook, and a line `FILE:LINE: ID: what` for each fault. Raises `ValueError`, `FILE:LINE: what`, when it
    cannot be read as one."""
    try:
        text = read_yaml(path)
    except OSError as error:
        raise ValueError(f"{path.name}: {error}") from error
    try:
        playbook = msgspec.convert(load_yaml(text), Playbook)
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}:{where(text, error)}") from error
    found = faults(playbook, load_detectors())
    return playbook, [f"{path.name}:{line_of(text, place)}: {playbook.id}: {what}" for place, what in found]


def check_files(paths: Sequence[Path]) -> tuple[list[Playbook], list[str]]:
    """Playbooks of files and folders, and all that is wrong with them; a file that is none is a fault alone."""
    playbooks: list[Playbook] = []
    problems = [
        f"there are no playbooks in {path}, where files end in .yaml"
        for path in paths
        if path.is_dir() and not files_of([path])
    ]
    seen: dict[str, str] = {}
    for path in files_of(paths):
        try:
            playbook, wrong = read_file(path)
        except ValueError as error:
            problems.append(str(error))
            continue
        if (other := seen.setdefault(playbook.id, path.name)) != path.name:
            wrong.append(f"{path.name}:1: {playbook.id}: is also in {other}")
        playbooks.append(playbook)
        problems += wrong
    return playbooks, problems


def load_playbooks(paths: Sequence[Path]) -> tuple[Playbook, ...]:
    """In order. Raises `ValueError` with the first fault."""
    playbooks, problems = check_files(paths)
    if problems:
        raise ValueError(problems[0])
    return tuple(playbooks)


@lru_cache(maxsize=1)
def bundled_playbooks() -> tuple[Playbook, ...]:
    """Those that come with the engine: one a kind of campaign."""
    return load_playbooks([BUNDLED])


def open_playbooks(setting: str) -> tuple[Playbook, ...]:
    """By the setting `PLAYBOOKS`: a site's own before the bundled ones. Raises `StartupError` that names the setting,
    the file and the line."""
    if setting == OFF:
        return ()
    if not setting:
        return bundled_playbooks()
    folder = Path(setting)
    if not folder.exists():
        raise StartupError(f"PLAYBOOKS: {folder} is not there")
    try:
        return (*load_playbooks([folder]), *bundled_playbooks())
    except ValueError as error:
        raise StartupError(f"PLAYBOOKS: {error}") from error


def files_of(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return found


def playbook_for(playbooks: Iterable[Playbook], campaign: str, name: str = "") -> Playbook | None:
    """One that names the campaign, else one of its kind."""
    known = list(playbooks)
    for wanted in (name, campaign):
        if found := next((one for one in known if wanted and wanted in one.campaigns), None):
            return found
    return None
