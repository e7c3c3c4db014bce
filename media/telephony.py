"""All that brings calls, opened and closed as one: RTP, SIP, platforms' sockets, the bridge for browsers' phones."""

import asyncio
import functools
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from engine.control.peers import load_peers
from engine.control.trunks import parse_trunks
from engine.ports.intake import CallIntake
from engine.settings import Settings
from engine.telemetry import Metrics
from media.bridge.child import BridgeChild
from media.counted_media import CountedMedia
from media.dtls_media import DtlsMedia
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.session import MediaAllocator
from media.sip.server import SipServer
from media.sip.tls import ends_at, listeners_of, renew
from media.sip.transport import Listeners
from media.sockets.platforms import Platforms
from media.webrtc.ports import LegPorts
from media.workers.pool import MediaWorkers


class Telephony:
    """`open`, then calls come; `close` says BYE to those that there are, and takes no more."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._stack = AsyncExitStack()
        self._listeners = Listeners()
        self.sip: SipServer
        self.platforms: Platforms | None = None
        self._bridge: BridgeChild | None = None
        self.answering = asyncio.Event()
        """Set while SIP takes calls, though what is said on them may have to wait for models."""

    async def open(self, intake: CallIntake) -> None:
        """Raises `StartupError`, and then nothing is open."""
        settings = self._settings
        ports = PortRange(settings.rtp_range[0], settings.rtp_range[-1])
        try:
            rtp = await self._open_rtp(ports)
            await self._open_sip(intake, CountedMedia(DtlsMedia(rtp, self._fronts(ports)), self._metrics))
            await self._open_platforms(intake, CountedMedia(rtp, self._metrics))
            if settings.bridge == "on":
                here = settings.model_copy(update={"sip_port": self.sip.port})
                self._bridge = await self._stack.enter_async_context(BridgeChild(here))
        except BaseException:
            await self.close()
            raise

    def drain(self) -> None:
        """Says that no new call is taken, which the intake sees to; a bridge of ours drains as well."""
        self.answering.clear()
        if self._bridge:
            self._bridge.drain()

    @property
    def draining(self) -> bool:
        """There are, or may be, calls of a bridge of ours that drains."""
        return self._bridge is not None and self._bridge.draining

    def renew_certificate(self) -> None:
        if renew(self._listeners, self._settings):
            self._tell_end_of_certificate()
        if self._bridge:
            self._bridge.renew_certificate()

    async def close(self) -> None:
        self.answering.clear()
        await self._stack.aclose()

    async def _open_rtp(self, ports: PortRange) -> MediaAllocator:
        settings = self._settings
        make: Callable[..., RtpPlane | MediaWorkers] = functools.partial(RtpPlane, start=random.random())
        if settings.media_workers > 1:
            lost = functools.partial(self._metrics.count, "media_workers_lost_total")
            make = functools.partial(MediaWorkers, settings.media_workers, lost=lost)
        rtp = make(
            settings.sip_host,
            ports,
            advertise=settings.rtp_host,
            gated=settings.rtp_vad_gate,
            counted=self._metrics.rtp,
            judged=lambda heard: self._metrics.rtp_quality(heard.mos, heard.loss, heard.jitter_ms),
        )
        rtp.start()
        self._stack.push_async_callback(rtp.aclose)
        if isinstance(rtp, MediaWorkers):
            await rtp.ready()
        return rtp

    def _fronts(self, ports: PortRange) -> LegPorts:
        return LegPorts(self._settings.sip_host, ports, advertise=self._settings.rtp_host)

    async def _open_sip(self, intake: CallIntake, media: MediaAllocator) -> None:
        settings = self._settings
        self._listeners = listeners_of(settings)
        self._tell_end_of_certificate()
        self.sip = SipServer(
            *(settings.sip_host, settings.sip_port, intake, media),
            trunks=parse_trunks(settings.sip_trunks),
            metrics=self._metrics,
            listeners=self._listeners,
            advertise=settings.rtp_host,
        )
        await self.sip.open()
        self._stack.push_async_callback(self.sip.close)
        self._count_from_none("sip", "siprec")
        self.answering.set()

    def _tell_end_of_certificate(self) -> None:
        if self._settings.sip_tls_cert:
            self._metrics.set("sip_certificate_ends_timestamp_seconds", ends_at(self._settings.sip_tls_cert))

    async def _open_platforms(self, intake: CallIntake, rtp: MediaAllocator) -> None:
        settings = self._settings
        peers = load_peers(Path(settings.sockets)) if settings.sockets else ()
        if peers:
            self.platforms = Platforms(
                settings.sockets_host, settings.sockets_port, peers, intake, rtp, metrics=self._metrics
            )
            await self.platforms.open()
            self._stack.push_async_callback(self.platforms.close)
            self._count_from_none(*(peer.protocol for peer in peers))

    def _count_from_none(self, *protocols: str) -> None:
        """Of calls that fail: a series that begins with the first of them has no step there that an alert could see."""
        for protocol in protocols:
            self._metrics.count("calls_total", 0, protocol=protocol, reason="error")
