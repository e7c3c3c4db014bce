"""Fits the four weights of `models.knowledge` and writes `models/heads/knowledge.json`.

`python -m models.training.knowledge ARTICLES DATA_DIR`: ARTICLES holds one folder of articles a base, DATA_DIR the
installed weights. Rows: each query against its own base (the right article 1, the best wrong one 0), against the other
bases (0), and small talk against every base (0); each base also as plain Markdown, without its questions. Prints
the recall and the false cards at the threshold, leaving one base out at a time.
"""

import sys
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from models.embed import Encoder
from models.knowledge import Knowledge, Weights, dump_weights, load_folder

Row = tuple[float, float, float, float]


def rows_of(base: str, knowledge: Knowledge, names: list[str], queries: Any, encoder: Encoder) -> list[tuple[Row, int]]:
    """Training rows of one base."""
    rows: list[tuple[Row, int]] = []
    for owner, groups in queries.items():
        for article, texts in groups.items() if isinstance(groups, dict) else [("", groups)]:
            right = names.index(article) if owner == base else -1
            for text in texts:
                features = knowledge.features(text, encoder.embed([text])[0], language=_language(text))
                wrong = max((one for one in features if one != right), key=lambda one: max(features[one][:2]))
                rows.append((features[wrong], 0))
                if right >= 0:
                    rows += [(features[right], 1)] * 2
    return rows


def _language(text: str) -> str:
    if any(sign in text for sign in "ãõç") or any(
        word in text.lower().split() for word in ("não", "meu", "uma", "estou")
    ):
        return "pt"
    return "es" if any(sign in text for sign in "¿ñ") or " el " in f" {text} " or " me " in f" {text} " else "en"


def courtesies() -> list[str]:
    """What the text models' own corpus holds of turns that ask for nothing."""
    source = resources.files("models").joinpath("training/data/shared/11_courtesies.yaml")
    ideas = yaml.safe_load(source.read_text("utf-8"))
    return [text for idea in ideas if not idea["intents"] for language in ("es", "pt", "en") for text in idea[language]]


def fit(rows: list[tuple[Row, int]]) -> LogisticRegression:
    model = LogisticRegression(C=30.0, max_iter=2_000)
    return model.fit(np.array([row for row, _ in rows]), np.array([label for _, label in rows]))


def report(name: str, model: LogisticRegression, rows: list[tuple[Row, int]]) -> None:
    scores: NDArray[np.float64] = model.predict_proba(np.array([row for row, _ in rows]))[:, 1]
    labels = np.array([label for _, label in rows])
    recall = float((scores[labels == 1] >= 0.5).mean())
    false = float((scores[labels == 0] >= 0.5).mean())
    print(f"{name:12} recall at 0.5 {recall:.3f}  false cards {false:.3f}  rows {len(rows)}")


def main() -> None:
    articles, data = Path(sys.argv[1]), Path(sys.argv[2])
    encoder = Encoder(data)
    source = resources.files("models").joinpath("training/data_knowledge/queries.yaml")
    queries = yaml.safe_load(source.read_text("utf-8"))
    queries["none"] += courtesies()
    rows: dict[str, list[tuple[Row, int]]] = {}
    for base in sorted(set(queries) - {"none"}):
        loaded = load_folder(articles / base)
        plain = [msgspec.structs.replace(one, questions=()) for one in loaded]
        rows[base] = []
        for form in (loaded, plain):
            knowledge = Knowledge(form, encoder.embed, Weights(bias=0, question=0, body=0, words=0, margin=0))
            rows[base] += rows_of(base, knowledge, [one.article for one in form], queries, encoder)
    for base in rows:
        report(base, fit([row for other in rows if other != base for row in rows[other]]), rows[base])
    model = fit([row for group in rows.values() for row in group])
    bias, weights = float(model.intercept_[0]), [round(float(one), 4) for one in model.coef_[0]]
    target = Path(str(resources.files("models").joinpath("heads/knowledge.json")))
    dump_weights(Weights(round(bias, 4), *weights), target)
    report("all", model, [row for group in rows.values() for row in group])


if __name__ == "__main__":
    main()
