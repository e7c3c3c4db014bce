"""`welcomedly rules`: check, test and explain."""

import json
from pathlib import Path

import pytest

from engine.command_line import parser
from engine.errors import StartupError
from pipelines.commands import rules

BAD = """\
rules:
  - id: XX-1
    version: "1"
    title: {en: a, es: a}
    countries: [US]
    source: nowhere
    citation: c
    verified_on: 2026-01-01
    severity: critical
    checks:
      - {kind: says, leg: agent, act: no_such_act, outcome: event, action: a}
      - {kind: order, leg: agent, act: opt_out, until: nowhere, outcome: event, action: a}
      - {kind: window, open: {someday: "08:00-21:00"}, action: a}
      - {kind: entity, leg: any, entity: SHOE_SIZE, outcome: event, action: a}
      - {kind: window, open: {tue-fri: "08:00-21:00", sat-mon: "09:00-13:00"}, action: a}
    tests: {fire: {en: [x], es: [x], pt: [x]}, quiet: {en: [x], es: [x], pt: [x]}}
"""


def run(*words: str) -> int:
    return rules.run(parser().parse_args(["rules", *words]))


def test_faults_have_their_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, "utf-8")
    assert run("check", str(tmp_path / "bad.yaml")) == 1
    assert capsys.readouterr().err.splitlines() == [
        "bad.yaml:4: XX-1: title is missing in pt",
        "bad.yaml:6: XX-1: source is no web address",
        "bad.yaml:11: XX-1: no act no_such_act",
        "bad.yaml:12: XX-1: no state nowhere",
        "bad.yaml:13: XX-1: open: tuple.index(x): x not in tuple",
        "bad.yaml:14: XX-1: no entity SHOE_SIZE",
        "bad.yaml:15: XX-1: days sat-mon end before they begin: a week is mon to sun",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BAD.replace("severity: critical", "severity: grave"), "bad.yaml:9: Invalid enum value 'grave'"),
        (BAD.replace("act: no_such_act", "akt: opt_out"), "bad.yaml:11: Object "),
        ("rules: [", "bad.yaml:1: "),
        ("rules:\n  - id: [\n", "bad.yaml:3: "),
        (BAD.replace("citation: c", "citation: \a"), "bad.yaml:7: unacceptable character #x0007"),
        (BAD.replace("citation: c", 'citation: "\\UFFFFFFFF"'), "bad.yaml:7: an escape"),
        (BAD.replace("citation: c", 'citation: "\\ud800"'), "bad.yaml:7: this is no str"),
        (BAD.replace("2026-01-01", "2024-02-30"), "bad.yaml:8: this is no timestamp"),
        (BAD.replace("2026-01-01", "!!timestamp x"), "bad.yaml:8: this is no timestamp"),
        ("rules:\n  " + "[" * 1_000, "bad.yaml:2: nested too deep"),
    ],
)
def test_files_that_cannot_be_read_name_the_line(
    text: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(text, "utf-8")
    assert run("test", str(tmp_path / "bad.yaml")) == 1
    assert capsys.readouterr().err.startswith(fault)


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("countries: [co]", "bad.yaml:5: XX-1: country co is not two capital letters"),
        ("countries: [Colombia]", "bad.yaml:5: XX-1: country Colombia is not two capital letters"),
        ("countries: [US]\n    regions: [US-CA]", "bad.yaml:6: XX-1: region US-CA is met by no call: it is written"),
        ("countries: [US]\n    regions: [CA, fl]", "bad.yaml:6: XX-1: region fl is met by no call: it is written"),
        ("countries: [US]\n    directions: [outgoing]", "bad.yaml:6: XX-1: no direction outgoing"),
    ],
)
def test_where_a_rule_holds_is_written_as_calls_have_it(
    where: str, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.yaml").write_text(BAD.replace("countries: [US]", where), "utf-8")
    assert run("check", str(tmp_path / "bad.yaml")) == 1
    assert any(line.startswith(fault) for line in capsys.readouterr().err.splitlines())


@pytest.mark.parametrize("action", ["check", "test"])
def test_a_folder_without_any_is_not_good(action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(action, str(tmp_path)) == 1
    assert capsys.readouterr().err == f"there are no rules in {tmp_path}, where files end in .yaml\n"


def test_a_file_in_another_encoding_names_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_bytes(BAD.replace("citation: c", "citation: Resolución").encode("cp1252"))
    assert run("check", str(tmp_path)) == 1
    assert capsys.readouterr().err == "bad.yaml:7: not in UTF-8: save it in that encoding\n"


def test_a_failing_test_of_a_rule_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = BAD.partition("    checks:")[0].replace("es: a}", "es: a, pt: a}").replace("nowhere", "https://x.example")
    good += "    checks:\n      - {kind: listed, lists: [a], action: b}\n"
    good += "    tests: {fire: {any: [{lists: [b]}]}, quiet: {any: [{lists: []}]}}\n"
    (tmp_path / "own.yaml").write_text(good, "utf-8")
    assert run("test", str(tmp_path / "own.yaml")) == 1
    told = capsys.readouterr()
    assert told.err.startswith("XX-1 (any) must fire: ")
    assert told.out.splitlines() == ["1 rules, no problems", "2 tests, 1 failures"]


def test_a_sites_own_are_checked_tested_and_explained_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check") == 0
    bundled = int(capsys.readouterr().out.split()[0])
    good = BAD.partition("    checks:")[0].replace("es: a}", "es: a, pt: a}").replace("nowhere", "https://x.example")
    good += "    checks:\n      - {kind: listed, lists: [a], action: b}\n"
    good += "    tests: {fire: {any: [{lists: [a]}]}, quiet: {any: [{lists: []}]}}\n"
    (tmp_path / "own.yaml").write_text(good, "utf-8")
    monkeypatch.setenv("RULES", str(tmp_path))
    assert run("check") == run("explain", "XX-1") == 0
    assert capsys.readouterr().out.startswith(f"{bundled + 1} rules, no problems\n")
    (tmp_path / "own.yaml").write_text(good.replace("id: XX-1", "id: [XX-1]"), "utf-8")
    assert run("test") == 1
    assert capsys.readouterr().err.startswith("own.yaml:2: ")
    with pytest.raises(StartupError, match=r"^RULES: own\.yaml:2: "):
        run("explain", "XX-1")


def test_explains_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("explain", "US-TCPA-DNC", "Why did you stop calling me?") == 0
    told = capsys.readouterr().out
    assert "47 CFR 64.1200" in told
    assert "excused by" in told
    assert run("explain", "XX-9") == 2


def test_explains_a_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = {
        "id": "c1",
        "language": "es",
        "country": "CO",
        "campaign": "collections",
        "answered_at": "2026-11-24",
        "metadata": {"at": "2026-11-29T10:00:00"},
        "turns": [
            {"leg": "agent", "text": "Buenas, esta llamada está siendo grabada. ¿Por qué no ha pagado?"},
            {"leg": "customer", "text": "Es el 4539 1488 0343 6467."},
        ],
    }
    (tmp_path / "call.jsonl").write_text(json.dumps(call), "utf-8")
    assert run("explain", "--call", str(tmp_path / "call.jsonl")) == 0
    told = capsys.readouterr().out
    assert "CO-2300-WHY: violation on turn 0 (agent): 'Por qué no ha pagado'" in told
    assert "CO-REC-NOTICE: satisfied on turn 0" in told
    why = "Sun, Nov 29, 2026, 10:00 AM; no calls allowed that day"
    assert f"CO-2300-HOURS: violation on turn 0 (agent) because {why}" in told
    assert "PCI-PAN: event on turn 1 (customer): '[card]'" in told
    assert "US-TCPA-DNC: does not apply (country)" in told
    assert "1488" not in told
    (tmp_path / "call.jsonl").write_text('{"id": 3}', "utf-8")
    assert run("explain", "--call", str(tmp_path / "call.jsonl")) == 2
