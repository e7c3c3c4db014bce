"""Which article answers what was just said: words (tantivy, BM25) and meaning (sentence embeddings)
together.

An article is a Markdown file; its stem is its id. Front matter may carry `title`, `language`, `intents` and `questions`
(a list of ways to ask, by language): each question is indexed beside the text, so that a customer who asks in another
language than the article's is still searched for in their own.

The score is a probability that the article deserves a card, by a logistic model over four features; its weights are
fitted by `python -m models.training.knowledge` and stand in `models/heads/knowledge.json`.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import tantivy
import yaml
from numpy.typing import NDArray

from engine.errors import Invalid
from engine.ports import Passage

Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Vectors]

MAX_ARTICLE_BYTES = 200_000
STEMMERS = {"es": "spanish", "pt": "portuguese", "en": "english"}
CANDIDATES = 20


class Article(msgspec.Struct, frozen=True):
    article: str
    title: str
    language: str
    body: str
    questions: tuple[tuple[str, str], ...] = ()
    """(language, question) pairs."""
    intents: tuple[str, ...] = ()


class _Unit(msgspec.Struct, frozen=True):
    """A stretch of an article that is searched on its own."""

    article: int
    question: bool
    text: str


class Weights(msgspec.Struct, frozen=True):
    """Logistic weights over `features`."""

    bias: float
    question: float
    body: float
    words: float
    margin: float


def load_weights() -> Weights:
    data = resources.files("models").joinpath("heads/knowledge.json").read_bytes()
    return msgspec.json.decode(data, type=Weights)


def read_article(path: Path) -> Article:
    """Raises `Invalid` with the file's name for what cannot be read as an article."""
    data = path.read_bytes()
    if len(data) > MAX_ARTICLE_BYTES:
        raise Invalid(f"{path.name}: larger than {MAX_ARTICLE_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        head, body = _front_matter(text)
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise Invalid(f"{path.name}: {error}") from error
    if "\0" in body:
        raise Invalid(f"{path.name}: not a text file")
    if not body.strip():
        raise Invalid(f"{path.name}: empty article")
    heading = re.search(r"^#{1,6}[ \t]+(\S.*)$", body, re.MULTILINE)
    title = str(head.get("title") or (heading[1] if heading else path.stem.replace("-", " ").replace("_", " ")))
    return Article(
        article=path.stem,
        title=title.strip(),
        language=str(head.get("language") or ""),
        body=body.strip(),
        questions=tuple(_questions(head.get("questions"), path.name)),
        intents=tuple(str(intent) for intent in head.get("intents") or ()),
    )


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not match:
        return {}, text
    head = yaml.safe_load(match[1])
    return (head if isinstance(head, dict) else {}), text[match.end() :]


def _questions(value: object, name: str) -> Iterable[tuple[str, str]]:
    if value is None:
        return
    groups = value.items() if isinstance(value, dict) else [("", value)]
    for language, questions in groups:
        if not isinstance(questions, list):
            raise Invalid(f"{name}: `questions` must be a list, or lists by language")
        for question in questions:
            yield str(language), str(question)


def passages(body: str) -> list[str]:
    """Paragraphs without Markdown marks, short ones joined with the next."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", body)
    plain = re.sub(r"[*_`>]+|^#+\s*", "", plain, flags=re.MULTILINE)
    parts: list[str] = []
    for part in re.split(r"\n\s*\n", plain):
        words = " ".join(part.split())
        if parts and len(parts[-1]) < 60:
            parts[-1] = f"{parts[-1]} {words}"
        elif words:
            parts.append(words)
    return parts


def sentences(passage: str) -> list[str]:
    """Sentences of a passage of several: one that answers the customer stands out from its neighbours."""
    parts = [part for part in re.split(r"(?<=[.!?:;])\s+", passage) if len(part) >= 20]
    return parts if len(parts) > 1 else []


class Knowledge:
    """An index over one folder of articles, built in memory: derived data, never the truth. Thread-safe for
    searching."""

    def __init__(self, articles: Sequence[Article], embed: Embed, weights: Weights) -> None:
        self._articles = articles
        self._weights = weights
        self._units = list(_units(articles))
        self._words = {language: _WordIndex(self._units, stemmer) for language, stemmer in STEMMERS.items()}
        # Exact, by one matrix product: a campaign has a few thousand units, for which a graph index gains nothing.
        # (usearch's wheel cannot be loaded before onnxruntime's without a crash, besides.)
        texts = [unit.text for unit in self._units]
        self._meaning: Vectors = embed(texts) if texts else np.zeros((0, 512), np.float32)

    def search(self, text: str, vector: Vectors, *, language: str, limit: int = 5) -> Sequence[Passage]:
        """Best first; `score` ≥ 0.5 deserves a card."""
        if not self._units:
            return []
        features = self.features(text, vector, language=language)
        scored = [(self._score(row), article) for article, row in features.items()]
        scored.sort(key=lambda pair: (-pair[0], pair[1]))
        return [self._passage(self._articles[article], score) for score, article in scored[:limit]]

    def features(self, text: str, vector: Vectors, *, language: str) -> dict[int, tuple[float, float, float, float]]:
        """By article: best cosine to a question or the text, best cosine to the text, share of words, lead over the
        next article."""
        cosines = self._meaning @ vector.astype(np.float32).reshape(-1)
        words = self._words.get(language, self._words["en"]).shares(text, len(self._articles))
        question = np.full(len(self._articles), 0.0)
        body = np.full(len(self._articles), 0.0)
        for unit, cosine in zip(self._units, cosines, strict=True):
            target = question if unit.question else body
            target[unit.article] = max(target[unit.article], cosine)
        best = np.maximum(question, body)
        order = np.sort(best)[::-1]
        rows: dict[int, tuple[float, float, float, float]] = {}
        for article in range(len(self._articles)):
            rival = order[1] if len(order) > 1 and best[article] == order[0] else order[0]
            margin = float(best[article] - rival) if len(order) > 1 else 0.1
            rows[article] = (float(best[article]), float(body[article]), float(words[article]), margin)
        return rows

    def _score(self, row: tuple[float, float, float, float]) -> float:
        weights = self._weights
        question, body, words, margin = row
        logit = (
            weights.bias
            + weights.question * question
            + weights.body * body
            + weights.words * words
            + weights.margin * margin
        )
        return float(1.0 / (1.0 + np.exp(-logit)))

    def _passage(self, article: Article, score: float) -> Passage:
        return Passage(
            article=article.article, title=article.title, body=article.body, language=article.language, score=score
        )


def _units(articles: Sequence[Article]) -> Iterable[_Unit]:
    for number, article in enumerate(articles):
        yield _Unit(number, False, article.title)
        for passage in passages(article.body):
            yield _Unit(number, False, passage[:600])
            for sentence in sentences(passage[:2_000]):
                yield _Unit(number, False, sentence[:300])
        for _, question in article.questions:
            yield _Unit(number, True, question)


def load_folder(folder: Path) -> list[Article]:
    """Every `*.md` of the folder, by name. Raises `Invalid` when there is none or one cannot be read."""
    paths = sorted(folder.glob("*.md"))
    if not paths:
        raise Invalid(f"no Markdown articles (*.md) in {folder}")
    return [read_article(path) for path in paths]


class _WordIndex:
    """BM25 with one language's stemmer over all units."""

    def __init__(self, units: Sequence[_Unit], stemmer: str) -> None:
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
        self._analyzer = analyzer
        writer = self._index.writer(heap_size=15_000_000, num_threads=1)
        for number, unit in enumerate(units):
            writer.add_document(tantivy.Document(unit=number, text=unit.text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        self._owner = [unit.article for unit in units]

    def shares(self, text: str, articles: int) -> Vectors:
        """By article the best BM25 score, squeezed into 0…1."""
        shares: Vectors = np.zeros(articles, np.float32)
        terms = re.sub(r"\[[a-z_]+\]|[^\w\s]", " ", unicodedata.normalize("NFC", text))
        if not terms.strip():
            return shares
        query, _ = self._index.parse_query_lenient(" ".join(terms.split()[:60]), ["text"])
        for score, address in self._searcher.search(query, CANDIDATES).hits:
            unit = self._searcher.doc(address)["unit"][0]
            owner = self._owner[unit]
            shares[owner] = max(shares[owner], score / (score + 8.0))
        return shares


def dump_weights(weights: Weights, path: Path) -> None:
    path.write_text(json.dumps(msgspec.to_builtins(weights), indent=2) + "\n", encoding="utf-8")
