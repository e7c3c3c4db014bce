"""Knowledge articles: Markdown files read with limits, and the stretches of them that are searched on their own.

An article's id is its file's stem. Front matter may carry `title`, `language` and `questions` (a list of ways to ask,
by language); none of it is needed: a plain Markdown file is an article. Of each, what an article's form takes is taken.
`intents`, which older files carry, are kept and change nothing.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Literal

import msgspec
import yaml

from engine.errors import Invalid
from engine.ports.knowledge import LONGEST_QUESTION, LONGEST_TITLE, MOST_QUESTIONS
from engine.ports.knowledge import Article as Article
from models.folding import fold
from models.yaml_file import load_yaml

MAX_ARTICLE_BYTES = 200_000
_PASSAGE = 600
"""Characters of a stretch that is embedded: the encoder blurs longer ones."""
_ROW = re.compile(r"\s*(?:\||[-+•]\s|\d+[.)]\s)")
_SENTENCE_END = r"(?<=[.!?:;])\s+|\n+"
HEADING = re.compile(r"^#{1,6}[ \t]+(\S.*)$", re.MULTILINE)

LONGEST_NAME = 100
"""Of an article's id."""

_OURS = ("es", "pt", "en")
_HEAD = ("title", "language", "questions", "intents")
"""What front matter may say of an article."""
_KEY = re.compile(r"[a-z_][\w-]*")
"""As other programs' front matter has them: "Horario: lunes a viernes" between two rules is none."""

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


def our_language(tag: str) -> str:
    """`es`, `pt` or `en`, of regions as well (`es-MX`); empty for any other."""
    language = tag[:2].lower()
    return language if language in _OURS else ""


