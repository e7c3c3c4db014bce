"""Fits the weights of `models.knowledge` and writes `models/heads/knowledge.json` and `topics.npz`.

`python -m models.training.knowledge ARTICLES DATA_DIR [--dry]`: ARTICLES holds the bundled bases, one folder each,
DATA_DIR the installed weights. The bundled bases, and those that the need encoder did not learn from (`held_back`), are
judged by topics that saw none of their articles or turns; ranking and card are fitted on what is said of them then, so
that they learn how far to trust the signals on articles never seen. Prints the recall and the false cards, leaving one
base out at a time, and what is shipped: the fit on all of these, and topics of all bases.
"""

import random
import sys
import zlib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from models.embed import Encoder, SentenceEncoder
from models.knowledge import (
    CARD_FEATURES,
    SIGNALS,
    Card,
    Encoders,
    Knowledge,
    Logistic,
    Weights,
    card_features,
    dump_weights,
)
from models.topics import Topics
from models.training.knowledge_data import (
    Base,
    Said,
    demo_bases,
    held_back,
    idle_turns,
    needs_of_the_corpus,
    read_bases,
    read_topics,
)
from models.training.noise import misheard
from models.tuned.encoder import NeedEncoder

Matrix = NDArray[np.float64]
Floats = NDArray[np.float32]

TOPIC_STRENGTH = 15.0
NEED_STRENGTH = 3.0
FALSE_CARDS = 0.01
"""Share of turns without a need that may get a card, of those that the bar is chosen on."""
FALSE_ANSWERS = 0.16
"""Share of needs that no article answers and that may get a card all the same."""
FOLDS = 5


class Judged(msgspec.Struct, frozen=True):
    """One turn against one base: what was found, and which article it calls for (−1: none)."""

    text: str
    signals: Floats
    needs: Floats
    about: int
    idle: bool


