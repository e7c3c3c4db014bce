"""The composition root: settings → store, bus, models, media, pipelines, web. Nothing is decided here.

Also the entry point of the program `welcomedly`, whose commands are in `pipelines.commands`.
"""

import asyncio
import functools
import gc
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any

import structlog

from engine import command_line
from engine.bus import Bus, asyncapi
from engine.control.forms import FormService
from engine.control.knowledge import KnowledgeService
from engine.control.login import Passwords
from engine.control.notices import notice_of
from engine.control.peer_file import read_secret
from engine.control.routing import CachedRouter
from engine.control.seed import DemoLogin, seed_demo, seed_knowledge
from engine.control.trunks import override_of, parse_trunks
from engine.crash import leave_no_core
from engine.erasures import Erasures
from engine.errors import StartupError, WelcomedlyError
from engine.fanout import Hub
from engine.inputs import Inputs
from engine.recordings import Recordings
from engine.retention_clock import RetentionClock
from engine.settings import Settings
from engine.store import Store, data_exist
from engine.telemetry import Metrics
from engine.tracing import NO_TRACES, Tracing, open_traces
from engine.vault import open_vault
from engine.web.app import build_app
from engine.web.site import Site
from media.telephony import Telephony
from media.wav_file import NotAudioError
from models.chat import ChatEndpoint
from models.compliance import open_rules
from models.ears_client import EarsClient, EarsSettings
from models.weights import find_weights, verify_whisper, whisper_dir
from models.wording import Wording
from pipelines.calls import LATE_FINALS_MS, Calls, default_max_calls
from pipelines.commands import program
from pipelines.cut_off import review_cut_off
from pipelines.forms import FormBook
from pipelines.knowledge_bases import Libraries, bundled_bases
from pipelines.notebook import Notebooks
from pipelines.recorder import Recorder
from pipelines.site_files import engine_faults
from pipelines.training_rows import training_rows
from pipelines.typed_text import mask_typed
from pipelines.understanding import Understanding, load_understanding

log = structlog.get_logger(__name__)


