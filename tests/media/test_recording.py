import io
from collections.abc import Sequence

import av
import numpy as np
import pytest

from engine.facts import Pcm16
from media.ogg import OggPages, checksum
from media.recorder import RecordedSpan
from media.recording import OggOpusFile


class FakeDisk:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.whole = False

    def write(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def close(self) -> None:
        self.whole = True

    def abandon(self) -> None:
        raise AssertionError("nothing fails here")


def speech(seed: int, length_ms: int) -> Pcm16:
    """A hum with gaps: something that a speech codec keeps."""
    at = np.arange(length_ms * 16) / 16_000
    hum = np.sin(2 * np.pi * (200 + 150 * seed) * at) * (at % 1 < 0.6)
    return (8_000 * hum + np.random.default_rng(seed).normal(0, 100, len(at))).astype(np.int16)


def written(channels: Sequence[Pcm16], spans: Sequence[RecordedSpan], disk: FakeDisk) -> OggOpusFile:
    file = OggOpusFile(disk, len(channels))
    for span in spans:
        sound = [one[span.start_ms * 16 : span.end_ms * 16] for one in channels] if span.what == "sound" else ()
        file.write(span, sound)
    return file


def played(data: bytes) -> Pcm16:
    """int16[channels, samples] at 16 kHz, by FFmpeg."""
    with av.open(io.BytesIO(data), "r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
    if not frames:
        return np.zeros((0, 0), np.int16)
    return np.asarray(np.rint(np.concatenate(frames, axis=1)[:, ::3] * 32768), np.int16)


def loudest(sound: Pcm16, start_ms: int, end_ms: int) -> int:
    return int(np.abs(sound[:, start_ms * 16 : end_ms * 16]).max())


def test_a_file_plays_as_long_as_the_call_was_with_each_speaker_on_his_channel() -> None:
    disk, both = FakeDisk(), [speech(1, 9_993), speech(2, 9_993)]
    both[0][5_000 * 16 :] = 0
    both[1][: 5_000 * 16] = 0
    written(both, [RecordedSpan(0, 1_001, "sound"), RecordedSpan(1_001, 9_993, "sound")], disk).close()
    sound = played(b"".join(disk.chunks))
    assert sound.shape == (2, 9_993 * 16)
    assert disk.whole
    for channel, start_ms in ((0, 100), (1, 5_100)):
        part = slice(start_ms * 16, (start_ms + 4_500) * 16)
        assert np.corrcoef(sound[channel, part], both[channel][part])[0, 1] > 0.9
    assert loudest(sound[:1], 5_100, 9_993) <= 1
    assert loudest(sound[1:], 0, 4_900) <= 1


def test_cut_and_overdue_spans_are_digital_silence_and_time_stays_true() -> None:
    disk, mono = FakeDisk(), [speech(1, 40_000)]
    spans = [RecordedSpan(0, 3_000, "sound"), RecordedSpan(3_000, 18_010, "cut"), RecordedSpan(18_010, 19_000, "sound")]
    written(mono, [*spans, RecordedSpan(19_000, 20_000, "overdue")], disk).close()
    sound = played(b"".join(disk.chunks))
    assert sound.shape == (1, 20_000 * 16)
    assert loudest(sound, 3_100, 18_000) <= 1
    assert loudest(sound, 19_100, 20_000) <= 1
    part = slice(18_050 * 16, 18_950 * 16)
    assert np.corrcoef(sound[0, part], mono[0][part])[0, 1] > 0.9


def test_every_chunk_leaves_a_file_that_plays_up_to_there() -> None:
    disk, mono = FakeDisk(), [speech(1, 5_000)]
    written(mono, [RecordedSpan(at, at + 1_000, "sound") for at in range(0, 5_000, 1_000)], disk)
    for chunks in range(2, len(disk.chunks) + 1):
        length_ms = played(b"".join(disk.chunks[:chunks])).shape[1] / 16
        assert length_ms == pytest.approx((chunks - 1) * 1_000, abs=30)


def test_spans_must_join() -> None:
    file = OggOpusFile(FakeDisk(), 1)
    with pytest.raises(ValueError, match="at 0 ms, not 500"):
        file.write(RecordedSpan(500, 600, "cut"), ())


def test_an_empty_call_is_still_a_file() -> None:
    disk = FakeDisk()
    OggOpusFile(disk, 2).close()
    assert played(b"".join(disk.chunks)).size == 0


def test_the_checksum_is_the_polynomial_division_of_rfc_3533() -> None:
    page = bytes(range(256)) * 3
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
    assert checksum(page) == value


def test_packets_of_any_length_are_laced_and_too_many_are_refused() -> None:
    page = OggPages(7).sound([b"x" * 255, b"y" * 600, b""], 960)
    assert page[26:33] == bytes((6, 255, 0, 255, 255, 90, 0))
    with pytest.raises(ValueError, match="do not fit"):
        OggPages(7).sound([b""] * 256, 0)
