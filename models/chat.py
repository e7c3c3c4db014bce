"""A language model behind an OpenAI-compatible endpoint: one question, one answer, streamed, within bounds and in time.

What is asked and what an answer is worth is `models.wording`'s. Nothing of either, nor the key, reaches a log.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Literal, Protocol

import aiohttp
import msgspec

from engine.errors import WelcomedlyError

AT_ONCE: Final = 8
"""Questions that are before the endpoint at the same time."""
MOST_WAITING: Final = 32
"""Questions beside those; a further one is refused at once."""
MOST_BYTES: Final = 1_000_000
"""Of one streamed answer with all that is around its words, or with what a model thinks aloud before them."""
LONGEST_LINE: Final = 64_000
_EVENTS: Final = "text/event-stream"

ChatOutcome = Literal["late", "busy", "unreachable", "refused", "malformed", "cut", "too_long"]


class ChatFault(WelcomedlyError):
    """No answer, and why: `late` for the deadline, `busy` with earlier questions, `unreachable`, `refused` by the
    endpoint (`status`), `malformed`, `cut` off before its end, or `too_long`."""

    code = "chat"

    def __init__(self, outcome: ChatOutcome, status: int = 0) -> None:
        super().__init__(f"{outcome} ({status})" if status else outcome)
        self.outcome: ChatOutcome = outcome
        self.status = status


class Message(msgspec.Struct, frozen=True):
    role: Literal["system", "user"]
    content: str


class Chat(Protocol):
    async def complete(
        self, messages: Sequence[Message], *, deadline_s: float, most_tokens: int, most_characters: int
    ) -> str:
        """The whole answer. Raises `ChatFault`, after `deadline_s` at the latest."""


class _Request(msgspec.Struct, frozen=True):
    model: str
    messages: Sequence[Message]
    max_tokens: int
    temperature: float = 0.0
    stream: bool = True


class _Delta(msgspec.Struct, frozen=True):
    content: str | None = None


class _Choice(msgspec.Struct, frozen=True):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True):
    """`chat.completion.chunk`; one that only counts tokens has no choices."""

    choices: tuple[_Choice, ...] = ()
    error: Any = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode


class EventStream:
    """The `data` of server-sent events (WHATWG HTML, 9.2) out of bytes as they come; all else in them is passed over.
    Lines end in LF or CR LF: no endpoint sends a lone CR."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._taken = 0

    def feed(self, chunk: bytes) -> list[str]:
        """Data of the events that end in `chunk`. Raises `ChatFault`."""
        self._taken += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if self._taken > MOST_BYTES or any(len(line) > LONGEST_LINE for line in (*lines, self._rest)):
            raise ChatFault("too_long")
        ended = (self._line(line.removesuffix(b"\r")) for line in lines)
        return [data for data in ended if data is not None]

    def _line(self, line: bytes) -> str | None:
        """The data of the event that the line ends, if it ends one."""
        if line.startswith(b"data:"):
            try:
                self._data.append(line.removeprefix(b"data:").removeprefix(b" ").decode())
            except UnicodeDecodeError:
                raise ChatFault("malformed") from None
        if line or not self._data:
            return None
        data, self._data = "\n".join(self._data), []
        return data


class Completion:
    """An answer in the making."""

    def __init__(self, most_characters: int) -> None:
        self._most = most_characters
        self._finish = ""
        self.text = ""

    def take(self, data: str) -> bool:
        """One event's data; whether it was the last. Raises `ChatFault`."""
        if data.strip() == "[DONE]":
            return True
        try:
            chunk = _decode_chunk(data)
        except msgspec.MsgspecError:
            raise ChatFault("malformed") from None
        if chunk.error is not None:
            raise ChatFault("refused")
        for choice in chunk.choices[:1]:
            self.text += choice.delta.content or ""
            self._finish = choice.finish_reason or self._finish
        if len(self.text) > self._most:
            raise ChatFault("too_long")
        return False

    def whole(self, done: bool) -> str:
        """The text, once the stream is over. Raises `ChatFault` when the model had more to say, or was kept from it."""
        if self._finish == "stop" or (done and not self._finish):
            return self.text
        raise ChatFault("cut")


class ChatEndpoint:
    """Implements `Chat`. One a process, shared by all calls; whoever made it closes it."""

    def __init__(
        self, url: str, model: str, key: str = "", *, at_once: int = AT_ONCE, waiting: int = MOST_WAITING
    ) -> None:
        """`url` is what `/chat/completions` is put behind; `key` is the bearer token, or empty."""
        self._url = f"{url.rstrip('/')}/chat/completions"
        self._model = model
        self._headers = {"Content-Type": "application/json", "Accept": _EVENTS, "Accept-Encoding": "identity"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._places = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._asked = 0
        self._http: aiohttp.ClientSession | None = None

    async def complete(
        self, messages: Sequence[Message], *, deadline_s: float, most_tokens: int, most_characters: int
    ) -> str:
        if self._asked >= self._most:
            raise ChatFault("busy")
        body = msgspec.json.encode(_Request(self._model, messages, most_tokens))
        self._asked += 1
        try:
            async with asyncio.timeout(deadline_s), self._places:
                return await self._ask(body, Completion(most_characters))
        except TimeoutError:
            raise ChatFault("late") from None
        except aiohttp.ClientResponseError:
            raise ChatFault("malformed") from None
        except (aiohttp.ClientError, OSError, ValueError):  # a ValueError: an address that is none
            raise ChatFault("unreachable") from None
        finally:
            self._asked -= 1

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _ask(self, body: bytes, completion: Completion) -> str:
        """Leaving before the stream's end closes its connection, which tells the endpoint to stop."""
        events = EventStream()
        async with self._session().post(self._url, data=body, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ChatFault("refused", answer.status)
            if answer.content_type != _EVENTS:
                raise ChatFault("malformed")
            try:
                async for chunk in answer.content.iter_any():
                    if any(completion.take(data) for data in events.feed(chunk)):
                        return completion.whole(done=True)
            except aiohttp.ClientError:
                raise ChatFault("cut") from None
        return completion.whole(done=False)

    def _session(self) -> aiohttp.ClientSession:
        """Without cookies, proxies of the environment, or time limits of its own. Each question has a connection of its
        own: one that an endpoint has meanwhile let go of would cost an answer."""
        if self._http is None:
            self._http = aiohttp.ClientSession(
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
            )
        return self._http
