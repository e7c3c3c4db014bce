"""`welcomedly playbooks check`: validates playbooks and runs the tests that they carry."""

import argparse
import sys
from pathlib import Path

from models.compliance import load_detectors
from models.playbooks import check_files
from models.playbooks.files import BUNDLED
from pipelines.playbook_trials import run_trials


def run(arguments: argparse.Namespace) -> int:
    playbooks, problems = check_files([Path(name) for name in arguments.files] or [BUNDLED])
    if not problems:
        detectors = load_detectors()
        problems = [failure for playbook in playbooks for failure in run_trials(playbook, detectors)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        tests = sum(len(trials) for playbook in playbooks for trials in playbook.tests.values())
        print(f"{len(playbooks)} playbooks, {tests} tests, no problems")
    return 1 if problems else 0
