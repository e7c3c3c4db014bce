"""A whole engine on free ports, for calls in real time."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from engine.facts import Draft, Fact, encode
from engine.settings import Settings, load_settings
from models.catalogue import CATALOGUE
from models.installation import installed
from models.weights import models_dir
from pipelines import demo
from pipelines.commands.demo import play_demo, throwaway_settings
from pipelines.follower import Follower
from pipelines.scorecard import Seen
from server import Engine


@pytest.fixture(scope="session")
def weights() -> Path:
    """The installed weights; the test run never fetches them."""
    models = models_dir(load_settings())
    if not all(installed(entry, models) for entry in CATALOGUE if entry.default):
        pytest.skip("weights are missing: run `welcomedly models install`")
    return models


@pytest.fixture
def settings(tmp_path: Path, weights: Path) -> Settings:
    return throwaway_settings(tmp_path, max_calls=8)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[Engine]:
    async with Engine(settings) as engine:
        await engine.start(seed=True)
        await engine.ears.ready()
        yield engine


@asynccontextmanager
async def logged_in(engine: Engine, role: str) -> AsyncIterator[aiohttp.ClientSession]:
    """The first of the demo's people with this role."""
    login = next(one for one in engine.logins if one.role == role)
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(engine.web.url, cookie_jar=jar, headers={"Origin": engine.web.url}) as http:
        async with http.post("/api/login", json={"user": login.login, "password": login.password}) as answer:
            assert answer.status == 200
        yield http


async def play_and_follow(
    engine: Engine, languages: Sequence[str], roles: demo.Roles = "members", *, outbound: bool | None = None
) -> dict[str, list[Seen]]:
    """Plays calls at once; by script id, what a supervisor saw who follows them all. One call a language."""
    calls = [await asyncio.to_thread(demo.load_call, language) for language in languages]
    supervisor = next(one for one in engine.logins if one.role == "supervisor")
    async with Follower(engine.web.url, supervisor.login, supervisor.password, wall=True) as follower:
        reasons = await asyncio.gather(*(play_demo(engine, call, roles, outbound=outbound) for call in calls))
        assert set(reasons) == {"bye"}
        assert await follower.wait_ended(len(calls), 30.0), "a call never ended on the wall"
    by_campaign = {follower.campaigns[call_id]: seen for call_id, seen in follower.by_call().items()}
    return {call.script.id: by_campaign[call.script.campaign] for call in calls}


def everything_shown(seen: Sequence[Seen]) -> str:
    """All facts and drafts as they crossed the socket, lower case."""
    whats: list[Fact | Draft] = [one.what for one in seen]
    return "\n".join(encode(what).decode().lower() for what in whats)
