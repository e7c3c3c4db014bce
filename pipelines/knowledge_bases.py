"""The knowledge bases that come with the product, by name: for the desk to read and for cards to be found in."""

from collections.abc import Callable
from importlib import resources

from engine.ports.reading import KnowledgeSearch
from engine.store.knowledge import Article
from models import knowledge
from models.embed import SentenceEncoder


def bundled_bases() -> dict[str, list[knowledge.Article]]:
    """The bundled articles by the name of their knowledge base."""
    with resources.as_file(resources.files("pipelines").joinpath("demo_knowledge")) as folder:
        return {path.name: knowledge.load_folder(path) for path in sorted(folder.iterdir()) if path.is_dir()}


def bundled_articles() -> list[Article]:
    """The same as rows, for the desk to read in."""
    return [
        Article(base=base, article=one.article, language=one.language, title=one.title, body=one.body)
        for base, articles in bundled_bases().items()
        for one in articles
    ]


def bundled_knowledge(encoder: SentenceEncoder) -> Callable[[str], KnowledgeSearch | None]:
    """Search by the name of a bundled base; None for a name that there is not. Blocking: embeds the articles."""
    weights = knowledge.load_weights()
    return {
        base: knowledge.Knowledge(articles, encoder.embed, weights) for base, articles in bundled_bases().items()
    }.get
