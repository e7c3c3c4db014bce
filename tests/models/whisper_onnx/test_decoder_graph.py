"""The graphs compute what Whisper's decoder is, in one run or in several, and in 8 bits nearly that."""

import numpy as np
import pytest

from models.whisper_onnx.decoder import Text, WhisperDecoder
from models.whisper_onnx.decoder_graph import build_cross, build_decoder
from tests.models.whisper_onnx import plain

TOKENS = [3, 17, 8, 8, 21, 0, 29, 5]


def decoder(*, eight: bool) -> WhisperDecoder:
    source = plain.decoder()
    graphs = (build(source, eight=eight).SerializeToString() for build in (build_cross, build_decoder))
    return WhisperDecoder(*graphs)


@pytest.mark.parametrize(("eight", "off"), [(False, 0.02), (True, 0.1)])
def test_it_is_the_decoder(eight: bool, off: float) -> None:
    model, sound = decoder(eight=eight), plain.heard()
    logits, attention = plain.read(plain.decoder(), sound, TOKENS)
    memory = model.remember(sound)
    assert memory.positions == plain.POSITIONS
    read = Text(model, memory).add(np.asarray([TOKENS]), range(len(TOKENS)))
    assert read.shape == (1, *logits.shape)
    assert 0 < float(np.abs(read[0] - logits).mean()) < off
    assert 0 < float(np.abs(Text(model, memory).attention(TOKENS) - attention).mean()) < off


def test_words_read_one_by_one_or_with_others_are_read_as_all_at_once() -> None:
    model, sound = decoder(eight=True), plain.heard()
    memory = model.remember(sound)
    at_once = Text(model, memory).add(np.asarray([TOKENS]), range(len(TOKENS)))[0]
    text = Text(model, memory)
    one_by_one = [text.add(np.asarray([[token]]), [0])[0, 0] for token in TOKENS]
    np.testing.assert_allclose(one_by_one, at_once, atol=0.02)
    text.keep(3)
    assert len(text) == 3
    np.testing.assert_allclose(text.add(np.asarray([TOKENS[3:5]]), [1])[0, 0], at_once[4], atol=0.02)
    text.keep(3)
    text.choose([0, 0])
    both = text.add(np.asarray([[1], TOKENS[3:4]]), [0])[:, 0]
    np.testing.assert_allclose(both[1], at_once[3], atol=0.02)
    assert not np.allclose(both[0], both[1], atol=0.02)


def test_a_window_can_be_parted_and_put_together() -> None:
    model, sound = decoder(eight=True), plain.heard()
    memory = model.remember(sound)
    again = memory.between(0, 15).followed_by(memory.between(15))
    assert again.positions == memory.positions
    for one, other in zip([*memory.keys, *memory.values], [*again.keys, *again.values], strict=True):
        np.testing.assert_array_equal(one, other)
    whole, parted = (Text(model, one).add(np.asarray([TOKENS]), [7]) for one in (memory, again))
    np.testing.assert_array_equal(whole, parted)
    behind = model.remember(sound[:, 15:])
    np.testing.assert_array_equal(memory.between(15).keys[1], behind.keys[1])
