"""Which article answers what was just said.

A turn is looked at as a whole and sentence by sentence. Each of these views is held against each article in eight ways
(`SIGNALS`): nearness of the sentence vectors to what names the matter, to what is said of it and to whole sections;
nearness, by an encoder that has learnt what answers what, to any stretch of it and to whole sections; agreement of
topics; letters in common with title and headings; and words (tantivy, BM25). Their weighted sum ranks the articles of a
view. Whether the best deserves a card is another question: two logistic models, over the same eight, the lead over the
next article and how much the view sounds like a need, say whether help is called for at all and whether this article is
it; both must hold. An article's score is its best over the views. The weights are fitted by
`python -m models.training.knowledge` and stand in `models/heads/knowledge.json` and `topics.npz`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import tantivy
from numpy.typing import NDArray

from engine.ports.reading import Passage
from models.articles import Article as Article
from models.articles import Unit, UnitKind, units
from models.embed import SentenceEncoder
from models.folding import fold
from models.reading import parts_of
from models.topics import Topics, Vectors, load_topics

STEMMERS = {"es": "spanish", "pt": "portuguese", "en": "english"}
CANDIDATES = 20
SIGNALS = ("title", "text", "whole", "topics", "letters", "words", "answer", "whole_answer")
"""The last axis of `Knowledge.signals`."""
CARD_FEATURES = (*SIGNALS, "lead", "share", "need", "length")
_LEAD = CARD_FEATURES.index("lead")
_MAX_LEAD = 4.0
_GRAM = 4
_WORD = re.compile(r"[^\W\d_]{2}")


class Encoders(NamedTuple):
    """What the search sees texts with."""

    sentence: SentenceEncoder
    """What means the same lies near."""
    need: SentenceEncoder
    """What is said lies near what answers it."""


class Logistic(msgspec.Struct, frozen=True):
    """Over `CARD_FEATURES`."""

    weights: tuple[float, ...]
    bias: float

    def log_odds(self, features: Vectors) -> Vectors:
        return np.asarray(features @ np.asarray(self.weights, np.float32) + self.bias, np.float32)


class Card(msgspec.Struct, frozen=True):
    """Whether an article deserves a card."""

    need: Logistic
    """Help is called for."""
    match: Logistic
    """This article is it, if so."""
    bar: float
    """Log-odds of both from which on a card is shown: false ones are rare there. They become a score of 0.5."""

    def log_odds(self, features: Vectors) -> Vectors:
        """float32[views, articles], 0 at the bar. The need is a view's own, so its best article speaks for it."""
        first = features[:, :, _LEAD].argmax(axis=1)
        need = self.need.log_odds(features[np.arange(len(features)), first])[:, None]
        both = -np.logaddexp(0.0, -need) - np.logaddexp(0.0, -self.match.log_odds(features))
        return np.asarray(both - np.log(-np.expm1(np.minimum(both, -1e-6))) - self.bar, np.float32)


class Weights(msgspec.Struct, frozen=True):
    """What the trainer found."""

    rank: tuple[float, ...]
    """Over `SIGNALS`."""
    card: Card
    topics: Topics


class _Stored(msgspec.Struct, frozen=True):
    """`heads/knowledge.json`."""

    rank: tuple[float, ...]
    card: Card


def load_weights() -> Weights:
    data = resources.files("models").joinpath("heads/knowledge.json").read_bytes()
    stored = msgspec.json.decode(data, type=_Stored)
    return Weights(stored.rank, stored.card, load_topics())


def dump_weights(weights: Weights, directory: Path) -> None:
    """Writes `knowledge.json` and `topics.npz`."""
    stored = msgspec.json.encode(_Stored(weights.rank, weights.card))
    (directory / "knowledge.json").write_bytes(msgspec.json.format(stored, indent=2) + b"\n")
    topics = weights.topics
    np.savez_compressed(
        directory / "topics.npz",
        weights=topics.weights.astype(np.float16),
        bias=topics.bias.astype(np.float16),
        need=topics.need.astype(np.float32),
        need_bias=np.float32(topics.need_bias),
    )


