"""Knowledge bases of an organisation: written, imported, bounded, and handed on when they change."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from engine.control import knowledge
from engine.control.knowledge import KnowledgeService
from engine.errors import Conflict, Invalid, NotFound
from engine.ports.desk import Person
from engine.ports.knowledge import MOST_QUESTIONS, Article, Candidate
from engine.ports.storage import CallRecord
from engine.store import Store
from engine.store.knowledge import StoredArticle, head_of


class NotingKeeper:
    """Reads lines, each an article, and notes what it is handed."""

    def __init__(self) -> None:
        self.loaded = True
        self.questions: tuple[tuple[str, str], ...] = ()
        """Of each article."""
        self.bases: dict[tuple[str, str], list[str]] = {}

    async def read(self, name: str, data: bytes) -> Sequence[Article]:
        if not data:
            raise Invalid("no text in it")
        return [Article(line, line.title(), "en", f"About {line}.", self.questions) for line in data.decode().split()]

    async def adopt(self, organisation_id: str, base: str, articles: Sequence[Article]) -> bool:
        if self.loaded:
            self.bases[organisation_id, base] = [one.article for one in articles]
        return self.loaded

    async def search(self, organisation_id: str, base: str, text: str, language: str) -> Sequence[Candidate]:
        return [Candidate(one, one, 1.0) for one in self.bases.get((organisation_id, base), ())]


@pytest.fixture
def root(record: CallRecord) -> Person:
    return Person("user-root", record.organisation_id, "Root", "admin")


@pytest.fixture
def keeper() -> NotingKeeper:
    return NotingKeeper()


@pytest.fixture
async def service(store: Store, keeper: NotingKeeper) -> AsyncIterator[KnowledgeService]:
    service = KnowledgeService(store, keeper)
    yield service
    await service.close()


async def found(service: KnowledgeService, by: Person, base: str = "care") -> list[str]:
    return [one.article for one in await service.search(by, base, "x", "en")]


async def test_a_file_is_its_articles_in_place_of_those_it_was(service: KnowledgeService, root: Person) -> None:
    await service.put_file(root, "care", "faq.pdf", b"refunds moving")
    await service.put(root, "care", "moving", "Moving", "en", "Two weeks before.", [("es", "¿Cómo me mudo?")])
    await service.put(root, "care", "typed", "Typed", "en", "By hand.", [])
    assert await found(service, root) == ["moving", "refunds", "typed"]
    await service.put_file(root, "care", "faq.pdf", b"moving outages")
    assert await found(service, root) == ["moving", "outages", "typed"]
    moving = await service.get(root, "care", "moving")
    assert (moving.body, moving.questions, moving.source) == (
        "About moving.",
        (("es", "¿Cómo me mudo?"),),  # what people wrote stays
        "faq.pdf",
    )
    await service.delete_file(root, "care", "faq.pdf")
    assert await found(service, root) == ["typed"]
    await service.delete(root, "care", "typed")
    assert await found(service, root) == []


async def test_questions_that_people_wrote_stay_beside_those_of_the_file(
    service: KnowledgeService, keeper: NotingKeeper, root: Person
) -> None:
    await service.put_file(root, "care", "faq.pdf", b"moving")
    written = [("es", "¿Cómo me mudo?"), *(("pt", f"Vou mudar {number}") for number in range(MOST_QUESTIONS))]
    await service.put(root, "care", "moving", "Moving", "en", "Two weeks before.", written)
    keeper.questions = (("es", "Me mudo"), ("pt", "Vou mudar 7"), ("pt", "Mudança"))
    await service.put_file(root, "care", "faq.pdf", b"moving")
    kept = (await service.get(root, "care", "moving")).questions
    assert [question for language, question in kept if language == "es"] == ["Me mudo", "¿Cómo me mudo?"]
    portuguese = [question for language, question in kept if language == "pt"]
    assert portuguese[:3] == ["Vou mudar 7", "Mudança", "Vou mudar 0"]
    assert len(set(portuguese)) == len(portuguese) == MOST_QUESTIONS


async def test_what_is_not_there_or_another_s_is_not_found(service: KnowledgeService, root: Person) -> None:
    await service.put_file(root, "care", "faq.pdf", b"refunds")
    stranger = Person("user-x", "another organisation", "X", "admin")
    for by, base in ((root, "sales"), (stranger, "care")):
        for attempt in (
            service.get(by, base, "refunds"),
            service.delete(by, base, "refunds"),
            service.delete_file(by, base, "faq.pdf"),
        ):
            with pytest.raises(NotFound):
                await attempt
        assert await found(service, by, base) == []
        assert await service.heads(by, base) == []
    assert await found(service, root) == ["refunds"]


async def test_a_file_takes_no_article_that_is_not_its_own(service: KnowledgeService, root: Person) -> None:
    await service.put_file(root, "care", "faq.pdf", b"refunds")
    await service.put(root, "care", "typed", "Typed", "en", "By hand.", [])
    with pytest.raises(Conflict, match=r"refunds is an article of another file, faq\.pdf"):
        await service.put_file(root, "care", "manual.pdf", b"moving refunds")
    with pytest.raises(Conflict, match="typed is an article that was written here"):
        await service.put_file(root, "care", "faq.pdf", b"refunds typed")
    with pytest.raises(Invalid, match="no text"):
        await service.put_file(root, "care", "faq.pdf", b"")
    assert await found(service, root) == ["refunds", "typed"]


async def test_texts_of_other_bases_are_not_read(
    store: Store, service: KnowledgeService, root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [("es", "¿Cómo me mudo?"), ("en", "How do I move?")]
    await service.put(root, "sales", "moving", "Moving", "en", "Two weeks before.", asked)
    assert await found(service, root, "sales") == ["moving"]
    read: list[str | None] = []
    whole = store.knowledge.all

    async def noted(organisation_id: str, base: str | None = None) -> list[StoredArticle]:
        read.append(base)
        return await whole(organisation_id, base)

    monkeypatch.setattr(store.knowledge, "all", noted)
    await service.put(root, "care", "fees", "Fees", "", "What we charge.", [])
    await service.put_file(root, "care", "faq.pdf", b"refunds")
    assert await found(service, root) == ["fees", "refunds"]
    assert set(read) == {"care"}
    read.clear()
    heads = await service.heads(root, None)
    assert [(one.base, one.article, one.title, one.language, one.source, one.questions) for one in heads] == [
        ("care", "fees", "Fees", "", "", 0),
        ("care", "refunds", "Refunds", "en", "faq.pdf", 0),
        ("sales", "moving", "Moving", "en", "", 2),
    ]
    assert await service.heads(root, "care") == heads[:2]
    assert heads[2] == head_of(await service.get(root, "sales", "moving"))
    assert read == []


async def test_a_base_has_bounds(service: KnowledgeService, root: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knowledge, "MOST_ARTICLES", 3)
    monkeypatch.setattr(knowledge, "MOST_CHARACTERS", 100)
    monkeypatch.setattr(knowledge, "MOST_HEADINGS", 4)
    monkeypatch.setattr(knowledge, "MOST_BASES", 2)
    await service.put_file(root, "care", "faq.pdf", b"a b c")
    with pytest.raises(Conflict, match="3 articles"):
        await service.put(root, "care", "d", "D", "", "d", [])
    await service.put_file(root, "care", "faq.pdf", b"b c d")  # in place of three
    await service.put(root, "care", "d", "D", "", "changed", [])
    with pytest.raises(Conflict, match="100 characters"):
        await service.put(root, "care", "d", "D", "", "x" * 100, [])
    with pytest.raises(Conflict, match="100 characters"):
        await service.put(root, "care", "d", "D", "", "d", [("en", "x" * 100)])
    with pytest.raises(Conflict, match="4 headings"):
        await service.put(root, "care", "d", "D", "", "# a\n## b\n# c\n\n# d\n# e", [])
    await service.put(root, "care", "d", "D", "", "# a\n## b\n# c\n\n# d\n with #e", [])
    await service.put(root, "sales", "a", "A", "", "a", [])
    with pytest.raises(Conflict, match="2 knowledge bases"):
        await service.put(root, "third", "a", "A", "", "a", [])
    for name in ("", "Care", "../x", "a" * 65):
        with pytest.raises(Invalid, match="base"):
            await service.put(root, name, "a", "A", "", "a", [])


async def test_a_base_that_is_over_its_bound_takes_what_makes_it_smaller(
    service: KnowledgeService, root: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.put(root, "care", "a", "A", "", "# a\n" * 25, [])
    await service.put_file(root, "care", "faq.pdf", b"first second")
    monkeypatch.setattr(knowledge, "MOST_CHARACTERS", 50)
    monkeypatch.setattr(knowledge, "MOST_HEADINGS", 2)
    with pytest.raises(Conflict, match="50 characters"):
        await service.put(root, "care", "a", "A", "", "a" * 101, [])
    with pytest.raises(Conflict, match="50 characters"):
        await service.put(root, "care", "b", "B", "", "b", [])
    await service.put(root, "care", "a", "A", "", "# a\n" * 24, [])
    await service.put_file(root, "care", "faq.pdf", b"first")
    assert await found(service, root) == ["a", "first"]


async def test_what_another_engine_changed_is_taken_over(
    store: Store, service: KnowledgeService, keeper: NotingKeeper, root: Person
) -> None:
    there = KnowledgeService(store, NotingKeeper())
    await there.put_file(root, "care", "faq.pdf", b"refunds")
    await service.load()
    key = root.organisation_id, "care"
    assert keeper.bases == {key: ["refunds"]}
    keeper.bases.clear()
    await service.load()
    assert keeper.bases == {}, "nothing has changed"
    await there.put_file(root, "care", "faq.pdf", b"moving")
    await service.load()
    assert keeper.bases == {key: ["moving"]}
    await there.delete_file(root, "care", "faq.pdf")
    await service.load()
    assert keeper.bases == {key: []}
    await there.close()


async def test_what_was_changed_before_the_models_were_loaded_is_taken_over_then(
    service: KnowledgeService, keeper: NotingKeeper, root: Person
) -> None:
    keeper.loaded = False
    await service.put_file(root, "care", "faq.pdf", b"refunds")
    await service.load()
    assert await found(service, root) == []
    keeper.loaded = True
    await service.load()
    assert await found(service, root) == ["refunds"]


class Writer:
    """Writes one question for each article, once it may; none for what is about moving."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_write = asyncio.Event()

    async def questions(self, title: str, body: str) -> Sequence[tuple[str, str]]:
        self.asked.append(title)
        await self.may_write.wait()
        return [] if title == "Moving" else [("es", f"¿Qué es {title}?")]


