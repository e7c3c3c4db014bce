"""`models` and `rules`: what is there, and what is wrong with it."""

from pathlib import Path

import pytest

from engine.command_line import parser
from engine.errors import NotFound
from models.catalogue import CATALOGUE
from pipelines.commands import rules, weights


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEIGHTS_DIR", str(tmp_path))


def test_weights_are_listed_with_licence_and_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert weights.run(parser().parse_args(["models"])) == 0
    told = capsys.readouterr().out
    for entry in CATALOGUE:
        assert entry.name in told
        assert entry.licence in told
        assert all(file.sha256 in told for file in entry.files)
    assert "not installed" in told


def test_an_unknown_model_is_told_the_known_ones() -> None:
    with pytest.raises(NotFound, match="whisper-base"):
        weights.run(parser().parse_args(["models", "install", "whisper-huge"]))


def test_bundled_rules_have_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert rules.run(parser().parse_args(["rules"])) == 0
    assert capsys.readouterr().out.endswith("rules, no problems\n")


def test_a_rule_file_that_is_wrong_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "ours.yaml"
    file.write_text("- rule: X-1\n  nonsense: true\n")
    assert rules.run(parser().parse_args(["rules", "check", str(file)])) == 1
    assert "ours.yaml" in capsys.readouterr().err
