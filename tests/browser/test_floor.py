import asyncio

from playwright.async_api import expect

from tests.browser.fake_engine import FakeEngine
from tests.browser.played_call import CALL_ID, Player, record, tile
from tests.browser.visitor import ADMIN, SUPERVISOR, Visitor, misfits, serious_findings

VIOLATION = {"rule": "CO-2300-WHY", "outcome": "violation", "seq": 7, "severity": "critical", "at_ms": 9_000}


async def test_the_wall_puts_alerts_first_and_follows_a_call(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile("1"), tile("2"), tile(CALL_ID, agent_name="Andrea Rojas")]
    player = Player()
    engine.calls[CALL_ID] = record()
    engine.facts[CALL_ID] = [*player.opening(), *player.turn(0), *player.turn(4)]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    await expect(page.get_by_test_id("tile")).to_have_count(3)
    await engine.tile(tile(CALL_ID, agent_name="Andrea Rojas", alerts=[VIOLATION], mood="negative", mood_lean=-0.8))
    first = page.get_by_test_id("tile").first
    await expect(first).to_contain_text("Andrea Rojas")
    await expect(first).to_contain_text("CO-2300-WHY")
    await expect(first).to_contain_text("Negative")
    await first.get_by_role("button").click()
    await expect(page.get_by_test_id("followed").get_by_role("log")).to_contain_text("Esta llamada está siendo grabada")
    assert engine.said("follow") == [{"type": "follow", "id": CALL_ID}]
    await page.get_by_label("Search agent or campaign").fill("andrea")
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("tile")).to_have_count(3)
    await first.get_by_role("button").focus()
    await expect(page.get_by_test_id("followed")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("followed")).to_have_count(0)
    assert engine.said("unfollow") == [{"type": "unfollow", "id": CALL_ID}]
    assert engine.said("shown") == []
    await page.get_by_label("Show", exact=True).select_option("alerts")
    await expect(page.get_by_test_id("tile")).to_have_count(1)
    assert visitor.complaints == []


async def test_the_order_is_held_while_somebody_points_at_tiles(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile("1"), tile("2"), tile("3")]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    tiles, fresh = page.get_by_test_id("tile"), page.get_by_role("button", name="1 new alert")
    await tiles.first.hover()
    await engine.tile(tile("3", alerts=[VIOLATION]))
    await engine.tile(tile("4"))
    await expect(tiles.nth(3)).to_contain_text("Agent 4")
    await expect(tiles.nth(2)).to_contain_text("CO-2300-WHY")
    await expect(tiles.first).to_contain_text("Agent 1")
    await expect(fresh).to_be_visible()
    assert await serious_findings(page) == []
    assert await misfits(page) == []
    await fresh.click()
    await expect(tiles.first).to_contain_text("Agent 3")
    await expect(fresh).to_have_count(0)
    await engine.tile(tile("2", alerts=[VIOLATION | {"at_ms": 90_000}]))
    await expect(fresh).to_be_visible()
    await expect(tiles.first).to_contain_text("Agent 3")
    await page.mouse.move(2, 2)
    await expect(tiles.first).to_contain_text("Agent 2")
    await expect(fresh).to_have_count(0)
    assert visitor.complaints == []


