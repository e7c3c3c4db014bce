"""What the handlers find on the application, and on a request; put there by `engine.web.app`."""

from collections.abc import Callable, Mapping

from aiohttp import web

from engine.control.after_call import AfterCall
from engine.control.campaigns import CampaignService
from engine.control.forms import FormService
from engine.control.knowledge import KnowledgeService
from engine.control.login import Login
from engine.control.people import PeopleService
from engine.control.tokens import Tokens
from engine.erasures import Erasures
from engine.fanout import Hub
from engine.ports.desk import CallDesk, Person, Rows
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics

SETTINGS = web.AppKey("SETTINGS", Settings)
STORE = web.AppKey("STORE", Store)
HUB = web.AppKey("HUB", Hub)
DESK: web.AppKey[CallDesk] = web.AppKey("DESK")
LOGIN = web.AppKey("LOGIN", Login)
PEOPLE = web.AppKey("PEOPLE", PeopleService)
CAMPAIGNS = web.AppKey("CAMPAIGNS", CampaignService)
RECORDINGS = web.AppKey("RECORDINGS", Recordings)
ERASURES = web.AppKey("ERASURES", Erasures)
FORMS = web.AppKey("FORMS", FormService)
KNOWLEDGE = web.AppKey("KNOWLEDGE", KnowledgeService)
TOKENS = web.AppKey("TOKENS", Tokens)
AFTER_CALL = web.AppKey("AFTER_CALL", AfterCall)
TRAINING_ROWS: web.AppKey[Rows] = web.AppKey("TRAINING_ROWS")
METRICS = web.AppKey("METRICS", Metrics)
READY: web.AppKey[Callable[[], Mapping[str, bool]]] = web.AppKey("READY")
BRIDGE_KEY = web.AppKey("BRIDGE_KEY", bytes)
ASYNCAPI: web.AppKey[bytes] = web.AppKey("ASYNCAPI")
OPENAPI: web.AppKey[Callable[[], bytes]] = web.AppKey("OPENAPI")

PERSON = web.RequestKey("PERSON", Person)
"""Who is logged in; on every request whose route is not public."""
TOKEN = web.RequestKey("TOKEN", str)
"""The session's token."""
