"""What people keep their knowledge in, as articles: Markdown, HTML and PDF.

A Markdown file is an article. What else there is becomes Markdown, and is parted where it is too long for a card
(`models.parts`). A PDF knows no headings: lines that are set larger than its text are taken for them, and lines that
stand on most pages for what is printed above and below every page.

Documents are strangers: `models.document_process` reads them in a process of its own, within limits of time and memory;
the engine's never loads what reads them.
"""

import io
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, Final

import bs4
import markdownify
import msgspec
import pypdf
from pypdf.errors import PyPdfError

from engine.errors import Invalid
from engine.ports.knowledge import LONGEST_TITLE, MOST_BYTES
from models.articles import HEADING, Article, decode_article, heading_text, our_language
from models.parts import parted

MOST_CHARACTERS: Final = 1_000_000
"""Of the text in it."""
MOST_PAGES: Final = 500
SUFFIXES: Final = (".md", ".markdown", ".html", ".htm", ".pdf")
_NO_CONTENT = ("script", "style", "noscript", "template", "nav", "footer", "svg", "iframe")
_CONTENT = ("main", "article")
_OF_THE_SITE = ("header", "aside")
"""Around the content; in it they hold its title, and hints."""
_CONTROLS = ("input", "select", "button", "textarea", "label", "datalist")
_LARGER = 1.15
"""Lines so many times as large as the text are headings…"""
_LONGEST_HEADING = 120
"""…of at most so many characters."""
_NO_TITLE = re.compile(
    r"^(?:microsoft |untitled|s[ie][nm] t[ií]tulo)|powerpoint|\.(?:docx?|xlsx?|pptx?|odt|indd|pdf)$", re.IGNORECASE
)
"""What programs write where an author wrote none."""
_ON_MOST_PAGES = 0.6
_EDGE = 3
"""Lines at the top and at the bottom of a page that may be printed on every page."""
_LONGEST_MARGIN = 200
"""Characters of one that has the page's number in it."""


class _Text(msgspec.Struct, frozen=True):
    """A document's."""

    markdown: str
    title: str = ""
    language: str = ""


def read_document(name: str, data: bytes) -> list[Article]:
    """Of a file by its name, whose suffix says what it is. Blocking, for seconds with a long PDF. Raises `Invalid`
    that says why, without the file's name."""
    path = PurePath(name)
    suffix, stem = path.suffix.lower(), path.stem
    if len(data) > MOST_BYTES:
        raise Invalid(f"larger than {MOST_BYTES // 1_000_000} MB")
    if suffix in (".md", ".markdown"):
        return [decode_article(stem, data)]
    if suffix in (".html", ".htm"):
        text = _html(data)
    elif suffix == ".pdf":
        text = _pdf(data)
    else:
        raise Invalid(f"not one of {', '.join(SUFFIXES)}")
    body = re.sub(r"\n{3,}", "\n\n", _printable(text.markdown)).strip()
    if not re.search(r"\w", body):
        raise Invalid("no text in it" + (": a scanned page has to be recognised first" if suffix == ".pdf" else ""))
    if len(body) > MOST_CHARACTERS:
        raise Invalid(f"more than {MOST_CHARACTERS:,} characters of text")
    heading = HEADING.search(body)
    named = heading_text(heading[1]) if heading else ""
    title = text.title or named or _line(re.sub("[-_]", " ", stem))
    return parted(Article(article=stem, title=title, language=text.language, body=body))


def _line(text: str) -> str:
    return " ".join(_printable(text).split())[:LONGEST_TITLE]


def _printable(text: str) -> str:
    """Without what some fonts of a PDF are read as, and no database or JSON holds."""
    return re.sub(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]", "", text)


def load_folder(folder: Path) -> list[Article]:
    """Every document of the folder, by name. Raises `Invalid` with the file's name for one that cannot be read, and
    when there is none."""
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise Invalid(f"no articles ({', '.join(f'*{suffix}' for suffix in SUFFIXES)}) in {folder}")
    articles: list[Article] = []
    for path in paths:
        try:
            articles += read_document(path.name, path.read_bytes())
        except Invalid as error:
            raise Invalid(f"{path.name}: {error}") from error
    return articles


# ─── HTML ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _html(data: bytes) -> _Text:
    soup = bs4.BeautifulSoup(data, "html.parser")
    for tag in soup.find_all(_NO_CONTENT):
        tag.decompose()
    for tag in soup.select('[hidden], [aria-hidden="true"]'):
        tag.decompose()
    for tag in soup.find_all(_OF_THE_SITE):
        if not tag.find_parent(_CONTENT):
            tag.decompose()
    page = soup.body or soup
    letters = len(page.get_text())
    for form in soup.find_all("form"):
        if 2 * len(form.get_text()) < letters:
            form.decompose()
    for tag in soup.find_all(_CONTROLS):  # a form that is left is one around the whole page
        tag.decompose()
    whole = soup.find("main") or soup.find("article") or page
    title = whole.find("h1") or soup.find("h1") or soup.title
    try:
        markdown = markdownify.MarkdownConverter(heading_style="ATX", strip=["a", "img"], bullets="-").convert_soup(
            whole
        )
    except RecursionError:
        raise Invalid("nested too deeply") from None
    markup = soup.html.get("lang") if soup.html else ""
    return _Text(markdown, _line(title.get_text()) if title else "", our_language(str(markup or "")))