async def test_a_call_that_goes_moves_no_other_and_takes_no_focus(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile("1"), tile("2", unclaimed=True), tile("3")]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    tiles = page.get_by_test_id("tile")
    await tiles.nth(1).hover()
    await engine.hang_up("1")
    await expect(tiles.first.get_by_role("button")).to_have_attribute("aria-disabled", "true")
    await expect(tiles.nth(1)).to_contain_text("Agent 2")
    assert await serious_findings(page) == []
    await tiles.first.click()
    assert engine.said("follow") == []
    await page.mouse.move(2, 2)
    await expect(tiles).to_have_count(2)
    await page.get_by_label("Sort by", exact=True).focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(tiles.first.get_by_role("button", name="Claim")).to_be_focused()
    await engine.tile(tile("2"))
    await expect(tiles.first.get_by_role("button", name="Claim")).to_have_count(0)
    await expect(tiles.first.get_by_role("button")).to_be_focused()
    await engine.hang_up("2")
    await expect(tiles.first.get_by_role("button")).to_have_attribute("aria-disabled", "true")
    await expect(tiles.first.get_by_role("button")).to_be_focused()
    await page.clock.install()
    await page.clock.fast_forward(60_000)
    await expect(tiles).to_have_count(1)
    await expect(page.get_by_role("group", name="Floor")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(tiles.get_by_role("button")).to_be_focused()
    assert visitor.complaints == []


async def test_nothing_of_a_tile_stands_over_its_clock(engine: FakeEngine, visitor: Visitor) -> None:
    named = {"agent_name": "María Fernanda Gutiérrez de la Hoz", "campaign": "sac", "agent_share": 0.6}
    engine.tiles[:] = [tile(str(number), unclaimed=number == 1, **named) for number in range(4)]
    page = await visitor.visit("/wall", person=SUPERVISOR, locale="es-CO", size=(1280, 640))
    tiles = page.get_by_test_id("tile")
    await expect(tiles).to_have_count(4)
    for one in await tiles.all():
        clock, tag = await one.locator(".time").bounding_box(), await one.locator(".tag").bounding_box()
        assert clock
        assert tag
        assert tag["x"] + tag["width"] <= clock["x"]
    await expect(tiles.nth(1)).not_to_contain_text("60 %")  # the button that claims the call stands there
    assert await misfits(page) == []


async def test_what_a_tile_shows_is_found_and_a_chosen_campaign_stays_chosen(
    engine: FakeEngine, visitor: Visitor
) -> None:
    engine.tiles[:] = [tile("1", agent_name="Julián Peña", campaign="collections"), tile("2")]
    page = await visitor.visit("/wall", person=SUPERVISOR, locale="es-CO")
    tiles, search = page.get_by_test_id("tile"), page.get_by_role("searchbox")
    for text in ("julian pena", "COBRANZA", "collect"):
        await search.fill(text)
        await expect(tiles).to_have_count(1)
        await expect(tiles).to_contain_text("Julián Peña")
    await search.fill("")
    campaign = page.get_by_label("Campaña", exact=True)
    await campaign.select_option("collections")
    await expect(tiles).to_have_count(1)
    await engine.hang_up("1")
    await expect(tiles).to_have_count(0)
    await expect(campaign).to_have_value("collections")
    await campaign.select_option("")
    await expect(tiles).to_have_count(1)
    assert visitor.complaints == []


async def test_a_call_that_may_not_be_followed_is_not_waited_for(engine: FakeEngine, visitor: Visitor) -> None:
    engine.tiles[:] = [tile("1")]
    engine.refusals["follow"] = "not_found"
    page = await visitor.visit("/wall", person=SUPERVISOR)
    await page.get_by_test_id("tile").get_by_role("button").click()
    await expect(page.get_by_role("alert")).to_contain_text("it is not there any more")
    await expect(page.get_by_test_id("followed")).to_have_count(0)
    engine.refusals.clear()
    engine.calls["1"], engine.facts["1"] = record("1"), []
    await page.get_by_test_id("tile").get_by_role("button").click()
    await expect(page.get_by_test_id("followed").get_by_role("log")).to_be_attached()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_connection_through_which_nothing_comes_is_not_called_live(
    engine: FakeEngine, visitor: Visitor
) -> None:
    engine.tiles[:] = [tile("1")]
    page = await visitor.visit("/wall", person=SUPERVISOR)
    link, tiles = page.get_by_test_id("link"), page.get_by_test_id("tile")
    await expect(tiles).to_have_count(1)
    await page.clock.install()
    await engine.tile(tile("2"))
    await expect(tiles).to_have_count(2)
    await expect(link).to_have_text("Live")
    engine.dead = engine.refusing = True
    engine.tiles.append(tile("3"))
    await page.clock.fast_forward(26_000)
    await expect(link).to_have_text("Reconnecting")
    engine.dead = engine.refusing = False
    await expect(link).to_have_text("Live")
    await expect(tiles).to_have_count(3)


async def test_whoever_stops_following_is_back_at_the_tile(engine: FakeEngine, visitor: Visitor) -> None:
    for name in ("1", "2"):
        engine.tiles.append(tile(name))
        engine.calls[name], engine.facts[name] = record(name), []
    page = await visitor.visit("/wall", person=SUPERVISOR)
    tiles = page.get_by_test_id("tile")
    for number in range(2):
        await tiles.nth(number).get_by_role("button").press("Enter")
        await expect(page.get_by_test_id("followed").get_by_role("log")).to_be_attached()
    await page.get_by_role("button", name="Stop following").press("Enter")
    await expect(page.get_by_test_id("followed")).to_have_count(0)
    await expect(tiles.nth(1).get_by_role("button")).to_be_focused()
    assert visitor.complaints == []


async def test_an_agent_has_no_wall(engine: FakeEngine, visitor: Visitor) -> None:
    page = await visitor.visit("/wall", person=engine.person)
    await expect(page.get_by_role("heading", name="Your role does not have this page.")).to_be_visible()


async def test_an_administrator_adds_a_user_and_changes_a_campaign(engine: FakeEngine, visitor: Visitor) -> None:
    engine.campaigns.append(
        {
            "id": "k1", "name": "Cobranza", "kind": "collections", "direction": "outbound", "language": "es",
            "country": "CO", "region": "", "rule_packs": ["co"], "knowledge": "cobranza", "numbers": ["6015550100"],
            "members": [], "active": True, "vocabulary": [], "notice": False, "beep_s": 0, "words_days": 0,
            "agent_sentiment": False, "recording": True, "retention_days": 90,
        }
    )  # fmt: skip
    page = await visitor.visit("/admin", person=ADMIN)
    await page.get_by_role("button", name="+ Add").click()
    await page.get_by_label("Name", exact=True).fill("Julián Peña")
    await page.get_by_label("User name").fill("julian")
    await page.get_by_label("Password", exact=True).fill("a long enough secret")
    await page.get_by_label("Addresses").fill("1001@pbx.example\n\n 1001@sbc.example ")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Julián Peña", exact=True)).to_be_visible()
    assert engine.users[0]["aors"] == ["1001@pbx.example", "1001@sbc.example"]
    await page.get_by_role("tab", name="Campaigns").click()
    await expect(page.get_by_role("row", name="Cobranza")).to_contain_text("Recorded")
    await page.get_by_role("button", name="Edit Cobranza").click()
    await expect(page.get_by_label("Days recordings are kept")).to_have_value("90")
    await page.get_by_role("checkbox", name="Julián Peña").check()
    await page.get_by_label("Days calls are kept").fill("30")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="Julián Peña", exact=True)).to_be_visible()
    assert engine.campaigns[0]["members"] == [engine.users[0]["id"]]
    assert engine.campaigns[0]["words_days"] == 30
    assert engine.campaigns[0]["agent_sentiment"] is False  # what is not touched stays
    assert visitor.complaints == []


