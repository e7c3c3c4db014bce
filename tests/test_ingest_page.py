"""What `docs/ingest.md` tells people to paste on our side is true of the code."""

import re
import tomllib
import uuid
from pathlib import Path
from typing import get_args

import pytest

from engine.control.peers import PROTOCOLS, Peer, load_peers
from engine.control.roles import CONFIDENCE
from engine.control.trunks import RoleOverride, Trunk, load_trunks
from engine.settings import Settings, load_settings
from media.sockets import rtpengine
from media.sockets.ari import VARIABLE

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "ingest.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
NAMED = [
    *("Cisco CUBE", "Oracle SBC", "AudioCodes", "Ribbon", "Avaya SBCE", "BroadWorks"),
    *("Twilio", "Genesys Cloud", "Asterisk", "FreeSWITCH", "jambonz", "Kamailio + rtpengine"),
]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def secrets_that_the_page_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in re.findall(r'"env:([A-Z_]+)"', TEXT):
        monkeypatch.setenv(name, "c2VjcmV0IG9mIHRoZSB0ZXN0")


def peers_of(section: str, where: Path) -> list[Peer]:
    """Each block by itself, as somebody pastes it."""
    found: list[Peer] = []
    for block in blocks(SECTIONS[section], "toml"):
        if "[[peer]]" in block:
            (where / "sockets.toml").write_text(block)
            found += load_peers(where / "sockets.toml")
    return found


def trunks_of(section: str, where: Path) -> list[Trunk]:
    found: list[Trunk] = []
    for block in blocks(SECTIONS[section], "toml"):
        if "[[trunk]]" in block:
            (where / "trunks.toml").write_text(block)
            found += load_trunks(where / "trunks.toml")
    return found


@pytest.mark.parametrize("section", NAMED)
def test_every_peer_has_its_configuration_ours_and_what_was_tried(section: str, tmp_path: Path) -> None:
    text = SECTIONS[section]
    others = re.findall(r"^```(?!toml|\n)\w+", text, re.MULTILINE)
    assert others, "nothing to paste on the other side"
    assert peers_of(section, tmp_path) or trunks_of(section, tmp_path)
    assert "**Who is who.**" in text
    assert re.search(r"^\*\*Tested\*\*", text, re.MULTILINE)
    anchor = section.lower().replace(" + ", "--").replace(" ", "-")
    assert f"[{section}](#{anchor})" in SECTIONS_BEFORE


SECTIONS_BEFORE = TEXT.partition("\n## ")[0]


def test_all_blocks_together_are_two_files(tmp_path: Path) -> None:
    every = blocks(TEXT, "toml")
    for name, mark in (("trunks", "[[trunk]]"), ("sockets", "[[peer]]")):
        (tmp_path / f"{name}.toml").write_text("\n".join(block for block in every if mark in block))
    assert len(load_trunks(tmp_path / "trunks.toml")) >= 7
    assert len(load_peers(tmp_path / "sockets.toml")) >= 8


def test_settings_lines_are_settings() -> None:
    lines = "".join(blocks(TEXT, "sh")).split()
    given = dict(word.split("=", 1) for word in lines if "=" in word)
    assert given
    fields = {name.upper() for name in Settings.model_fields}
    assert given.keys() <= fields
    load_settings(**{name.lower(): value for name, value in given.items()})


def test_names_in_capitals_are_settings() -> None:
    """Between backticks, outside what is pasted on the other side; what a peer calls its own is named here."""
    theirs = {"OPTIONS", "INVITE", "UPDATE", "FORMAT", "INFO", "UUID"}
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", prose)) - theirs
    assert named <= {name.upper() for name in Settings.model_fields}
    assert {"SIP_TRUNKS", "SOCKETS", "RTP_PORTS", "SOCKETS_PORT"} <= named


def test_ports_are_the_defaults() -> None:
    settings = {name: field.default for name, field in Settings.model_fields.items()}
    first, _, last = str(settings["rtp_ports"]).partition("-")
    shown = {settings["sip_port"], settings["sip_tls_port"], settings["sockets_port"], int(first), int(last)}
    before = SECTIONS["Before all peers"]
    assert all(str(port) in before for port in shown)
    proxied = re.findall(r"127\.0\.0\.1:(\d+)", "".join(blocks(before, "caddy")))
    behind = (settings["sockets_port"], settings["bridge_http_port"], settings["http_port"])
    assert list(dict.fromkeys(map(int, proxied))) == list(behind)
    audiosocket = {block["port"] for block in _entries("peer") if "port" in block}
    pointed = {int(port) for port in re.findall(r"(?:engine\.example|198\.51\.100\.10):(\d+)", TEXT)}
    assert pointed <= {settings["sip_port"], settings["sip_tls_port"], settings["sockets_port"]} | audiosocket