class Memory:
    """Vectors by text: every base asks for many of the same."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._known: dict[str, Floats] = {}

    def embed(self, texts: Sequence[str]) -> Floats:
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        if new:
            self._known |= dict(zip(new, self._encoder.embed(new), strict=True))
        return np.stack([self._known[text] for text in texts])


def fit_topics(bases: Sequence[Base], memory: Memory) -> Topics:
    """Topics of the corpus, and each article of `bases` as one more."""
    texts: list[str] = []
    labels: list[int] = []
    for number, topic in enumerate(topics := read_topics()):
        own = [*topic.titles, *topic.said, *topic.said]
        texts += own
        labels += [number] * len(own)
    first = len(topics)
    for base in bases:
        for number, article in enumerate(base.articles):
            own = [article.title, f"{article.title}. {article.body}"[:600]]
            own += [said.text for said in base.queries if said.about == number] * 2
            texts += own
            labels += [first + number] * len(own)
        first += len(base.articles)
    model = LogisticRegression(C=TOPIC_STRENGTH, max_iter=120).fit(memory.embed(texts), labels)
    need = fit_need(bases, idle_turns(), memory)
    return Topics(
        weights=model.coef_.T.astype(np.float16).astype(np.float32),
        bias=model.intercept_.astype(np.float16).astype(np.float32),
        need=need.coef_[0].astype(np.float32),
        need_bias=float(need.intercept_[0]),
    )


def fit_need(bases: Sequence[Base], idle: Sequence[Said], memory: Memory) -> LogisticRegression:
    """Whether a turn calls for help at all."""
    needed = list(dict.fromkeys([said.text for base in bases for said in (*base.queries, *base.outside)]))
    needed += [text for topic in read_topics() for text in topic.said] + needs_of_the_corpus()
    model = LogisticRegression(C=NEED_STRENGTH, max_iter=300, class_weight="balanced")
    vectors = memory.embed([*needed, *(said.text for said in idle)])
    return model.fit(vectors, [1] * len(needed) + [0] * len(idle))


class Unheard:
    """How much an idle turn sounds like a need to heads that never heard it: what it would be like in a call."""

    def __init__(self, bases: Sequence[Base], memory: Memory) -> None:
        idle = idle_turns()
        self._fold = {said.text: zlib.crc32(said.text.encode()) % FOLDS for said in idle}
        self._heads = [
            fit_need(bases, [said for said in idle if self._fold[said.text] != fold], memory) for fold in range(FOLDS)
        ]

    def needs(self, text: str, views: Floats) -> Floats:
        head = self._heads[self._fold[text]]
        return np.asarray(views @ head.coef_[0] + head.intercept_[0], np.float32)


def spoken(said: Said, idle: Sequence[Said], seed: str) -> list[Said]:
    """The turn as written, as a recogniser has it, and at times with a courtesy before it."""
    chance = random.Random(f"{seed} {said.text}")
    forms = [said.text, misheard(said.text, said.language, chance)]
    if chance.random() < 0.4:
        before = chance.choice([one for one in idle if one.language == said.language]).text.rstrip(".?!, ")
        forms.append(f"{before}. {said.text[0].upper()}{said.text[1:]}")
    return [Said(said.language, text, said.about) for text in forms]


def turns_of(base: Base, idle: Sequence[Said], others: Sequence[Said]) -> list[tuple[Said, bool]]:
    """Needs of the base in several forms, needs that nothing here answers, and turns without a need."""
    turns = [(form, False) for said in base.queries for form in spoken(said, idle, base.name)]
    turns += [(form, False) for said in base.outside for form in spoken(said, idle, base.name)]
    chance = random.Random(base.name)
    turns += [(Said(said.language, said.text), False) for said in chance.sample(others, 20)]
    turns += [(said, True) for said in idle]
    return turns


def judge(
    base: Base, turns: Sequence[tuple[Said, bool]], weights: Weights, encoders: Encoders, unheard: Unheard
) -> list[Judged]:
    knowledge = Knowledge(base.articles, encoders, weights)
    judged = []
    for said, idle in turns:
        views = knowledge.views(said.text, encoders.sentence.embed([said.text])[0])
        signals = knowledge.signals(said.text, views, language=said.language)
        needs = unheard.needs(said.text, views) if idle else weights.topics.needs(views)
        judged.append(Judged(said.text, signals, needs, said.about, idle))
    return judged


def fit_rank(rows: Sequence[Judged]) -> Floats:
    """Listwise: the right article of each need against the others of its base."""
    given = [(row.signals[0].astype(np.float64), row.about) for row in rows if row.about >= 0]

    def cost(weights: Matrix) -> tuple[float, Matrix]:
        loss, slope = 0.0, np.zeros(len(SIGNALS))
        for signals, about in given:
            scores = signals @ weights
            chances = np.exp(scores - scores.max())
            chances /= chances.sum()
            loss -= float(np.log(chances[about] + 1e-12))
            chances[about] -= 1.0
            slope += chances @ signals
        n = len(given)
        return loss / n + 1e-4 * float(weights @ weights), slope / n + 2e-4 * weights

    found: Matrix = minimize(cost, np.ones(len(SIGNALS)), jac=True, method="L-BFGS-B").x
    return found.astype(np.float32)


def features_of(row: Judged, rank: Floats) -> Floats:
    return card_features(row.signals, rank, row.needs, row.text)


def fit_card(rows: Sequence[Judged], rank: Floats) -> Card:
    """The need from the likeliest article of each turn, the match from the two likeliest of each need; the bar is where
    false cards are as rare as they have to be."""
    lead = CARD_FEATURES.index("lead")
    likeliest: list[Floats] = []
    found: list[Floats] = []
    right: list[bool] = []
    for row in rows:
        features = features_of(row, rank)[0]
        order = np.argsort(-features[:, lead])[:2]
        likeliest.append(features[order[0]])
        if not row.idle:
            found += [features[article] for article in order]
            right += [bool(article == row.about) for article in order]
    need = _logistic(np.array(likeliest), np.array([not row.idle for row in rows]))
    match = _logistic(np.array(found), np.array(right))
    card = Card(need, match, 0.0)
    best = np.array([log_odds(row, rank, card).max() for row in rows])
    without = np.array([row.idle for row in rows])
    outside = np.array([row.about < 0 for row in rows]) & ~without
    bars = np.quantile(best[without], 1 - FALSE_CARDS), np.quantile(best[outside], 1 - FALSE_ANSWERS)
    return msgspec.structs.replace(card, bar=round(float(max(bars)), 4))


def _logistic(features: Floats, labels: NDArray[np.bool_]) -> Logistic:
    model = LogisticRegression(C=1.0, max_iter=3_000).fit(features, labels)
    return Logistic(_rounded(model.coef_[0]), round(float(model.intercept_[0]), 4))


def log_odds(row: Judged, rank: Floats, card: Card) -> Floats:
    """Of each article, the best over the views."""
    return np.asarray(card.log_odds(features_of(row, rank)).max(axis=0), np.float32)


def fit(rows: Sequence[Judged]) -> tuple[Floats, Card]:
    rank = fit_rank(rows)
    return rank, fit_card(rows, rank)


def report(name: str, rows: Sequence[Judged], rank: Floats, card: Card) -> NDArray[np.int64]:
    """Counts: needs, right article first, right card, wrong card; unanswerable needs, cards; idle turns, cards."""
    counts = np.zeros(8, np.int64)
    for row in rows:
        odds = log_odds(row, rank, card)
        top, shown = int(odds.argmax()), bool(odds.max() >= 0)
        if row.about >= 0:
            counts[:4] += (1, top == row.about, shown and top == row.about, shown and top != row.about)
        else:
            at = 6 if row.idle else 4
            counts[at : at + 2] += (1, shown)
    _print(name, counts)
    return counts


def _print(name: str, c: NDArray[np.int64]) -> None:
    shares = [c[1] / c[0], c[2] / c[0], c[3] / c[0], c[5] / max(c[4], 1), c[7] / c[6]]
    print(
        f"{name:24} right first {shares[0]:.3f}  card {shares[1]:.3f}  wrong card {shares[2]:.3f}"
        f"  outside {shares[3]:.3f}  no need {shares[4]:.3f}",
        flush=True,
    )


def main() -> None:
    articles, data = Path(sys.argv[1]), Path(sys.argv[2])
    memory = Memory(Encoder(data))
    encoders = Encoders(memory, Memory(NeedEncoder(data)))
    bases, bundled = read_bases(), demo_bases(articles)
    taught = [base for base in bases if not held_back(base.name)]
    judged = [*bundled, *(base for base in bases if held_back(base.name))]
    idle = idle_turns()
    unheard = Unheard(taught, memory)
    none = Logistic((0.0,) * len(CARD_FEATURES), 0.0)
    weights = Weights((1.0,) * len(SIGNALS), Card(none, none, 0.0), fit_topics(taught, memory))
    others = [said for base in taught for said in base.queries]
    rows = {base.name: judge(base, turns_of(base, idle, others), weights, encoders, unheard) for base in judged}
    kin = {base.name: base.name.removesuffix("-plain") for base in judged}
    total = np.zeros(8, np.int64)
    for base in judged:
        given = [row for name, own in rows.items() if kin[name] != kin[base.name] for row in own]
        total += report(base.name, rows[base.name], *fit(given))
    _print("leave one base out", total)
    rank, card = fit([row for own in rows.values() for row in own])
    print(dict(zip(SIGNALS, _rounded(rank), strict=True)), card)
    if "--dry" not in sys.argv:
        shipped = fit_topics([*bases, *(base for base in bundled if not base.name.endswith("-plain"))], memory)
        dump_weights(Weights(_rounded(rank), card, shipped), Path(str(resources.files("models").joinpath("heads"))))


def _rounded(values: NDArray[np.floating]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


if __name__ == "__main__":
    main()
