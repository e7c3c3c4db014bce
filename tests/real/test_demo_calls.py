"""The three demo calls, through SIPREC, RTP, Whisper and the agent's socket, with who is who told in every way."""

import re
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from engine.settings import Settings
from pipelines import demo
from pipelines.scorecard import Seen, summarise
from server import Engine
from tests.real.conftest import everything_shown, play_and_follow

pytestmark = pytest.mark.real

LANGUAGES = ("es", "en", "pt")
CARD_WORDS = ("cuatro cinco tres nueve", "uno cuatro ocho ocho", "cero tres cuatro tres", "seis cuatro seis siete")
CPF_WORDS = ("cinco dois nove", "nove oito dois", "dois quatro sete")
WRITTEN = re.compile(r"4539\D{0,3}1488|1488\D{0,3}0343|0343\D{0,3}6467|529\D{0,3}982\D{0,3}247")
"""Two groups in a row: a single one stands in some timestamp sooner or later."""


def assert_as_scripted(seen: dict[str, list[Seen]], *, cards: bool = True) -> None:
    for language in LANGUAGES:
        script = demo.load_call(language).script
        summary = summarise(script, seen[script.id], served=True)
        expect = summary["expect"]
        assert expect["missing"] == [], script.id
        assert expect["unexpected"] == [], script.id
        assert expect["mood_as_expected"], (script.id, summary["mood_by_third"])
        if cards:
            assert expect["cards_beyond"] <= 2, summary["cards"]
            assert len(summary["cards"]) >= len(script.expect["cards"]), summary["cards"]


def assert_nothing_private(texts: Sequence[str]) -> None:
    for text in texts:
        for secret in (*CARD_WORDS, *CPF_WORDS):
            assert secret not in text
        assert not WRITTEN.search(text)


def contents(folder: Path) -> list[str]:
    """Every file of the run: database, write-ahead log, the broker's."""
    return [path.read_bytes().decode("latin-1").lower() for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("roles", ["members", "swapped", "none", "late"])
async def test_every_alert_is_on_its_turn_and_on_the_right_person(
    engine: Engine, settings: Settings, roles: demo.Roles, capfd: pytest.CaptureFixture[str]
) -> None:
    seen = await play_and_follow(engine, LANGUAGES, roles)
    assert_as_scripted(seen)
    shown = [everything_shown(one) for one in seen.values()]
    assert_nothing_private([*shown, *contents(settings.data_dir), capfd.readouterr().err.lower()])


async def test_an_outbound_call_without_names_puts_the_agent_first(engine: Engine) -> None:
    admin = next(one for one in engine.logins if one.role == "admin")
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.CookieJar(unsafe=True), headers={"Origin": engine.web.url}
    ) as http:
        await http.post(f"{engine.web.url}/api/login", json={"user": admin.login, "password": admin.password})
        async with http.get(f"{engine.web.url}/api/campaigns") as answer:
            care = next(one for one in await answer.json() if one["kind"] == "care")
        changed = {key: value for key, value in care.items() if key not in ("id", "organisation_id")}
        changed["direction"] = "outbound"
        async with http.put(f"{engine.web.url}/api/campaigns/{care['id']}", json=changed) as answer:
            assert answer.status == 200, await answer.text()
    seen = await play_and_follow(engine, LANGUAGES, "none", outbound=True)
    assert_as_scripted(seen)
