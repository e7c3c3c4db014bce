"""A question to an endpoint comes back whole, or says in time why it does not: nothing that a server does holds it."""

import asyncio
import gzip
import itertools
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from models.chat import LONGEST_LINE, MOST_BYTES, ChatEndpoint, ChatFault, EventStream, Message
from tests.chat_server import DONE, Answering, ChatServer, end, event, never, piece, says, sends, streamed

QUESTION = [Message("system", "Answer."), Message("user", "¿Cuándo abren?")]
ANSWER = "Abrimos a las nueve — también los sábados. 😀"


async def ask(url: str, *, deadline_s: float = 10.0, most_characters: int = 500) -> str:
    endpoint = ChatEndpoint(url, "small")
    try:
        return await endpoint.complete(QUESTION, deadline_s=deadline_s, most_tokens=50, most_characters=most_characters)
    finally:
        await endpoint.close()


async def fault(answering: Answering, **bounds: float) -> tuple[str, int]:
    async with ChatServer(answering) as server:
        with pytest.raises(ChatFault) as raised:
            await ask(server.url, **bounds)  # type: ignore[arg-type]
    return raised.value.outcome, raised.value.status


async def test_an_answer_is_put_together_from_its_stream() -> None:
    async with ChatServer(says(ANSWER)) as server:
        assert await ask(server.url) == ANSWER
    [body] = server.asked
    assert body == {
        "model": "small",
        "messages": [{"role": "system", "content": "Answer."}, {"role": "user", "content": "¿Cuándo abren?"}],
        "max_tokens": 50,
        "temperature": 0.0,
        "stream": True,
    }
    assert "Authorization" not in server.headers[0]


async def test_the_key_goes_in_the_header_alone() -> None:
    async with ChatServer(says("Yes.")) as server:
        endpoint = ChatEndpoint(f"{server.url}/", "small", "sk-secret")
        await endpoint.complete(QUESTION, deadline_s=10, most_tokens=5, most_characters=50)
        await endpoint.close()
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "secret" not in str(server.asked)


async def test_no_question_is_put_on_a_connection_that_the_server_may_have_let_go_of() -> None:
    async with ChatServer(says("Yes.")) as server:
        endpoint = ChatEndpoint(server.url, "small")
        for _ in range(2):
            await endpoint.complete(QUESTION, deadline_s=10, most_tokens=5, most_characters=50)
        await endpoint.close()
    assert [headers["Connection"] for headers in server.headers] == ["close", "close"]


async def test_a_stream_may_come_in_any_pieces_and_with_comments() -> None:
    whole = b": ping\r\n\r\n" + b"".join(streamed(ANSWER)).replace(b"\n", b"\r\n")
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    async with ChatServer(sends(pieces)) as server:
        assert await ask(server.url) == ANSWER


async def test_an_endpoint_that_never_says_why_it_stopped_is_believed_when_it_says_done() -> None:
    async with ChatServer(sends([piece("Yes."), DONE])) as server:
        assert await ask(server.url) == "Yes."


