"""Users."""

from typing import Annotated, Literal

from aiohttp_pydantic.oas.typing import r200, r201, r404, r409, r422
from pydantic import BaseModel, Field

from engine.control.people import UserForm
from engine.web.keys import PEOPLE, PERSON
from engine.web.view import Body, View, answer

Address = Annotated[str, Field(min_length=1, max_length=320)]


class UserOut(BaseModel):
    id: str
    organisation_id: str
    login: str
    name: str
    role: Literal["agent", "supervisor", "admin"]
    aors: list[str]
    extensions: list[str]
    active: bool


class UserBody(Body):
    login: Annotated[str, Field(min_length=2, max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: Literal["agent", "supervisor", "admin"]
    aors: Annotated[tuple[Address, ...], Field(max_length=20)] = ()
    """Addresses of record, `user@host`."""
    extensions: Annotated[tuple[Address, ...], Field(max_length=20)] = ()
    active: bool = True

    def form(self) -> UserForm:
        return UserForm(self.login, self.name, self.role, self.aors, self.extensions, self.active)


class NewUserBody(UserBody):
    password: Annotated[str, Field(max_length=200)]


class ChangedUserBody(UserBody):
    password: Annotated[str, Field(max_length=200)] | None = None
    """Left out, the old one stays."""


class UsersView(View):
    async def get(self) -> r200[list[UserOut]]:
        """Everybody of the organisation, by name."""
        return answer(await self.request.app[PEOPLE].all(self.request[PERSON]))

    async def post(self, body: NewUserBody) -> r201[UserOut] | r409 | r422:
        """Create a user."""
        user = await self.request.app[PEOPLE].create(self.request[PERSON], body.form(), body.password)
        return answer(user, status=201)


class UserView(View):
    async def get(self, user_id: str, /) -> r200[UserOut] | r404:
        """One user."""
        return answer(await self.request.app[PEOPLE].get(self.request[PERSON], user_id))

    async def put(self, user_id: str, /, body: ChangedUserBody) -> r200[UserOut] | r404 | r409 | r422:
        """Change a user; `active: false` disables the account and ends its sessions."""
        people = self.request.app[PEOPLE]
        return answer(await people.change(self.request[PERSON], user_id, body.form(), body.password))
