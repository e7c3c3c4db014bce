"""Playbooks are checked whole when they are read, and a fault names its line."""

import re
from pathlib import Path
from typing import get_args

import pytest

from engine.errors import StartupError
from engine.facts import EventName
from models.playbooks import bundled_playbooks, check_files, open_playbooks, playbook_for
from models.playbooks.files import BUNDLED
from models.playbooks.playbook import ENTITIES

GOOD = """\
id: mine
version: "1"
title: {es: a, pt: a, en: a}
campaigns: [care, north]
stages:
  - id: first
    title: {es: a, pt: a, en: a}
    steps:
      - id: greet
        text: {es: a, pt: a, en: a}
        done: {acts: [self_identification]}
  - id: second
    title: {es: a, pt: a, en: a}
    begins: {silence: true}
steps:
  - id: calm
    text: {es: a, pt: a, en: a}
    when: {stages: [second]}
    done: {says: {en: [sorry]}}
slots:
  - id: day
    title: {es: a, pt: a, en: a}
    figures: [date]
    stages: [second]
tests:
  es: [{said: ["customer: hola", {silence: true}], stage: second, done: [], next: calm, slots: {}}]
  pt: [{said: ["customer: ola"], stage: first, done: [], next: greet}]
  en: [{said: ["customer: hello"], stage: first, done: [], next: greet}]
"""


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def faults(folder: Path, text: str) -> list[str]:
    return check_files([written(folder, text)])[1]


def test_one_comes_with_the_engine_for_each_kind_of_campaign() -> None:
    assert [one.id for one in bundled_playbooks()] == ["care", "collections", "sales"]


def test_a_good_one_has_no_faults(tmp_path: Path) -> None:
    assert faults(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("acts: [self_identification]", "acts: [dances]", "mine.yaml:11: mine: no act dances"),
        ("acts: [self_identification]", "intents: [dance]", "mine.yaml:11: mine: no intent dance"),
        ("acts: [self_identification]", "entities: [SHOE]", "mine.yaml:11: mine: no entity SHOE"),
        ("acts: [self_identification]", "by: any", "mine.yaml:11: mine: done names nothing that happens"),
        ("acts: [self_identification]", "akt: x", "mine.yaml:11: Object contains unknown field `akt`"),
        ("{silence: true}\n", "{silence: true, stages: [third]}\n", "mine.yaml:14: mine: no stage third"),
        ("{silence: true}\n", "{stages: [first]}\n", "mine.yaml:14: mine: begins names nothing that happens"),
        ("    begins: {silence: true}\n", "", "mine.yaml:12: mine: stage second: begins is missing"),
        ("    when: {stages: [second]}\n", "", "mine.yaml:16: mine: step calm: when is missing; only a stage's steps"),
        ("says: {en: [sorry]}", "says: {fr: [pardon]}", "mine.yaml:19: mine: no language fr"),
        ("says: {en: [sorry]}", "says: {en: ['(sorry']}", "mine.yaml:19: mine: '(sorry'"),
        ("- id: calm", "- id: greet", "mine.yaml:5: mine: step greet is there twice"),
        (
            "    text: {es: a, pt: a, en: a}\n    when",
            "    text: {es: a}\n    when",
            "mine.yaml:17: mine: text is missing",
        ),
        ("figures: [date]", "figures: [year]", "mine.yaml:23: Invalid enum value 'year'"),
        ("figures: [date]", "entities: [SHOE]", "mine.yaml:23: mine: no entity SHOE"),
        ("figures: [date]", "says: {fr: [demain]}", "mine.yaml:23: mine: no language fr"),
        ("figures: [date]", "says: {en: ['(soon']}", "mine.yaml:23: mine: '(soon'"),
        ("figures: [date]", "says: {en: []}", "mine.yaml:21: mine: slot day: entities, figures or says is missing"),
        ("figures: [date]", "when: [date]", "mine.yaml:21: Object contains unknown field `when`"),
        (
            "    figures: [date]\n    stages: [second]",
            "    figures: [date]\n    stages: [third]",
            "mine.yaml:24: mine: no stage",
        ),
        (
            "    title: {es: a, pt: a, en: a}\n    figures",
            "    title: {es: a}\n    figures",
            "mine.yaml:22: mine: title is",
        ),
        (
            "slots:\n",
            "slots:\n  - {id: day, title: {es: a, pt: a, en: a}, figures: [time]}\n",
            "mine.yaml:20: mine: slot day",
        ),
        ("slots: {}", "slots: {hour: x}", "mine.yaml:26: mine: no slot hour"),
        ("stage: second, done", "stage: third, done", "mine.yaml:26: mine: no stage third"),
        ("next: calm", "next: rest", "mine.yaml:26: mine: no step rest"),
        ("customer: ola", "ola", "mine.yaml:27: mine: a line begins with `agent: ` or `customer: `"),
        ("  pt: [{said", "  fr: [{said", "mine.yaml:25: mine: tests are missing in pt"),
        ("id: mine", "id: [", "mine.yaml:"),
        ('version: "1"', "version: \a", "mine.yaml:2: unacceptable character #x0007"),
        ('version: "1"', "version: 2024-02-30", "mine.yaml:2: this is no timestamp"),
        ('version: "1"', "version: !!timestamp x", "mine.yaml:2: this is no timestamp"),
    ],
)
def test_a_fault_names_its_line(old: str, new: str, fault: str, tmp_path: Path) -> None:
    assert old in GOOD
    assert faults(tmp_path, GOOD.replace(old, new, 1))[0].startswith(fault)


def test_two_files_of_one_id_are_a_fault(tmp_path: Path) -> None:
    written(tmp_path, GOOD, "a.yaml")
    written(tmp_path, GOOD, "b.yaml")
    assert check_files([tmp_path])[1] == ["b.yaml:1: mine: is also in a.yaml"]


def test_the_setting_puts_a_sites_own_first(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    playbooks = open_playbooks(str(tmp_path))
    assert [one.id for one in playbooks] == ["mine", "care", "collections", "sales"]
    assert open_playbooks("") == bundled_playbooks()
    assert open_playbooks("off") == ()


def test_what_is_wrong_with_the_setting_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"PLAYBOOKS: .*nowhere is not there"):
        open_playbooks(str(tmp_path / "nowhere"))
    written(tmp_path, GOOD, "mine.yml")
    with pytest.raises(StartupError, match=r"PLAYBOOKS: there are no playbooks in .*, where files end in \.yaml"):
        open_playbooks(str(tmp_path))
    written(tmp_path, GOOD.replace("acts: [self_identification]", "acts: [dances]"))
    with pytest.raises(StartupError, match=r"PLAYBOOKS: mine\.yaml:11: mine: no act dances"):
        open_playbooks(str(tmp_path))


def test_a_campaigns_name_goes_before_its_kind(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("[care, north]", "[north]"))
    playbooks = open_playbooks(str(tmp_path))
    for campaign, name, wanted in (("care", "north", "mine"), ("care", "south", "care"), ("survey", "", None)):
        found = playbook_for(playbooks, campaign, name)
        assert (found.id if found else None) == wanted


def test_types_of_entities_are_those_of_the_readme() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    listed = readme.partition("**Entities**:")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == set(ENTITIES)
    assert "playbook.changed" in get_args(EventName)
    assert BUNDLED.is_dir()


def test_a_file_in_another_encoding_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(GOOD.replace("es: a", "es: Atención", 1).encode("cp1252"))
    assert check_files([tmp_path])[1] == ["mine.yaml:3: not in UTF-8: save it in that encoding"]
