import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.facts import Pcm16
from media.codecs import CODECS, G711, PCMA, PCMU

EVERY_SAMPLE: Pcm16 = np.arange(-32768, 32768).astype(np.int16)


def test_known_codes_of_mu_law() -> None:
    (samples,) = PCMU.decode([bytes([0xFF, 0x7F, 0x80, 0x00, 0xE7])])
    assert samples.tolist() == [0, 0, 32124, -32124, 260]


def test_known_codes_of_a_law() -> None:
    (samples,) = PCMA.decode([bytes([0xD5, 0x55, 0xAA, 0x2A])])
    assert samples.tolist() == [8, -8, 32256, -32256]


def test_zero_is_the_positive_code() -> None:
    zero = np.zeros(1, np.int16)
    assert PCMU.encode(zero) == b"\xff"
    assert PCMA.encode(zero) == b"\xd5"


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_every_code_comes_back(codec: G711) -> None:
    (levels,) = codec.decode([bytes(range(256))])
    (again,) = codec.decode([codec.encode(levels)])
    assert np.array_equal(again, levels)


@pytest.mark.parametrize("codec", [PCMU, PCMA])
def test_the_nearest_code_is_taken(codec: G711) -> None:
    (levels,) = codec.decode([bytes(range(256))])
    (coded,) = codec.decode([codec.encode(EVERY_SAMPLE)])
    errors = np.abs(coded.astype(int) - EVERY_SAMPLE)
    least = np.abs(levels.astype(int)[None, :] - EVERY_SAMPLE.astype(int)[::97, None]).min(axis=1)
    assert np.array_equal(errors[::97], least)


@given(st.lists(st.binary(min_size=1, max_size=240), min_size=1, max_size=8))
def test_a_batch_decodes_like_its_packets(payloads: list[bytes]) -> None:
    for codec in (PCMU, PCMA):
        batch = codec.decode(payloads)
        for payload, samples in zip(payloads, batch, strict=True):
            assert np.array_equal(samples, codec.decode([payload])[0])
            assert len(samples) == codec.samples_in(payload)


def test_linear_sound_is_in_network_order() -> None:
    for name in ("L16/8000", "L16/16000"):
        codec = CODECS[name]
        assert codec.encode(np.array([1, -2], np.int16)) == b"\x00\x01\xff\xfe"
        assert codec.decoder().decode(codec.encode(EVERY_SAMPLE[:3000])).tolist() == EVERY_SAMPLE[:3000].tolist()
        with pytest.raises(ValueError, match="length"):
            codec.samples_in(b"odd")


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_give_as_much_sound_as_they_say(payload: bytes) -> None:
    for codec in CODECS.values():
        try:
            count = codec.samples_in(payload)
        except ValueError:
            continue
        assert len(codec.decoder().decode(payload)) == count


@pytest.mark.parametrize("size", [0, 1601])
def test_payloads_out_of_bounds(size: int) -> None:
    with pytest.raises(ValueError, match="length"):
        PCMU.samples_in(bytes(size))
