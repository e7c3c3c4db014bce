"""The program and its command line know the same words."""

import re

import pytest

from engine.command_line import parser
from engine.settings import Settings
from pipelines.commands import program
from pipelines.commands.running_engine import RunningEngine


def no_engine(settings: Settings) -> RunningEngine:
    raise AssertionError("this command needs none")


def test_every_word_has_its_command() -> None:
    words = re.findall(r"^    ([a-z]+)\s", parser().format_help(), re.MULTILINE)
    assert "serve" in words
    assert sorted(words) == sorted(program.commands(no_engine))


def test_a_word_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.run(parser().parse_args(["rules"]), no_engine) == 0
    assert "rules" in capsys.readouterr().out
