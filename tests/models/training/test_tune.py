"""The whole road from ideas to what is installed, on a tiny transformer with random weights."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

import msgspec
import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")
pytest.importorskip("transformers", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")

from engine.errors import Invalid, WeightsMissing  # noqa: E402
from models.training.corpus import EVERY, HELD_BACK, HeadPlan, Row  # noqa: E402
from models.training.rehearsal import fingerprints, parted  # noqa: E402
from models.training.tune import Settings, adapter_of, arguments, begun, judged, run, tune  # noqa: E402
from models.training.turn_model import TurnModel  # noqa: E402
from models.tuned.adapter import Card, load_adapter, save_adapter  # noqa: E402
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
    again = judged(begun(given, ids, PLANS, 0.0, load_adapter(tmp_path)).eval(), tokenizer, PROBES)
    for name in PLANS:
        assert np.allclose(again[name], adapter.arrays[f"probe.{name}"], atol=0.5)
    anew = judged(begun(given, ids, PLANS, 0.0, None).eval(), tokenizer, PROBES)
    assert not np.allclose(anew["acts"], adapter.arrays["probe.acts"], atol=0.5)


def test_a_share_of_what_was_there_before_stays_in_the_weights() -> None:
    torch.manual_seed(1)
    given = source()
    heads = {name: len(plan.labels) for name, plan in PLANS.items()}
    earlier, later = (TurnModel(given, kept(given), heads, 0.0) for _ in range(2))
    with torch.no_grad():
        for weights in later.parameters():
            weights.add_(1.0)
    was, new = ({name: weights.clone() for name, weights in one.named_parameters()} for one in (earlier, later))
    later.blend(earlier, 0.4, {"acts"})
    for name, weights in later.named_parameters():
        mean = new[name] if name.startswith("heads.sentiment.") else 0.4 * was[name] + 0.6 * new[name]
        assert torch.allclose(weights, mean, atol=1e-6), name


def test_what_goes_on_may_keep_a_share(tmp_path: Path) -> None:
    data = write(tmp_path / "data", rows())
    trained(data, tmp_path / "first")
    torch.manual_seed(1)
    card = trained(data, tmp_path / "kept", "--from", str(tmp_path / "first"), "--keep", "0.5")
    assert card.trained_on["kept"] == 0.5
    first, half = (load_adapter(tmp_path / name).arrays["probe.acts"] for name in ("first", "kept"))
    whole = trained(data, tmp_path / "whole", "--from", str(tmp_path / "first"))
    assert "kept" not in whole.trained_on
    moved = np.abs(load_adapter(tmp_path / "whole").arrays["probe.acts"] - first).mean()
    assert np.abs(half - first).mean() < moved


def write(folder: Path, rows: Sequence[Row]) -> Path:
    (folder / "acts").mkdir(parents=True, exist_ok=True)
    ideas = [
        {
            "idea": row.idea,
            **{
                head: [label for label, holds in zip(PLANS[head].labels, targets, strict=True) if holds]
                for head, targets in row.targets.items()
            },
            row.language: [row.text],
        }
        for row in rows
    ]
    (folder / "acts" / "ideas.yaml").write_text(yaml.safe_dump(ideas))
    (folder / "heads.yaml").write_text(yaml.safe_dump(msgspec.to_builtins(PLANS)))
    return folder


def trained(data: Path, into: Path, *more: str) -> Card:
    run(arguments(["--data", str(data), "--into", str(into), "--epochs", "1", *more]), source())
    return load_adapter(into).card


def test_ideas_that_were_added_are_gone_over_with_a_sample_of_the_others(tmp_path: Path) -> None:
    torch.manual_seed(1)
    older, newer = [row for row in rows() if "azul" not in row.idea], [row for row in rows() if "azul" in row.idea]
    data, first, second = tmp_path / "data", tmp_path / "first", tmp_path / "second"
    card = trained(write(data, older), first)
    taught = [row for row in older if row.fold != 0]
    assert card.trained_on["ideas"] == card.trained_on["new_ideas"] == len(taught)
    assert parted(card.taught) == set(fingerprints(taught, PLANS).values())

    every = write(data, older + newer)
    grown = trained(every, second, "--from", str(first), "--rehearse", "0.5")
    added = [row for row in newer if row.fold != 0]
    assert grown.trained_on["new_ideas"] == len(added)
    assert len(added) < grown.trained_on["ideas"] < len(taught) + len(added)
    assert parted(grown.taught) == parted(card.taught) | set(fingerprints(added, PLANS).values())
    held = sum(row.fold == 0 for row in rows())
    assert grown.metrics["sentiment"]["es"]["rows"] == held > sum(row.fold == 0 for row in older)
    assert trained(every, tmp_path / "again", "--from", str(first), "--rehearse", "0.5") == grown

    alone = trained(every, tmp_path / "alone", "--from", str(first), "--rehearse", "0")
    assert alone.trained_on["ideas"] == alone.trained_on["new_ideas"] == len(added)
    with pytest.raises(Invalid, match="no idea is new"):
        trained(every, tmp_path / "none", "--from", str(second), "--rehearse", "0")


def test_a_card_says_that_nothing_was_held_back_and_so_do_those_that_go_on_from_it(tmp_path: Path) -> None:
    data, whole, after = write(tmp_path / "data", rows()), tmp_path / "whole", tmp_path / "after"
    assert trained(data, tmp_path / "parted").trained_on["protocol"] == HELD_BACK
    assert trained(data, whole, "--all").trained_on["protocol"] == EVERY
    assert trained(data, after, "--from", str(whole)).trained_on["protocol"] == EVERY
    assert trained(data, tmp_path / "last", "--from", str(after)).trained_on["protocol"] == EVERY
    anew = trained(data, tmp_path / "anew", "--from", str(tmp_path / "parted"))
    assert anew.trained_on["protocol"] == HELD_BACK


def test_an_idea_that_was_learnt_is_not_held_back_under_another_name(tmp_path: Path) -> None:
    first = trained(write(tmp_path / "data", rows()), tmp_path / "first")
    held = sum(row.fold == 0 for row in rows())
    assert first.metrics["acts"]["es"]["rows"] == held
    names = (f"renamed-{number}" for number in count())
    renamed = (row for row in (msgspec.structs.replace(rows()[0], idea=name) for name in names) if row.fold == 0)
    moved = [msgspec.structs.replace(row, idea=next(renamed).idea) if row.fold == 1 else row for row in rows()]
    assert sum(row.fold == 0 for row in moved) > held
    again = trained(write(tmp_path / "data", moved), tmp_path / "again", "--from", str(tmp_path / "first"))
    assert again.metrics["acts"]["es"]["rows"] == held


@pytest.mark.parametrize(
    "wrong",
    [
        ["--rehearse", "0.3"],
        ["--from", "somewhere", "--rehearse", "1.5"],
        ["--keep", "0.3"],
        ["--from", "somewhere", "--keep", "1"],
    ],
)
def test_a_share_to_rehearse_needs_something_that_was_learnt(wrong: list[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(wrong)


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
