"""Knowledge bases at the administrator's: files become articles, which are edited, tried and erased."""

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.fake_knowledge import article
from tests.browser.visitor import ADMIN, Visitor, misfits, serious_findings


async def open_knowledge(
    visitor: Visitor, *, dark: bool = False, locale: str = "en-US", tab: str = "Knowledge"
) -> Page:
    page = await visitor.visit("/admin", person=ADMIN, dark=dark, locale=locale)
    await page.get_by_role("tab", name=tab).click()
    return page


def write_files(folder: Path, *names: str) -> list[Path]:
    files = [folder / name for name in names]
    for file in files:
        file.write_bytes(f"bytes of {file.name}".encode())
    return files


async def test_files_become_articles_each_with_what_became_of_it(
    engine: FakeEngine, visitor: Visitor, tmp_path: Path
) -> None:
    engine.knowledge.files |= {"manual de pagos.pdf": ["Payment plans", "Late fees"], "returns.md": ["Returns"]}
    page = await open_knowledge(visitor)
    await expect(page.get_by_role("table")).to_contain_text("None yet")
    await expect(page.get_by_role("form", name="Try it")).to_have_count(0)
    form = page.get_by_role("form", name="Upload files")
    files = write_files(tmp_path, "manual de pagos.pdf", "returns.md", "scan.pdf")
    await form.get_by_label("Files").set_input_files(files)
    await form.get_by_label("Knowledge base").fill("Cobranza 1")
    await form.get_by_role("button", name="Upload").click()
    assert engine.knowledge.received == []
    await form.get_by_label("Knowledge base").fill("cobranza-1")
    await form.get_by_role("button", name="Upload").click()
    outcomes = form.get_by_role("listitem")
    await expect(outcomes).to_have_text(
        ["manual de pagos.pdf 2 articles", "returns.md 1 article", "scan.pdf scan.pdf: no text in it"],
        use_inner_text=True,
    )
    assert engine.knowledge.received == [
        ("cobranza-1", file.name, "application/octet-stream", file.read_bytes()) for file in files
    ]
    await expect(page.get_by_role("rowheader", name="cobranza-1 3")).to_be_visible()
    await expect(page.get_by_role("row", name="Late fees")).to_contain_text("manual de pagos.pdf")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    # the browser writes down every answer that is an error
    assert all("422" in complaint for complaint in visitor.complaints)


async def test_a_file_that_is_too_large_is_not_even_sent(engine: FakeEngine, visitor: Visitor, tmp_path: Path) -> None:
    page = await open_knowledge(visitor)
    form = page.get_by_role("form", name="Upload files")
    large = tmp_path / "large.pdf"
    with large.open("wb") as file:
        file.truncate(10_000_001)
    await form.get_by_label("Files").set_input_files(large)
    await form.get_by_label("Knowledge base").fill("care")
    await form.get_by_role("button", name="Upload").click()
    await expect(form.get_by_role("listitem")).to_contain_text("larger than 10 MB")
    assert engine.knowledge.received == []
    assert visitor.complaints == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_an_article_is_edited(engine: FakeEngine, visitor: Visitor, dark: bool) -> None:
    engine.knowledge.add(
        article(
            "care", "late-fees", "Late fees", language="es", source="manual.pdf",
            questions={"es": ["cuánto cobran de mora"]}, intents=["billing_dispute"],
        ),
        article("sales", "offers", "Offers"),
    )  # fmt: skip
    page = await open_knowledge(visitor, dark=dark)
    await page.get_by_role("button", name="Edit Late fees").click()
    await expect(page.get_by_label("Questions · Spanish")).to_have_value("cuánto cobran de mora")
    await expect(page.get_by_text("From manual.pdf: uploading that file again")).to_be_visible()
    await page.get_by_label("Title").fill("Late fees and interest")
    await page.get_by_label("Text (Markdown)").fill("# Late fees\n\n2 % a month.")
    await page.get_by_label("Questions · Portuguese").fill("qual é a multa\n\n quanto de juros ")
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await page.get_by_role("button", name="Save").click()
    row = page.get_by_role("row", name="Late fees and interest")
    await expect(row.get_by_role("cell").nth(3)).to_have_text("3")
    await expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_count(0)
    saved = engine.knowledge.articles["care", "late-fees"]
    assert saved["body"] == "# Late fees\n\n2 % a month."
    assert saved["questions"] == {"es": ["cuánto cobran de mora"], "pt": ["qual é a multa", "quanto de juros"]}
    assert (saved["language"], saved["intents"], saved["source"]) == ("es", ["billing_dispute"], "manual.pdf")
    assert visitor.complaints == []