async def test_a_row_is_saved_once_and_closes_no_other(engine: FakeEngine, visitor: Visitor) -> None:
    new = {"role": "agent", "aors": [], "extensions": [], "active": True}
    engine.users.append({"id": "u1", "login": "ben", "name": "Ben Roa"} | new)
    saved = engine.held["/api/users"] = asyncio.Event()
    page = await visitor.visit("/admin", person=ADMIN)
    name = page.get_by_label("Name", exact=True)
    await page.get_by_role("button", name="+ Add").click()
    await name.fill("Julián Peña")
    await page.get_by_label("User name").fill("julian")
    await page.get_by_label("Password", exact=True).fill("a long enough secret")
    await page.get_by_role("button", name="Save").dblclick()
    await page.get_by_role("button", name="Edit Ben Roa").click()
    await expect(page.get_by_role("button", name="Save")).to_be_disabled()
    saved.set()
    await expect(page.get_by_role("cell", name="Julián Peña", exact=True)).to_be_visible()
    await expect(name).to_have_value("Ben Roa")
    await expect(page.get_by_role("button", name="Save")).to_be_enabled()
    assert [user["name"] for user in engine.users] == ["Ben Roa", "Julián Peña"]
    assert visitor.complaints == []


async def test_the_keyboard_goes_from_row_to_form_and_back(engine: FakeEngine, visitor: Visitor) -> None:
    rest = {"role": "agent", "aors": [], "extensions": [], "active": True}
    engine.users += [{"id": name, "login": name, "name": name} | rest for name in ("Juan", "Ben", "Ana")]
    page = await visitor.visit("/admin", person=ADMIN)
    for name in ("Juan", "Ben"):
        await page.get_by_role("button", name=f"Edit {name}").press("Enter")
        await expect(page.get_by_role("heading", name=name)).to_be_focused()
    await page.get_by_role("button", name="Cancel").press("Enter")
    await expect(page.get_by_role("button", name="Edit Ben")).to_be_focused()
    await page.get_by_role("button", name="+ Add").press("Enter")
    await expect(page.get_by_role("heading", name="Add")).to_be_focused()
    await page.get_by_role("tab", name="Campaigns").press("Enter")
    await expect(page.get_by_role("tab", name="Campaigns")).to_be_focused()
    assert visitor.complaints == []


async def test_what_is_edited_is_the_row_as_it_is_now(engine: FakeEngine, visitor: Visitor) -> None:
    juan = {"id": "u1", "login": "juan", "name": "Juan Mora", "role": "agent", "aors": [], "extensions": []}
    engine.users.append(juan | {"active": True})
    page = await visitor.visit("/admin", person=ADMIN)
    edit = page.get_by_role("button", name="Edit Juan Mora")
    await expect(edit).to_be_visible()
    engine.users[0]["active"] = False  # another administrator's doing
    await edit.click()
    await expect(page.get_by_role("heading", name="Juan Mora")).to_be_focused()
    await page.get_by_label("Extensions").fill("1001")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("cell", name="1001")).to_be_visible()
    await expect(edit).to_be_focused()
    assert (engine.users[0]["active"], engine.users[0]["extensions"]) == (False, ["1001"])
    assert visitor.complaints == []
