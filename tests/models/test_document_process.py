"""A document that would harm its reader harms nobody else."""

import asyncio
import time

import msgspec
import pytest

from engine.errors import Invalid
from engine.ports.knowledge import Article
from models.document_process import MOST_READ, Read, encoded, read_apart


async def test_articles_and_faults_come_back() -> None:
    (article,) = await read_apart("moving.html", "<h1>Mudanças</h1><p>Avise antes.</p>".encode())
    assert (article.article, article.title) == ("moving", "Mudanças")
    with pytest.raises(Invalid, match="not a readable PDF"):
        await read_apart("a.pdf", b"%PDF-")
    (article,) = await read_apart("a.html", b'<meta charset="utf-8"><h1>T\x01</h1><p>b\x00a\x1fsico</p>')
    assert (article.title, article.body) == ("T", "# T\n\nbasico")
    with pytest.raises(Invalid, match="not readable"):
        await read_apart("a.html", b"<![foo[")


@pytest.mark.parametrize(("characters", "kept"), [(MOST_READ // 2, 1), (MOST_READ, 0)])
def test_no_more_comes_back_than_the_engine_takes_in(characters: int, kept: int) -> None:
    data = encoded(Read(articles=(Article("a", "A", "", "x" * characters),)))
    assert len(data) <= MOST_READ
    read = msgspec.json.decode(data, type=Read)
    assert len(read.articles) == kept
    assert ("8 MB" in read.fault) == (not kept)


async def test_a_document_that_does_not_end_is_given_up() -> None:
    began = time.monotonic()
    with pytest.raises(Invalid, match=r"not read within 0\.01 s"):
        await read_apart("a.html", b"<p>x" * 200_000, within_s=0.01)
    assert time.monotonic() - began < 5


async def test_a_reader_that_is_not_waited_for_is_ended() -> None:
    reading = asyncio.create_task(read_apart("a.html", b"<p>x" * 200_000))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
