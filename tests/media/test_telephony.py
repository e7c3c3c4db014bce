"""What brings calls opens as one and leaves nothing behind."""

import asyncio
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest

from engine.errors import Overloaded, StartupError
from engine.ports.intake import CallOffer
from engine.settings import Settings
from engine.telemetry import Metrics
from media.session import StreamOffer
from media.sip.layer import Flow
from media.sip.tls import ends_at
from media.telephony import Telephony
from tests.media.sip.sip_fakes import FakeIntake
from tests.media.sip.test_transport import certify

pytestmark = pytest.mark.anyio
LOCAL = "127.0.0.1"
PEER = '[[peer]]\nname = "twilio"\nprotocol = "twilio"\nnumber = "+1"\nsecret = "env:TOKEN"\n'
OPTIONS = (
    "OPTIONS sip:engine@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n"
    "From: <sip:pbx@127.0.0.1>;tag=1\r\nTo: <sip:engine@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


def telephony(folder: Path, peers: str = PEER, port: int = 0) -> Telephony:
    file = folder / "peers.toml"
    file.write_text(peers)
    settings = Settings(
        sip_port=port,
        sockets=str(file),
        sockets_port=0,
        rtp_host="198.51.100.10",
        rtp_ports="32700-32715",
        data_dir=folder,
    )
    return Telephony(settings, Metrics())


class FakeBridge:
    """Has calls for ever."""

    told: ClassVar[list[str]] = []

    def __init__(self, settings: Settings) -> None:
        self.draining = False

    async def __aenter__(self) -> "FakeBridge":
        self.told.clear()
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def drain(self) -> None:
        self.draining = True
        self.told.append("drain")

    def renew_certificate(self) -> None:
        self.told.append("renew")


async def is_closed(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOCAL, port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_sip_and_platforms_answer_until_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    before = asyncio.all_tasks()
    brings = telephony(tmp_path)
    assert not brings.answering.is_set()
    await brings.open(FakeIntake())
    assert brings.answering.is_set()
    assert brings.platforms is not None
    assert "@198.51.100.10:" in brings.sip.endpoint.contact("x", Flow("UDP", "203.0.113.9", 9))  # behind NAT as its RTP
    ports = brings.sip.port, brings.platforms.server.port
    reader, writer = await asyncio.open_connection(LOCAL, ports[0])
    writer.write(OPTIONS.encode())
    assert (await reader.readline()).startswith(b"SIP/2.0 200")
    writer.close()
    await brings.close()
    assert not brings.answering.is_set()
    assert [await is_closed(port) for port in ports] == [True, True]
    assert asyncio.all_tasks() == before


async def test_each_start_takes_its_first_ports_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of an engine that was killed are still sent to those that it had."""
    monkeypatch.setenv("TOKEN", "secret")
    monkeypatch.setattr("media.telephony.random.random", lambda: 0.5)
    brings = telephony(tmp_path)
    await brings.open(FakeIntake())
    stream = StreamOffer(stream="0", position=0, codec="PCMU", payload_type=0)
    session = await brings.sip.media.allocate(CallOffer("call", "siprec", "127.0.0.1:9/udp", "", "", ()), (stream,))
    assert session.local_ports() == {0: 32_708}
    session.close("bye")
    await brings.close()


async def test_a_call_that_no_port_is_free_for_is_counted_whatever_brings_it(tmp_path: Path) -> None:
    brings = telephony(tmp_path, peers='[[peer]]\nname = "edge"\nprotocol = "rtpengine"\nurl = "127.0.0.1:9"\n')
    await brings.open(FakeIntake())
    assert brings.platforms is not None
    streams = tuple(StreamOffer(stream=str(place), position=place, codec="PCMU", payload_type=0) for place in range(9))
    for media in (brings.sip.media, brings.platforms.called[0]._media):
        with pytest.raises(Overloaded):
            await media.allocate(CallOffer("call", "siprec", "127.0.0.1:9/udp", "", "", ()), streams)
    counted = brings._metrics.registry.get_sample_value("welcomedly_calls_refused_total", {"code": "overloaded"})
    assert counted == 2
    await brings.close()


async def test_calls_that_fail_are_counted_from_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    brings = telephony(tmp_path)
    await brings.open(FakeIntake())
    for protocol, counted in (("sip", 0), ("siprec", 0), ("twilio", 0), ("ari", None)):
        labels = {"protocol": protocol, "reason": "error"}
        assert brings._metrics.registry.get_sample_value("welcomedly_calls_total", labels) == counted
    await brings.close()


async def test_a_taken_port_leaves_no_rtp_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "secret")
    before = asyncio.all_tasks()
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))
        taken.listen()
        brings = telephony(tmp_path, port=taken.getsockname()[1])
        with pytest.raises(StartupError, match="SIP_PORT"):
            await brings.open(FakeIntake())
    assert not brings.answering.is_set()
    assert asyncio.all_tasks() == before


async def test_media_workers_that_are_lost_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_one(workers: int, *_: object, lost: Callable[[], None], **_more: object) -> None:
        assert workers == 2
        lost()
        raise StartupError("a media worker does not start")

    monkeypatch.setattr("media.telephony.MediaWorkers", lose_one)
    metrics = Metrics()
    with pytest.raises(StartupError):
        await Telephony(Settings(data_dir=tmp_path, media_workers=2), metrics).open(FakeIntake())
    assert metrics.registry.get_sample_value("welcomedly_media_workers_lost_total") == 1


async def test_until_when_the_certificate_holds_is_told_and_again_once_it_is_renewed(tmp_path: Path) -> None:
    metrics = Metrics()
    pem = certify(tmp_path)
    settings = Settings(sip_port=0, sip_tls_port=0, sip_tls_cert=pem, rtp_ports="32700-32715", data_dir=tmp_path)
    brings = Telephony(settings, metrics)
    await brings.open(FakeIntake())

    def told() -> float | None:
        return metrics.registry.get_sample_value("welcomedly_sip_certificate_ends_timestamp_seconds")

    assert told() == ends_at(pem) > time.time()
    metrics.set("sip_certificate_ends_timestamp_seconds", 1.0)
    brings.renew_certificate()
    assert told() == ends_at(pem)
    metrics.set("sip_certificate_ends_timestamp_seconds", 1.0)
    (tmp_path / "sip.pem").write_text("none")
    brings.renew_certificate()
    assert told() == 1.0, "the one of before holds"
    await brings.close()


async def test_a_wrong_file_of_peers_closes_sip_again(tmp_path: Path) -> None:
    brings = telephony(tmp_path, peers="not toml")
    with pytest.raises(StartupError, match="SOCKETS"):
        await brings.open(FakeIntake())
    assert not brings.answering.is_set()
    assert await is_closed(brings.sip.port)


async def test_a_bridge_of_ours_is_told_what_we_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("media.telephony.BridgeChild", FakeBridge)
    brings = Telephony(Settings(sip_port=0, bridge="on", rtp_ports="32700-32715", data_dir=tmp_path), Metrics())
    await brings.open(FakeIntake())
    assert not brings.draining
    brings.renew_certificate()
    brings.drain()
    assert (FakeBridge.told, brings.draining, brings.answering.is_set()) == (["renew", "drain"], True, False)
    await brings.close()
