"""`welcomedly rules`: checks the compliance rules' files and runs the tests that they carry."""

import argparse
import sys
from pathlib import Path

from models.compliance import check_rules, load_rules


def run(arguments: argparse.Namespace) -> int:
    paths = [Path(name) for name in arguments.files]
    problems = check_rules(paths) if paths else check_rules()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(load_rules(paths) if paths else load_rules())} rules, no problems")
    return 1 if problems else 0
