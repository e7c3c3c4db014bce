"""Calls over every transport, and the ways in which a connection ends before a call is made of it."""

import asyncio
import contextlib
import dataclasses
import datetime
import ipaddress
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from engine.control.trunks import parse_trunks
from engine.errors import StartupError
from engine.settings import load_settings
from media.sip import tls
from media.sip.caller import Caller, CallPlan, Transport, place_call
from media.sip.server import SipServer
from media.sip.tls import client_context, listeners_of, renew, server_context
from media.sip.transport import Listeners
from media.siprec_source import RecordedParty
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia

OPTIONS = (
    b"OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/WS a.invalid;branch=z9hG4bK1\r\nFrom: <sip:a@b.c>;tag=1\r\n"
    b"To: <sip:x@127.0.0.1>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
)

KEY = b"-----BEGIN PRIVATE KEY-----"


def certify(where: Path) -> str:
    """A certificate for 127.0.0.1 that is its own authority, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sbc.example")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path = where / "sip.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, form, plain)
    )
    return str(path)


class Bench:
    def __init__(self, server: SipServer, caller: Caller, intake: FakeIntake, media: FakeMedia) -> None:
        self.server, self.caller, self.intake, self.media = server, caller, intake, media

    def target(self, transport: str) -> str:
        return f"sip:5000@127.0.0.1:{self.server.endpoint.transports.local_port(transport)}"


@asynccontextmanager
async def bench(tmp_path: Path, *, mutual: bool = False, trunks: str = "") -> AsyncIterator[Bench]:
    pem = certify(tmp_path)
    intake, media = FakeIntake(), FakeMedia()
    listeners = Listeners(
        tls_port=0,
        ws_port=0,
        wss_port=0,
        server_tls=server_context(pem, client_ca=pem if mutual else ""),
        origins=("https://desk.example",),
    )
    server = SipServer("127.0.0.1", 0, intake, media, listeners=listeners, trunks=parse_trunks(trunks))
    await server.open()
    ours = Listeners(client_tls=client_context(pem, pem if mutual else ""))
    try:
        async with asyncio.timeout(20), Caller(listeners=ours) as caller:
            yield Bench(server, caller, intake, media)
    finally:
        await server.close(0.2)


def test_when_a_certificate_ends_is_known_where_its_file_tells(tmp_path: Path) -> None:
    pem = certify(tmp_path)
    assert tls.ends_at(pem) == pytest.approx(time.time() + 86_400, abs=60)
    Path(pem).write_text("none")
    assert tls.ends_at(pem) == tls.ends_at(str(tmp_path / "none")) == 0.0


@pytest.mark.parametrize("transport", ["UDP", "TCP", "TLS", "WS", "WSS"])
async def test_recorded_call_over_every_transport(transport: Transport, tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        parties = (RecordedParty("1", "ana@pstn.example", "Ana"), RecordedParty("2", "1001@pbx.example", "Luis"))
        plan = CallPlan(it.target(transport), "127.0.0.1", [40_000, 40_002], parties=parties)
        call = await place_call(it.caller, plan, transport)
        await it.intake.begun()
        assert await call.reinvite(hold=True) == 200
        used = it.intake.offers[0].peer.rpartition("/")[2]
        # the INVITE has more than 1,300 bytes: RFC 3261 §18.1.1
        assert used == ("tcp" if transport == "UDP" else transport.lower())
        assert it.server.endpoint.transports.connections == 1  # all went over one connection
        call.bye()
        await it.media.sessions[0].ended.wait()
        assert it.media.sessions[0].reason == "bye"


@pytest.mark.parametrize("transport", ["TLS", "WS", "WSS"])
def test_call_on_uvloop(transport: Transport, tmp_path: Path) -> None:
    """The engine runs on uvloop, whose transports are not asyncio's own."""

    async def call() -> str:
        async with bench(tmp_path) as it:
            placed = await place_call(it.caller, CallPlan(it.target(transport), "127.0.0.1", [40_000]), transport)
            await it.intake.begun()
            plain = it.server.endpoint.transports.local_port("WS")
            with pytest.raises(ConnectionError):
                await it.caller.endpoint.transports.flow_to("TLS", "127.0.0.1", plain)
            placed.bye()
            await it.media.sessions[0].ended.wait()
            return it.media.sessions[0].reason

    assert uvloop.run(call()) == "bye"


