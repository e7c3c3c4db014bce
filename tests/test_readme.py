"""What the README says is true: tables, vocabularies, commands."""

import re
from typing import get_args

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


def test_a_run_brings_the_weights_that_it_needs() -> None:
    """They lie in `DATA_DIR`, which may be another or taken away, and `.venv` does not know."""
    recipe = re.search(r"^run:.*\n((?:\t.*\n)+)", (README.parent / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe
    assert [line.split()[1:3] for line in recipe[1].splitlines()] == [["models", "install"], ["serve", "--demo"]]
