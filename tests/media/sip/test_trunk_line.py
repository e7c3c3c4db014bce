"""Our standing with trunks: registration and pings as machines, then a whole line over loopback."""

import asyncio
from pathlib import Path

import pytest

from engine.control.trunks import Account, Line, Trunk, parse_trunks
from engine.errors import StartupError
from media.sip.caller import Caller, CallPlan, CallRefused, place_call
from media.sip.digest import Credentials, Gatekeeper, Login
from media.sip.endpoint import Endpoint
from media.sip.layer import Flow
from media.sip.message import Headers, Request, Response
from media.sip.rate import MAX_SOURCES, Allowance
from media.sip.registration import FIRST_WAIT, Ping, Registration
from media.sip.server import SipServer
from media.sip.trunk_line import TrunkLine
from media.sip.wire import StreamFramer, parse_message
from tests.media.sip.sip_fakes import FakeCounts, FakeIntake, FakeMedia, HandClock

ANA = Credentials("ana", "s3cret")
CONTACT = "<sip:ana@192.0.2.1:5060>"


def registration(dice: float = 0.5) -> Registration:
    return Registration(
        *("sip:carrier.example", "sip:ana@carrier.example", CONTACT, Login(ANA)),
        expires_s=600,
        tag="t",
        call_id="c",
        dice=lambda: dice,
    )


def ok(request: Request, contact: str = f"{CONTACT};expires=300") -> Response:
    return request.respond(200, ("Contact", contact))


def ask(machine: Registration, now: float) -> Request:
    request = machine.tick(now)
    assert request is not None
    return request


def test_register_is_refreshed_before_it_ends_and_taken_back() -> None:
    machine = registration()
    first = ask(machine, 0.0)
    assert (first.method, first.uri, first.headers.get("To")) == (
        *("REGISTER", "sip:carrier.example"),
        "<sip:ana@carrier.example>",
    )
    assert first.headers.get("Expires") == "600"
    assert machine.tick(0.1) is None
    assert machine.answered(first, ok(first), 1.0) is None
    assert machine.registered(300.9)
    assert machine.deadline == 1.0 + 300 * 0.8
    again = ask(machine, machine.deadline)
    assert (again.call_id, again.cseq) == (first.call_id, 2)
    machine.answered(again, ok(again, f"<sip:else@192.0.2.9>;expires=9, {CONTACT};expires=300"), 250.0)
    gone = machine.leave(260.0)
    assert gone is not None
    assert gone.headers.get("Expires") == "0"
    machine.answered(gone, ok(gone), 260.1)
    assert not machine.registered(260.2)
    assert machine.tick(10_000.0) is None
    assert machine.leave(10_000.0) is None


def test_register_is_challenged_and_lengthened() -> None:
    machine, keeper = registration(), Gatekeeper("carrier.example", b"k")
    first = ask(machine, 0.0)
    proven = machine.answered(first, keeper.challenge(first, "unproven", 0.0, "x"), 0.1)
    assert proven is not None
    assert keeper.judge(proven, ANA, 0.2) == "accepted"
    longer = machine.answered(proven, proven.respond(423, ("Min-Expires", "900")), 0.3)
    assert longer is not None
    assert (longer.headers.get("Expires"), longer.cseq) == ("900", 3)
    assert keeper.judge(longer, ANA, 0.4) == "accepted"  # with proof at once
    assert machine.answered(longer, longer.respond(423, ("Min-Expires", "900")), 0.5) is None
    assert not machine.registered(0.6)


def test_registration_outlives_its_nonce() -> None:
    """The registrar gives a new one as it does to a stranger, without `stale`."""
    machine, keeper, now = registration(), Gatekeeper("carrier.example", b"k"), 0.0
    for _ in range(3):
        request = ask(machine, now)
        while (verdict := keeper.judge(request, ANA, now)) != "accepted":
            again = machine.answered(request, keeper.challenge(request, "unproven", now, "x"), now)
            assert again is not None, verdict
            request = again
        machine.answered(request, ok(request, f"{CONTACT};expires=600"), now)
        assert machine.registered(now)
        now = machine.deadline  # past the nonce's time
    wrong = Gatekeeper("carrier.example", b"k")
    request = ask(machine, now)
    again = machine.answered(request, wrong.challenge(request, "refused", now, "x"), now)
    assert again is not None
    assert machine.answered(again, wrong.challenge(again, "refused", now, "x"), now) is None  # and backs off
    assert machine.deadline > now
    assert "Authorization" not in ask(machine, machine.deadline).headers


