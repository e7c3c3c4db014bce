"""Whoever is logged in changes their own password, beside where they log out."""

import pytest
from playwright.async_api import expect

from engine.control.login import PASSWORD_CHARACTERS
from tests.browser.fake_engine import FakeEngine
from tests.browser.visitor import AGENT, Visitor, misfits, serious_findings

PATH = "/api/me/password"
OLD, NEW = "correct horse", "battery staple"


@pytest.mark.parametrize(
    ("locale", "button", "save", "length", "differ", "wrong", "done"),
    [
        ("en-US", "Change password", "Save", "10 to 200", "not the same", "is not right", "is changed"),
        ("es-CO", "Cambiar contraseña", "Guardar", "De 10 a 200", "no son iguales", "no es correcta", "cambiada"),
        ("pt-BR", "Mudar senha", "Salvar", "De 10 a 200", "não são iguais", "não está correta", "mudada"),
    ],
)
async def test_a_password_is_changed(
    engine: FakeEngine, visitor: Visitor, locale: str, button: str, save: str, length: str, differ: str, wrong: str,
    done: str,
) -> None:  # fmt: skip
    page = await visitor.visit("/desk", person=AGENT, locale=locale)
    await page.get_by_role("button", name=button).click()
    dialog = page.get_by_role("dialog", name=button)
    await expect(dialog).to_contain_text(length)
    old, new, again = [dialog.locator("input").nth(number) for number in range(3)]
    assert (await new.get_attribute("minlength"), await new.get_attribute("maxlength")) == tuple(
        map(str, PASSWORD_CHARACTERS)
    )
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await old.fill(OLD)
    await new.fill(NEW)
    await again.fill("battery stable")
    await dialog.get_by_role("button", name=save).click()
    await expect(dialog.get_by_role("alert")).to_contain_text(differ)
    assert engine.sent == []
    await again.fill(NEW)
    engine.refusals[PATH] = "wrong_password"
    await dialog.get_by_role("button", name=save).click()
    await expect(dialog.get_by_role("alert")).to_contain_text(wrong)
    engine.refusals.clear()
    await dialog.get_by_role("button", name=save).click()
    await expect(dialog.get_by_role("status")).to_contain_text(done)
    assert engine.sent[-1] == (PATH, {"old": OLD, "new": NEW})
    await dialog.get_by_role("button").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_test_id("link")).to_be_visible()
