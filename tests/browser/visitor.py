"""A person before a screen, and what can be said of a page."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from engine.ports.desk import Person
from tests.browser.fake_engine import SESSION, FakeEngine

AXE = Path(__file__).parents[2] / "console" / "node_modules" / "axe-core" / "axe.min.js"

AGENT = Person("u-andrea", "org", "Andrea Rojas", "agent")
SUPERVISOR = Person("u-super", "org", "Sofía Vargas", "supervisor")
ADMIN = Person("u-admin", "org", "Grace Howard", "admin")


class Visitor:
    """A person before a screen; whatever the page complains about is kept."""

    def __init__(self, browser: Browser, engine: FakeEngine) -> None:
        self._browser = browser
        self._engine = engine
        self.complaints: list[str] = []
        self.contexts: list[BrowserContext] = []

    async def visit(
        self,
        path: str,
        *,
        person: Person | None = None,
        size: tuple[int, int] = (1280, 800),
        dark: bool = False,
        locale: str = "en-US",
    ) -> Page:
        """With a person, as one who is logged in."""
        context = await self._browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale=locale,
        )
        self.contexts.append(context)
        if person:
            self._engine.person = person
            await context.add_cookies([{"name": "session", "value": SESSION, "url": self._engine.url}])
        page = await context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        await page.goto(self._engine.url + path)
        return page


async def serious_findings(page: Page) -> list[str]:
    """What axe finds of serious or critical impact, each with where it stands."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci in console/")
    await page.evaluate(AXE.read_text())
    found = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{violation['id']}: {[node['target'] for node in violation['nodes']]}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
    ]


_MISFITS = """() => {
  const root = document.documentElement;
  const scrolls = root.scrollHeight > innerHeight || root.scrollWidth > innerWidth ? ["the page scrolls"] : [];
  const beyond = [...document.querySelectorAll("main *")]
    .filter((element) => element.getClientRects().length > 0 && !element.closest(".sr-only, svg"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
    .map((element) => `${element.tagName}.${element.className}: ${element.textContent.slice(0, 40)}`);
  return [...scrolls, ...beyond];
}"""


async def misfits(page: Page) -> list[str]:
    """Whether the page itself scrolls, and what stands beyond its right edge."""
    found: list[str] = await page.evaluate(_MISFITS)
    return found


_UNSEEN = """() => {
  const named = (name) => `[data-testid=${name}]`;
  const wanted = [named("card"), `${named("card")} .foot button`, named("alert"), `${named("keypad")} button`].join();
  const whole = (element) => {
    const box = element.getBoundingClientRect();
    for (let frame = element.parentElement; frame; frame = frame.parentElement) {
      const edge = frame.getBoundingClientRect();
      const clips = getComputedStyle(frame).overflowY !== "visible";
      if (clips && (box.top < edge.top - 1 || box.bottom > edge.bottom + 1)) return false;
    }
    const middle = box.left + box.width / 2;
    return [box.top + 4, box.bottom - 4].every((y) => element.contains(document.elementFromPoint(middle, y)));
  };
  return [...document.querySelectorAll(wanted)]
    .filter((element) => !whole(element))
    .map((element) => `${element.tagName}.${element.className}: ${element.textContent.trim().slice(0, 40)}`);
}"""


async def unseen(page: Page) -> list[str]:
    """Of the card, its buttons, the alerts and the keypad, what is cut off or covered."""
    found: list[str] = await page.evaluate(_UNSEEN)
    return found
