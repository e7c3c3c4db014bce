"""The console's types of facts say what engine/facts.py says."""

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from engine import facts
from engine.ports.desk import Person
from engine.ports.storage import CallRecord
from engine.web.desk_socket import RESUMED

WIRE = (Path(__file__).parents[2] / "console" / "src" / "lib" / "wire.ts").read_text()
SCALARS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean"}


def interface(name: str) -> dict[str, tuple[bool, str]]:
    """Field → (optional, type), with those of what it extends."""
    match = re.search(rf"interface {name}(?: extends (\w+))? {{\n(.*?)\n}}", WIRE, re.DOTALL)
    assert match, name
    fields = interface(match[1]) if match[1] else {}
    for field, optional, kind in re.findall(r"^  (\w+)(\??): (.*?);$", match[2], re.MULTILINE):
        fields[field] = (optional == "?", kind)
    return fields


def union(name: str) -> set[str]:
    match = re.search(rf"type {name} =(.*?);", WIRE, re.DOTALL)
    assert match, name
    return set(re.findall(r'"([^"]*)"', match[1]))


def schema_of(struct: type) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([struct])
    schema: dict[str, Any] = components[struct.__name__]
    return schema


def fits(schema: dict[str, Any], kind: str) -> bool:
    """Whether a TypeScript type covers a scalar's JSON type; structures and vocabularies are compared on their own."""
    if "enum" in schema:
        wanted = {value for value in schema["enum"] if value is not None}
        return {f'"{value}"' for value in wanted} <= set(re.findall(r'"[^"]*"', kind)) or wanted == union(kind)
    if "anyOf" in schema:
        return all(fits(one, kind) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return kind.endswith("[]")
    return kind == SCALARS.get(schema.get("type", ""), kind)


@pytest.mark.parametrize(
    "struct",
    [
        facts.Transcript, facts.Insight, facts.Suggestion, facts.CallEvent, facts.Draft, facts.Evidence,
        facts.Correction, facts.Stamps, facts.Measured, CallRecord, Person,
    ],
    ids=lambda struct: struct.__name__,
)  # fmt: skip
def test_fields_and_their_types_are_the_engines(struct: type) -> None:
    schema, typed = schema_of(struct), interface(struct.__name__)
    assert set(typed) == set(schema["properties"])
    required = set(schema.get("required", ()))
    omits = struct.__struct_config__.omit_defaults  # type: ignore[attr-defined]
    for field, (optional, kind) in typed.items():
        assert fits(schema["properties"][field], kind), f"{field}: {kind} against {schema['properties'][field]}"
        assert not omits or optional == (field not in required), field


@pytest.mark.parametrize("name", ["Leg", "Language", "InsightKind", "Outcome", "EventName"])
def test_vocabularies_are_the_engines(name: str) -> None:
    assert union(name) == set(get_args(getattr(facts, name)))


def test_a_desk_asks_for_no_more_calls_than_the_engine_resumes() -> None:
    desk = (Path(__file__).parents[2] / "console" / "src" / "lib" / "desk.ts").read_text()
    assert f"export const RESUMED = {RESUMED};" in desk