class Knowledge:
    """An index over one folder of articles, built in memory: derived data, never the truth. Thread-safe for
    searching."""

    def __init__(
        self,
        articles: Sequence[Article],
        encoders: Encoders,
        weights: Weights,
        of_stretches: Encoders | None = None,
    ) -> None:
        """`of_stretches`: for the articles' own, once, where these are not as for what is searched with."""
        self._articles = articles
        self._encoders = encoders
        self._weights = weights
        self._units = list(units(articles))
        self._groups = [_Group(self._units, (kind,)) for kind in ("title", "text", "whole")]
        self._topical = _Group(self._units, ("title", "whole"))
        self._any, self._whole = _Group(self._units, ("title", "text", "whole")), self._groups[-1]
        self._words = {language: _WordIndex(self._units, stemmer) for language, stemmer in STEMMERS.items()}
        # Exact, by one matrix product: a campaign has a few thousand units, for which a graph index gains nothing.
        # (usearch's wheel cannot be loaded before onnxruntime's without a crash, besides.)
        texts = [unit.text for unit in self._units]
        nothing: Vectors = np.zeros((0, 1), np.float32)
        given = of_stretches or encoders
        self._meaning = given.sentence.embed(texts) if texts else nothing
        self._answers = given.need.embed(texts) if texts else nothing
        self._topics = weights.topics.likely(self._meaning[self._topical.rows]) if texts else nothing
        names: list[list[str]] = [[] for _ in articles]
        for unit in self._units:
            if unit.kind == "title":
                names[unit.article].append(unit.text)
        self._letters = _Letters([" ".join(one) for one in names])
        self._tongues = _tongues(articles)

    def search(self, text: str, vector: Vectors, *, language: str, limit: int = 5) -> Sequence[Passage]:
        """Best first; `score` ≥ 0.5 deserves a card. Nothing is found for a text without words. Where one deserves a
        card, only those in its language are found: `language` if there is one in it, else that of the best."""
        if not self._units or not _WORD.search(re.sub(r"\[[a-z_]+\]", "", text)):
            return []
        scores = self.scores(text, vector, language=language)
        listed = np.lexsort((np.arange(len(scores)), -scores))
        best = {tongue: float(scores[those].max()) for tongue, those in self._tongues.items()}
        if deserving := [tongue for tongue, score in best.items() if score >= 0.5]:
            tongue = max(deserving, key=lambda one: (one == language, best[one]))
            listed = listed[self._tongues[tongue][listed]]
        return [_passage(self._articles[number], float(scores[number])) for number in listed[:limit]]

    def scores(self, text: str, vector: Vectors, *, language: str) -> Vectors:
        """Probability of each article that it deserves a card. Each language is a base of its own: an article and its
        translation are no rivals."""
        views = self.views(text, vector)
        signals = self.signals(text, views, language=language)
        needs = self._weights.topics.needs(views)
        rank = np.asarray(self._weights.rank, np.float32)
        best: Vectors = np.full(len(self._articles), -np.inf, np.float32)
        for those in self._tongues.values():
            features = card_features(signals[:, those], rank, needs, text)
            best[those] = np.maximum(best[those], self._weights.card.log_odds(features).max(axis=0))
        return np.asarray(1.0 / (1.0 + np.exp(-best)), np.float32)

    def views(self, text: str, vector: Vectors) -> Vectors:
        """float32[views, 512]: the turn, then its sentences when it has several; as given, if `vector` has them all."""
        if vector.ndim == 2 and len(vector) > 1:
            return np.asarray(vector, np.float32)
        whole = np.asarray(vector, np.float32).reshape(1, -1)
        parts = parts_of(text)[1:]
        return np.concatenate([whole, self._encoders.sentence.embed(parts)]) if parts else whole

    def signals(self, text: str, views: Vectors, *, language: str) -> Vectors:
        """float32[views, articles, `SIGNALS`]. `views` are of `parts_of(text)`, or of the first of these."""
        out = np.zeros((len(views), len(self._articles), len(SIGNALS)), np.float32)
        cosines = views @ self._meaning.T
        for kind, group in enumerate(self._groups):
            group.best(cosines[:, group.rows], out[:, :, kind])
        self._topical.best(self._weights.topics.likely(views) @ self._topics.T, out[:, :, 3])
        out[:, :, 4] = self._letters.overlap(text)
        out[:, :, 5] = self._words.get(language, self._words["en"]).shares(text, len(self._articles))
        answers = self._encoders.need.embed(parts_of(text)[: len(views)]) @ self._answers.T
        self._any.best(answers[:, self._any.rows], out[:, :, 6])
        self._whole.best(answers[:, self._whole.rows], out[:, :, 7])
        return out


def _tongues(articles: Sequence[Article]) -> dict[str, NDArray[np.bool_]]:
    """By language which articles may be told in it: its own, and those that name none."""
    languages = {article.language for article in articles}
    return {
        language: np.array([article.language in ("", language) for article in articles])
        for language in sorted(languages - {""} or languages)
    }