def test_all_of_ipv6_is_no_ipv4() -> None:
    """Over UDP as over TCP, in both loops: such a peer would be `::ffff:…`, whom no trunk allows and no URI reaches."""

    async def ask() -> bytes:
        server = SipServer("::", 0, FakeIntake(), FakeMedia(), trunks=parse_trunks("::1,2001:db8::/32"))
        await server.open()
        loop = asyncio.get_running_loop()
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
                old.setblocking(False)
                await loop.sock_connect(old, ("127.0.0.1", server.port))
                await loop.sock_sendall(old, OPTIONS)
                with pytest.raises(ConnectionRefusedError):
                    async with asyncio.timeout(5):
                        await loop.sock_recv(old, 4096)
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as new:
                new.setblocking(False)
                await loop.sock_connect(new, ("::1", server.port))
                await loop.sock_sendall(new, OPTIONS.replace(b"/WS a.invalid;", b"/UDP [::1];rport;"))
                async with asyncio.timeout(5):
                    return await loop.sock_recv(new, 4096)
        finally:
            await server.close(0.2)

    assert asyncio.run(ask()).startswith(b"SIP/2.0 200 ")
    assert uvloop.run(ask()).startswith(b"SIP/2.0 200 ")


@pytest.mark.parametrize("transport", ["TCP", "TLS", "WSS"])
async def test_the_server_hangs_up_over_the_callers_connection(transport: Transport, tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        call = await place_call(it.caller, CallPlan(it.target(transport), "127.0.0.1", [40_000]), transport)
        await it.intake.begun()
        await it.server.close(1.0)
        assert await call.ended == "bye"


async def test_short_requests_stay_on_udp_and_calls_share_a_connection(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        plan = CallPlan(it.target("UDP"), "127.0.0.1", [40_000])
        await place_call(it.caller, plan)
        assert it.intake.offers[0].peer.endswith("/udp")
        plans = [CallPlan(it.target("TLS"), "127.0.0.1", [40_000]) for _ in range(5)]
        await asyncio.gather(*(place_call(it.caller, plan, "TLS") for plan in plans))
        assert it.server.endpoint.transports.connections == 1


async def test_long_request_goes_by_udp_where_tcp_is_refused(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        it.server.endpoint.transports._servers["TCP"].close()
        filler = (("Subject", "x" * 1_300),)
        await place_call(it.caller, CallPlan(it.target("UDP"), "127.0.0.1", [40_000], extra=filler))
        assert it.intake.offers[0].peer.endswith("/udp")


async def test_frames_that_do_not_wait_for_the_handshake_and_are_wrong_close_the_connection(tmp_path: Path) -> None:
    raised: list[object] = []
    async with asyncio.timeout(10), bench(tmp_path) as it:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: raised.append(context))
        port = it.server.endpoint.transports.local_port("WS")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        shake = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        shake += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        writer.write(shake.encode() + b"\xff\x00\x00")
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        assert not it.server.endpoint.transports.connections
    assert raised == []


async def test_server_whose_certificate_nobody_vouches_for_is_not_called(tmp_path: Path) -> None:
    async with bench(tmp_path) as it, Caller() as stranger:
        with pytest.raises(OSError, match="TLS"):
            await place_call(stranger, CallPlan(it.target("TLS"), "127.0.0.1", [40_000]), "TLS")
        assert it.intake.offers == []


def key_of(where: Path) -> bytes:
    return (where / "sip.pem").read_bytes().partition(KEY)[2]


def give_key(where: Path, key: bytes) -> None:
    """To the certificate that is there."""
    path = where / "sip.pem"
    path.write_bytes(path.read_bytes().partition(KEY)[0] + KEY + key)


async def shown(port: int) -> bytes:
    """The certificate that a server shows there."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return certificate


async def test_a_renewed_certificate_is_shown_from_then_on_and_a_wrong_one_never(tmp_path: Path) -> None:
    settings = load_settings(sip_tls_cert=certify(tmp_path))
    listeners = dataclasses.replace(listeners_of(settings), tls_port=0)
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), listeners=listeners)
    await server.open()
    port = server.endpoint.transports.local_port("TLS")
    first, key = await shown(port), key_of(tmp_path)
    certify(tmp_path)
    assert await shown(port) == first
    renew(listeners, settings)
    second = await shown(port)
    assert second != first
    for wrong in (b"no key", key):
        give_key(tmp_path, wrong)
        renew(listeners, settings)
        assert await shown(port) == second
    await server.close(0)


async def test_a_pair_is_read_once_however_soon_its_files_are_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(sip_tls_cert=certify(tmp_path))
    listeners = dataclasses.replace(listeners_of(settings), tls_port=0)
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), listeners=listeners)
    await server.open()
    port = server.endpoint.transports.local_port("TLS")
    first, key = await shown(port), key_of(tmp_path)
    certify(tmp_path)

    def tried(certificate: str, key_file: str = "", client_ca: str = "") -> ssl.SSLContext:
        context = server_context(certificate, key_file, client_ca)
        give_key(tmp_path, key)
        return context

    monkeypatch.setattr(tls, "server_context", tried)
    renew(listeners, settings)
    assert await shown(port) != first
    await server.close(0)


async def test_mutual_tls_admits_certified_peers_alone(tmp_path: Path) -> None:
    async with bench(tmp_path, mutual=True) as it:
        await place_call(it.caller, CallPlan(it.target("TLS"), "127.0.0.1", [40_000]), "TLS")
        nameless = ssl.create_default_context(cafile=str(tmp_path / "sip.pem"))
        nameless.check_hostname = False
        port = it.server.endpoint.transports.local_port("TLS")
        with contextlib.suppress(ssl.SSLError, ConnectionError):  # in TLS 1.3 the refusal comes with the first read
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=nameless)
            writer.write(OPTIONS)
            assert await reader.read() == b""
            writer.close()
        assert it.server.endpoint.transports.connections == 1


async def test_websocket_wants_the_subprotocol_and_a_known_origin(tmp_path: Path) -> None:
    async with bench(tmp_path) as it:
        url = f"ws://127.0.0.1:{it.server.endpoint.transports.local_port('WS')}/"
        sip = [Subprotocol("sip")]
        for options in ({"subprotocols": None}, {"subprotocols": sip, "origin": Origin("https://evil.example")}):
            with pytest.raises(InvalidStatus):
                await connect(url, **options)
        async with connect(url, subprotocols=sip, origin=Origin("https://desk.example")) as socket:
            await socket.send("\r\n\r\n")
            assert await socket.recv() == "\r\n"
            await socket.send([OPTIONS[:100].decode(), OPTIONS[100:].decode()])  # in two fragments
            assert str(await socket.recv()).startswith("SIP/2.0 200")
            await socket.send(b"\x00\xff" * 50)
            await socket.send(OPTIONS.replace(b"z9hG4bK1", b"z9hG4bK2"))
            assert str(await socket.recv()).startswith("SIP/2.0 200")
        assert it.server.endpoint.transports.connections == 0


async def test_strangers_get_no_connection(tmp_path: Path) -> None:
    async with bench(tmp_path, trunks="192.0.2.1") as it:
        reader, writer = await asyncio.open_connection("127.0.0.1", it.server.port)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert it.server.endpoint.transports.connections == 0


async def test_ping_is_answered_and_a_peer_that_stops_answering_is_closed(tmp_path: Path) -> None:
    silent, heard = asyncio.Event(), asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(4) == b"\r\n\r\n"
        writer.write(b"\r\n")
        silent.set()
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        heard.set()
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with bench(tmp_path) as it, Caller(listeners=Listeners(keep_alive_s=0.05, pong_s=0.3)) as caller:
        transports = caller.endpoint.transports
        good = await transports.flow_to("TCP", "127.0.0.1", it.server.port)
        bad = await transports.flow_to("TCP", "127.0.0.1", listener.sockets[0].getsockname()[1])
        await silent.wait()
        await heard.wait()
        assert (transports.alive(good), transports.alive(bad)) == (True, False)
    listener.close()


async def test_a_peer_that_knows_no_pings_keeps_its_connection() -> None:
    pinged: asyncio.Queue[bytes] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4):
            pinged.put_nowait(data)
        writer.close()

    listener = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with asyncio.timeout(10), Caller(listeners=Listeners(keep_alive_s=0.02, pong_s=0.02)) as caller:
        transports = caller.endpoint.transports
        flow = await transports.flow_to("TCP", "127.0.0.1", listener.sockets[0].getsockname()[1])
        for _ in range(3):
            assert await pinged.get() == b"\r\n\r\n"
        assert transports.alive(flow)
    listener.close()


def test_settings_name_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="SIP_WSS_PORT needs SIP_TLS_CERT"):
        listeners_of(load_settings(sip_wss_port=5063))
    with pytest.raises(StartupError, match="SIP_TLS_CERT"):
        listeners_of(load_settings(sip_tls_cert=str(tmp_path / "none.pem")))
    pem = certify(tmp_path)
    with pytest.raises(StartupError, match="SIP_TLS_CLIENT_CA"):
        listeners_of(load_settings(sip_tls_cert=pem, sip_tls_client_ca=str(tmp_path / "none.pem")))
    listeners = listeners_of(load_settings(sip_tls_cert=pem, sip_tls_ca=pem, sip_ws_port=5062))
    assert (listeners.tls_port, listeners.ws_port, listeners.wss_port) == (5061, 5062, None)
