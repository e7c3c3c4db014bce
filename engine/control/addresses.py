"""Whose an address is, over all organisations. One installation has one router and one bridge, and a call says nothing
of whose it is but by the address that it comes to: whoever could set another organisation's would be given its calls.
"""

from engine.control.phone_pass import desk_aor
from engine.control.routing import normal
from engine.store import Store
from engine.store.people import User


def aors_of(user: User) -> set[str]:
    """Addresses of record that are the user's alone."""
    return {*user.aors, desk_aor(user)}


def addresses_of(user: User) -> set[str]:
    """All that rings the user. Extensions may be somebody else's too, of another organisation."""
    return {*aors_of(user), *user.extensions}


async def numbers_of_others(store: Store, organisation_id: str) -> set[str]:
    """Numbers of all other organisations' active campaigns, as `normal` has them."""
    campaigns = [one for one in await store.campaigns.all() if one.active and one.organisation_id != organisation_id]
    return {normal(number) for campaign in campaigns for number in campaign.numbers}


async def addresses_of_others(store: Store, organisation_id: str) -> set[str]:
    """What rings the people of all other organisations, as `normal` has it."""
    users = [one for one in await store.people.all() if one.active and one.organisation_id != organisation_id]
    return {normal(address) for user in users for address in addresses_of(user)}