async def test_an_article_is_typed_and_takes_no_others_place(engine: FakeEngine, visitor: Visitor) -> None:
    engine.knowledge.add(article("care", "como-pago", "Cómo pago", body="the first"))
    page = await open_knowledge(visitor, locale="es-CO", tab="Conocimiento")
    await page.get_by_role("button", name="+ Añadir").click()
    form = page.locator("form").last
    await expect(form.get_by_label("Base de conocimiento")).to_have_value("care")
    await form.get_by_label("Título").fill("¿Cómo pago?")
    await form.get_by_label("Idioma").select_option("es")
    await form.get_by_label("Texto (Markdown)").fill("the second")
    await form.get_by_role("button", name="Guardar").click()
    await expect(page.get_by_role("button", name="Editar ¿Cómo pago?")).to_be_visible()
    assert engine.knowledge.articles["care", "como-pago"]["body"] == "the first"
    assert engine.knowledge.articles["care", "como-pago-2"]["body"] == "the second"
    assert visitor.complaints == []


async def test_what_the_engine_refuses_stays_open_with_the_reason(engine: FakeEngine, visitor: Visitor) -> None:
    engine.knowledge.add(article("care", "fees", "Fees"))
    engine.knowledge.full = True
    page = await open_knowledge(visitor)
    await page.get_by_role("button", name="Edit Fees").click()
    await page.get_by_label("Title").fill("Fees and more")
    await page.get_by_role("button", name="Save").click()
    alert = page.get_by_role("alert").filter(has_text="Not saved: a knowledge base holds 1000 articles at most")
    await expect(alert).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Fees and more")


async def test_a_search_shows_what_would_be_a_card(engine: FakeEngine, visitor: Visitor) -> None:
    engine.knowledge.add(article("care", "fees", "Fees"), article("sales", "offers", "Offers"))
    engine.knowledge.hits = [
        {"article": "offers", "title": "Offers", "score": 0.5},
        {"article": "bundles", "title": "Bundles", "score": 0.49},
    ]
    page = await open_knowledge(visitor)
    form = page.get_by_role("form", name="Try it")
    await form.get_by_label("Knowledge base").select_option("sales")
    await form.get_by_label("Language").select_option("pt")
    await form.get_by_label("What a customer might say").fill("tem promoção & desconto?")
    await form.get_by_label("What a customer might say").press("Enter")
    await expect(form.get_by_role("listitem")).to_have_text(
        ["Offers Suggested", "Bundles Not suggested"], use_inner_text=True
    )
    assert engine.knowledge.asked == [("sales", {"text": "tem promoção & desconto?", "language": "pt"})]
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    engine.knowledge.hits = []
    await form.get_by_role("button", name="Search").click()
    await expect(form.get_by_role("status")).to_have_text("Nothing found")
    assert visitor.complaints == []


async def test_an_article_or_all_of_its_file_is_erased_when_asked_twice(engine: FakeEngine, visitor: Visitor) -> None:
    made = [article("care", name, name.title(), source="manual.pdf") for name in ("one", "two", "three")]
    engine.knowledge.add(*made, article("care", "typed", "Typed"))
    page = await open_knowledge(visitor)
    await page.get_by_role("button", name="Edit One").click()
    erase, cancel = page.get_by_role("button", name="Erase the article"), page.get_by_role("button", name="Cancel").last
    await erase.press("Enter")
    await expect(cancel).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(erase).to_be_focused()
    await page.get_by_role("button", name="Erase the article").click()
    await expect(page.get_by_text("The article goes for good.")).to_be_visible()
    assert ("care", "one") in engine.knowledge.articles
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("row", name="One")).to_have_count(0)
    await expect(page.get_by_role("tabpanel")).to_be_focused()
    await page.get_by_role("button", name="Edit Two").click()
    await page.get_by_role("button", name="Erase all of manual.pdf").click()
    await expect(page.get_by_text("Articles of the file that go for good: 2.")).to_be_visible()
    await page.get_by_role("button", name="Erase for good").click()
    await expect(page.get_by_role("rowheader", name="care 1")).to_be_visible()
    assert list(engine.knowledge.articles) == [("care", "typed")]
    assert visitor.complaints == []


async def test_a_campaign_is_offered_the_bases_that_are_there(engine: FakeEngine, visitor: Visitor) -> None:
    engine.knowledge.add(article("sales", "offers", "Offers"), article("care", "fees", "Fees"))
    page = await visitor.visit("/admin", person=ADMIN)
    await page.get_by_role("tab", name="Campaigns").click()
    await page.get_by_role("button", name="+ Add").click()
    field = page.get_by_label("Knowledge base")
    offered = await field.evaluate("input => [...input.list.options].map(option => option.value)")
    assert offered == ["care", "sales"]
    assert visitor.complaints == []
