"""Knowledge articles: Markdown files read with limits, and the stretches of them that are searched on their own.

An article's id is its file's stem. Front matter may carry `title`, `language`, `intents` and `questions` (a list of
ways to ask, by language); none of it is needed: a plain Markdown file is an article.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec
import yaml

from engine.errors import Invalid
from engine.ports.knowledge import Article as Article
from models.folding import fold
from models.yaml_file import load_yaml

MAX_ARTICLE_BYTES = 200_000
_PASSAGE = 600
"""Characters of a stretch that is embedded: the encoder blurs longer ones."""
HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)

LONGEST_NAME = 100
"""Of an article's id."""

UnitKind = Literal["title", "text", "whole"]


class Unit(msgspec.Struct, frozen=True):
    """A stretch of an article that is searched on its own."""

    article: int
    """Index of its article."""
    kind: UnitKind
    """What names the matter (title, headings, questions), what is said of it, or a section as a whole."""
    text: str


def slug(text: str) -> str:
    """A name as ids have it: small letters and digits without accents, and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")[:LONGEST_NAME].strip("-") or "article"


def decode_article(name: str, data: bytes) -> Article:
    """Of a Markdown file's bytes. Raises `Invalid`."""
    if len(data) > MAX_ARTICLE_BYTES:
        raise Invalid(f"larger than {MAX_ARTICLE_BYTES} bytes")
    try:
        return parse_article(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Invalid(str(error)) from error


def parse_article(name: str, text: str) -> Article:
    """`name` is the article's id. Raises `Invalid`."""
    head, body = _front_matter(text.replace("\r\n", "\n"))
    if "\0" in body:
        raise Invalid("not a text file")
    if not body.strip():
        raise Invalid("empty article")
    heading = HEADING.search(body)
    title = str(head.get("title") or (heading[1] if heading else name.replace("-", " ").replace("_", " ")))
    return Article(
        article=name,
        title=title.strip(),
        language=str(head.get("language") or ""),
        body=body.strip(),
        questions=tuple(_questions(head.get("questions"))),
        intents=tuple(_intents(head.get("intents"))),
    )


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not match:
        return {}, text
    try:
        head = load_yaml(match[1])
    except yaml.YAMLError as error:
        raise Invalid(f"front matter: {error}") from error
    return (head if isinstance(head, dict) else {}), text[match.end() :]


def _intents(value: object) -> Iterable[str]:
    if value is not None and not isinstance(value, list):
        raise Invalid("`intents` must be a list")
    return (str(intent) for intent in value or ())


def _questions(value: object) -> Iterable[tuple[str, str]]:
    if value is None:
        return
    groups = value.items() if isinstance(value, dict) else [("", value)]
    for language, questions in groups:
        if not isinstance(questions, list):
            raise Invalid("`questions` must be a list, or lists by language")
        for question in questions:
            yield str(language), str(question)


def _plain(markdown: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    return re.sub(r"[*_`>]+|^#+\s*", "", text, flags=re.MULTILINE)


def passages(body: str) -> list[str]:
    """Paragraphs without Markdown marks, short ones joined with the next."""
    parts: list[str] = []
    for part in re.split(r"\n\s*\n", _plain(body)):
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


def sections(body: str) -> list[str]:
    """The text of each section with its heading, when there are several."""
    starts = [match.start() for match in HEADING.finditer(body)]
    if len(starts) < 2:
        return []
    ends = [*starts[1:], len(body)]
    return [" ".join(_plain(body[start:end]).split()) for start, end in zip(starts, ends, strict=True)]


def units(articles: Sequence[Article]) -> Iterator[Unit]:
    for number, article in enumerate(articles):
        headings = [_plain(match[1]).strip() for match in HEADING.finditer(article.body)]
        questions = [question for _, question in article.questions]
        for text in dict.fromkeys([article.title, *headings, *questions]):
            yield Unit(number, "title", text)
        for passage in passages(article.body):
            yield Unit(number, "text", passage[:_PASSAGE])
            for sentence in sentences(passage[:2_000]):
                yield Unit(number, "text", sentence[:300])
        body = " ".join(_plain(article.body).split())
        whole = body if body.startswith(article.title) else f"{article.title}. {body}"
        for text in dict.fromkeys([whole, *sections(article.body)]):
            yield Unit(number, "whole", text[:_PASSAGE])
