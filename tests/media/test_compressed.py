"""Wideband and vocoded sound, encoded by FFmpeg, heard through the plane as it was spoken."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
import soxr

from engine.facts import Pcm16, SpeechSegment
from engine.ports.intake import CallOffer, MediaNotice
from media.codecs import CODECS
from media.ports import PortRange
from media.rtp import RtpPacket, build_packet
from media.rtp_plane import RtpPlane
from media.rtp_session import RtpSession
from media.session import AudioCodec, StreamOffer
from media.vad import VadBank
from media.wav_file import read_channels

CALL = Path(__file__).parents[1] / "data" / "call_15s.flac"
OFFER = CallOffer("call", "sip", "", "", "", ())


def encoded(name: str, sound: Pcm16, rate_hz: int, frame: int) -> list[bytes]:
    codec = cast(av.AudioCodecContext, av.CodecContext.create(name, "w"))
    codec.sample_rate, codec.layout, codec.format = rate_hz, "mono", "s16"
    codec.time_base = Fraction(1, rate_hz)
    codec.open()
    packets: list[bytes] = []
    for at in range(0, len(sound) - frame + 1, frame):
        piece = av.AudioFrame.from_ndarray(sound[at : at + frame].reshape(1, -1), "s16", "mono")
        piece.sample_rate, piece.pts = rate_hz, at
        packets += [bytes(packet) for packet in codec.encode(piece)]
    return packets


@pytest.fixture(scope="module")
def wide() -> Pcm16:
    """9 s of speech at 16 kHz, with something above 4 kHz in it."""
    narrow = read_channels(CALL)[0][0][: 9 * 8000]
    sound = np.asarray(soxr.resample(narrow, 8000, 16_000), np.float64)
    hiss = np.random.default_rng(1).normal(0, 1, len(sound)) * np.abs(sound) * 0.1
    return np.clip(sound + hiss, -32768, 32767).astype(np.int16)


def likeness(heard: Pcm16, spoken: Pcm16, most_late: int = 200) -> tuple[float, int]:
    """Correlation at the delay where it is best, and that delay."""
    spoken = spoken[: len(heard) - most_late]
    found = [np.corrcoef(heard[late : late + len(spoken)], spoken)[0, 1] for late in range(most_late)]
    return float(max(found)), int(np.argmax(found))


class Clock:
    now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


async def play(codec: AudioCodec, payloads: Iterable[bytes], *, lose: frozenset[int] = frozenset()) -> RtpSession:
    clock = Clock()
    plane = RtpPlane(ports=PortRange(32_000, 32_099), bank=VadBank(), clock=clock)
    session = await plane.allocate(OFFER, (StreamOffer("a", 0, codec, 111),))
    step = CODECS[codec].clock_hz // 50
    for at, payload in enumerate(payloads):
        clock.now_s += 0.020
        packet = RtpPacket(111, at + 65_500 & 0xFFFF, (0xFFFFF000 + at * step) & 0xFFFFFFFF, 5, payload)
        if at not in lose:
            session.streams["a"].receive(build_packet(packet), ("192.0.2.1", 4000), session.now_ms())
        plane.tick()
    session.close("bye")
    await plane.aclose()
    return session


@pytest.mark.parametrize(("codec", "ffmpeg"), [("G722", "g722"), ("opus", "libopus")])
async def test_wideband_is_heard_as_it_was_spoken(codec: AudioCodec, ffmpeg: str, wide: Pcm16) -> None:
    session = await play(codec, encoded(ffmpeg, wide, 16_000, 320))
    heard = session.audio("a", 4900, 8600)
    found, late = likeness(heard, wide[4900 * 16 : 8600 * 16])
    assert found > 0.97
    assert late <= 160
    events = [event async for event in session.events()]
    notices = [event for event in events if isinstance(event, MediaNotice)]
    assert [(notice.name, notice.data["packets"], notice.data["loss"]) for notice in notices] == [
        ("media.quality", 450, 0.0)
    ]
    spoken = [event for event in events if isinstance(event, SpeechSegment) and event.state == "ended"]
    assert [one.end_ms for one in spoken] == pytest.approx([4384, 8512], abs=64)
    above_4_khz = np.abs(np.fft.rfft(heard.astype(float)))[len(heard) // 4 :]
    assert above_4_khz.mean() > 1000


async def test_a_loss_in_wideband_is_hidden_and_moves_nothing(wide: Pcm16) -> None:
    session = await play("G722", encoded("g722", wide, 16_000, 320), lose=frozenset({280, 300, 301}))
    assert np.abs(session.audio("a", 5605, 5620)).max() > 100
    assert likeness(session.audio("a", 6500, 8600), wide[6500 * 16 : 8600 * 16])[1] < 40
    assert session.streams["a"].fates["lost"] == 3


async def test_linear_sound_comes_exactly(wide: Pcm16) -> None:
    payloads = [wide[at : at + 320].astype(">i2").tobytes() for at in range(0, len(wide), 320)]
    session = await play("L16/16000", payloads)
    assert np.array_equal(session.audio("a", 0, 9000), wide)


async def test_another_codec_in_the_call_is_brought_to_the_streams_rate(wide: Pcm16) -> None:
    """A re-INVITE from G.711 to G.722 and back: what was narrow stays so, and no word is lost."""
    clock = Clock()
    plane = RtpPlane(ports=PortRange(32_100, 32_199), bank=VadBank(), clock=clock)
    narrow = wide[::2]
    session = await plane.allocate(OFFER, (StreamOffer("a", 0, "PCMU", 0),))
    wideband = encoded("g722", wide, 16_000, 320)
    for at in range(440):
        if at == 100:
            await session.update((StreamOffer("a", 0, "G722", 9),))
        clock.now_s += 0.020
        first = at < 100
        payload = CODECS["PCMU"].encode(np.ascontiguousarray(narrow[at * 160 : at * 160 + 160]))
        packet = RtpPacket(0 if first else 9, at, at * 160, 5, payload if first else wideband[at])
        session.streams["a"].receive(build_packet(packet), ("192.0.2.1", 4000), session.now_ms())
        plane.tick()
    assert session.streams["a"].rate_hz == 8000
    found, _ = likeness(session.audio("a", 5000, 8500)[::2], narrow[5000 * 8 : 8500 * 8])
    assert found > 0.95
    session.close("bye")
    await plane.aclose()


def test_a_lost_or_broken_packet_is_silence_for_its_length() -> None:
    opus, vocoder = CODECS["opus"], CODECS["G729"]
    assert len(opus.decoder().decode(b"\x08")) == 320  # discontinued: 20 ms that hold nothing
    assert len(vocoder.decoder().decode(bytes(22))) == 160  # two frames and a description of silence
    assert opus.samples_in(b"\x78\xff") == 320
    for codec, payload in ((opus, b""), (opus, b"\x03"), (opus, b"\xff\x3f"), (vocoder, b""), (vocoder, bytes(13))):
        with pytest.raises(ValueError, match=r"is|length"):
            codec.samples_in(payload)
    for name in ("opus", "G729", "G722"):
        with pytest.raises(ValueError, match="only heard"):
            CODECS[name].encode(np.zeros(160, np.int16))
