"""What a desk needs to be a phone: where the bridge is, and a pass for it."""

import time

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r409
from pydantic import BaseModel

from engine.control.phone_pass import issue, sign
from engine.web.bridge import bridge_address, bridge_answers
from engine.web.keys import BRIDGE_KEY, PERSON, SETTINGS, STORE
from engine.web.view import View, answer


class PhoneOut(BaseModel):
    url: str
    """Of the bridge's socket, `ws://…/phone`."""
    token: str
    """The pass: for the first message to the bridge, or for WHIP as a bearer token."""
    expires_at: float
    """UNIX seconds; fetch another before."""


class PhoneView(View):
    async def get(self) -> r200[PhoneOut] | r204 | r409:
        """A pass for the bridge; 204 when no bridge is there, 409 when the agent's campaigns have more numbers than it
        holds."""
        app, person = self.request.app, self.request[PERSON]
        address = bridge_address(self.request)
        if not address or not await bridge_answers(app[SETTINGS]):
            return web.Response(status=204)
        user = await app[STORE].people.get(person.organisation_id, person.user_id)
        campaigns = await app[STORE].campaigns.all(person.organisation_id)
        claims = issue(user, campaigns, time.time())
        token = sign(claims, app[BRIDGE_KEY])
        return answer({"url": f"{address}/phone", "token": token, "expires_at": claims.expires_at})
