"""What the knowledge search is fitted on and what it is judged on are whole, and apart."""

from pathlib import Path

import pytest

from benchmarks.knowledge import BASES
from models.training.knowledge_data import (
    LANGUAGES,
    Base,
    demo_bases,
    guess_language,
    idle_turns,
    read_base,
    read_bases,
    read_topics,
)

JUDGED = [read_base(path) for path in sorted(BASES.glob("*.yaml")) if path.stem != "no_need"]
DEMO = Path(__file__).parents[3] / "pipelines" / "demo_knowledge"


@pytest.mark.parametrize("base", [*read_bases(), *JUDGED], ids=lambda base: base.name)
def test_every_article_is_asked_for_in_every_language(base: Base) -> None:
    for number, article in enumerate(base.articles):
        asked = {said.language for said in base.queries if said.about == number}
        assert asked == set(LANGUAGES), article.article
        assert article.title != article.article
    assert {said.language for said in base.outside} == set(LANGUAGES)


def test_nothing_that_is_judged_was_fitted_on() -> None:
    fitted = {said.text for base in read_bases() for said in (*base.queries, *base.outside)}
    fitted |= {text for topic in read_topics() for text in topic.said} | {said.text for said in idle_turns()}
    judged = {said.text for base in JUDGED for said in (*base.queries, *base.outside)}
    assert not fitted & judged
    assert not {base.name for base in read_bases()} & {base.name for base in JUDGED}


def test_a_topic_has_titles_and_says_something_in_every_language() -> None:
    for topic in read_topics():
        assert len(topic.titles) == len(LANGUAGES)
        assert len(topic.said) >= len(LANGUAGES)


def test_the_bundled_bases_are_fitted_with_and_without_their_questions() -> None:
    bases = {base.name: base for base in demo_bases(DEMO)}
    assert any(article.questions for article in bases["demo-care"].articles)
    assert not any(article.questions for article in bases["demo-care-plain"].articles)
    assert bases["demo-care"].queries == bases["demo-care-plain"].queries


@pytest.mark.parametrize(
    ("text", "language"), [("não tenho rede", "pt"), ("¿quién habla?", "es"), ("I lost my card", "en")]
)
def test_the_language_of_a_turn_is_guessed_by_its_signs(text: str, language: str) -> None:
    assert guess_language(text) == language
