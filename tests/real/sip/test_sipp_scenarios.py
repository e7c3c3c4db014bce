"""sipp as a border controller, a trunk and a called party: every call flow that an SBC sends, vendor by vendor."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.control.trunks import Account, Line, Trunk, parse_trunks
from media.sip.caller import Caller, CallPlan, PlacedCall, place_call
from media.sip.digest import Credentials
from media.sip.server import SipServer
from tests.media.sip.sip_fakes import FakeIntake, FakeMedia
from tests.media.sip.test_sipp import SCENARIOS, SIPP, free_port, run_sipp

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SIPP, reason="sipp is missing: apt-get install sip-tester"),
]
VENDORS = sorted(path.name for path in SCENARIOS.glob("vendor_*.xml"))


class Bench:
    def __init__(self, server: SipServer, intake: FakeIntake, media: FakeMedia) -> None:
        self.server, self.intake, self.media = server, intake, media


@asynccontextmanager
async def bench(trunks: Sequence[Trunk] = ()) -> AsyncIterator[Bench]:
    intake, media = FakeIntake(), FakeMedia()
    server = SipServer("127.0.0.1", 0, intake, media, trunks=trunks or parse_trunks(""))
    await server.open()
    try:
        async with asyncio.timeout(30):
            yield Bench(server, intake, media)
    finally:
        await server.close(0.2)


@pytest.mark.parametrize("scenario", VENDORS)
async def test_recording_of_every_vendor_is_heard_on_every_line(scenario: str, tmp_path: Path) -> None:
    async with bench() as it:
        await run_sipp(it.server, scenario, tmp_path, "-m", "1", "-t", "t1")
        (session,) = it.media.sessions
        await session.ended.wait()
        assert session.offer.protocol == "siprec"
        positions = list(session.local_ports())
        assert [session.heard(position) for position in positions] == [True] * len(positions)
        assert session.reason == "bye"


@pytest.mark.parametrize(
    ("scenario", "history", "reason"),
    [
        ("offerless.xml", ["update"], "bye"),
        ("hold_old.xml", ["update", "hold", "update", "resume"], "bye"),
        ("hold_new.xml", ["update", "hold", "update", "resume"] * 2, "bye"),
        ("hold_late.xml", ["update", "hold", "update", "resume"], "bye"),
        ("third_line.xml", ["update"], "bye"),
        ("metadata_update.xml", [], "bye"),
        ("session_refresh.xml", [], "bye"),
        ("session_too_small.xml", [], "bye"),
        ("glare.xml", ["update", "hold"], "bye"),
        ("lost_ack.xml", [], "bye"),
        ("cancel_race.xml", [], "bye"),
    ],
)
async def test_call_flows(scenario: str, history: list[str], reason: str, tmp_path: Path) -> None:
    async with bench() as it:
        await run_sipp(it.server, scenario, tmp_path, "-m", "1")
        (session,) = it.media.sessions
        await session.ended.wait()
        assert (session.history, session.reason) == (history, reason)
        assert len(it.intake.sessions) == 1
        assert it.server.calls == 0


async def test_lost_200s(tmp_path: Path) -> None:
    async with bench() as it:
        await run_sipp(it.server, "lost_200.xml", tmp_path, "-m", "6", "-r", "6")
        assert len(it.intake.sessions) == 6
        assert {session.reason for session in it.media.sessions} == {"bye"}


async def test_participants_of_a_transfer_and_of_late_metadata(tmp_path: Path) -> None:
    async with bench() as it:
        for number, scenario in enumerate(("third_line.xml", "metadata_update.xml")):
            (tmp_path / str(number)).mkdir()
            await run_sipp(it.server, scenario, tmp_path / str(number), "-m", "1")
        moved, named = ([one.aor for one in session.participants] for session in it.media.sessions)
        assert moved == ["+15550101@caller.example", "agent7@desk.example", "agent9@desk.example"]
        assert named == ["+15550101@caller.example", "agent7@desk.example"]


async def test_cancel_of_a_call_that_rings(tmp_path: Path) -> None:
    async with bench() as it:
        it.media.gate.clear()
        await run_sipp(it.server, "cancel_ringing.xml", tmp_path, "-m", "1")
        it.media.gate.set()
        await it.media.allocated.wait()
        assert (it.media.sessions[0].reason, it.intake.sessions) == ("cancelled", [])


async def test_digest(tmp_path: Path) -> None:
    line = Line("carrier", account=Account("ana", "s3cret"), challenge=True, digests=("MD5",))  # sipp knows no other
    async with bench([Trunk(parse_trunks("127.0.0.1")[0].network, None, line)]) as it:
        await run_sipp(it.server, "digest.xml", tmp_path, "-m", "1")
        assert it.media.sessions[0].heard(0)


async def test_transfer_by_refer(tmp_path: Path) -> None:
    async with bench() as carol, bench() as it:
        await run_sipp(it.server, "refer.xml", tmp_path, "-m", "1", "-key", "carol", str(carol.server.port))
        await carol.intake.begun()
        assert it.media.sessions[0].reason == ""  # goes on, with carol
        assert [one.aor for one in it.media.sessions[0].participants] == ["carol@127.0.0.1"]


async def test_options(tmp_path: Path) -> None:
    async with bench() as it:
        await run_sipp(it.server, "options.xml", tmp_path, "-m", "1")


# ─── sipp as the called side of our calls ────────────────────────────────────────────────────────────────────────────


async def listening(port: int) -> None:
    """Until somebody has that UDP port. sipp does not say so, and a probe of ours would stand in its way."""
    ours = f" 0100007F:{port:04X} "
    async with asyncio.timeout(10):
        while ours not in Path("/proc/net/udp").read_text():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def called(scenario: str, where: Path) -> AsyncIterator[str]:
    """sipp that waits for one call; the URI to call. Its scenario must have succeeded at the end."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(SIPP, "-sf", str(SCENARIOS / scenario), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", str(port)),
        *("-m", "1", "-nostdin", "-timeout", "15s", "-trace_err", "-error_file", str(where / "errors")),
        cwd=where,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        await listening(port)
        yield f"sip:called@127.0.0.1:{port}"
        _, errors = await process.communicate()
        said = (where / "errors").read_text() if (where / "errors").exists() else ""
        assert process.returncode == 0, errors.decode() + said
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def call(caller: Caller, plan: CallPlan) -> PlacedCall:
    async with asyncio.timeout(10):
        return await place_call(caller, plan)


async def test_reliable_early_media_before_the_answer(tmp_path: Path) -> None:
    async with Caller() as caller, called("called_early_media.xml", tmp_path) as uri:
        placed = await call(caller, CallPlan(uri, "127.0.0.1", [40_000]))
        assert 183 in placed.progress
        assert placed.early is not None
        placed.bye()


async def test_trunk_that_challenges_our_call(tmp_path: Path) -> None:
    async with Caller() as caller, called("called_digest.xml", tmp_path) as uri:
        placed = await call(caller, CallPlan(uri, "127.0.0.1", [40_000], credentials=Credentials("ana", "s3cret")))
        placed.bye()


async def test_called_side_that_makes_the_offer(tmp_path: Path) -> None:
    async with Caller() as caller, called("called_offers.xml", tmp_path) as uri:
        placed = await call(caller, CallPlan(uri, "127.0.0.1", [40_000], offerless=True))
        assert placed.progress == [180]


def test_there_are_enough_of_them() -> None:
    assert len(list(SCENARIOS.glob("*.xml"))) >= 24