def decode_article(name: str, data: bytes) -> Article:
    """Of a Markdown file's bytes. Raises `Invalid`."""
    if len(data) > MAX_ARTICLE_BYTES:
        raise Invalid(f"larger than {MAX_ARTICLE_BYTES} bytes")
    try:
        return parse_article(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Invalid("not in UTF-8: save it in that encoding") from error


def parse_article(name: str, text: str) -> Article:
    """`name` is the article's id. Raises `Invalid`."""
    head, body = _front_matter(text.replace("\r\n", "\n"))
    if "\0" in body:
        raise Invalid("not a text file")
    if not body.strip():
        raise Invalid("empty article")
    heading = HEADING.search(body)
    named = heading_text(heading[1]) if heading else ""
    title = _line(head.get("title") or "") or named or _line(re.sub("[-_]", " ", name))
    language = our_language(str(head.get("language") or ""))
    return Article(
        article=name,
        title=title[:LONGEST_TITLE],
        language=language,
        body=body.strip(),
        questions=tuple(_questions(head.get("questions"), language or "en")),
        intents=tuple(_intents(head.get("intents"))),
    )


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if not match:
        return {}, text
    try:
        head = load_yaml(match[1], aliases=False)
    except yaml.YAMLError as error:
        raise Invalid(f"front matter: {error}") from error
    if not isinstance(head, dict) or not (head.keys() & set(_HEAD) or all(_KEY.fullmatch(str(key)) for key in head)):
        return {}, text  # two rules, and words between them
    return head, text[match.end() :]


def _intents(value: object) -> Iterable[str]:
    if value is not None and not isinstance(value, list):
        raise Invalid("`intents` must be a list")
    return (str(intent) for intent in value or ())


def _line(value: object) -> str:
    return " ".join(str(value).split())


def _questions(value: object, language: str) -> Iterator[tuple[str, str]]:
    """`language` is of those that are in no list of their own."""
    if value is None:
        return
    groups = value.items() if isinstance(value, dict) else [(language, value)]
    counts: Counter[str] = Counter()
    for tag, questions in groups:
        if not isinstance(questions, list):
            raise Invalid("`questions` must be a list, or lists by language")
        language = our_language(str(tag))
        if not language:
            raise Invalid("`questions`: a language is one of es, pt, en")
        counts[language] += len(questions)
        if counts[language] > MOST_QUESTIONS:
            raise Invalid(f"`questions`: {MOST_QUESTIONS} in a language at most")
        for question in map(_line, questions):
            if not 2 <= len(question) <= LONGEST_QUESTION:
                raise Invalid(f"`questions`: 2 to {LONGEST_QUESTION} characters each")
            yield language, question


def heading_text(markdown: str) -> str:
    """A heading's words, as a title has them: nothing emphasised, and signs that are no marks as they are."""
    text = re.sub(r"(?<![\\\w])(__?)(?![\s_])([^_]+)(?<![\s\\])\1(?!\w)", r"\2", markdown.replace("`", ""))
    text = re.sub(r"(?<![\\*\w])(\*\*?)(?![\s*])([^*]+)(?<![\s\\])\1(?![*\w])", r"\2", text)
    return _line(re.sub(r"\\([\\*_])", r"\1", text))[:LONGEST_TITLE]


def _plain(markdown: str) -> str:
    # neither repeat runs past the next "[": text of nothing else takes no longer than other text
    text = re.sub(r"\[([^\[\]]*)\]\([^)\[]*\)", r"\1", markdown)
    return re.sub(r"[*_`>]+|^#+\s*", "", text, flags=re.MULTILINE)


def passages(body: str) -> list[str]:
    """Paragraphs without Markdown marks, short ones joined with the next; of a longer one than is embedded, stretches,
    whose lines are the rows of what is a table or a list."""
    parts: list[str] = []
    for part in re.split(r"\n\s*\n", _plain(body)):
        if parts and len(" ".join(parts[-1].split())) < 60:
            parts[-1] = f"{parts[-1]}\n{part}"
        elif part.strip():
            parts.append(part)
    return [stretch for part in parts for stretch in _stretches(part)]


def _stretches(part: str) -> Iterator[str]:
    whole = " ".join(part.split())
    if len(whole) <= _PASSAGE:
        yield whole
        return
    rows = _rows(part)
    pieces = rows or re.split(_SENTENCE_END, whole)
    stretch, gap = "", "\n" if rows else " "
    for piece in (one for long in pieces for one in textwrap.wrap(long, _PASSAGE)):
        if stretch and len(stretch) + len(piece) >= _PASSAGE:
            yield stretch
            stretch = ""
        stretch = f"{stretch}{gap}{piece}" if stretch else piece
    yield stretch


def _rows(part: str) -> list[str]:
    """Of a table, each with what its columns are called, and of a list; none of other text."""
    lines = [line for line in part.splitlines() if line.strip()]
    if sum(_ROW.match(line) is not None for line in lines) * 2 < len(lines):
        return []
    rows: list[str] = []
    names: list[str] = []
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        cells = [" ".join(cell.split()) for cell in line.strip().strip("|").split("|")]
        if not line.lstrip().startswith("|"):
            text = " ".join(line.split())
            if rows and not _ROW.match(line):
                rows[-1] += f" {text}"  # the item goes on
            else:
                rows.append(text)
        elif is_rule(after):
            names = cells
        elif not is_rule(line):
            named = [f"{name} {cell}".strip() for name, cell in zip_longest(names, cells, fillvalue="") if cell]
            rows.append(", ".join(named))
    return rows


def is_rule(line: str) -> bool:
    """Below a table's header."""
    return "-" in line and not line.strip("|:- \t")


def sentences(passage: str) -> list[str]:
    """Sentences, or rows, of a passage of several: one that answers the customer stands out from its neighbours."""
    parts = [part for part in re.split(_SENTENCE_END, passage) if len(part) >= 20]
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
            yield Unit(number, "text", passage)
            for sentence in sentences(passage):
                yield Unit(number, "text", sentence[:300])
        body = " ".join(_plain(article.body).split())
        whole = body if body.startswith(article.title) else f"{article.title}. {body}"
        for text in dict.fromkeys([whole, *sections(article.body)]):
            yield Unit(number, "whole", text[:_PASSAGE])
