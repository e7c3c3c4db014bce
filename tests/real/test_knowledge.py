"""An organisation's own knowledge: imported, tried, and found in a live call."""

from pathlib import Path

import aiohttp
import pytest

from engine.facts import Suggestion
from server import Engine
from tests.real.conftest import logged_in, play_and_follow

pytestmark = pytest.mark.real

MANUAL = Path(__file__).parents[1] / "data" / "knowledge" / "manual.pdf"
PLAN = """<html lang="es"><h1>Acuerdos de pago</h1>
<p>Quien no puede pagar todo puede pagar en cuotas, sin intereses. La primera cuota se paga el día del acuerdo.</p>
<p>Si perdió el empleo, ofrezca seis cuotas y llame de nuevo en un mes.</p></html>"""


async def best(http: aiohttp.ClientSession, text: str, language: str) -> tuple[str, bool]:
    """The first title that is found, and whether it would be a card."""
    async with http.get("/api/knowledge/nuestra/search", params={"text": text, "language": language}) as answer:
        found = await answer.json()
    return found[0]["title"], found[0]["score"] >= 0.5


async def test_what_is_imported_is_found_in_three_languages_and_in_a_live_call(engine: Engine) -> None:
    async with logged_in(engine, "admin") as http:
        for name, data in (("Manual.pdf", MANUAL.read_bytes()), ("acuerdos.html", PLAN.encode())):
            async with http.put(f"/api/knowledge/nuestra/files/{name}", data=data) as answer:
                assert answer.status == 200, await answer.text()
        said = "quiero pasar el contrato a nombre de mi hermana"
        assert await best(http, said, "es") == ("Manual de atención – Cambio de titular", True)
        reconnected = "Manual de atención – Reconexión después de un corte por falta de pago"
        assert await best(http, "you cut my line off and I paid yesterday", "en") == (reconnected, True)
        ported = "Manual de atención – Portabilidad a otra compañía"
        assert await best(http, "quero levar meu número para outra operadora", "pt") == (ported, True)
        lost = "perdí el trabajo y no puedo ponerme al día"
        assert (await best(http, lost, "es"))[1] is False, "nothing that is there says so"
        async with http.get("/api/knowledge/nuestra/articles/acuerdos") as answer:
            plan = await answer.json()
        changed = {name: plan[name] for name in ("title", "language", "body")}
        changed["questions"] = {"es": ["Me quedé sin trabajo", "No puedo ponerme al día con la deuda"]}
        async with http.put("/api/knowledge/nuestra/articles/acuerdos", json=changed) as answer:
            assert answer.status == 200, await answer.text()
        assert await best(http, lost, "es") == ("Acuerdos de pago", True)
        assert (await best(http, "gracias, que tenga buen día", "es"))[1] is False
        async with http.get("/api/campaigns") as answer:
            collections = next(one for one in await answer.json() if one["kind"] == "collections")
        changed = {key: value for key, value in collections.items() if key not in ("id", "organisation_id")}
        changed["knowledge"] = "nuestra"
        async with http.put(f"/api/campaigns/{collections['id']}", json=changed) as answer:
            assert answer.status == 200, await answer.text()
    [seen] = (await play_and_follow(engine, ["es"])).values()
    cards = [one.what.article for one in seen if isinstance(one.what, Suggestion)]
    assert "acuerdos" in cards
    assert not any(card in ("payment-plan", "contact-preferences") for card in cards)
