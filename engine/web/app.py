"""The web application: one port for the console, the API and the sockets."""

import math
import time
import weakref
from collections.abc import Callable, Mapping

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.control.after_call import AfterCall
from engine.control.campaigns import CampaignService
from engine.control.forms import FormService
from engine.control.knowledge import KnowledgeService
from engine.control.login import Login, Passwords
from engine.control.people import PeopleService
from engine.control.phone_pass import bridge_key
from engine.control.routing import CachedRouter
from engine.control.tokens import Tokens
from engine.erasures import Erasures
from engine.fanout import Hub
from engine.ports.desk import CallDesk, Mask, Rows
from engine.recordings import Recordings
from engine.settings import Settings
from engine.store import Store
from engine.telemetry import Metrics
from engine.web import console, health, keys, sockets
from engine.web.access import ADMINS, EVERYBODY, PUBLIC, SUPERVISORS, Route, guard
from engine.web.after_call_api import (
    AlertJudgementView,
    AveragesView,
    QualityView,
    ReviewView,
    ScoredCallsView,
    WrapUpView,
)
from engine.web.calls_api import CallsView, CallView, ErasuresView, LegalHoldsView, LegalHoldView
from engine.web.campaigns_api import CampaignsView, CampaignView
from engine.web.desk_socket import desk_socket
from engine.web.entities_api import EntityValueView
from engine.web.feedback_api import FeedbackView, TrainingRowsView, TrainingView
from engine.web.forms_api import FormsView, FormVersionView, FormView
from engine.web.knowledge_api import ArticleView, KnowledgeFileView, KnowledgeSearchView, KnowledgeView
from engine.web.login_api import LoginView, LogoutView, MeView, PasswordView
from engine.web.openapi import described
from engine.web.people_api import UsersView, UserView
from engine.web.phone_api import PhoneView
from engine.web.problems import problems
from engine.web.recordings_api import PauseView, RecordingView, ResumeView
from engine.web.wall_socket import wall_socket

log = structlog.get_logger(__name__)

BODY_BYTES = 256 * 1024

ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/login", LoginView, PUBLIC),
    Route("POST", "/api/logout", LogoutView, EVERYBODY),
    Route("GET", "/api/me", MeView, EVERYBODY),
    Route("PUT", "/api/me/password", PasswordView, EVERYBODY),
    Route("GET", "/api/users", UsersView, SUPERVISORS),
    Route("POST", "/api/users", UsersView, ADMINS),
    Route("GET", "/api/users/{user_id}", UserView, SUPERVISORS),
    Route("PUT", "/api/users/{user_id}", UserView, ADMINS),
    Route("GET", "/api/campaigns", CampaignsView, SUPERVISORS),
    Route("POST", "/api/campaigns", CampaignsView, ADMINS),
    Route("GET", "/api/campaigns/{campaign_id}", CampaignView, SUPERVISORS),
    Route("PUT", "/api/campaigns/{campaign_id}", CampaignView, ADMINS),
    Route("GET", "/api/calls", CallsView, EVERYBODY),
    Route("GET", "/api/calls/{call_id}", CallView, EVERYBODY),
    Route("DELETE", "/api/calls/{call_id}", CallView, ADMINS),
    Route("PUT", "/api/calls/{call_id}/legal-hold", LegalHoldView, ADMINS),
    Route("DELETE", "/api/calls/{call_id}/legal-hold", LegalHoldView, ADMINS),
    Route("GET", "/api/legal-holds", LegalHoldsView, ADMINS),
    Route("GET", "/api/erasures", ErasuresView, ADMINS),
    Route("GET", "/api/calls/{call_id}/recording", RecordingView, SUPERVISORS),
    Route("POST", "/api/calls/{call_id}/recording/pause", PauseView, EVERYBODY),
    Route("POST", "/api/calls/{call_id}/recording/resume", ResumeView, EVERYBODY),
    Route("GET", "/api/calls/{call_id}/entities/{seq}/value", EntityValueView, EVERYBODY),
    Route("GET", "/api/calls/{call_id}/wrap-up", WrapUpView, EVERYBODY),
    Route("PUT", "/api/calls/{call_id}/wrap-up", WrapUpView, EVERYBODY),
    Route("POST", "/api/calls/{call_id}/alerts/{seq}/judgement", AlertJudgementView, EVERYBODY),
    Route("GET", "/api/calls/{call_id}/quality", QualityView, EVERYBODY),
    Route("PUT", "/api/calls/{call_id}/quality/{item}", ReviewView, SUPERVISORS),
    Route("GET", "/api/quality", ScoredCallsView, SUPERVISORS),
    Route("GET", "/api/quality/averages", AveragesView, SUPERVISORS),
    Route("GET", "/api/forms", FormsView, SUPERVISORS),
    Route("PUT", "/api/forms/{form_id}", FormView, ADMINS),
    Route("GET", "/api/forms/{form_id}/versions/{version}", FormVersionView, SUPERVISORS),
    Route("GET", "/api/feedback", FeedbackView, SUPERVISORS),
    Route("GET", "/api/feedback/training", TrainingView, SUPERVISORS),
    Route("PUT", "/api/feedback/training", TrainingView, ADMINS),
    Route("GET", "/api/feedback/rows", TrainingRowsView, ADMINS),
    Route("GET", "/api/knowledge", KnowledgeView, EVERYBODY),
    Route("GET", "/api/knowledge/{base}/search", KnowledgeSearchView, SUPERVISORS),
    Route("PUT", "/api/knowledge/{base}/files/{name}", KnowledgeFileView, ADMINS),
    Route("DELETE", "/api/knowledge/{base}/files/{name}", KnowledgeFileView, ADMINS),
    Route("GET", "/api/knowledge/{base}/articles/{article}", ArticleView, EVERYBODY),
    Route("PUT", "/api/knowledge/{base}/articles/{article}", ArticleView, ADMINS),
    Route("DELETE", "/api/knowledge/{base}/articles/{article}", ArticleView, ADMINS),
    Route("GET", "/api/phone", PhoneView, EVERYBODY),
    Route("GET", "/ws/desk", desk_socket, EVERYBODY),
    Route("GET", "/ws/wall", wall_socket, EVERYBODY),
    Route("GET", "/healthz", health.healthz, PUBLIC),
    Route("GET", "/readyz", health.readyz, PUBLIC),
    Route("GET", "/metrics", health.metrics, PUBLIC),
    Route("GET", "/openapi.json", health.openapi, PUBLIC),
    Route("GET", "/asyncapi.json", health.asyncapi, PUBLIC),
    Route("GET", "/assets/{name}", console.asset, PUBLIC),
    Route("GET", "/favicon.svg", console.favicon, PUBLIC),
    *(Route("GET", page, console.page, PUBLIC) for page in console.PAGES),
)
"""Every route, and who may call it."""


