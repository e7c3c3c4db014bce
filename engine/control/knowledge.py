"""An organisation's knowledge bases: articles that calls get cards from, imported from files or typed."""

import asyncio
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from engine.errors import Conflict, Invalid, NotFound, Overloaded
from engine.ports.desk import Person
from engine.ports.knowledge import MOST_QUESTIONS, Article, Candidate, KnowledgeKeeper
from engine.ports.writing import QuestionWriter
from engine.store import Store
from engine.store.knowledge import ArticleHead, BaseState, StoredArticle
from engine.telemetry import AUDIT

log = structlog.get_logger(__name__)
audit = structlog.get_logger(AUDIT)

MOST_BASES: Final = 50
MOST_ARTICLES: Final = 1_000
"""In one base."""
MOST_CHARACTERS: Final = 2_000_000
"""In the articles of one base and their questions: what it takes in memory is about ten times that."""
MOST_HEADINGS: Final = 20_000
"""…and in their texts: each is searched by itself and with what stands below it, in four kilobytes of memory."""
LOOK_S: Final = 15.0
"""Between two looks whether all that is stored can be found: a renewal that failed is tried again."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""Of a base."""

_Key = tuple[str, str]
"""Organisation and base."""
_Which = Callable[[StoredArticle], bool]


class KnowledgeService:
    """What is changed is found by calls within seconds, also by those in progress."""

    def __init__(self, store: Store, keeper: KnowledgeKeeper, writer: QuestionWriter | None = None) -> None:
        """The `writer` is asked for questions of what is imported without any."""
        self._store = store
        self._keeper = keeper
        self._writer = writer
        self._writing = asyncio.Lock()
        self._asking: set[asyncio.Task[None]] = set()
        self._states: dict[_Key, BaseState] = {}
        """As adopted."""
        self._turns: defaultdict[_Key, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._renewals: dict[_Key, asyncio.Task[None]] = {}
        """The newest of each base: it ends after those before it."""
        self._renewing: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Hands the keeper all that is not as it has it; what it has is kept up to date by `keep_up`."""
        states = {(one.organisation_id, one.base): one for one in await self._store.knowledge.states()}
        for key in {**self._states, **states}:
            if self._states.get(key) != states.get(key):
                await self._renewed(key)

    async def keep_up(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.load()
            except Overloaded:
                pass  # the store is away: calls go on with what there is
            except Exception:
                log.exception("knowledge.not_renewed")
            await asyncio.sleep(LOOK_S)

    async def heads(self, by: Person, base: str | None) -> list[ArticleHead]:
        """All articles of the organisation, or of one base."""
        return await self._store.knowledge.heads(by.organisation_id, base)

    async def get(self, by: Person, base: str, article: str) -> StoredArticle:
        """Raises `NotFound`."""
        return await self._store.knowledge.get(by.organisation_id, base, article)

    async def put(
        self,
        by: Person,
        base: str,
        article: str,
        title: str,
        language: str,
        body: str,
        questions: Sequence[tuple[str, str]],
    ) -> StoredArticle:
        """Make an article, or change it; `questions` are (language, question). Raises `Invalid`, `Conflict` for a base
        that is full."""
        _check_name(base)
        try:
            before = await self.get(by, base, article)
        except NotFound:
            before = StoredArticle(article=article, title="", language="", body="", base=base)
        after = msgspec.structs.replace(
            before, title=title, language=language, body=body, questions=tuple(questions), changed_at=time.time()
        )
        await self._must_fit(by, base, [after], instead=lambda one: one.article == article)
        await self._store.knowledge.put(by.organisation_id, after)
        self._changed(by, base, "put", article)
        return after

    async def put_file(self, by: Person, base: str, name: str, data: bytes) -> list[StoredArticle]:
        """The articles that a document is, in place of those that it was before; questions that people wrote for them
        stay. Raises `Invalid`, `Conflict` for a base that is full or an article that is another's, `Overloaded`."""
        _check_name(base)
        read = await self._keeper.read(name, data)
        old = {one.article: one for one in await self._store.knowledge.all(by.organisation_id, base)}
        for there in (old[one.article] for one in read if one.article in old):
            if not there.source:
                raise Conflict(f"{there.article} is an article that was written here: erase it, or rename the file")
            if there.source != name:
                raise Conflict(f"{there.article} is an article of another file, {there.source}")
        articles = [_stored(one, old.get(one.article), base, name, time.time()) for one in read]
        names = {one.article for one in articles}
        await self._must_fit(by, base, articles, instead=lambda one: one.source == name or one.article in names)
        await self._store.knowledge.put_file(by.organisation_id, base, name, articles)
        self._changed(by, base, "file", name)
        if self._writer is not None:
            asking = asyncio.create_task(self._ask(by, articles, self._writer), name="knowledge.questions")
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)
        return articles

    async def delete(self, by: Person, base: str, article: str) -> None:
        """Raises `NotFound`."""
        await self._store.knowledge.delete(by.organisation_id, base, article)
        self._changed(by, base, "delete", article)

    async def delete_file(self, by: Person, base: str, name: str) -> None:
        """All that came from it. Raises `NotFound`."""
        await self._store.knowledge.delete_file(by.organisation_id, base, name)
        self._changed(by, base, "delete_file", name)

    async def search(self, by: Person, base: str, text: str, language: str) -> Sequence[Candidate]:
        """As a call would find them, with all changes so far. Raises `Overloaded` before the models are loaded."""
        if renewal := self._renewals.get((by.organisation_id, base)):
            await asyncio.shield(renewal)
        return await self._keeper.search(by.organisation_id, base, text, language)

    async def close(self) -> None:
        """Renewals that go on are left: the next start loads everything."""
        going = [*self._asking, *self._renewing]
        for one in going:
            one.cancel()
        await asyncio.gather(*going, return_exceptions=True)

    async def _ask(self, by: Person, articles: Sequence[StoredArticle], writer: QuestionWriter) -> None:
        """One after the other, for all organisations: calls' own questions go first at the endpoint. What somebody has
        changed meanwhile is theirs."""
        written = 0
        async with self._writing:
            for article in articles:
                try:
                    if article.questions or not await self._is_still(by, article):
                        continue
                    if found := await writer.questions(article.title, article.body):
                        after = msgspec.structs.replace(article, questions=tuple(found), changed_at=time.time())
                        written += await self._store.knowledge.put_unless_changed(by.organisation_id, article, after)
                except Overloaded:
                    continue
        if written:
            self._changed(by, articles[0].base, "questions", articles[0].source)

    async def _is_still(self, by: Person, article: StoredArticle) -> bool:
        """Whether nobody has changed or erased it: a file that is imported five times is asked about once."""
        try:
            stored = await self.get(by, article.base, article.article)
        except NotFound:
            return False
        return stored.changed_at == article.changed_at

    async def _must_fit(self, by: Person, base: str, articles: Sequence[StoredArticle], *, instead: _Which) -> None:
        """Of other bases nothing is read but that they are there: their texts would hold up the calls."""
        bases = {one.base for one in await self._store.knowledge.states(by.organisation_id)}
        there = await self._store.knowledge.all(by.organisation_id, base)
        kept = [one for one in there if not instead(one)]
        if base not in bases and len(bases) >= MOST_BASES:
            raise Conflict(f"there are {MOST_BASES} knowledge bases already")
        if len(kept) + len(articles) > MOST_ARTICLES:
            raise Conflict(f"a knowledge base holds {MOST_ARTICLES} articles at most")
        for count, most, what in ((_characters, MOST_CHARACTERS, "characters"), (_headings, MOST_HEADINGS, "headings")):
            # one that was filled when questions or headings did not count yet can be made smaller
            if sum(map(count, [*kept, *articles])) > max(most, sum(map(count, there))):
                raise Conflict(f"a knowledge base holds {most:,} {what} at most")

    def _changed(self, by: Person, base: str, how: str, what: str) -> None:
        audit.info("knowledge.changed", how=how, base=base, what=what, by=by.user_id)
        key = by.organisation_id, base
        renewal = self._renewals[key] = asyncio.create_task(self._renewed(key), name="knowledge")
        self._renewing.add(renewal)

        def over(task: asyncio.Task[None]) -> None:
            self._renewing.discard(task)
            if self._renewals.get(key) is task:
                del self._renewals[key]

        renewal.add_done_callback(over)

    async def _renewed(self, key: _Key) -> None:
        try:
            await self._renew(key)
        except Overloaded:
            pass  # `keep_up` sees that it is not as it should be
        except Exception:
            # one base that cannot be indexed takes no other's cards along
            log.exception("knowledge.not_renewed", base=key[1])

    async def _renew(self, key: _Key) -> None:
        async with self._turns[key]:
            organisation_id, base = key
            state = {one.base: one for one in await self._store.knowledge.states(organisation_id)}.get(base)
            articles = await self._store.knowledge.all(organisation_id, base)
            if not await self._keeper.adopt(organisation_id, base, articles):
                return
            if state is None:
                self._states.pop(key, None)
            else:
                self._states[key] = state


def _check_name(base: str) -> None:
    if not NAME.fullmatch(base):
        raise Invalid("base: small letters, digits, - and _, 64 at most")


def _characters(article: Article) -> int:
    return len(article.body) + sum(len(question) for _, question in article.questions)


def _headings(article: Article) -> int:
    """Or a few more: lines that begin like one."""
    return f"\n{article.body}".count("\n#")


def _stored(article: Article, before: StoredArticle | None, base: str, source: str, now: float) -> StoredArticle:
    """With the questions of the article that it takes the place of behind its own: people may have written them."""
    return StoredArticle(
        article=article.article,
        title=article.title,
        language=article.language,
        body=article.body,
        questions=tuple(_united(article.questions, before.questions if before is not None else ())),
        intents=article.intents,
        base=base,
        source=source,
        changed_at=now,
    )


def _united(own: Sequence[tuple[str, str]], old: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each once, and no more than an article may have."""
    counts: Counter[str] = Counter()
    for language, question in dict.fromkeys([*own, *old]):
        counts[language] += 1
        if counts[language] <= MOST_QUESTIONS:
            yield language, question