@pytest.mark.parametrize(("breaks_at", "again_at"), [(100.0, 100.0), (5.0, 1.0 + FIRST_WAIT), (270.0, 1.0 + 240.0)])
def test_a_binding_whose_connection_broke_is_made_anew(breaks_at: float, again_at: float) -> None:
    machine = registration()
    machine.broken(0.0)
    first = ask(machine, 0.0)
    machine.answered(first, ok(first), 1.0)  # for 300 s
    machine.broken(breaks_at)
    assert not machine.registered(breaks_at)
    assert machine.deadline == again_at
    request = ask(machine, max(breaks_at, again_at))
    machine.unanswered(request, 300.0)
    machine.broken(301.0)  # it is no binding that breaks: failures are waited out
    assert machine.deadline == 300.0 + FIRST_WAIT * 0.75


def test_failures_back_off_up_to_half_an_hour() -> None:
    machine, now, waits = registration(dice=1.0), 0.0, []
    for number in range(9):
        request = ask(machine, now)
        if number % 2:
            machine.unanswered(request, now)
        else:
            machine.answered(request, request.respond(500), now)
        waits.append(machine.deadline - now)
        now = machine.deadline
    assert waits == [30, 60, 120, 240, 480, 960, 1800, 1800, 1800]
    request = ask(machine, now)
    machine.answered(request, request.respond(503, ("Retry-After", "4000")), now)
    assert machine.deadline == now + 4000
    machine.answered(request, ok(request), now)  # an answer nobody waits for
    assert not machine.registered(now)


def test_ping_says_when_a_trunk_goes_and_comes() -> None:
    ping = Ping("sip:carrier.example", "<sip:a@x>;tag=1", CONTACT, "c", every_s=30)
    now, changes = 0.0, []
    for status in (200, 200, 0, 503, 404):
        request = ping.tick(now)
        assert request is not None
        assert ping.tick(now + 1) is None
        changes.append((ping.outcome(request, status, now + 1), ping.up))
        now = ping.deadline
    assert changes == [(True, True), (False, True), (True, False), (False, False), (True, True)]


def test_allowance_is_per_source_and_bounded() -> None:
    allowance = Allowance(10, 5)
    assert [allowance.takes("a", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert allowance.takes("b", 0.0)
    assert [allowance.takes("a", 0.1), allowance.takes("a", 0.1)] == [True, False]
    for number in range(MAX_SOURCES * 2):
        allowance.takes(str(number), 1.0)
    assert len(allowance) == MAX_SOURCES
    assert Allowance(0).takes("a", 0.0)


def test_allowance_of_less_than_one_a_second_lets_one_through_in_its_time() -> None:
    allowance = Allowance(0.25)
    fits = [allowance.takes("a", now) for now in (0.0, 0.0, 3.5, 4.0, 7.5, 100.0, 100.0)]
    assert fits == [True, False, False, True, False, True, False]


# ─── over loopback ───────────────────────────────────────────────────────────────────────────────────────────────────


class Registrar:
    """A carrier on UDP: challenges REGISTER, answers OPTIONS unless `deaf`."""

    def __init__(self) -> None:
        self.endpoint = Endpoint(self)
        self.keeper = Gatekeeper("carrier.example", b"k")
        self.seen: list[Request] = []
        self.registered = asyncio.Event()
        self.deaf = False

    def allows(self, host: str) -> bool:
        return not self.deaf

    def busy(self, host: str) -> int:
        return 0

    def challenge(self, request: Request, flow: Flow) -> Response | None:
        return None

    def offered(self, request: Request, flow: Flow) -> None:
        raise AssertionError("nobody calls the registrar")

    def received(self, data: bytes, flow: Flow) -> None:
        message = parse_message(data)
        if isinstance(message, Request) and message.method == "REGISTER":
            self.seen.append(message)
            verdict = self.keeper.judge(message, ANA, 0.0)
            if verdict != "accepted":
                self.endpoint.transports.send(self.keeper.challenge(message, verdict, 0.0, "x").to_bytes(), flow)
                return
            contact = f"{message.headers.get('Contact')};expires={message.headers.get('Expires')}"
            self.endpoint.transports.send(message.respond(200, ("Contact", contact), to_tag="x").to_bytes(), flow)
            self.registered.set()
        else:
            self.endpoint.received(data, flow)


async def test_line_registers_pings_and_leaves() -> None:
    registrar, counts = Registrar(), FakeCounts()
    registrar.endpoint.transports.receiver = registrar  # type: ignore[assignment]
    await registrar.endpoint.open("127.0.0.1", 0)
    uri = f"sip:localhost:{registrar.endpoint.transports.port}"
    line = Line("carrier", uri, Account("ana", "s3cret"), register=True, expires_s=600)
    trunks = tuple(Trunk(network.network, None, line) for network in parse_trunks("127.0.0.1, ::1"))
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), trunks=trunks, metrics=counts)
    async with asyncio.timeout(10):
        await server.open()
        await registrar.registered.wait()
        await counts.until("sip_trunk_registered carrier")
        await counts.until("sip_trunk_up carrier")
        assert (server.lines[0].up, server.lines[0].registered) == (True, True)
        await server.close(1.0)
    assert [one.headers.get("Expires") for one in registrar.seen] == ["600", "600", "0"]
    await registrar.endpoint.close()


