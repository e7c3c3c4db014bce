"""From bases to the need encoder that is installed, on a tiny transformer with random weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import yaml

torch = pytest.importorskip("torch", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")
pytest.importorskip("transformers", reason="tuning needs the extra `train`: pip install 'welcomedly[train]'")

from engine.errors import WeightsMissing  # noqa: E402
from models.training.knowledge_data import held_back, read_bases, read_topics  # noqa: E402
from models.training.needs import Lessons, arguments, meanings, right_first, run  # noqa: E402
from models.training.turn_model import TurnModel  # noqa: E402
from models.tuned import export as exports  # noqa: E402
from models.tuned.adapter import NEEDS, load_adapter, save_adapter  # noqa: E402
from models.tuned.encoder import NEEDS_GRAPH, NeedEncoder  # noqa: E402
from models.tuned.pieces import cutter, kept  # noqa: E402
from models.tuned.source import Array  # noqa: E402
from tests.models.tuned.tiny import source, write_file  # noqa: E402

ANSWERS = {
    "red": ("el rojo", "quiero una casa"),
    "green": ("el verde", "no llamen mas"),
    "blue": ("azul", "stop calling"),
}
"""Title and need of an article: they share no word."""


def write_bases(folder: Path) -> list[str]:
    """Some that are learnt from and some that are held back."""
    names = [f"base{number}" for number in range(16)]
    for name in names:
        base = {
            "language": "es",
            "articles": {key: f"# {title}\n{title} blanco" for key, (title, _) in ANSWERS.items()},
            "queries": {key: {"es": [need], "en": [f"{need} veo"]} for key, (_, need) in ANSWERS.items()},
            "outside": {"es": ["comprar gris"]},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(base))
    assert {held_back(name) for name in names} == {True, False}
    return names


def test_what_is_learnt_is_what_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_bases(bases := tmp_path)
    (package := tmp_path / "package").mkdir()
    write_file(package / exports.WEIGHTS, given := source())
    ids = kept(given)
    model = TurnModel(given, ids, {}, 0.0).eval()

    def before(texts: Sequence[str]) -> Array:
        with torch.no_grad():
            return np.asarray(meanings(model, cutter(given, ids), texts).numpy(), np.float32)

    held = [base for base in read_bases(bases) if held_back(base.name)]
    into = tmp_path / "into"
    some = ["--steps", "60", "--pairs", "9", "--rate", "3e-3"]
    run(arguments(["--data", str(bases), "--into", str(into), *some]), given)
    adapter = load_adapter(into, NEEDS)
    learnt = adapter.card.metrics["right article nearest"]
    assert learnt["same language"] > right_first(held, before)["same language"]
    assert learnt["same language"] > 0.9
    assert adapter.card.metrics["bases"] == sorted(base.name for base in held)

    monkeypatch.setattr(exports, "BUNDLED", into)
    exports.export_needs(package, tmp_path)
    encoder = NeedEncoder.of(tmp_path / NEEDS_GRAPH, cutter(given, ids))
    needs, titles = zip(*((need, title) for title, need in ANSWERS.values()), strict=True)
    assert (encoder.embed(needs) @ encoder.embed(titles).T).argmax(axis=1).tolist() == [0, 1, 2]

    adapter.arrays["probe"] = -adapter.arrays["probe"]
    save_adapter(adapter, into, NEEDS)
    with pytest.raises(WeightsMissing, match="differs"):
        exports.export_needs(package, tmp_path)


def test_a_batch_has_whole_bases(tmp_path: Path) -> None:
    write_bases(tmp_path)
    lessons = Lessons(read_bases(tmp_path)[:4], read_topics()[:12], seed=3)
    pairs = lessons.batch(12)
    assert 12 <= len(pairs) < 24
    titles = [title for title, _ in ANSWERS.values()]
    for title in titles:
        assert any(answer.startswith(title) for _, answer in pairs)
    assert lessons.batch(12) != pairs
