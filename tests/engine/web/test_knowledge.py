"""Knowledge bases over REST: import, read, change, try, delete."""

import io
from pathlib import Path

from engine.ports.knowledge import MOST_BYTES
from tests.engine.web.running_site import Site

MANUAL = Path(__file__).parents[2] / "data" / "knowledge" / "manual.pdf"
PAGE = "<h1>Mudança</h1><p>Avise duas semanas antes.</p>".encode()


async def test_a_manual_is_imported_read_changed_and_deleted(site: Site) -> None:
    root = await site.logged_in("root")
    response = await root.put("/api/knowledge/care/files/Manual%20de%20atenci%C3%B3n.pdf", data=MANUAL.read_bytes())
    assert response.status == 200
    heads = await response.json()
    assert heads[1] | {"changed_at": 0} == {
        "base": "care",
        "article": "manual-de-atencion-cambio-de-titular",
        "title": "Manual de atención – Cambio de titular",
        "language": "es",
        "source": "Manual de atención.pdf",
        "questions": 0,
        "changed_at": 0,
    }
    assert (await root.put("/api/knowledge/sales/files/mudanca.html", data=PAGE)).status == 200
    ana = await site.logged_in("ana")
    listed = await (await ana.get("/api/knowledge")).json()
    assert sorted(one["base"] for one in listed) == ["care"] * 7 + ["sales"]
    assert "body" not in listed[0]
    address = "/api/knowledge/care/articles/manual-de-atencion-cambio-de-titular"
    article = await (await ana.get(address)).json()
    assert article["body"].startswith("# Manual de atención\n\n## Cambio de titular\n\nEl cambio de titular")
    change = {
        "title": "Cambiar de titular",
        "language": "es",
        "body": "Por escrito.",
        "questions": {"en": ["new owner"]},
    }
    response = await root.put(address, json=change)
    assert response.status == 200
    changed = await (await ana.get(address)).json()
    assert changed == await response.json()
    assert {name: changed[name] for name in change} == change
    assert changed["source"] == "Manual de atención.pdf"
    assert (await root.delete(address)).status == 204
    assert (await ana.get(address)).status == 404
    assert (await root.delete("/api/knowledge/care/files/Manual%20de%20atenci%C3%B3n.pdf")).status == 204
    assert await (await ana.get("/api/knowledge", params={"base": "care"})).json() == []


async def test_an_article_that_a_file_may_hold_can_be_changed(site: Site) -> None:
    root = await site.logged_in("root")
    body = "A long handbook. " * 11_000
    assert (await root.put("/api/knowledge/care/files/handbook.md", data=body.encode())).status == 200
    change = {"title": "Handbook", "body": body.strip()}
    assert (await root.put("/api/knowledge/care/articles/handbook", json=change)).status == 200


async def test_bad_documents_and_articles_are_answered(site: Site) -> None:
    root = await site.logged_in("root")
    for name, data, status, says in (
        ("a.pdf", b"%PDF-1.7 broken", 422, "not a readable PDF"),
        ("a.docx", b"PK", 422, "not one of"),
        ("a.html", b"<nav>x</nav>", 422, "no text"),
        ("a.html", b"", 422, "no text"),
        ("a.pdf", b"x" * (MOST_BYTES + 1), 413, "10 MB"),
        ("%2e%2e%2fa.md", PAGE, 422, "name"),
    ):
        response = await root.put(f"/api/knowledge/care/files/{name}", data=io.BytesIO(data))
        assert response.status == status, (name, await response.text())
        assert says in (await response.json())["detail"]
    good = {"title": "T", "body": "B"}
    for address, body in (
        ("/api/knowledge/Care/articles/a", good),
        ("/api/knowledge/care/articles/..", good),
        ("/api/knowledge/care/articles/a", {"title": "T"}),
        ("/api/knowledge/care/articles/a", good | {"language": "xx"}),
        ("/api/knowledge/care/articles/a", good | {"questions": {"es": ["x" * 201]}}),
        ("/api/knowledge/care/articles/a", good | {"questions": {"fr": ["x y"]}}),
        ("/api/knowledge/care/articles/a", good | {"title": ""}),
    ):
        assert (await root.put(address, json=body)).status in (404, 422), address
    for address in ("/api/knowledge/care/articles/none", "/api/knowledge/care/files/none.pdf"):
        assert (await root.delete(address)).status == 404
    assert await (await root.get("/api/knowledge")).json() == []


async def test_a_search_says_that_the_models_are_not_there_yet(site: Site) -> None:
    sofia = await site.logged_in("sofia")
    response = await sofia.get("/api/knowledge/care/search", params={"text": "me mudo", "language": "es"})
    assert response.status == 503
    assert (await sofia.get("/api/knowledge/care/search", params={"text": "", "language": "es"})).status == 422
