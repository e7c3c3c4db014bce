"""Fitting the wide part, beside a turn encoder that has learnt nothing."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")
pytest.importorskip("transformers", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")

from models.catalogue import SENTENCE_ENCODER  # noqa: E402
from models.embed import Encoder  # noqa: E402
from models.installation import install  # noqa: E402
from models.training.corpus import Row  # noqa: E402
from models.training.tune import adapter_of  # noqa: E402
from models.training.turn_model import TurnModel  # noqa: E402
from models.training.wide import HELD, Settings, fit  # noqa: E402
from models.tuned.encoder import TunedEncoder  # noqa: E402
from models.tuned.export import export  # noqa: E402
from models.tuned.pieces import cutter, kept  # noqa: E402
from models.turns import blended  # noqa: E402
from models.wide.model import WideModel, save_wide  # noqa: E402
from tests.models.training.test_tune import MEANINGS, PLANS, THINGS  # noqa: E402
from tests.models.tuned.tiny import source  # noqa: E402


def rows() -> list[Row]:
    """Enough of them that each meaning is held back a few times."""
    return [
        Row(
            f"{words}-{first}-{second}",
            "es",
            f"{words} {first} o {second}",
            {"acts": np.asarray(acts, np.float32), "sentiment": np.asarray((acts[0], 1 - acts[0]), np.float32)},
        )
        for words, acts in MEANINGS.items()
        for first in THINGS
        for second in THINGS
    ]


def test_what_words_say_for_sure_is_found_where_the_encoder_knows_nothing(tmp_path: Path, weights_dir: Path) -> None:
    install(SENTENCE_ENCODER, weights_dir)
    torch.manual_seed(1)
    given = source()
    ids = kept(given)
    tokenizer = cutter(given, ids)
    untaught = TurnModel(given, ids, {name: len(plan.labels) for name, plan in PLANS.items()}, 0.0).eval()
    held = [row for row in rows() if row.fold == HELD]
    adapter = adapter_of(untaught, given, tokenizer, held, PLANS, {})
    deep = TunedEncoder.of(export(given, adapter, tmp_path)[0], tokenizer, adapter.card)
    encoder = Encoder(weights_dir)

    save_wide(*fit(rows(), PLANS, encoder, deep, Settings(epochs=8, batch=16, units=32)), tmp_path)

    wide = WideModel(tmp_path)
    assert wide.card.beside == deep.card.sha256
    assert adapter.card.metrics["acts"]["es"]["macro_f1"] < 0.8
    assert wide.card.metrics["acts"]["es"]["macro_f1"] > 0.9
    texts = [f"{words} el gris" for words in MEANINGS]
    both = blended(deep.logits(texts), wide.logits(texts, encoder.embed(texts)), wide.card)
    least = np.asarray(wide.card.heads["acts"].thresholds)
    chances = 1 / (1 + np.exp(-both["acts"]))
    assert (chances >= least).tolist() == [[bool(holds) for holds in acts] for acts in MEANINGS.values()]
