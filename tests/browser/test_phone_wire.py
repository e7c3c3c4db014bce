"""The phone's messages in TypeScript say what media/bridge/phone_messages.py says."""

import re
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from engine.settings import IceServer
from media.bridge import phone_messages
from media.bridge.party import Direction

WIRE = (Path(__file__).parents[2] / "console" / "src" / "lib" / "phone" / "wire.ts").read_text()


def body_of(name: str) -> str:
    match = re.search(rf"export (?:type {name} =|interface {name} {{)(.*?)\n\n", WIRE + "\n\n", re.DOTALL)
    assert match, name
    return match[1]


def members(name: str) -> dict[str, dict[str, bool]]:
    """Tag → field → whether it may be left out."""
    found = {}
    for text in re.findall(r"\{ (type: .*?) \}", body_of(name)):
        fields = dict(re.findall(r"(\w+)(\??):", text))
        tag = re.search(r'type: "(\w+)"', text)
        assert tag
        found[tag[1]] = {field: optional == "?" for field, optional in fields.items() if field != "type"}
    return found


@pytest.mark.parametrize("name", ["FromBrowser", "ToBrowser"])
def test_messages_have_the_same_names_and_fields(name: str) -> None:
    ours = {}
    for struct in get_args(getattr(phone_messages, name)):
        fields = msgspec.structs.fields(struct)
        ours[struct.__struct_config__.tag] = {field.encode_name: not field.required for field in fields}
    assert members(name) == ours


@pytest.mark.parametrize("struct", [phone_messages.CallState, IceServer])
def test_what_is_in_them_has_the_same_fields(struct: type) -> None:
    theirs = dict(re.findall(r"^  (\w+)(\??):", body_of(struct.__name__), re.MULTILINE))
    fields = msgspec.structs.fields(struct)
    assert {field: optional == "?" for field, optional in theirs.items()} == {
        field.encode_name: not field.required for field in fields
    }


def test_vocabularies_are_the_same() -> None:
    def union(name: str) -> set[str]:
        return set(re.findall(r'"([^"]+)"', body_of(name)))

    assert union("Direction") == set(get_args(Direction))
    assert union("PhoneKey") == set(get_args(phone_messages.Key))
    codes = msgspec.structs.fields(phone_messages.Error)[0].type
    assert union("ErrorCode") == set(get_args(codes))
    for name in ("PASS_OVER", "REPLACED"):
        assert f"export const {name} = {getattr(phone_messages, name)};" in WIRE