async def test_a_connection_that_calls_come_back_over_is_registered_anew_once_it_breaks() -> None:
    asked: asyncio.Queue[tuple[Request, asyncio.StreamWriter]] = asyncio.Queue()

    async def register(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = StreamFramer()
        while data := await reader.read(4_096):
            for one in framer.feed(data):
                request = parse_message(one)
                assert isinstance(request, Request)
                writer.write(request.respond(200, to_tag="x").to_bytes())
                asked.put_nowait((request, writer))
        writer.close()

    registrar = await asyncio.start_server(register, "127.0.0.1", 0)
    address = registrar.sockets[0].getsockname()
    uri = f"sip:127.0.0.1:{address[1]};transport=tcp"
    clock, counts = HandClock(), FakeCounts()
    async with asyncio.timeout(10), Caller(clock=clock) as caller:
        endpoint = caller.endpoint
        endpoint.metrics = counts
        line = TrunkLine(Line("carrier", uri, Account("ana", "s3cret"), register=True, ping_s=0), endpoint)
        line.tick(clock.now)
        first, writer = await asked.get()
        await counts.until("sip_trunk_registered carrier")
        clock.now += FIRST_WAIT
        line.tick(clock.now)
        assert line.registered
        writer.close()
        await writer.wait_closed()
        _, another = await asyncio.open_connection(*address)  # by now our side has seen it as well
        another.close()
        assert endpoint.transports.connections == 0
        line.tick(clock.now)
        assert counts.seen["sip_trunk_registered carrier"] == 0
        second, writer = await asked.get()
        assert (second.call_id, second.cseq) == (first.call_id, first.cseq + 1)
        await counts.until("sip_trunk_registered carrier")
        writer.close()
    registrar.close()


async def test_trunk_with_an_account_must_prove_it() -> None:
    line = Line("carrier", account=Account("ana", "s3cret"), challenge=True)
    trunks = (Trunk(parse_trunks("127.0.0.0/8")[0].network, None, line),)
    intake, counts = FakeIntake(), FakeCounts()
    server = SipServer("127.0.0.1", 0, intake, FakeMedia(), trunks=trunks, metrics=counts)
    await server.open()
    async with asyncio.timeout(10), Caller() as caller:
        target = f"sip:5000@127.0.0.1:{server.port}"
        for credentials in (None, Credentials("ana", "wrong")):
            with pytest.raises(CallRefused, match="401"):
                await place_call(caller, CallPlan(target, "127.0.0.1", [40_000], credentials=credentials))
        assert intake.offers == []
        call = await place_call(caller, CallPlan(target, "127.0.0.1", [40_000], credentials=ANA))
        await intake.begun()
        call.bye()
    await server.close(0.2)
    assert counts.seen["sip_challenges_total accepted"] == 1
    assert counts.seen["sip_challenges_total refused"] == 1


async def test_calls_beyond_the_pace_of_a_trunk_and_floods_are_refused() -> None:
    line = Line("carrier", calls_per_second=1)
    trunks = (Trunk(parse_trunks("127.0.0.0/8")[0].network, None, line),)
    counts = FakeCounts()
    server = SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), trunks=trunks, metrics=counts, rate=20)
    await server.open()
    async with asyncio.timeout(10), Caller() as caller:
        plan = CallPlan(f"sip:5000@127.0.0.1:{server.port}", "127.0.0.1", [40_000])
        for _ in range(2):
            await place_call(caller, plan)
        with pytest.raises(CallRefused, match="503") as refused:
            await place_call(caller, plan)
        assert refused.value.headers["Retry-After"] == "1"
        flow = await caller.endpoint.transports.flow_to("UDP", "127.0.0.1", server.port)
        for _ in range(60):
            caller.endpoint.transports.send(b"OPTIONS sip:x SIP/2.0\r\n\r\n", flow)
        await counts.until("sip_dropped_total flood", 20)
    await server.close(0)


