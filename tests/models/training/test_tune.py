"""The whole road from ideas to what is installed, on a tiny transformer with random weights."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")
pytest.importorskip("transformers", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")

from engine.errors import WeightsMissing  # noqa: E402
from models.training.corpus import HeadPlan, Row  # noqa: E402
from models.training.tune import Settings, adapter_of, begun, judged, tune  # noqa: E402
from models.training.turn_model import TurnModel  # noqa: E402
from models.tuned.adapter import load_adapter, save_adapter  # noqa: E402
from models.tuned.encoder import TunedEncoder  # noqa: E402
from models.tuned.export import PROBES, export  # noqa: E402
from models.tuned.pieces import cutter, kept  # noqa: E402
from tests.models.tuned.tiny import source  # noqa: E402

PLANS = {
    "acts": HeadPlan("multilabel", ("opt_out", "buys"), precision=0.9),
    "sentiment": HeadPlan("multiclass", ("negative", "neutral")),
}
MEANINGS = {"no llamen mas": (1, 0), "stop calling me": (1, 0), "quiero comprar": (0, 1), "veo": (0, 0)}
THINGS = ("rojo", "verde", "azul", "negro", "gris", "blanco", "una casa", "el verde", "el rojo", "una casa azul")


def rows() -> list[Row]:
    return [
        Row(
            f"{words}-{thing}",
            "es",
            f"{words} {thing}",
            {
                "acts": np.asarray(acts, np.float32),
                "sentiment": np.asarray((acts[0], 1 - acts[0]), np.float32),
            },
        )
        for words, acts in MEANINGS.items()
        for thing in THINGS
    ]


def test_what_is_tuned_is_what_runs(tmp_path: Path) -> None:
    torch.manual_seed(1)
    given, settings = source(), Settings(epochs=40, rate=2e-3, head_rate=2e-2, batch=16, dropout=0.0)
    ids = kept(given)
    tokenizer = cutter(given, ids)
    model = TurnModel(given, ids, {name: len(plan.labels) for name, plan in PLANS.items()}, 0.0)
    before = judged(model.eval(), tokenizer, ["no llamen mas rojo"])["acts"]
    held = [row for row in rows() if row.fold in settings.held]
    tune([row for row in rows() if row.fold not in settings.held], PLANS, model, tokenizer, settings)
    assert not np.allclose(before, judged(model, tokenizer, ["no llamen mas rojo"])["acts"], atol=0.5)
    save_adapter(adapter_of(model, given, tokenizer, held, PLANS, {}), tmp_path)

    adapter = load_adapter(tmp_path)
    assert adapter.card.metrics["acts"]["es"]["macro_f1"] > 0.8
    graph, _ = export(given, adapter, tmp_path)
    encoder = TunedEncoder.of(graph, tokenizer, adapter.card)
    for words, acts in MEANINGS.items():
        logits = encoder.logits([f"{words} el gris"])
        chances = 1 / (1 + np.exp(-logits["acts"][0]))
        assert [
            chance >= least for chance, least in zip(chances, adapter.card.heads["acts"].thresholds, strict=True)
        ] == [bool(holds) for holds in acts]
        assert int(logits["sentiment"][0].argmax()) == 1 - acts[0]


def test_training_goes_on_from_what_was_tuned(tmp_path: Path) -> None:
    torch.manual_seed(1)
    given = source()
    ids = kept(given)
    tokenizer = cutter(given, ids)
    model = begun(given, ids, PLANS, 0.0, None)
    tune(rows(), PLANS, model, tokenizer, Settings(epochs=8, rate=2e-3, head_rate=2e-2, batch=16, dropout=0.0))
    adapter = adapter_of(model, given, tokenizer, rows(), PLANS, {})
    save_adapter(adapter, tmp_path)
    again = judged(begun(given, ids, PLANS, 0.0, tmp_path).eval(), tokenizer, PROBES)
    for name in PLANS:
        assert np.allclose(again[name], adapter.arrays[f"probe.{name}"], atol=0.5)
    anew = judged(begun(given, ids, PLANS, 0.0, None).eval(), tokenizer, PROBES)
    assert not np.allclose(anew["acts"], adapter.arrays["probe.acts"], atol=0.5)


def test_a_graph_that_judges_otherwise_is_not_installed(tmp_path: Path) -> None:
    given = source()
    ids = kept(given)
    tokenizer = cutter(given, ids)
    model = TurnModel(given, ids, {name: len(plan.labels) for name, plan in PLANS.items()}, 0.0).eval()
    adapter = adapter_of(model, given, tokenizer, rows(), PLANS, {})
    adapter.arrays["probe.acts"] = adapter.arrays["probe.acts"] + 5.0
    save_adapter(adapter, tmp_path)
    with pytest.raises(WeightsMissing, match="differs from the one that was tuned"):
        export(given, load_adapter(tmp_path), tmp_path)
