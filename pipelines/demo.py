"""The far end of a demo call: a recording server's client that plays a script into the SIP port, as an SBC would.

It knows the engine by its SIP port alone. Who is who it says in the SIPREC metadata, or leaves out, or says late, as
real trunks do (`Roles`).
"""

import asyncio
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np

from engine.facts import Pcm16
from media.rtp_sender import RtpLine, RtpSender
from media.sip.caller import Caller, CallPlan, PlacedCall, place_call
from media.siprec_source import RecordedParty
from media.wav_file import read_channels
from pipelines.scorecard import Script

Roles = Literal["members", "swapped", "none", "late"]
"""What the metadata says: the agent's AOR; the same with m-lines swapped; nothing, so that position decides; nothing at
first and the AORs by UPDATE after `LATE_S`."""
LATE_S = 3.0
AFTER_S = 0.3
"""The line stays open this long after the last packet."""
CALLS = {"es": "demo_es_cobranza", "en": "demo_en_sales", "pt": "demo_pt_sac"}
Transport = Literal["UDP", "TCP"]


class DemoCall(msgspec.Struct, frozen=True):
    """A script with its sound: 8 kHz, one array a leg in the script's order of legs."""

    script: Script
    sound: tuple[Pcm16, ...]


class Parties(msgspec.Struct, frozen=True):
    """Addresses of record of the two ends, without scheme."""

    customer: str
    agent: str


def load_call(language: str) -> DemoCall:
    """The bundled call in `es`, `pt` or `en`. Blocking."""
    folder = resources.files("pipelines").joinpath("demo_calls")
    script = msgspec.json.decode(folder.joinpath(f"{CALLS[language]}.json").read_bytes(), type=Script)
    with resources.as_file(folder.joinpath(f"{CALLS[language]}.flac")) as path:
        channels, rate_hz = read_channels(Path(path))
    if rate_hz != 8_000:
        raise ValueError(f"{script.id}: demo calls are 8 kHz, this one is {rate_hz} Hz")
    return DemoCall(script, tuple(np.ascontiguousarray(channel) for channel in channels))


async def play(
    call: DemoCall,
    sip_port: int,
    number: str,
    parties: Parties,
    *,
    roles: Roles = "members",
    outbound: bool,
    transport: Transport = "UDP",
    host: str = "127.0.0.1",
) -> str:
    """Plays the call to its end in real time. Returns why it ended: `bye` is ours. Raises `CallRefused`.

    The first m-line is the caller's, as SBCs have it: the agent's on an outbound call.
    """
    order = ["agent", "customer"] if outbound else ["customer", "agent"]
    if roles == "swapped":
        order.reverse()
    named = {"customer": parties.customer, "agent": parties.agent}
    known = [RecordedParty(label=str(place + 1), aor=f"sip:{named[leg]}") for place, leg in enumerate(order)]
    unknown = [RecordedParty(label=one.label, aor="") for one in known]
    sound = dict(zip(call.script.legs, call.sound, strict=True))
    sender = RtpSender([RtpLine(sound[leg]) for leg in order], host=host)
    try:
        async with Caller(host) as caller:
            plan = CallPlan(
                f"sip:{number}@{host}:{sip_port};transport={transport.lower()}",
                host,
                sender.local_ports,
                parties=known if roles in ("members", "swapped") else unknown,
                from_uri=f"sip:sbc@{host}",
            )
            placed = await place_call(caller, plan, transport)
            playing = asyncio.create_task(sender.send(placed.remote_ports()))
            placed.ended.add_done_callback(lambda _: sender.stop())
            correcting = asyncio.create_task(_correct(placed, known)) if roles == "late" else None
            try:
                await playing
                if not placed.ended.done():
                    await asyncio.sleep(AFTER_S)
                    placed.bye()
                return await placed.ended
            finally:
                playing.cancel()
                if correcting:
                    correcting.cancel()
    finally:
        sender.close()


async def _correct(placed: PlacedCall, known: list[RecordedParty]) -> None:
    await asyncio.sleep(LATE_S)
    await placed.update_metadata(known)