async def test_questions_are_written_for_what_is_imported_without_any(
    store: Store, keeper: NotingKeeper, root: Person
) -> None:
    before = KnowledgeService(store, keeper)
    await before.put_file(root, "care", "faq.pdf", b"refunds")
    await before.close()
    writer = Writer()
    service = KnowledgeService(store, keeper, writer)
    await service.put(root, "care", "refunds", "Refunds", "", "…", [("en", "Where is my money?")])
    await service.put_file(root, "care", "faq.pdf", b"refunds moving outages fees")
    await service.put(root, "care", "fees", "Fees", "en", "What we charge.", [])  # while the others are written
    writer.may_write.set()
    await asyncio.gather(*service._asking)
    assert writer.asked == ["Moving", "Outages"]
    questions = {one.article: one.questions for one in await store.knowledge.all(root.organisation_id, "care")}
    assert questions == {
        "refunds": (("en", "Where is my money?"),),
        "moving": (),
        "outages": (("es", "¿Qué es Outages?"),),
        "fees": (),  # changed by somebody meanwhile
    }
    await service.close()


async def test_a_writer_that_is_asked_is_left_at_the_end(store: Store, keeper: NotingKeeper, root: Person) -> None:
    service = KnowledgeService(store, keeper, Writer())
    await service.put_file(root, "care", "faq.pdf", b"refunds")
    await service.close()
    assert not service._asking


class SlowKeeper(NotingKeeper):
    """Adopts nothing before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_adopt = asyncio.Event()

    async def adopt(self, organisation_id: str, base: str, articles: Sequence[Article]) -> bool:
        await self.may_adopt.wait()
        return await super().adopt(organisation_id, base, articles)


async def test_renewals_that_others_overtook_are_left_at_the_end_too(store: Store, root: Person) -> None:
    keeper = SlowKeeper()
    service = KnowledgeService(store, keeper)
    for name in ("a", "b", "c"):
        await service.put(root, "care", name, name, "", "…", [])
    await service.close()
    keeper.may_adopt.set()
    await asyncio.sleep(0)
    assert keeper.bases == {}
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "knowledge"]
