"""`replay` goes on after what is wrong, says it once on stderr, and tells by its exit code."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.command_line import parser
from engine.errors import Invalid
from engine.settings import Settings
from models.compliance import load_detectors
from models.compliance.rules import RULES
from pipelines.commands.replay import forms_in, replay, tools_of
from pipelines.replay import Judging
from tests.fakes import FakeReader

LINE: dict[str, Any] = {
    "id": "one",
    "language": "en",
    "country": "US",
    "campaign": "care",
    "turns": [{"leg": "customer", "text": "good morning"}],
}


@pytest.fixture
def tools() -> Judging:
    return Judging(reader=FakeReader(), rules=[], detectors=load_detectors(), knowledge=None)


def asked(*words: str) -> Namespace:
    return parser().parse_args(["replay", *words])


def test_calls_are_judged_by_the_rules_that_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.commands.replay.OnnxTextReader", lambda models: FakeReader())
    shipped = (RULES / "us.yaml").read_text("utf-8")
    for name in ("setting", "option"):
        (tmp_path / f"{name}.yaml").write_text(shipped.replace('version: "', f'version: "{name}-'), "utf-8")
    settings = Settings(rules=str(tmp_path / "setting.yaml"))
    for words, version in (((), "setting-"), (("--rules", str(tmp_path / "option.yaml")), "option-")):
        rules = tools_of(settings, asked(*words)).rules
        assert all(rule.version.startswith(version) == (rule.pack == "us") for rule in rules)


async def test_a_line_that_is_wrong_costs_itself_alone(
    tmp_path: Path, tools: Judging, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.jsonl"
    lines = [json.dumps(LINE), '{"id": "two", "turns": "my card is 4111"}', "", json.dumps(LINE | {"id": "three"})]
    file.write_text("\n".join(lines))
    assert await replay(asked(str(file)), tools, Settings()) == 1
    told = capsys.readouterr()
    facts = [json.loads(line) for line in told.out.splitlines()]
    assert [fact["id"] for fact in facts if fact["type"] == "transcript"] == ["one", "three"]
    assert told.err.startswith("welcomedly: calls.jsonl:2: ")
    assert "4111" not in told.err


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(LINE | {"region": "Bogotá"}, ensure_ascii=False).encode("latin-1"),
        json.dumps(LINE)[:-1].encode() + b', "extra": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        json.dumps(LINE | {"metadata": {"at": "0001-01-01T00:00:00Z", "zones": ["America/Bogota"]}}).encode(),
        json.dumps(LINE | {"metadata": {"attempts": [{"at": "0001-01-01T00:00:00Z"}]}}).encode(),
    ],
    ids=["latin-1", "deep", "year 1", "attempt of year 1"],
)
async def test_a_line_that_cannot_be_decoded_costs_itself_alone(
    line: bytes, tmp_path: Path, tools: Judging, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b"\n".join([line, json.dumps(LINE | {"id": "two"}).encode()]))
    assert await replay(asked(str(file)), tools, Settings()) == 1
    told = capsys.readouterr()
    facts = [json.loads(line) for line in told.out.splitlines()]
    assert [fact["id"] for fact in facts if fact["type"] == "transcript"] == ["two"]
    assert [line.startswith("welcomedly: calls.jsonl:1: ") for line in told.err.splitlines()] == [True]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (LINE | {"answered": "2024-03-01"}, "answered"),
        (LINE | {"turns": [{"leg": "customer", "text": "good morning", "start": 3.2}]}, "start"),
    ],
)
async def test_a_field_that_may_be_misspelt_is_named_once_and_the_call_is_judged(
    line: dict[str, Any], field: str, tmp_path: Path, tools: Judging, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "calls.jsonl"
    labelled = LINE | {"expect": {"alerts": []}, "turns": [one | {"mood": "calm"} for one in LINE["turns"]]}
    file.write_text(f"{json.dumps(labelled)}\n{json.dumps(line)}\n{json.dumps(line)}\n")
    assert await replay(asked(str(file)), tools, Settings()) == 0
    told = capsys.readouterr()
    assert [json.loads(fact)["name"] for fact in told.out.splitlines() if "call.ended" in fact] == ["call.ended"] * 3
    (said,) = told.err.splitlines()
    assert said.startswith("welcomedly: calls.jsonl:2: ")
    assert f"`{field}`" in said


async def test_calls_are_scored_by_the_site_s_own_forms(
    tmp_path: Path, tools: Judging, capsys: pytest.CaptureFixture[str]
) -> None:
    own = (
        "id: care\ntitle: {en: Own}\ncampaigns: [care]\nitems:\n  - {id: own, title: {en: O}, check: {kind: person}}\n"
    )
    (tmp_path / "care.yaml").write_text(own)
    (tmp_path / "calls.jsonl").write_text(json.dumps(LINE))
    given = asked("--forms", str(tmp_path), str(tmp_path / "calls.jsonl"))
    assert await replay(given, msgspec.structs.replace(tools, forms=forms_in(given.forms)), Settings()) == 0
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (scored,) = [fact["data"] for fact in facts if fact.get("name") == "qa.scored"]
    assert [item["item"] for item in scored["items"]] == ["own"]
    assert [form.id for form in forms_in(given.forms)] == ["care", "collections", "sales"]
    assert [form.id for form in forms_in("")] == ["care", "collections", "sales"]


def test_a_form_that_is_wrong_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text("id: bad\n")
    for folder, complaint in ((tmp_path, "bad.yml"), (tmp_path / "gone", "gone is no folder")):
        with pytest.raises(Invalid, match=complaint):
            forms_in(str(folder))


async def test_a_file_that_is_not_there_or_no_sound(
    tmp_path: Path, tools: Judging, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"not a sound")
    good = tmp_path / "calls.jsonl"
    good.write_text(json.dumps(LINE))
    assert await replay(asked(str(tmp_path / "gone.wav"), str(noise), str(good)), tools, Settings()) == 1
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 2
    assert '"good morning"' in told.out
