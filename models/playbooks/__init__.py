"""Playbooks: how a campaign's calls are to go, as data. Who follows one on a call is `pipelines.play`."""

from models.playbooks.files import bundled_playbooks, check_files, load_playbooks, open_playbooks, playbook_for
from models.playbooks.playbook import Noted, Playbook, Slot, Stage, Step, Trial, When

__all__ = [
    "Noted",
    "Playbook",
    "Slot",
    "Stage",
    "Step",
    "Trial",
    "When",
    "bundled_playbooks",
    "check_files",
    "load_playbooks",
    "open_playbooks",
    "playbook_for",
]
