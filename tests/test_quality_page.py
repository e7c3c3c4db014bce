"""docs/quality.md says what the code does: its form is a form, and every kind, metric and route is there."""

import re
from pathlib import Path
from typing import get_args

import msgspec

from engine.command_line import parser
from engine.web.app import ROUTES
from models.review import forms
from models.review.forms import read_form

TEXT = (Path(__file__).parent.parent / "docs" / "quality.md").read_text("utf-8")


def test_the_form_that_is_shown_is_a_form() -> None:
    shown = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert shown
    form = read_form(shown[1])
    assert [item.id for item in form.items] == ["notice", "respected"]


def test_every_kind_of_check_is_told_with_its_fields() -> None:
    told = dict(re.findall(r"^\| `(\w+)` \| .+? \| (.+?) \|$", TEXT.partition("| `kind`")[2], re.MULTILINE))
    for check in get_args(forms.Check):
        fields = {field.name for field in msgspec.structs.fields(check)}
        assert set(re.findall(r"`(\w+)`", told[check.__struct_config__.tag])) == fields, check


def test_every_metric_and_route_is_there() -> None:
    assert all(f"`{metric}`" in TEXT for metric in get_args(forms.Metric))
    paths = {re.sub(r"{\w+}", "{}", route.path) for route in ROUTES}
    named = re.findall(r"`(?:[A-Z]+(?:, [A-Z]+)*) (/api/[^`]+)`", TEXT)
    assert named
    for path in named:
        assert re.sub(r"{\w+}", "{}", path) in paths, path


def test_the_command_is_understood() -> None:
    for line in re.findall(r"^welcomedly (.+?)(?: >.*)?$", TEXT, re.MULTILINE):
        parser().parse_args(line.split())
