"""Log-in, log-out, who I am, and my password."""

from typing import Annotated

import msgspec
from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r204, r401, r429, r503
from pydantic import BaseModel, Field

from engine.errors import Forbidden
from engine.ports.desk import Person
from engine.web.access import drop_cookie, set_cookie
from engine.web.client import client_of
from engine.web.keys import LOGIN, PERSON, SETTINGS, TOKEN
from engine.web.problems import problem
from engine.web.view import Body, View, answer


class LoginBody(Body):
    user: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[str, Field(min_length=1, max_length=200)]


class PersonOut(BaseModel):
    user_id: str
    organisation_id: str
    name: str
    role: str
    keeps_tokens: bool
    """Whether what is masked may be read again (`KEEP_TOKENS`)."""


class LoginView(View):
    async def post(self, body: LoginBody) -> r200[PersonOut] | r401 | r429 | r503:
        """Log in; the session is a cookie."""
        app = self.request.app
        try:
            token, person = await app[LOGIN].log_in(body.user, body.password, client_of(self.request))
        except Forbidden as error:
            return problem(401, "wrong_login", str(error))
        response = _told(self.request, person)
        set_cookie(response, token, app[SETTINGS])
        return response


class LogoutView(View):
    async def post(self) -> r204:
        """End this session."""
        await self.request.app[LOGIN].log_out(self.request[TOKEN], self.request[PERSON])
        response = web.Response(status=204)
        drop_cookie(response, self.request.app[SETTINGS])
        return response


class PasswordBody(Body):
    old: Annotated[str, Field(min_length=1, max_length=200)]
    new: Annotated[str, Field(max_length=200)]


class PasswordView(View):
    async def put(self, body: PasswordBody) -> r204 | r429:
        """Change one's own password; every other session of theirs ends."""
        request = self.request
        person, token, client = request[PERSON], request[TOKEN], client_of(request)
        try:
            await request.app[LOGIN].change_password(person, token, body.old, body.new, client)
        except Forbidden:
            return problem(403, "wrong_password", "the old password is another")
        return web.Response(status=204)


class MeView(View):
    async def get(self) -> r200[PersonOut]:
        """Who is logged in."""
        return _told(self.request, self.request[PERSON])


def _told(request: web.Request, person: Person) -> web.Response:
    kept = request.app[SETTINGS].keep_tokens == "on"
    return answer(msgspec.structs.asdict(person) | {"keeps_tokens": kept})