# ─── PDF ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Line(msgspec.Struct):
    text: str
    size: float
    """Of its largest letters, in points."""


def _pdf(data: bytes) -> _Text:
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise Invalid("protected by a password")
        if len(reader.pages) > MOST_PAGES:
            raise Invalid(f"more than {MOST_PAGES} pages")
        pages, left = [], MOST_CHARACTERS
        for page in reader.pages:
            pages.append(_lines(page))
            left -= sum(len(line.text) for line in pages[-1])
            if left < 0:
                raise Invalid(f"more than {MOST_CHARACTERS:,} characters of text")
        title = _line(str((reader.metadata.title if reader.metadata else "") or ""))
        language = str(reader.root_object.get("/Lang") or "")
    except Invalid:
        raise
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        # what a broken file makes of a reader is more than its own errors
        raise Invalid(f"not a readable PDF ({type(error).__name__})") from error
    if _NO_TITLE.search(title):
        title = ""
    return _Text(_set_out(_without_margins(pages)), title, our_language(language))


def _lines(page: pypdf.PageObject) -> list[_Line]:
    lines, height = [_Line("", 0.0)], 0.0

    def visit(text: str, page_matrix: Sequence[float], matrix: Sequence[float], _: Any, size: float) -> None:
        nonlocal height
        points = size * math.hypot(matrix[2], matrix[3]) * math.hypot(page_matrix[2], page_matrix[3])
        at = matrix[4] * page_matrix[1] + matrix[5] * page_matrix[3] + page_matrix[5]
        if text.strip() and lines[-1].text.strip() and abs(at - height) > points:
            lines.append(_Line("", 0.0))  # what stands elsewhere on the page is another line, said or not
        for number, part in enumerate(text.split("\n")):
            if number:
                lines.append(_Line("", 0.0))
            lines[-1].text += part
            if part.strip():
                lines[-1].size = max(lines[-1].size, round(points, 1))
        if text.strip():
            height = at

    page.extract_text(visitor_text=visit)
    return [_Line(" ".join(line.text.split()), line.size) for line in lines]


def _without_margins(pages: Sequence[Sequence[_Line]]) -> list[_Line]:
    """All pages in one, without what stands on most of them: titles that run along, numbers of pages."""
    edges = []
    for page in pages:
        printed = [number for number, line in enumerate(page) if line.text]
        edges.append({*printed[:_EDGE], *printed[-_EDGE:]})
    often = Counter(
        mark
        for at, (page, edge) in enumerate(zip(pages, edges, strict=True))
        for mark in {mark for number in edge for mark in _marks(page[number].text, at)}
    )
    least = max(3, math.ceil(_ON_MOST_PAGES * len(pages)))
    return [
        line
        for at, (page, edge) in enumerate(zip(pages, edges, strict=True))
        for number, line in enumerate(page)
        if number not in edge or all(often[mark] < least for mark in _marks(line.text, at))
    ]


def _marks(text: str, page: int) -> Iterator[tuple[str, int | None, str]]:
    """What a line at a page's edge has in common with the same line of other pages: all of it, or all but one number
    that counts the pages. Two prices differ in more than that."""
    yield text, None, ""
    if len(text) <= _LONGEST_MARGIN:
        for number in re.finditer(r"(?<!\d)\d{1,4}(?!\d)", text):
            yield text[: number.start()], int(number[0]) - page, text[number.end() :]


def _set_out(lines: Sequence[_Line]) -> str:
    """Markdown: larger lines as headings, the largest first, and lines of text joined to paragraphs."""
    letters: Counter[float] = Counter()
    for line in lines:
        letters[line.size] += len(line.text)
    usual = letters.most_common(1)[0][0] if letters else 0.0
    sizes = sorted({line.size for line in lines if _is_heading(line, usual)}, reverse=True)[:3]
    out, paragraph = list[str](), ""

    def end() -> None:
        nonlocal paragraph
        if paragraph:
            out.append(paragraph)
        paragraph = ""

    before: _Line | None = None
    for line in lines:
        if not line.text:
            end()
        elif line.size in sizes and _is_heading(line, usual):
            level = "#" * (1 + sizes.index(line.size))
            end()
            if before is not None and before.size == line.size and out and out[-1].startswith(f"{level} "):
                out[-1] += f" {line.text}"  # a heading of two lines
            else:
                out.append(f"{level} {line.text}")
        elif re.match(r"[•▪●‣–—*-]\s", line.text):
            end()
            paragraph = f"- {line.text[1:].strip()}"
        elif paragraph.endswith("-") and line.text[:1].islower():
            paragraph = paragraph[:-1] + line.text
        else:
            full = bool(re.search(r"[.:;!?]$", paragraph)) and before is not None and len(before.text) < 60
            if full:
                end()  # a line that ends a sentence early ends a paragraph
            paragraph = f"{paragraph} {line.text}".strip()
        before = line
    end()
    return "\n\n".join(out)


def _is_heading(line: _Line, usual: float) -> bool:
    return (
        line.size >= _LARGER * usual
        and 2 < len(line.text) <= _LONGEST_HEADING
        and bool(re.search(r"[^\W\d]", line.text))
    )