async def test_a_trunk_that_cannot_be_called_is_named_at_the_start() -> None:
    line = Line("carrier", "sip:a b@c")
    trunks = (Trunk(parse_trunks("127.0.0.0/8")[0].network, None, line),)
    with pytest.raises(StartupError, match="SIP_TRUNKS"):
        await SipServer("127.0.0.1", 0, FakeIntake(), FakeMedia(), trunks=trunks).open()


def test_a_line_is_deaf_to_answers_of_others() -> None:
    line = TrunkLine(Line("carrier", "sip:192.0.2.7"), Endpoint(Registrar()))
    stray = Request(headers=Headers((("CSeq", "1 OPTIONS"),)), method="OPTIONS")
    line.answered(stray, Response(headers=Headers(), status=200), 0.0)
    line.expired(stray)
    assert line.up is None
    assert not line.registered


def test_file_of_trunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARRIER_PASSWORD", "s3cret")
    path = tmp_path / "trunks.toml"
    path.write_text(
        '[[trunk]]\nname = "carrier"\naddresses = ["192.0.2.0/24", "198.51.100.7"]\nroles = "first_is_agent"\n'
        'uri = "sip:carrier.example;transport=tls"\nuser = "ana"\npassword = "env:CARRIER_PASSWORD"\nregister = true\n'
        '[[trunk]]\nname = "sbc"\naddresses = ["203.0.113.5"]\n'
    )
    trunks = parse_trunks(str(path))
    assert [(str(trunk.network), trunk.roles) for trunk in trunks] == [
        ("192.0.2.0/24", "first_is_agent"),
        ("198.51.100.7/32", "first_is_agent"),
        ("203.0.113.5/32", None),
    ]
    line = trunks[0].line
    assert line is trunks[1].line
    assert line is not None
    assert line.account == Account("ana", "s3cret")
    assert "s3cret" not in repr(trunks)
    for wrong, what in (
        ('[[trunk]]\nname = "a"\naddresses = []\n', "addresses is empty"),
        ('[[trunk]]\nname = "a"\naddresses = ["x"]\n', "no network"),
        ('[[trunk]]\nname = "a"\naddresses = ["::1"]\nregister = true\n', "need user"),
        ('[[trunk]]\nname = "a"\naddresses = ["::1"]\nregister = true\nuser="u"\n', "needs uri"),
        ('[[trunk]]\nname = "a"\naddresses = ["::1"]\nuser="u"\npassword="env:NOT_THERE"\n', "NOT_THERE"),
        ('[[trunk]]\nname = "a"\naddresses = ["::1"]\npasswort="x"\n', "passwort"),
        ('[[trunk]]\nname = "a"\naddresses = ["::1"]\n' * 2, "one name"),
        ("[[trunk\n", "trunks.toml"),
    ):
        path.write_text(wrong)
        with pytest.raises(StartupError, match=what):
            parse_trunks(str(path))
    with pytest.raises(StartupError, match="cannot be read"):
        parse_trunks(str(tmp_path / "none.toml"))
