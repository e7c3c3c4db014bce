"""An engine for browser tests: the console's files, log-in and both sockets, played by hand."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from engine import facts, floor
from engine.facts import Draft, Fact
from engine.ports.desk import Person
from engine.ports.storage import CallRecord
from engine.settings import Settings
from engine.web import console, keys
from tests.browser.fake_knowledge import FakeKnowledge

SESSION = "fake-session"
PASSWORD = "correct horse"
BEAT_S = 1.0
"""More often than the engine, for those who wait for it."""


class FakeEngine:
    """Keeps what was published, answers a `resume` with what is missing, and writes down what the browser says."""

    def __init__(self, person: Person, bridge: str = "") -> None:
        """`bridge` is the address of one, `http://…`."""
        self.person = person
        self.bridge = bridge
        self.token = ""
        """The pass for it."""
        self.calls: dict[str, CallRecord] = {}
        self.facts: dict[str, list[Fact]] = {}
        self.tiles: list[dict[str, Any]] = []
        self.users: list[dict[str, Any]] = []
        self.campaigns: list[dict[str, Any]] = []
        self.knowledge = FakeKnowledge()
        self.heard: list[dict[str, Any]] = []
        self.presses: list[str] = []
        """`pause` and `resume` of recordings."""
        self.answers: dict[str, Any] = {
            "/api/quality/averages": {"agents": [], "campaigns": []},
            "/api/legal-holds": [],
        }
        """What a path of the API answers when it is asked."""
        self.sent: list[tuple[str, Any]] = []
        """(path, body) of what was sent to it; of a legal hold the method, since it has no body."""
        self.keeps_tokens = False
        """As an engine with `KEEP_TOKENS=on`."""
        self.refusing = False
        """New sockets are turned away, as by an engine that restarts."""
        self.refusals: dict[str, str] = {}
        """Commands of the desk (`claim`) and paths of the API that are refused, each with the code."""
        self.held: dict[str, asyncio.Event] = {}
        """Paths of the API whose answer to what is sent waits for the event."""
        self.ahead_s = 0.0
        """By so much the browser's clock is behind."""
        self.dead = False
        """Sockets stand and nothing comes through them any more, as when a cable is pulled."""
        self.url = ""
        self._desks: set[web.WebSocketResponse] = set()
        self._walls: set[web.WebSocketResponse] = set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app[keys.SETTINGS] = Settings(bridge_url=self.bridge, bridge_http_port=0)
        app.on_response_prepare.append(console.harden)
        app.router.add_get("/assets/{name}", console.asset)
        app.router.add_get("/favicon.svg", console.favicon)
        for path in console.PAGES:
            app.router.add_get(path, console.page)
        app.router.add_post("/api/login", self._login)
        app.router.add_post("/api/logout", self._logout)
        app.router.add_get("/api/me", self._me)
        app.router.add_put("/api/me/password", self._send)
        app.router.add_post("/api/calls/{id}/recording/{press}", self._press)
        app.router.add_get("/api/calls/{id}", self._call)
        app.router.add_delete("/api/calls/{id}", self._erase)
        for method in ("PUT", "DELETE"):
            app.router.add_route(method, "/api/calls/{id}/legal-hold", self._legal_hold)
        app.router.add_get("/api/phone", self._phone)
        app.router.add_get(
            "/api/{path:(?:quality|forms|feedback|legal-holds|calls/[^/]+/(?:quality|entities|wrap-up)).*}", self._ask
        )
        for method in ("PUT", "POST"):
            app.router.add_route(method, "/api/{path:(?:forms|feedback|calls)/.*}", self._send)
        self.knowledge.add_to(app.router)
        app.router.add_get("/api/{table}", self._rows)
        app.router.add_post("/api/{table}", self._create)
        app.router.add_get("/api/{table}/{id}", self._row)
        app.router.add_put("/api/{table}/{id}", self._change)
        app.router.add_get("/ws/desk", self._desk)
        app.router.add_get("/ws/wall", self._wall)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        await self.drop_sockets()
        if self._runner:
            await self._runner.cleanup()

    # ─── what a test does ────────────────────────────────────────────────────────────────────────────────────────────

    async def open_call(self, record: CallRecord) -> None:
        """A call comes, or its row changes: also the desk that it leaves is told."""
        before = self.calls.get(record.call_id, record)
        self.calls[record.call_id] = record
        self.facts.setdefault(record.call_id, [])
        if self.person.user_id in (record.agent_id, before.agent_id):
            await self._to_desks(_call_message(record))
        await self.tile(msgspec.to_builtins(floor.tile(record)))

    async def publish(self, *published: Fact) -> None:
        for fact in published:
            self.facts[fact.call_id].append(fact)
            await self._to_desks(facts.encode(fact).decode())

    async def draft(self, draft: Draft) -> None:
        await self._to_desks(facts.encode(draft).decode())

    async def tile(self, tile: dict[str, Any]) -> None:
        """A tile is new or has changed."""
        known = {old["id"]: old for old in self.tiles}
        self.tiles[:] = (known | {tile["id"]: tile}).values()
        for socket in self._walls:
            await socket.send_str(json.dumps({"type": "tile", "tile": tile}))

    async def hang_up(self, call_id: str) -> None:
        """Its tile goes."""
        self.tiles[:] = [tile for tile in self.tiles if tile["id"] != call_id]
        for socket in self._walls:
            await socket.send_str(json.dumps({"type": "gone", "id": call_id}))

    async def drop_sockets(self) -> None:
        for socket in [*self._desks, *self._walls]:
            await socket.close()

    def said(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["type"] == kind]

    # ─── HTTP ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _known(self, request: web.Request) -> bool:
        return request.cookies.get("session") == SESSION

    async def _login(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body["password"] != PASSWORD:
            return web.json_response({"code": "wrong_login", "message": "no"}, status=401)
        response = web.Response(body=msgspec.json.encode(self.person), content_type="application/json")
        response.set_cookie("session", SESSION, httponly=True, samesite="Strict")
        return response

    async def _logout(self, request: web.Request) -> web.Response:
        if request.path in self.refusals:
            return _problem(self.refusals[request.path])
        response = web.Response(status=204)
        response.del_cookie("session")
        return response

    async def _me(self, request: web.Request) -> web.Response:
        if not self._known(request):
            return web.json_response({"code": "not_logged_in", "message": "log in"}, status=401)
        return web.json_response(msgspec.structs.asdict(self.person) | {"keeps_tokens": self.keeps_tokens})

    async def _phone(self, request: web.Request) -> web.Response:
        if not self.bridge:
            return web.Response(status=204)
        url = self.bridge.replace("http", "ws", 1) + "/phone"
        return web.json_response({"url": url, "token": self.token, "expires_at": time.time() + 600})

    async def _press(self, request: web.Request) -> web.Response:
        self.presses.append(request.match_info["press"])
        if request.path in self.refusals:
            return _problem(self.refusals[request.path])
        return web.Response(status=204)

    async def _call(self, request: web.Request) -> web.Response:
        call_id = request.match_info["id"]
        call = msgspec.to_builtins(self.calls[call_id]) if call_id in self.calls else {"id": call_id}
        return web.json_response({"call": call, "facts": msgspec.to_builtins(self.facts.get(call_id, []))})

    async def _erase(self, request: web.Request) -> web.Response:
        self.sent.append((request.path, None))
        if any(hold["call_id"] == request.match_info["id"] for hold in self.answers["/api/legal-holds"]):
            return web.json_response({"code": "conflict", "message": "the call is under a legal hold"}, status=409)
        return web.Response(status=204)

    async def _legal_hold(self, request: web.Request) -> web.Response:
        """Put on a call, or lifted."""
        self.sent.append((request.path, request.method))
        if request.path in self.refusals:
            return _problem(self.refusals[request.path])
        hold = {"call_id": request.match_info["id"], "held_at": time.time(), "held_by": self.person.user_id}
        self.answers["/api/legal-holds"] = [hold] if request.method == "PUT" else []
        return web.Response(status=204)

    async def _ask(self, request: web.Request) -> web.Response:
        if request.path in self.refusals:
            return _problem(self.refusals[request.path])
        return web.json_response(self.answers[request.path])

    async def _send(self, request: web.Request) -> web.Response:
        self.sent.append((request.path, await request.json()))
        await self._hold(request)
        if request.path in self.refusals:
            return _problem(self.refusals[request.path])
        return web.json_response(self.answers.get(request.path, {}))

    async def _hold(self, request: web.Request) -> None:
        if event := self.held.get(request.path):
            await event.wait()

    def _table(self, request: web.Request) -> list[dict[str, Any]]:
        return {"users": self.users, "campaigns": self.campaigns}[request.match_info["table"]]

    def _named(self, request: web.Request) -> dict[str, Any]:
        return next(row for row in self._table(request) if row["id"] == request.match_info["id"])

    async def _rows(self, request: web.Request) -> web.Response:
        if request.match_info["table"] == "calls":
            ended = [msgspec.to_builtins(call) for call in self.calls.values() if call.ended_at]
            return web.json_response(ended)
        return web.json_response(self._table(request))

    async def _row(self, request: web.Request) -> web.Response:
        return web.json_response(self._named(request))

    async def _create(self, request: web.Request) -> web.Response:
        await self._hold(request)
        rows = self._table(request)
        row = {"id": f"row-{len(rows)}", "organisation_id": self.person.organisation_id, **await request.json()}
        row.pop("password", None)
        rows.append(row)
        return web.json_response(row, status=201)

    async def _change(self, request: web.Request) -> web.Response:
        await self._hold(request)
        row = self._named(request)
        row.update(await request.json())
        return web.json_response(row)

    # ─── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _accept(self, request: web.Request) -> web.WebSocketResponse:
        if self.refusing or not self._known(request):
            raise web.HTTPUnauthorized
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        return socket

    @asynccontextmanager
    async def _open(
        self, request: web.Request, among: set[web.WebSocketResponse]
    ) -> AsyncIterator[web.WebSocketResponse]:
        socket = await self._accept(request)
        among.add(socket)
        beating = asyncio.create_task(self._beat(socket))
        try:
            yield socket
        finally:
            beating.cancel()
            among.discard(socket)

    async def _beat(self, socket: web.WebSocketResponse) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            if not self.dead and not socket.closed:
                await socket.send_str(json.dumps({"type": "beat", "at": time.time() + self.ahead_s}))

    async def _desk(self, request: web.Request) -> web.WebSocketResponse:
        async with self._open(request, self._desks) as socket:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    said = json.loads(message.data)
                    self.heard.append(said)
                    await self._answer(socket, said)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, said: dict[str, Any]) -> None:
        if said["type"] in self.refusals:
            refusal = {"type": "error", "code": self.refusals[said["type"]], "message": "no"}
            await socket.send_str(json.dumps(refusal))
        elif said["type"] == "resume":
            clocks = {"now_ms": time.monotonic() * 1000, "at": time.time() + self.ahead_s}
            person = msgspec.to_builtins(self.person)
            await socket.send_str(json.dumps({"type": "hello", "person": person, **clocks}))
            known = said["calls"]
            for one in list(self.calls.values()):
                if one.agent_id == self.person.user_id and (not one.ended_at or one.call_id in known):
                    await self._send_call(socket, one.call_id, known.get(one.call_id, 0))
        elif said["type"] == "follow":
            await self._send_call(socket, said["id"], 0)
        elif said["type"] == "shown" and "seq" in said:
            stamped = {"type": "stamped", "id": said["id"], "seq": said["seq"], "shown": time.monotonic() * 1000}
            await self._to_desks(json.dumps(stamped))
        elif said["type"] == "claim":
            record = msgspec.structs.replace(
                self.calls[said["id"]], agent_id=self.person.user_id, agent_name=self.person.name
            )
            await self.open_call(record)

    async def _send_call(self, socket: web.WebSocketResponse, call_id: str, after: int) -> None:
        await socket.send_str(_call_message(self.calls[call_id]))
        for fact in self.facts[call_id]:
            if fact.seq > after:
                await socket.send_str(facts.encode(fact).decode())

    async def _wall(self, request: web.Request) -> web.WebSocketResponse:
        async with self._open(request, self._walls) as socket:
            first = {"type": "floor", "at": time.time() + self.ahead_s, "tiles": self.tiles}
            await socket.send_str(json.dumps(first))
            async for _ in socket:
                pass
        return socket

    async def _to_desks(self, text: str) -> None:
        for socket in list(self._desks):
            await socket.send_str(text)


def _call_message(record: CallRecord) -> str:
    return json.dumps({"type": "call", "call": msgspec.to_builtins(record)})


def _problem(code: str) -> web.Response:
    return web.json_response({"code": code, "message": "no"}, status=503)
