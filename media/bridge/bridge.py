"""The process of bridged calls, composed: the exchange, its recorders, its journal, and the one HTTP port."""

import asyncio
import dataclasses
import gc
import os
from contextlib import AsyncExitStack

import structlog
from aiohttp import web

from engine.control.phone_pass import bridge_key
from engine.control.routes import load_plan
from engine.errors import StartupError
from engine.settings import Settings, read_ice_servers
from engine.telemetry import Metrics
from engine.web.site import Site
from media.bridge.child import STARTED_FOR
from media.bridge.exchange import SipExchange
from media.bridge.journal import Journal
from media.bridge.phone_socket import PhoneSockets
from media.bridge.phone_web import add_phones
from media.bridge.phones import BrowserPhones
from media.bridge.recording_source import Recorders
from media.bridge.whip import Whip
from media.ports import PortRange
from media.sip.tls import ends_at, listeners_of, renew
from media.sip.transport import Listeners
from media.webrtc.ports import LegPorts

log = structlog.get_logger(__name__)

JOURNAL = "bridge-dialogs"
"""In `DATA_DIR`."""


class Bridge:
    """`start` it, then calls go through; `close` ends them. No model, no store and no console is in it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.exchange: SipExchange
        self.web: Site
        self._stack = AsyncExitStack()
        self._listeners = Listeners()
        self._whip: Whip | None = None
        self._draining = False

    async def start(self) -> None:
        """Raises `StartupError` with one line that names the setting to change; then nothing is left running."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        gc.collect()
        gc.freeze()  # what is there now stays: collections look at calls alone, and take microseconds

    async def _start(self) -> None:
        settings = self.settings
        trunks, routes = load_plan(settings.bridge_trunks, settings.bridge_routes)
        journal = Journal(settings.data_dir / JOURNAL)
        self._stack.callback(journal.close)
        recorders = await self._open_recorders()
        self._listeners = _listeners(settings)
        self._tell_end_of_certificate()
        rtp_ports = PortRange(settings.bridge_rtp_range[0], settings.bridge_rtp_range[-1])
        ports = LegPorts(settings.bridge_host, rtp_ports, advertise=settings.bridge_rtp_host)
        phones = BrowserPhones(ports)
        self.exchange = SipExchange(
            settings.bridge_host,
            settings.bridge_sip_port,
            rtp_ports,
            phones,
            recorders.make if recorders else Unrecorded,
            journal,
            trunks=trunks,
            routes=routes,
            advertise=settings.bridge_rtp_host,
            max_calls=settings.bridge_max_calls,
            listeners=self._listeners,
            metrics=self.metrics,
        )
        await self.exchange.open()
        self._stack.push_async_callback(self.exchange.close)
        sockets = PhoneSockets(
            phones,
            self.exchange,
            bridge_key(settings.bridge_key, settings.data_dir),
            origin=settings.public_url,
            ice_servers=read_ice_servers(settings.ice_servers),
        )
        whip = self._whip = (
            Whip(sockets.check, ports, recorders, ice_servers=sockets.ice_servers, metrics=self.metrics)
            if recorders
            else None
        )
        self.web = Site(
            self._app(sockets, whip), settings.bridge_http_host, settings.bridge_http_port, "BRIDGE_HTTP_PORT"
        )
        await self.web.open()
        self._stack.push_async_callback(self.web.close)
        self._stack.callback(phones.close)
        if whip is not None:
            self._stack.callback(whip.close)

    async def _open_recorders(self) -> Recorders | None:
        settings = self.settings
        if settings.bridge_engine == "off":
            return None
        local = settings.sip_host if settings.sip_host not in ("0.0.0.0", "::") else "127.0.0.1"
        host = f"[{local}]" if ":" in local else local
        engine = settings.bridge_engine or f"sip:{host}:{settings.sip_port};transport=tcp"
        try:
            recorders = Recorders(engine, settings.bridge_host)
        except ValueError:
            raise StartupError("BRIDGE_ENGINE: expected a SIP URI, e.g. sip:10.0.0.5:5060;transport=tcp") from None
        return await self._stack.enter_async_context(recorders)

    def _app(self, sockets: PhoneSockets, whip: Whip | None) -> web.Application:
        app = web.Application()
        add_phones(app, sockets)
        if whip is not None:
            whip.routes(app)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        return app

    async def _healthz(self, request: web.Request) -> web.Response:
        started_for = os.environ.get(STARTED_FOR, "")
        return web.json_response({"calls": len(self.exchange.calls), "pid": os.getpid(), "started_for": started_for})

    async def _readyz(self, request: web.Request) -> web.Response:
        """503 once it takes no new call."""
        status = "not ready" if self._draining else "ready"
        return web.json_response({"status": status, "calls": self.calls}, status=503 if self._draining else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=await asyncio.to_thread(self.metrics.text), content_type="text/plain")

    @property
    def calls(self) -> int:
        return len(self.exchange.calls) + (self._whip.count if self._whip else 0)

    def drain(self) -> None:
        """Refuses every new call from now on; those that there are go on."""
        self._draining = True
        self.exchange.drain()
        if self._whip:
            self._whip.drain()

    def renew_certificate(self) -> None:
        if renew(self._listeners, self.settings):
            self._tell_end_of_certificate()

    def _tell_end_of_certificate(self) -> None:
        if self.settings.sip_tls_cert:
            self.metrics.set("sip_certificate_ends_timestamp_seconds", ends_at(self.settings.sip_tls_cert))

    async def close(self) -> None:
        """BYE to everybody; then what was said is on its way to the engine, and the ports are free."""
        await self._stack.aclose()


class Unrecorded:
    """A recorder of calls that nobody else is to hear."""

    def begin(self, call: object) -> None: ...

    def talk(self, slot: int, packet: object) -> None: ...

    def changed(self, call: object) -> None: ...

    def end(self) -> None: ...


def _listeners(settings: Settings) -> Listeners:
    """SIP's, on a TLS port of our own."""
    port = settings.bridge_sip_tls_port if settings.sip_tls_cert else None
    return dataclasses.replace(listeners_of(settings), tls_port=port, ws_port=None, wss_port=None)
