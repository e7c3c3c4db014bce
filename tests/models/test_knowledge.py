"""Articles are read with limits, and the right one is found by words and by meaning."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.errors import Invalid
from models.knowledge import (
    MAX_ARTICLE_BYTES,
    Article,
    Knowledge,
    Vectors,
    load_folder,
    load_weights,
    read_article,
    sentences,
)


def fake_embed(texts: Sequence[str]) -> Vectors:
    """Vectors of length 1 in which texts that share words lie near each other."""
    out: Vectors = np.zeros((len(texts), 512), np.float32)
    for row, text in enumerate(texts):
        for word in text.lower().split():
            out[row, sum(word.encode()) % 512] += 1.0
        out[row] /= max(float(np.linalg.norm(out[row])), 1e-9)
    return out


def found(knowledge: Knowledge, text: str) -> str:
    return knowledge.search(text, fake_embed([text])[0], language="en")[0].article


def test_plain_markdown_is_an_article(tmp_path: Path) -> None:
    path = tmp_path / "lost-card.md"
    path.write_text("## Lost card\n\nBlock the card at once.\n")
    article = read_article(path)
    assert (article.article, article.title, article.questions) == ("lost-card", "Lost card", ())


def test_a_file_without_heading_is_titled_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "lost-card.md"
    path.write_text("Block the card at once.")
    assert read_article(path).title == "lost card"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\n",
        b"\xff\xfe\x00a",
        b"abc\0def",
        b"---\ntitle: [\n---\nbody",
        b"---\nquestions: 5\n---\nbody",
        b"x" * (MAX_ARTICLE_BYTES + 1),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.md").write_bytes(data)
    with pytest.raises(Invalid, match=r"bad\.md"):
        load_folder(tmp_path)


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no Markdown"):
        load_folder(tmp_path)


def test_a_passage_of_several_sentences_is_searched_sentence_by_sentence() -> None:
    assert sentences("Block the card at once. Then order a new one today.") == [
        "Block the card at once.",
        "Then order a new one today.",
    ]
    assert sentences("Block the card at once.") == []


def test_a_thousand_articles_are_searched_in_time() -> None:
    articles = [Article(f"a{n}", f"Topic number{n}", "en", f"The rule of number{n} applies.") for n in range(1_000)]
    knowledge = Knowledge(articles, fake_embed, load_weights())
    text = "tell me about number517"
    vector = fake_embed([text])[0]
    spent = []
    for _ in range(5):
        started = time.perf_counter()
        passages = knowledge.search(text, vector, language="en")
        spent.append(time.perf_counter() - started)
    assert min(spent) < 0.2, "a search must not keep the call waiting"
    assert len(passages) == 5
    assert passages[0].article == "a517"


def test_odd_queries_find_nothing_rather_than_fail() -> None:
    knowledge = Knowledge([Article("a", "Lost card", "en", "Block the card.")], fake_embed, load_weights())
    for text in ("", "[card]", 'AND OR ( "', "?" * 1_000):
        assert knowledge.search(text, fake_embed([text])[0], language="xx")[0].score < 0.5
    assert Knowledge([], fake_embed, load_weights()).search("x", fake_embed(["x"])[0], language="en") == []


def test_the_article_that_shares_words_comes_first() -> None:
    articles = [
        Article("lost-card", "Lost card", "en", "Block the card at once."),
        Article("loan", "Loan terms", "en", "A loan runs for five years."),
    ]
    assert found(Knowledge(articles, fake_embed, load_weights()), "how long is the loan") == "loan"
