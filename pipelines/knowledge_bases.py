"""Knowledge bases: those that come with the demo, and those that calls find their cards in."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import PurePath
from typing import Final

import numpy as np
from numpy.typing import NDArray

from engine.errors import Overloaded
from engine.ports.knowledge import Article, Candidate
from engine.ports.reading import KnowledgeSearch, Passage
from models import knowledge
from models.articles import decode_article, slug
from models.document_process import read_apart
from models.embed import SentenceEncoder

FILES_AT_ONCE: Final = 2
"""Documents that are read at the same time, for all organisations."""
FILES_WAITING: Final = 8
_TOGETHER: Final = 32
"""Texts that are embedded in one go: a live call waits behind no more."""
_NICE: Final = 10

Vector = NDArray[np.float32]


def bundled_bases() -> dict[str, list[Article]]:
    """The demo's articles by the name of their knowledge base."""
    with resources.as_file(resources.files("pipelines").joinpath("demo_knowledge")) as folder:
        return {
            base.name: [decode_article(file.stem, file.read_bytes()) for file in sorted(base.glob("*.md"))]
            for base in sorted(folder.iterdir())
            if base.is_dir()
        }


class Library:
    """One base to calls: what is found in it changes when its articles do. Implements `KnowledgeSearch`."""

    def __init__(self) -> None:
        self.index: knowledge.Knowledge | None = None
        self.seen: tuple[Mapping[str, Vector], Mapping[str, Vector]] = ({}, {})
        """Every text in the index as `Encoders` see it."""

    def search(self, text: str, vector: Vector, *, language: str, limit: int = 5) -> Sequence[Passage]:
        index = self.index
        return index.search(text, vector, language=language, limit=limit) if index is not None else ()


class Libraries:
    """All bases of all organisations, indexed in memory. Implements `engine.ports.knowledge.KnowledgeKeeper`."""

    def __init__(self) -> None:
        self._encoders: knowledge.Encoders | None = None
        self._weights: knowledge.Weights | None = None
        self._libraries: dict[tuple[str, str], Library] = {}
        self._reading = asyncio.Semaphore(FILES_AT_ONCE)
        self._waiting = 0
        self._indexer = ThreadPoolExecutor(1, "knowledge", initializer=_give_way)
        self._closing = threading.Event()

    def close(self) -> None:
        """What is being indexed is left: the next start indexes all."""
        self._closing.set()
        self._indexer.shutdown(wait=False, cancel_futures=True)

    def equip(self, encoders: knowledge.Encoders) -> None:
        """The models are loaded. Blocking."""
        self._weights = knowledge.load_weights()
        self._encoders = encoders

    def of_call(self, organisation_id: str, base: str) -> KnowledgeSearch | None:
        """To search in for as long as the call lasts; None where the campaign names no base. One that does not exist
        yet may come to."""
        return self._libraries.setdefault((organisation_id, base), Library()) if base else None

    async def read(self, name: str, data: bytes) -> Sequence[Article]:
        path = PurePath(name)
        if self._waiting >= FILES_WAITING:
            raise Overloaded("other documents are being read: try again in a moment")
        self._waiting += 1
        try:
            async with self._reading:
                return await read_apart(f"{slug(path.stem)}{path.suffix.lower()}", data)
        finally:
            self._waiting -= 1

    async def adopt(self, organisation_id: str, base: str, articles: Sequence[Article]) -> bool:
        if self._encoders is None or self._weights is None:
            return False
        library = self._libraries.setdefault((organisation_id, base), Library())
        indexing = asyncio.get_running_loop().run_in_executor
        await indexing(self._indexer, _index, library, articles, self._encoders, self._weights, self._closing)
        return True

    async def search(self, organisation_id: str, base: str, text: str, language: str) -> Sequence[Candidate]:
        encoders, library = self._encoders, self._libraries.get((organisation_id, base))
        if encoders is None:
            raise Overloaded("the models are being loaded")
        if library is None:
            return ()

        def find() -> Sequence[Passage]:
            return library.search(text, encoders.sentence.embed([text])[0], language=language)

        found = await asyncio.to_thread(find)
        return [Candidate(one.article, one.title, round(one.score, 4)) for one in found]


def _index(
    library: Library,
    articles: Sequence[Article],
    encoders: knowledge.Encoders,
    weights: knowledge.Weights,
    closing: threading.Event,
) -> None:
    """Only texts that are new to the library are embedded: a large base takes minutes of a core, a change a moment.
    Raises `InterruptedError` when it is left."""
    if not articles:
        library.index, library.seen = None, ({}, {})
        return
    sentence, need = (_Seeing(one, known, closing) for one, known in zip(encoders, library.seen, strict=True))
    library.index = knowledge.Knowledge(articles, encoders, weights, knowledge.Encoders(sentence, need))
    library.seen = sentence.seen, need.seen


class _Seeing:
    """Embeds an index' texts, all in one go, those that are not known yet a few at a time. Implements
    `SentenceEncoder`."""

    def __init__(self, encoder: SentenceEncoder, known: Mapping[str, Vector], closing: threading.Event) -> None:
        self._encoder, self._closing = encoder, closing
        self._known = known
        self.seen: dict[str, Vector] = {}
        """Of all texts that were asked for."""

    def embed(self, texts: Sequence[str]) -> Vector:
        """Raises `InterruptedError` when the engine closes."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        vectors = dict(self._known)
        for at in range(0, len(new), _TOGETHER):
            if self._closing.is_set():
                raise InterruptedError
            some = new[at : at + _TOGETHER]
            vectors.update(zip(some, self._encoder.embed(some), strict=True))
        whole = np.stack([vectors[text] for text in texts])
        self.seen = dict(zip(texts, whole, strict=True))
        return whole


def _give_way() -> None:
    """Of the indexing thread alone, which Linux can: calls go first."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