@pytest.mark.parametrize("section", NAMED)
def test_paths_of_sockets_are_those_of_the_peers_beside_them(section: str, tmp_path: Path) -> None:
    asked = set(re.findall(r"wss?://(?:voice|engine)\.example(?::\d+)?(/[\w-]+)", SECTIONS[section]))
    opened = {peer.path for peer in peers_of(section, tmp_path) if peer.path}
    assert asked == opened


def test_keys_and_passwords_agree_on_both_sides(tmp_path: Path) -> None:
    """The user of Basic is the peer's key, or its name."""
    for section, pattern in (
        ("Asterisk", r"^username = (.+)$"),
        ("FreeSWITCH", r"AUTH_USERNAME=(\w+)"),
        ("jambonz", r'"username": "(\w+)"'),
    ):
        users = {peer.key or peer.name for peer in peers_of(section, tmp_path) if peer.path}
        assert set(re.findall(pattern, SECTIONS[section], re.MULTILINE)) == users
    (genesys,) = peers_of("Genesys Cloud", tmp_path)
    assert re.search(rf"^API Key +{genesys.key}$", SECTIONS["Genesys Cloud"], re.MULTILINE)
    (ari, *_) = peers_of("Asterisk", tmp_path)
    assert f"[{ari.key}]" in SECTIONS["Asterisk"]
    assert f"Set({VARIABLE}=customer)" in SECTIONS["Asterisk"]


def test_every_call_over_audiosocket_has_a_uuid_of_its_own(tmp_path: Path) -> None:
    (peer,) = [one for one in peers_of("Asterisk", tmp_path) if one.protocol == "audiosocket"]
    (made,) = re.findall(r"Set\(__LEG=(.+)\)$", SECTIONS["Asterisk"], re.MULTILINE)
    ids = ("00000000123", "00000000124")
    first, second = (uuid.UUID(made.replace("${DIGITS:-11}", digits) + "0") for digits in ids)
    assert first != second
    assert first.hex.startswith(peer.key)


def test_every_protocol_and_every_rule_is_named() -> None:
    assert {entry["protocol"] for entry in _entries("peer")} <= set(PROTOCOLS)
    assert all(f'"{protocol}"' in TEXT for protocol in PROTOCOLS)
    rules = set(re.findall(r"^\| `(\w+)` \|", SECTIONS["Before all peers"], re.MULTILINE))
    assert rules == CONFIDENCE.keys() - {"member_elsewhere"}
    assert all(f'"{override}"' in TEXT for override in get_args(RoleOverride))


def test_files_that_the_page_names_are_there() -> None:
    named = set(re.findall(r"`((?:tests|docs|media|engine)/[\w./-]+)`", TEXT))
    assert len(named) > 10
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_rtpengine_is_asked_where_the_page_says(tmp_path: Path) -> None:
    (edge,) = peers_of("Kamailio + rtpengine", tmp_path)
    assert f"listen-ng = {edge.url}" in SECTIONS["Kamailio + rtpengine"]
    assert rtpengine.LOOK_EVERY_S <= 1.0  # else a short call would be missed


def test_kamailios_lines_are_those_that_the_tests_run() -> None:
    """All but names, addresses and times."""
    config = (ROOT / "tests" / "data" / "kamailio" / "kamailio.cfg").read_text()
    (pasted,) = blocks(SECTIONS["Kamailio + rtpengine"], "kamailio")
    for statement in re.findall(r"\w+\([^()]*\)(?=[ ;)])", pasted):
        if not statement.startswith(("modparam", "t_relay")):
            assert statement in config
    assert 'modparam("dispatcher", "flags", 2)' in config


def test_the_readme_leads_here() -> None:
    assert "(docs/ingest.md)" in (ROOT / "README.md").read_text("utf-8")


def _entries(kind: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for block in blocks(TEXT, "toml"):
        found += tomllib.loads(block).get(kind, [])
    return found