def build_app(
    settings: Settings,
    store: Store,
    hub: Hub,
    desk: CallDesk,
    router: CachedRouter,
    *,
    metrics: Metrics,
    recordings: Recordings,
    erasures: Erasures,
    forms: FormService,
    knowledge: KnowledgeService,
    mask: Mask,
    training_rows: Rows,
    passwords: Passwords | None = None,
    ready: Callable[[], Mapping[str, bool]] = dict,
    asyncapi: bytes = b"{}",
) -> web.Application:
    """Everything is handed in, and closed by whoever made it. Raises `StartupError` without the bridge's key.

    `ready` names the parts that calls need and says which are up, e.g. `{"sip": True, "ears": False}`; the store is
    asked as well.
    """
    if settings.public_url.startswith("https://") and not settings.trusted_proxies:
        # Somebody before us ends TLS: to the log-in all its clients are one, who lock each other out.
        log.warning("web.proxy_unknown", setting="TRUSTED_PROXIES")
    passwords = passwords or Passwords()
    app = web.Application(middlewares=[_measured(metrics), problems, guard(ROUTES)], client_max_size=BODY_BYTES)
    app[keys.SETTINGS] = settings
    app[keys.STORE] = store
    app[keys.HUB] = hub
    app[keys.DESK] = desk
    app[keys.METRICS] = metrics
    app[keys.RECORDINGS] = recordings
    app[keys.ERASURES] = erasures
    app[keys.LOGIN] = Login(
        store.people,
        passwords,
        session_s=settings.session_hours * 3600,
        idle_s=settings.session_idle_minutes * 60 or math.inf,
        metrics=metrics,
    )
    app[keys.PEOPLE] = PeopleService(store, passwords, router)
    app[keys.CAMPAIGNS] = CampaignService(store, router)
    app[keys.FORMS] = forms
    app[keys.KNOWLEDGE] = knowledge
    app[keys.AFTER_CALL] = AfterCall(store, hub, desk, mask, forms.keeper)
    app[keys.TOKENS] = Tokens(store, kept=settings.keep_tokens == "on")
    app[keys.TRAINING_ROWS] = training_rows
    app[keys.BRIDGE_KEY] = bridge_key(settings.bridge_key, settings.data_dir)
    app[keys.READY] = ready
    app[keys.ASYNCAPI] = asyncapi
    app[keys.OPENAPI] = described(app, ROUTES)
    app[sockets.OPEN] = weakref.WeakSet()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET" and route.roles is PUBLIC:
            app.router.add_head(route.path, route.handler)  # what balancers and monitors ask by (RFC 9110 §9.1)
    app.on_response_prepare.append(console.harden)
    app.on_shutdown.append(sockets.close_all)
    return app


def _measured(metrics: Metrics) -> Middleware:
    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.monotonic()
        response = await handler(request)
        if not isinstance(response, web.WebSocketResponse):
            metrics.observe(
                "http_seconds", time.monotonic() - began, method=request.method, status=str(response.status)
            )
        return response

    return measured