class Engine:
    """Everything that serves calls, started in the order in which it is needed. An async context manager."""

    def __init__(self, settings: Settings, *, late_finals_ms: float = LATE_FINALS_MS) -> None:
        """See `Calls` for `late_finals_ms`."""
        self.settings = settings
        self._late_finals_ms = late_finals_ms
        self.logins: list[DemoLogin] = []
        self._stack = AsyncExitStack()
        self._metrics = Metrics()
        self.telephony = Telephony(settings, self._metrics)
        self._passwords = Passwords()
        self._forms = FormBook()
        self._libraries = Libraries()
        self._tracing: Tracing = NO_TRACES
        self.ears: EarsClient
        self.web: Site
        self.bus: Bus
        self._recordings: Recordings
        self._inputs: Inputs
        self._erasures: Erasures
        self._clock: RetentionClock
        self._knowledge: KnowledgeService
        self._form_service: FormService
        self._wording: Wording | None = None
        self._loading: asyncio.Task[Understanding]
        self._calls: Calls | None = None

    async def start(self, *, seed: bool = False) -> None:
        """Calls are answered within the first second or so, and heard; it returns once the models are loaded. Raises
        `StartupError` with one line that names the setting to change; then nothing is left running."""
        try:
            await self._read_files()
            await self._open_traces()
            store = await self._open_store(seed)
            router = await CachedRouter.load(store)
            self._stack.push_async_callback(cancel, asyncio.create_task(router.keep_up(), name="routing"))
            self.bus = Bus(self.settings, store.outbox, metrics=self._metrics)
            hub = Hub(store, metrics=self._metrics, relay=self.bus.wake)
            self._keep_house(store, hub)
            self._wording = self._open_wording()
            self._keep_knowledge(store)
            self._load_models()
            calls = self._calls = self._make_calls(router, hub)
            await self.bus.start()
            self._stack.push_async_callback(self.bus.stop)
            await self._open_web(store, hub, calls, router)
            await self._open_telephony(calls)
            self._review_cut_off(store, hub, await self._loading)
        except BaseException:
            await self._stack.aclose()
            raise

    async def close(self) -> None:
        """Says BYE to every call, lets what was said be committed, then stops the rest."""
        await self._stack.aclose()

    async def __aenter__(self) -> "Engine":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def calls(self) -> int:
        """A bridge of ours that drains, which ends with its last call, counts as one."""
        return (self._calls.count if self._calls else 0) + self.telephony.draining

    def drain(self) -> None:
        """Refuses every new call from now on, and is not ready any more; those that there are go on."""
        if self._calls:
            self._calls.drain()
        self.telephony.drain()

    def renew_certificate(self) -> None:
        self.telephony.renew_certificate()

    @property
    def url(self) -> str:
        return self.web.url

    @property
    def sip_port(self) -> int:
        return self.telephony.sip.port

    async def ready(self) -> None:
        """Returns once speech is understood."""
        await asyncio.shield(self._loading)
        await self.ears.ready()

    # ─── the parts, in the order in which they start ─────────────────────────────────────────────────────────────────

    async def _read_files(self) -> None:
        """Whoever calls is to find nobody rather than an engine that answers and then fails on one of them."""
        if faults := await asyncio.to_thread(engine_faults, self.settings):
            raise StartupError(faults[0])
        await asyncio.to_thread(find_weights, self.settings)

    async def _open_traces(self) -> None:
        self._tracing = await asyncio.to_thread(open_traces, self.settings)
        self._stack.push_async_callback(asyncio.to_thread, self._tracing.close)

    async def _open_store(self, seed: bool) -> Store:
        settings = self.settings
        vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings))
        store = await Store.open(settings, vault, committed=self._metrics.committed)
        self._stack.push_async_callback(store.close)
        log.info("store.open", key=vault.source, interrupted=len(store.interrupted))
        self._recordings = Recordings(store, settings.data_dir, stuck=self._stuck("recording"))
        self._inputs = Inputs(store, settings.data_dir, settings.keep_inputs_days, stuck=self._stuck("inputs"))
        self._form_service = FormService(store, self._forms)
        if seed:
            self.logins = await seed_demo(store, self._passwords, settings.data_dir)
            await seed_knowledge(store, bundled_bases())
        return store

    def _stuck(self, what: str) -> Callable[[], None]:
        return functools.partial(self._metrics.count, "retention_failures_total", what=what)

    def _keep_house(self, store: Store, hub: Hub) -> None:
        self._erasures = Erasures(store, self._recordings, self._inputs, hub.forget)
        self._clock = RetentionClock(self.settings.data_dir, store.erasures.last_end)
        keeping = self._erasures.keep_house(self._clock, self._metrics)
        self._stack.push_async_callback(cancel, asyncio.create_task(keeping, name="retention"))

    def _keep_knowledge(self, store: Store) -> None:
        self._knowledge = KnowledgeService(store, self._libraries, self._wording)
        self._stack.callback(self._libraries.close)
        self._stack.push_async_callback(self._knowledge.close)

    def _keep_up(self) -> None:
        """Nothing waits for it: a large base takes a minute to index, and calls have all else meanwhile."""
        for keeping, name in ((self._knowledge.keep_up(), "knowledge"), (self._form_service.keep_up(), "forms")):
            self._stack.push_async_callback(cancel, asyncio.create_task(keeping, name=name))

    def _review_cut_off(self, store: Store, hub: Hub, understanding: Understanding) -> None:
        """Nothing waits for it either: each of their words is read once more."""
        reviewing = review_cut_off(store, hub, understanding, self._forms.form_of, time.time())
        self._stack.push_async_callback(cancel, asyncio.create_task(reviewing, name="calls cut off"))

    def _load_models(self) -> None:
        """Begins to; what fails is raised where `_loading` is awaited."""
        self.ears = EarsClient(
            EarsSettings(
                weights=whisper_dir(self.settings),
                workers=self.settings.ears_workers,
                device=self.settings.ears_device,
                prompted=self.settings.vocabulary_prompt,
            ),
            on_change=self._ears_changed,
            on_heard=self._metrics.heard,
        )
        self._metrics.watch_ears(self.ears.headroom, lambda: self.ears.starts, lambda: self.ears.device == "cuda")
        self._stack.push_async_callback(self.ears.close)
        self._loading = asyncio.create_task(self._load(), name="models")
        self._stack.push_async_callback(cancel, self._loading)

    async def _load(self) -> Understanding:
        """On threads, one model after another: SIP must not wait for them, and answers beside them."""
        settings = self.settings
        gc.disable()  # one collection over half a loaded rule book stops every thread for 200 ms
        try:
            await asyncio.to_thread(verify_whisper, settings)
            await self.ears.start()
            understanding = await asyncio.to_thread(load_understanding, settings, self._libraries, self._metrics.onnx)
            await asyncio.to_thread(self._forms.load, understanding.own_rules)
            await self._form_service.load()
            self._keep_up()
        finally:
            gc.freeze()  # what is loaded by now stays: no collection need look at it while packets wait
            gc.enable()
        return understanding

    def _make_calls(self, router: CachedRouter, hub: Hub) -> Calls:
        return Calls(
            router=router,
            ears=self.ears,
            sink=hub,
            understanding=self._loading,
            metrics=self._metrics,
            max_calls=self.settings.max_calls or default_max_calls(),
            clock_ms=monotonic_ms,
            wall_clock=self._clock.now,
            override=functools.partial(override_of, trunks=parse_trunks(self.settings.sip_trunks)),
            notice_of=functools.partial(notice_of, data_dir=self.settings.data_dir),
            tracing=self._tracing,
            recorder=self._open_recorder(),
            notebooks=self._open_notebooks(),
            form_of=self._forms.form_of,
            late_finals_ms=self._late_finals_ms,
            answers=self._wording,
            writer=self._wording,
            wording_s=self.settings.llm_summary_s + 1.0,  # the writer keeps its own deadline, and counts it as such
            keeps_tokens=self.settings.keep_tokens == "on",
        )

    def _open_wording(self) -> Wording | None:
        """None where the site has no language model: then nothing of a call leaves for one."""
        settings = self.settings
        if not settings.llm_url:
            return None
        chat = ChatEndpoint(settings.llm_url, settings.llm_model, read_secret(settings.llm_key, "LLM_KEY"))
        self._stack.push_async_callback(chat.close)
        return Wording(
            chat, answer_s=settings.llm_answer_s, summary_s=settings.llm_summary_s, counted=self._metrics.worded
        )

    def _open_recorder(self) -> Recorder | None:
        if self.settings.recording == "off":
            return None
        recorder = Recorder(self._recordings, self._metrics)
        self._stack.push_async_callback(asyncio.to_thread, recorder.close)
        return recorder

    def _open_notebooks(self) -> Notebooks | None:
        if not self.settings.keep_inputs_days:
            return None
        notebooks = Notebooks(self._inputs)
        self._stack.push_async_callback(asyncio.to_thread, notebooks.close)
        return notebooks

    async def _open_web(self, store: Store, hub: Hub, calls: Calls, router: CachedRouter) -> None:
        app = build_app(
            self.settings,
            store,
            hub,
            calls,
            router,
            metrics=self._metrics,
            recordings=self._recordings,
            erasures=self._erasures,
            forms=self._form_service,
            knowledge=self._knowledge,
            mask=mask_typed,
            training_rows=training_rows(store, lambda: open_rules(self.settings.rules)),
            passwords=self._passwords,
            ready=self._ready,
            asyncapi=asyncapi(),
        )
        self.web = Site(app, self.settings.http_host, self.settings.http_port)
        await self.web.open()
        self._stack.push_async_callback(self.web.close)

    async def _open_telephony(self, calls: Calls) -> None:
        """Calls are closed after all that feeds them: what was said on them is committed first."""
        self._stack.push_async_callback(calls.close)
        await self.telephony.open(calls)
        self._stack.push_async_callback(self.telephony.close)

    def _ready(self) -> dict[str, bool]:
        loaded = self._loading.done() and not self._loading.cancelled() and self._loading.exception() is None
        return {"sip": self.telephony.answering.is_set(), "ears": self.ears.headroom().up, "models": loaded}

    def _ears_changed(self, up: bool) -> None:
        if self._calls:
            self._calls.ears_changed(up)


async def cancel(task: asyncio.Task[Any]) -> None:
    """Ends a task, if it has not ended."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def monotonic_ms() -> float:
    return time.monotonic() * 1000


SWITCH_S = 0.0005
"""So soon gives a thread that loads a model or judges words the interpreter to the loop, on which calls are answered.
Python's own 5 ms are paid at each of the dozen hops between an INVITE and its 200."""


def main() -> None:
    """Entry point: exits with 0, or with 1 and one line that says what is wrong."""
    leave_no_core()
    sys.setswitchinterval(SWITCH_S)
    arguments = command_line.parser().parse_args()
    try:
        sys.exit(program.run(arguments, Engine))
    except (WelcomedlyError, NotAudioError, OSError) as error:
        print(f"welcomedly: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
