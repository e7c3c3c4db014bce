"""What a final shows: the form for readers, with what was put right told on it."""

from playwright.async_api import expect

from engine.facts import Correction, Transcript
from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import Player, record
from tests.browser.visitor import AGENT, Visitor


async def test_a_final_is_drawn_as_people_write_and_says_what_was_heard(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/desk", person=AGENT)
    player = Player()
    await engine.open_call(record())
    await engine.publish(*player.opening())
    said = Transcript(
        call_id=record().call_id,
        seq=player.seq + 1,
        stream="2",
        leg="agent",
        start_ms=1000,
        end_ms=4000,
        turn=player.seq + 1,
        text="le llamo de Finarca por cincuenta mil pesos y su [card]",
        display="Le llamo de Finarca por $50.000 y su [card]",
        display_map=((24, 43, 24, 31),),
        corrected=(Correction(start=12, end=19, term="Finarca", heard="finarka"),),
        language="es",
        confidence=0.8,
    )
    await engine.publish(said)
    await expect(page.get_by_role("log")).to_contain_text("por $50.000 y su")
    await expect(page.get_by_role("log")).not_to_contain_text("cincuenta")
    await expect(page.get_by_text("Finarca", exact=True)).to_have_attribute("title", "heard: “finarka”")
