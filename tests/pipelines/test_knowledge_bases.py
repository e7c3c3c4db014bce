"""Bases are indexed beside calls, and calls in progress find what has changed."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.errors import Overloaded
from engine.ports.knowledge import Article
from models.knowledge import Encoders
from pipelines.knowledge_bases import FILES_WAITING, Libraries, bundled_bases

Vector = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


class WordsEncoder:
    """Texts that share words lie near each other; counts what it is given."""

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vector:
        self.embedded += texts
        out = np.zeros((len(texts), 512), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                out[row, sum(word.encode()) % 512] += 1.0
            out[row] /= max(float(np.linalg.norm(out[row])), 1e-9)
        return out


def lost_card(body: str = "Block the card at once.") -> Article:
    return Article("lost-card", "Lost card", "en", body, (("es", "Perdí mi tarjeta"),))


async def test_a_call_in_progress_finds_what_has_changed() -> None:
    libraries, encoder = Libraries(), WordsEncoder()
    libraries.equip(Encoders(encoder, WordsEncoder()))
    search = libraries.of_call("acme", "care")
    assert search is not None
    vector = encoder.embed(["lost card"])[0]
    assert list(search.search("lost card", vector, language="en")) == []
    assert await libraries.adopt("acme", "care", [lost_card()])
    assert [one.body for one in search.search("lost card", vector, language="en")] == ["Block the card at once."]
    assert await libraries.adopt("acme", "care", [lost_card("Ring the bank.")])
    assert [one.body for one in search.search("lost card", vector, language="en")] == ["Ring the bank."]
    assert await libraries.adopt("acme", "care", [])
    assert list(search.search("lost card", vector, language="en")) == []
    libraries.close()


async def test_only_new_texts_are_embedded() -> None:
    libraries, encoder = Libraries(), WordsEncoder()
    libraries.equip(Encoders(encoder, WordsEncoder()))
    articles = [Article(f"a{n}", f"Topic {n}", "en", f"The rule of {n} applies.") for n in range(50)]
    await libraries.adopt("acme", "care", articles)
    assert len(encoder.embedded) == len(set(encoder.embedded))
    encoder.embedded.clear()
    await libraries.adopt("acme", "care", [*articles, lost_card()])
    assert 0 < len(encoder.embedded) < 6
    assert all("card" in text.lower() or "tarjeta" in text for text in encoder.embedded)
    libraries.close()


async def test_what_is_searched_with_is_not_kept_and_takes_no_text_of_the_index_away() -> None:
    libraries, encoder = Libraries(), WordsEncoder()
    libraries.equip(Encoders(encoder, WordsEncoder()))
    await libraries.adopt("acme", "care", [lost_card()])
    await libraries.search("acme", "care", "I have lost my card today. What do I do about it now?", "en")
    assert "What do I do about it now?" in encoder.embedded
    encoder.embedded.clear()
    await libraries.adopt("acme", "care", [lost_card()])
    assert encoder.embedded == []
    libraries.close()
    assert await libraries.search("acme", "care", "I have lost my card today. What do I do about it now?", "en")


async def test_an_engine_that_stops_waits_for_no_index() -> None:
    libraries = Libraries()

    class Slow(WordsEncoder):
        def embed(self, texts: Sequence[str]) -> Vector:
            libraries.close()  # while it runs
            return super().embed(texts)

    encoder = Slow()
    libraries.equip(Encoders(encoder, WordsEncoder()))
    articles = [Article(f"a{n}", f"Topic {n}", "en", f"The rule of {n} applies.") for n in range(50)]
    with pytest.raises(InterruptedError):
        await libraries.adopt("acme", "care", articles)
    assert len(encoder.embedded) < 50


async def test_an_organisation_finds_its_own_alone() -> None:
    libraries, encoder = Libraries(), WordsEncoder()
    libraries.equip(Encoders(encoder, WordsEncoder()))
    await libraries.adopt("acme", "care", [lost_card()])
    assert [one.article for one in await libraries.search("acme", "care", "lost card", "en")] == ["lost-card"]
    for organisation, base in (("beta", "care"), ("acme", "sales")):
        assert list(await libraries.search(organisation, base, "lost card", "en")) == []
        search = libraries.of_call(organisation, base)
        assert search is not None
        assert list(search.search("lost card", encoder.embed(["lost card"])[0], language="en")) == []
    assert libraries.of_call("acme", "") is None
    libraries.close()


async def test_before_the_models_are_loaded_nothing_is_found_and_nobody_fails() -> None:
    libraries = Libraries()
    assert not await libraries.adopt("acme", "care", [lost_card()])
    with pytest.raises(Overloaded):
        await libraries.search("acme", "care", "lost card", "en")
    libraries.close()


async def test_a_document_is_read_apart_and_named_as_an_id_may_be() -> None:
    libraries = Libraries()
    (article,) = await libraries.read("Tarjeta Perdida (2026).HTML", b"<h1>Bloqueo</h1><p>Al momento.</p>")
    assert (article.article, article.title) == ("tarjeta-perdida-2026", "Bloqueo")
    libraries._waiting = FILES_WAITING
    with pytest.raises(Overloaded, match="other documents"):
        await libraries.read("a.md", b"x")
    libraries.close()


def test_the_demo_s_bases_are_there() -> None:
    assert {base: len(articles) for base, articles in bundled_bases().items()} == {
        "care": 5,
        "collections": 5,
        "sales": 5,
    }
