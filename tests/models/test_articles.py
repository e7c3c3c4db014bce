"""Articles are read with limits and cut into what is searched on its own."""

from pathlib import Path

import pytest

from engine.errors import Invalid
from models.articles import MAX_ARTICLE_BYTES, Article, decode_article, sections, sentences, units
from models.documents import load_folder


def test_plain_markdown_is_an_article() -> None:
    article = decode_article("lost-card", b"## Lost card\n\nBlock the card at once.\n")
    assert (article.article, article.title, article.questions) == ("lost-card", "Lost card", ())


def test_a_file_without_heading_is_titled_by_its_name() -> None:
    assert decode_article("lost-card", b"Block the card at once.").title == "lost card"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n\n",
        b"\xff\xfe\x00a",
        b"abc\0def",
        b"---\ntitle: [\n---\nbody",
        b"---\nquestions: 5\n---\nbody",
        b"---\nintents: cancel_service\n---\nbody",
        b"---\nupdated: 2024-02-30\n---\nbody",
        b"---\ntitle: !!int x\n---\nbody",
        b"---\ntitle: a\x0bb\n---\nbody",
        b"x" * (MAX_ARTICLE_BYTES + 1),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.md").write_bytes(data)
    with pytest.raises(Invalid, match=r"bad\.md"):
        load_folder(tmp_path)


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no articles"):
        load_folder(tmp_path)


def test_a_passage_of_several_sentences_is_searched_sentence_by_sentence() -> None:
    assert sentences("Block the card at once. Then order a new one today.") == [
        "Block the card at once.",
        "Then order a new one today.",
    ]
    assert sentences("Block the card at once.") == []


def test_a_section_is_searched_with_its_heading() -> None:
    body = "# Lost card\n\nBlock it.\n\n## Abroad\n\nCall *collect*.\n"
    assert sections(body) == ["Lost card Block it.", "Abroad Call collect."]
    assert sections("# Lost card\n\nBlock it.") == []


def test_title_headings_and_questions_name_the_matter() -> None:
    article = Article("a", "Lost card", "en", "# Lost card\n\nBlock it.\n\n## Abroad\n\nCall.", (("en", "I lost it"),))
    assert [unit.text for unit in units([article]) if unit.kind == "title"] == ["Lost card", "Abroad", "I lost it"]
    assert {unit.kind for unit in units([article])} == {"title", "text", "whole"}
