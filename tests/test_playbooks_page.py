"""docs/playbooks.md says what the code does: its playbook is one, and every key is told."""

import re
from pathlib import Path

import msgspec

from engine.command_line import parser
from models.compliance import load_detectors
from models.compliance.phrases import Phrase
from models.compliance.text import Folded
from models.playbooks import Slot, When
from models.playbooks.files import read_file
from pipelines.playbook_trials import run_trials

TEXT = (Path(__file__).parent.parent / "docs" / "playbooks.md").read_text("utf-8")


def test_the_playbook_that_is_shown_is_one_and_passes_its_tests(tmp_path: Path) -> None:
    shown = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert shown
    (tmp_path / "shown.yaml").write_text(shown[1], "utf-8")
    playbook, faults = read_file(tmp_path / "shown.yaml")
    assert faults == []
    assert run_trials(playbook, load_detectors()) == []


def test_every_key_is_told() -> None:
    whens, slots = TEXT.split("| slot's key |")
    for table, struct in ((whens, When), (slots, Slot)):
        told = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
        assert told == {field.name for field in msgspec.structs.fields(struct)} - {"id", "title"}


def test_each_phrase_that_is_shown_is_met_as_is_told() -> None:
    rows = re.findall(r"^\| `(.+?)` \| .+? \| (.+?) \| (.+?) \|$", TEXT.partition("## Phrases")[2], re.MULTILINE)
    assert rows
    for written, met, not_met in rows:
        phrase = Phrase(written.replace("\\|", "|"), {})
        assert phrase.spans(Folded(met)), written
        assert not phrase.spans(Folded(not_met)), written


def test_the_command_is_understood() -> None:
    for line in re.findall(r"^welcomedly (.+?)(?:\s+#.*)?$", TEXT, re.MULTILINE):
        parser().parse_args(line.split())
