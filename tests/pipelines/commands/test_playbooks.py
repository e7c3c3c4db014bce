"""`welcomedly playbooks check`: faults, tests, and what is good."""

from pathlib import Path

import pytest

from engine.command_line import parser
from pipelines.commands import playbooks
from tests.models.playbooks.test_files import GOOD


def check(*files: str) -> int:
    return playbooks.run(parser().parse_args(["playbooks", "check", *files]))


def test_the_bundled_ones_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert check() == 0
    assert capsys.readouterr().out.startswith("3 playbooks, ")


def test_a_test_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.replace("next: calm", "next: greet"), "utf-8")
    assert check(str(tmp_path)) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == ["mine (es, 1): next is calm, not greet"]
    assert told.out == ""


def test_faults_go_before_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD.replace("silence: true}\n", "silent: true}\n"), "utf-8")
    assert check(str(tmp_path / "mine.yaml")) == 1
    assert capsys.readouterr().err.startswith("mine.yaml:14: Object contains unknown field `silent`")


def test_a_folder_without_any_is_not_good(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(str(tmp_path)) == 1
    assert capsys.readouterr().err == f"there are no playbooks in {tmp_path}, where files end in .yaml\n"