@given(st.lists(st.text(st.characters(exclude_categories=["C"])), max_size=5), st.data())
def test_events_are_the_same_however_their_bytes_are_cut(texts: list[str], data: st.DataObject) -> None:
    whole = b"".join(b"id: 7\ndata: " + text.encode() + b"\ndata:more\n\n" for text in texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    stream = EventStream()
    found = [one for at, to in itertools.pairwise([0, *cuts, len(whole)]) for one in stream.feed(whole[at:to])]
    assert found == [f"{text}\nmore" for text in texts]


def endless(one: bytes) -> Iterator[bytes]:
    """More than anybody would take; bounded, should nobody stop it."""
    return itertools.repeat(one, 40 * MOST_BYTES // len(one))


THINKING = event(choices=[{"delta": {"content": None, "reasoning_content": "hm " * 1000}}])


@pytest.mark.parametrize(
    ("answering", "expected"),
    [
        (sends([b"nothing"], status=401, kind="text/plain"), ("refused", 401)),
        (sends([b"busy"], status=503, kind="text/plain"), ("refused", 503)),
        (sends([], status=302, headers={"Location": "/v1/chat/completions"}), ("refused", 302)),
        (sends([event(error={"code": 500, "message": "out of memory"})]), ("refused", 0)),
        (sends([b"<html>hello</html>"], kind="text/html"), ("malformed", 0)),
        (sends([b'{"choices": []}'], kind="application/json"), ("malformed", 0)),
        (sends([b"data: {not json\n\n"]), ("malformed", 0)),
        (sends([b'data: {"choices": "none"}\n\n']), ("malformed", 0)),
        (sends([event(choices=[{"delta": {"content": ["a", "list"]}}])]), ("malformed", 0)),
        (sends([b"data: [1, 2]\n\n"]), ("malformed", 0)),
        (sends([b"data: \xff\xfe\n\n"]), ("malformed", 0)),
        (sends([gzip.compress(b"".join(streamed("Yes.")))], headers={"Content-Encoding": "gzip"}), ("cut", 0)),
        (sends([]), ("cut", 0)),
        (sends([piece("We open at")]), ("cut", 0)),
        (sends([piece("We open at")], cut=True), ("cut", 0)),
        (sends([piece("We open at"), end("length"), DONE]), ("cut", 0)),
        (sends([piece("We open at"), end("content_filter"), DONE]), ("cut", 0)),
        (sends([piece("word " * 200), end(), DONE]), ("too_long", 0)),
        (sends(endless(piece("word "))), ("too_long", 0)),
        (sends(endless(THINKING)), ("too_long", 0)),
        (sends([b"data: " + b"x" * (LONGEST_LINE + 1)], stall=True), ("too_long", 0)),
    ],
)  # fmt: skip
async def test_what_is_no_answer_says_what_it_is(answering: Answering, expected: tuple[str, int]) -> None:
    assert await fault(answering) == expected


@pytest.mark.parametrize("answering", [never, sends([], stall=True), sends([piece("We open at")], stall=True)])
async def test_no_answer_is_waited_for_beyond_the_deadline(answering: Answering) -> None:
    assert await fault(answering, deadline_s=0.05) == ("late", 0)


async def test_a_server_that_is_late_is_left() -> None:
    async with ChatServer(sends([piece("We open at")], stall=True)) as server:
        for deadline_s in (0.05, 0.5, 5.0):  # on a busy machine the question may not have come there by the first
            with pytest.raises(ChatFault, match="late"):
                await ask(server.url, deadline_s=deadline_s)
            if server.asked:
                break
        await asyncio.wait_for(server.left.wait(), 10)


async def test_a_server_that_says_too_much_is_left() -> None:
    async with ChatServer(sends(endless(piece("word ")))) as server:
        with pytest.raises(ChatFault, match="too_long"):
            await ask(server.url)
        await asyncio.wait_for(server.left.wait(), 10)


async def test_nobody_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        for url in (f"http://127.0.0.1:{taken.getsockname()[1]}/v1", "http://", "http://[::bad/v1"):
            with pytest.raises(ChatFault, match="unreachable"):
                await ask(url)


async def test_no_more_are_asked_at_once_than_the_endpoint_is_given_and_no_more_wait() -> None:
    go_on = asyncio.Event()
    come: asyncio.Queue[None] = asyncio.Queue()

    async def answer_when_told(request: web.Request) -> web.StreamResponse:
        come.put_nowait(None)
        await go_on.wait()
        return await says("Yes.")(request)

    async with ChatServer(answer_when_told) as server:
        endpoint = ChatEndpoint(server.url, "small", at_once=2, waiting=1)

        def one(deadline_s: float) -> asyncio.Task[str]:
            asking = endpoint.complete(QUESTION, deadline_s=deadline_s, most_tokens=5, most_characters=50)
            return asyncio.create_task(asking)

        first = [one(10), one(10)]
        await come.get()
        await come.get()
        waiting = one(0.05)
        await asyncio.sleep(0)
        with pytest.raises(ChatFault, match="busy"):
            await one(10)
        with pytest.raises(ChatFault, match="late"):
            await waiting
        assert come.empty()
        go_on.set()
        assert await asyncio.gather(*first, one(10)) == ["Yes."] * 3
        await endpoint.close()
