"""Knowledge bases as the API has them, kept in memory; what a file becomes and what a search finds is told by tests."""

import re
import time
from typing import Any

from aiohttp import web

CHANGED_AT = 1_790_000_000.0


def article(base: str, name: str, title: str, **more: Any) -> dict[str, Any]:
    text = {"language": "", "title": title, "body": f"# {title}", "source": ""}
    return {"base": base, "article": name, "questions": {}, "intents": [], "changed_at": CHANGED_AT, **text, **more}


class FakeKnowledge:
    def __init__(self) -> None:
        self.articles: dict[tuple[str, str], dict[str, Any]] = {}
        """By base and id."""
        self.files: dict[str, list[str]] = {}
        """The titles of the articles that a file becomes; another file is refused."""
        self.received: list[tuple[str, str, str, bytes]] = []
        """(base, name, content type, bytes) of the files that were sent."""
        self.full = False
        """Nothing more is taken."""
        self.hits: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        """(base, query) of searches."""

    def add(self, *articles: dict[str, Any]) -> None:
        self.articles |= {(one["base"], one["article"]): one for one in articles}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/api/knowledge", self._heads)
        router.add_get("/api/knowledge/{base}/search", self._search)
        router.add_get("/api/knowledge/{base}/articles/{article}", self._read)
        router.add_put("/api/knowledge/{base}/articles/{article}", self._write)
        router.add_delete("/api/knowledge/{base}/articles/{article}", self._erase)
        router.add_put("/api/knowledge/{base}/files/{name}", self._take)
        router.add_delete("/api/knowledge/{base}/files/{name}", self._erase_file)

    async def _heads(self, _request: web.Request) -> web.Response:
        return web.json_response([_head(one) for one in self.articles.values()])

    async def _search(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["base"], dict(request.query)))
        return web.json_response(self.hits)

    async def _read(self, request: web.Request) -> web.Response:
        found = self.articles.get(_key(request))
        return web.json_response(found) if found else _problem(404, "not_found", "no such article")

    async def _write(self, request: web.Request) -> web.Response:
        base, name = _key(request)
        body = await request.json()
        if self.full:
            return _problem(409, "conflict", "a knowledge base holds 1000 articles at most")
        known = self.articles.get((base, name), article(base, name, ""))
        self.add(known | body | {"changed_at": time.time()})
        return web.json_response(self.articles[base, name])

    async def _erase(self, request: web.Request) -> web.Response:
        found = self.articles.pop(_key(request), None)
        return web.Response(status=204) if found else _problem(404, "not_found", "no such article")

    async def _take(self, request: web.Request) -> web.Response:
        base, name = request.match_info["base"], request.match_info["name"]
        self.received.append((base, name, request.content_type, await request.read()))
        if name not in self.files:
            return _problem(422, "invalid", f"{name}: no text in it")
        self._drop_file(base, name)
        made = [article(base, _id(title), title, source=name) for title in self.files[name]]
        self.add(*made)
        return web.json_response([_head(one) for one in made])

    async def _erase_file(self, request: web.Request) -> web.Response:
        self._drop_file(request.match_info["base"], request.match_info["name"])
        return web.Response(status=204)

    def _drop_file(self, base: str, name: str) -> None:
        gone = [key for key, one in self.articles.items() if (one["base"], one["source"]) == (base, name)]
        for key in gone:
            del self.articles[key]


def _key(request: web.Request) -> tuple[str, str]:
    return request.match_info["base"], request.match_info["article"]


def _head(one: dict[str, Any]) -> dict[str, Any]:
    count = sum(len(asked) for asked in one["questions"].values())
    return {key: one[key] for key in one if key not in ("body", "intents")} | {"questions": count}


def _id(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


def _problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"code": code, "message": message}, status=status, content_type="application/problem+json")