def card_features(signals: Vectors, rank: Vectors, needs: Vectors, text: str) -> Vectors:
    """float32[views, articles, `CARD_FEATURES`] of `Knowledge.signals`; `needs` is float32[views]."""
    ranks = signals @ rank
    share = np.exp(ranks - ranks.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True) if ranks.shape[1] > 1 else 2.0  # alone, it has beaten nobody
    order = np.sort(ranks, axis=1)[:, ::-1]
    rival = np.where(ranks == order[:, :1], order[:, 1:2], order[:, :1]) if ranks.shape[1] > 1 else ranks
    lead = np.clip(ranks - rival, -_MAX_LEAD, _MAX_LEAD)
    need = np.broadcast_to(needs[:, None], ranks.shape)
    length = np.full(ranks.shape, np.log1p(min(len(text.split()), 30)))
    return np.concatenate([signals, np.stack([lead, share, need, length], axis=2)], axis=2).astype(np.float32)


def _passage(article: Article, score: float) -> Passage:
    return Passage(
        article=article.article, title=article.title, body=article.body, language=article.language, score=score
    )


class _Group:
    """Units of some kinds, article by article."""

    def __init__(self, all_units: Sequence[Unit], kinds: tuple[UnitKind, ...]) -> None:
        owned = sorted((unit.article, row) for row, unit in enumerate(all_units) if unit.kind in kinds)
        self.rows = np.array([row for _, row in owned], np.int64)
        self._articles, self._starts = np.unique(np.array([owner for owner, _ in owned], np.int64), return_index=True)

    def best(self, values: Vectors, out: Vectors) -> None:
        """Of `values` (float32[views, units of the group]) the highest of each article, into `out`."""
        if len(self.rows):
            out[:, self._articles] = np.maximum.reduceat(values, self._starts, axis=1)


def _grams(text: str) -> Counter[str]:
    """Runs of four letters within words: they bear a recogniser's slips, inflection, and the cousins that Spanish and
    Portuguese words are."""
    words = re.sub(r"\[[a-z_]+\]|[\W_]+", " ", fold(text)).split()
    return Counter(word[at : at + _GRAM] for word in (f" {word} " for word in words) for at in range(len(word) - 3))


class _Letters:
    """Cosine of weighted letter runs between a turn and what names each article."""

    def __init__(self, names: Sequence[str]) -> None:
        counts = [_grams(name) for name in names]
        known = Counter(gram for count in counts for gram in count)
        self._rarity = {gram: 1.0 + float(np.log((1 + len(names)) / (1 + found))) for gram, found in known.items()}
        self._articles: dict[str, list[tuple[int, float]]] = {}
        self._count = len(names)
        for number, count in enumerate(counts):
            weights = self._weighted(count)
            length = float(np.sqrt(sum(value * value for value in weights.values()))) or 1.0
            for gram, value in weights.items():
                self._articles.setdefault(gram, []).append((number, value / length))

    def _weighted(self, count: Counter[str]) -> dict[str, float]:
        rarity = self._rarity
        return {gram: (1.0 + float(np.log(n))) * rarity[gram] for gram, n in count.items() if gram in rarity}

    def overlap(self, text: str) -> Vectors:
        """float32[articles], 0…1."""
        out: Vectors = np.zeros(self._count, np.float32)
        weights = self._weighted(_grams(text[:600]))
        length = float(np.sqrt(sum(value * value for value in weights.values()))) or 1.0
        for gram, value in weights.items():
            for number, weight in self._articles[gram]:
                out[number] += value / length * weight
        return out


class _WordIndex:
    """BM25 with one language's stemmer over all units."""

    def __init__(self, texts: Sequence[Unit], stemmer: str) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("unit", stored=True)
        builder.add_text_field("text", tokenizer_name=stemmer)
        self._index = tantivy.Index(builder.build())
        analyzer = (
            tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
            .filter(tantivy.Filter.lowercase())
            .filter(tantivy.Filter.stopword(stemmer))
            .filter(tantivy.Filter.stemmer(stemmer))
            .filter(tantivy.Filter.ascii_fold())
            .build()
        )
        self._index.register_tokenizer(stemmer, analyzer)
        writer = self._index.writer(heap_size=15_000_000, num_threads=1)
        for number, unit in enumerate(texts):
            writer.add_document(tantivy.Document(unit=number, text=unit.text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._owner = [unit.article for unit in texts]

    def shares(self, text: str, articles: int) -> Vectors:
        """By article the best BM25 score, squeezed into 0…1."""
        shares: Vectors = np.zeros(articles, np.float32)
        # in small letters: NOT, AND and OR are words here, as in a transcript that is all in capitals
        terms = re.sub(r"\[[a-z_]+\]|[^\w\s]", " ", unicodedata.normalize("NFC", text).lower())
        if not terms.strip():
            return shares
        query, _ = self._index.parse_query_lenient(" ".join(terms.split()[:60]), ["text"])
        for score, address in self._searcher.search(query, CANDIDATES).hits:
            owner = self._owner[self._searcher.doc(address)["unit"][0]]
            shares[owner] = max(shares[owner], score / (score + 8.0))
        return shares
