"""A call's far end hears its notice over a real socket, in the clear and under SRTP, and beeps with the recording."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine.facts import CallEvent
from engine.ports.intake import CallOffer, FactReader, MediaNotice
from media.announcement import chime, tone
from media.codecs import PCMU
from media.ports import PortRange
from media.rtp import parse_packet
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.session import StreamOffer
from media.speaker import LONGEST_S, notice_sound
from media.srtp import SrtpReader, choose_keys, crypto_value, new_key
from media.vad import VadBank
from tests.media.test_rtp_plane import FakeClock
from tests.media.test_wav_file import write_wav

CALL = CallOffer("call", "sip", "127.0.0.1:5060/udp", "", "", ())
NOTICE = tone(500, 200)


class Far:
    """The far end: a socket, and the call that talks to it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.plane = RtpPlane(ports=PortRange(31_000, 31_099), bank=VadBank(), clock=self.clock)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.notices: list[MediaNotice] = []

    async def call(self, offer: CallOffer = CALL, **line: object) -> RtpSession:
        port = self.socket.getsockname()[1]
        fields = {"remote_host": "127.0.0.1", "remote_port": port, "listens": True} | line
        stream = StreamOffer("0", 0, "PCMU", 0, **fields)
        return await self.plane.allocate(offer, (stream,), sink=self._hear)

    def _hear(self, event: object) -> None:
        if isinstance(event, MediaNotice):
            self.notices.append(event)

    def pass_time(self, ms: int) -> list[bytes]:
        """What came meanwhile."""
        found: list[bytes] = []
        for _ in range(ms // 20):
            self.clock.now_s += 0.020
            self.plane.tick()
            try:
                while True:
                    found.append(self.socket.recv(2_000))
            except BlockingIOError:
                continue
        return found


@pytest.fixture
def far() -> Iterator[Far]:
    it = Far()
    with closing(it.socket):
        yield it


async def test_the_notice_is_heard_and_said_to_have_been(far: Far) -> None:
    session = await far.call()
    session.announce(NOTICE, words=True, beep_every_s=0)
    packets = [parse_packet(data) for data in far.pass_time(1_000)]
    heard = np.concatenate(PCMU.decode([packet.payload for packet in packets]))
    assert len(heard) == len(NOTICE)
    assert np.corrcoef(heard, NOTICE)[0, 1] > 0.99
    (notice,) = far.notices
    assert (notice.name, notice.data) == ("notice.played", {"what": "words", "length_ms": 200})
    assert 180 <= notice.at_ms <= 240
    session.close("bye")
    await far.plane.aclose()


async def test_a_protected_line_stays_protected(far: Far) -> None:
    keys = choose_keys([crypto_value("1", new_key())])
    assert keys is not None
    session = await far.call(srtp=keys)
    session.announce(NOTICE, words=True, beep_every_s=0)
    reader = SrtpReader(keys.ours)
    packets = [parse_packet(reader.rtp(data)) for data in far.pass_time(400)]
    assert len(packets) == 10
    await far.plane.aclose()


async def test_nobody_else_is_made_to_listen(far: Far) -> None:
    session = await far.call(CallOffer("call", "sip", "192.0.2.9:5060/udp", "", "", ()))
    session.announce(NOTICE, words=True, beep_every_s=0)
    assert far.pass_time(400) == []  # the SDP names a host that did not call
    ours, came = ("127.0.0.1", session.local_ports()[0]), 0
    for number in range(60):
        sent = b"\x80\x00" + number.to_bytes(2) + (number * 160).to_bytes(4) + b"abcd" + bytes(160)
        far.socket.sendto(sent, ours)
        came += len(far.pass_time(20))
    assert came == 10  # where sound comes from, sound may go
    await far.plane.aclose()


async def test_a_held_call_waits_and_beeps_go_with_the_recording(far: Far) -> None:
    session = await far.call()
    session.announce(NOTICE[:0], words=False, beep_every_s=1)
    assert far.pass_time(3_000) == []
    assert far.notices == []  # nothing was to be said
    assert isinstance(session, FactReader)
    session.told([CallEvent(call_id="call", seq=1, name="recording.started")])
    assert len(far.pass_time(3_000)) == 75
    session.told([CallEvent(call_id="call", seq=2, name="recording.paused")])
    assert far.pass_time(2_000) == []
    session.told([CallEvent(call_id="call", seq=3, name="recording.resumed")])
    session.hold()
    assert far.pass_time(2_000) == []
    await far.plane.aclose()


def test_words_come_from_the_first_file_that_is_there(tmp_path: Path) -> None:
    good, broken = tmp_path / "es.wav", tmp_path / "x.wav"
    broken.write_bytes(b"RIFF")
    write_wav(good, [tone(500, 1_000)], 8_000)
    sound, words = notice_sound([str(tmp_path / "none.wav"), str(broken), str(good)])
    assert words
    assert len(sound) == 8_000
    write_wav(good, [np.tile(tone(500, 1_000), LONGEST_S + 1)], 8_000)
    assert len(notice_sound([str(good)])[0]) == LONGEST_S * 8_000
    assert notice_sound([str(broken)])[1] is False
    assert np.array_equal(notice_sound([])[0], chime())
