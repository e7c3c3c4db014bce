"""An OpenAI-compatible endpoint on loopback that answers as a test wants, down to the bytes."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any

from aiohttp import web

Answering = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ChatServer:
    """Async context manager. `answering` may be changed while it runs; `asked` grows with each request."""

    def __init__(self, answering: Answering) -> None:
        self.answering = answering
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.left = asyncio.Event()
        """A client went away before its answer had ended."""
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> "ChatServer":
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def prompts(self) -> str:
        """All that was sent to it, as one text."""
        return "\n".join(message["content"] for body in self.asked for message in body["messages"])

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            self.asked.append(await request.json())
            self.headers.append(dict(request.headers))
            return await self.answering(request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.left.set()
            raise


def event(**chunk: Any) -> bytes:
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode()


def piece(text: str) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


def end(reason: str = "stop") -> bytes:
    return event(choices=[{"index": 0, "delta": {}, "finish_reason": reason}])


DONE = b"data: [DONE]\n\n"


def streamed(text: str) -> list[bytes]:
    """As a server does it: the role, a word at a time, the end, the count of tokens."""
    opening = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])
    words = [piece(word) for word in text.replace(" ", "\0 ").split("\0")]
    return [opening, *words, end(), event(choices=[], usage={"completion_tokens": len(words)}), DONE]


def sends(
    pieces: Iterable[bytes],
    *,
    kind: str = "text/event-stream",
    status: int = 200,
    headers: dict[str, str] | None = None,
    cut: bool = False,
    stall: bool = False,
) -> Answering:
    """Exactly these bytes; then the end, a cut connection, or nothing more for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": kind, **(headers or {})})
        await response.prepare(request)
        for one in pieces:
            await response.write(one)
        if stall:
            await asyncio.Event().wait()
        if cut and request.transport is not None:
            request.transport.abort()
        return response

    return answer


def says(text: str) -> Answering:
    return sends(streamed(text))


async def never(request: web.Request) -> web.StreamResponse:
    """Takes the question and is silent."""
    await asyncio.Event().wait()
    raise AssertionError
