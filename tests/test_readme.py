"""What the README says is true: tables, vocabularies, commands."""

import os
import re
import shutil
import subprocess
from typing import get_args

import pytest

from engine.command_line import parser
from engine.facts import EventName
from tests.readme_tables import README, render

TEXT = README.read_text("utf-8")


def test_the_generated_tables_are_as_the_code_has_them() -> None:
    assert render(TEXT) == TEXT, "run `python -m tests.readme_tables`"


def test_every_event_is_listed_and_no_other() -> None:
    section = TEXT.partition("### Events")[2].partition("###")[0]
    assert set(re.findall(r"^\| `([a-z._]+)` \|", section, re.MULTILINE)) == set(get_args(EventName))


def test_every_command_that_is_shown_is_understood() -> None:
    for line in re.findall(r"^welcomedly (.+?)(?:\s+#.*)?$", TEXT, re.MULTILINE):
        parser().parse_args(line.split())


def test_the_picture_of_the_desk_is_there() -> None:
    for path in re.findall(r"!\[[^]]*\]\(([^)]+)\)", TEXT):
        assert (README.parent / path).stat().st_size > 10_000


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("assumed", ["-o.venv/.ready", "-Wpyproject.toml"], ids=["environment there", "anew"])
@pytest.mark.parametrize(
    ("target", "program"),
    [
        ("run", "welcomedly serve --demo"),
        ("test", "pytest -m"),
        ("test-real", "pytest -m real"),
        ("interop", "python -m tests.interop"),
        ("bench", "python -m benchmarks"),
    ],
)
def test_weights_are_installed_once_and_whenever_they_are_needed(target: str, program: str, assumed: str) -> None:
    """They lie in `DATA_DIR`, which may be another or taken away, and `.venv` does not know."""
    variables = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL")}
    command = ["make", "--dry-run", assumed, target]
    told = subprocess.run(command, cwd=README.parent, env=variables, capture_output=True, text=True, check=True).stdout
    *before, last = told.splitlines()
    assert [step for step in before if "models install" in step] == [".venv/bin/welcomedly models install"]
    assert any("pip install" in step for step in before) == assumed.startswith("-W")
    assert program in last
