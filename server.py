"""The composition root: settings → store, bus, models, media, pipelines, web. Nothing is decided here.

Also the program `welcomedly`: each of its commands is one function below.
"""

import argparse
import asyncio
import datetime
import functools
import json
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import structlog
import uvloop

from engine import command_line
from engine.bus import Bus, asyncapi
from engine.control.login import Passwords
from engine.control.routing import CachedRouter
from engine.control.seed import DemoLogin, seed_demo, seed_knowledge
from engine.control.trunks import override_of, parse_trunks
from engine.errors import Invalid, StartupError, WelcomedlyError
from engine.facts import encode
from engine.fanout import Hub
from engine.ports import KnowledgeSearch
from engine.settings import Settings, load_settings
from engine.store import Store, data_exist
from engine.store.knowledge import Article
from engine.telemetry import Metrics, set_up_logs
from engine.vault import open_vault
from engine.web.app import build_app
from engine.web.site import Site
from media.ports import PortRange
from media.rtp_plane import RtpPlane
from media.sip.caller import CallRefused
from media.sip.server import SipServer
from media.wav_file import FileSession, NotAudioError
from models import catalogue, knowledge
from models.compliance import check_rules, load_detectors, load_rules
from models.ears_client import EarsClient, EarsSettings
from models.embed import Encoder
from models.reader import OnnxTextReader
from pipelines import demo
from pipelines.calls import Calls
from pipelines.follower import Follower
from pipelines.replay import Judging, RecordingOf, direction_of, parse_line, replay_recording, replay_transcript
from pipelines.scorecard import Script, settled_texts, summarise
from pipelines.transcribe import leg_names
from pipelines.word_errors import word_error_rate

log = structlog.get_logger(__name__)

STOP_S = 20.0
"""Longest orderly stop: BYEs, last words and the store take two or three seconds."""


class Engine:
    """Everything that serves calls, started in the order in which it is needed. An async context manager."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.logins: list[DemoLogin] = []
        self._stack = AsyncExitStack()
        self._metrics = Metrics()
        self.ears: EarsClient
        self.sip: SipServer
        self.web: Site
        self.bus: Bus
        self._sip_open = False
        self._calls: Calls | None = None

    async def start(self, *, seed: bool = False) -> None:
        """Raises `StartupError` with one line that names the setting to change; then nothing is left running."""
        try:
            await self._start(seed)
        except BaseException:
            await self._stack.aclose()
            raise

    async def _start(self, seed: bool) -> None:
        settings, stack = self.settings, self._stack
        models = models_dir(settings)
        vault = open_vault(settings.key_url, settings.data_dir, data_exist=data_exist(settings))
        store = await Store.open(settings, vault, committed=self._metrics.committed)
        stack.push_async_callback(store.close)
        log.info("store.open", key=vault.source, interrupted=len(store.interrupted))
        passwords = Passwords()
        if seed:
            self.logins = await seed_demo(store, passwords, settings.data_dir)
            await seed_knowledge(store, demo_articles())
        router = await CachedRouter.load(store)
        bus = self.bus = Bus(settings, store.outbox, metrics=self._metrics)
        hub = Hub(store, metrics=self._metrics, relay=bus.wake)
        self.ears = EarsClient(
            EarsSettings(weights=await asyncio.to_thread(whisper, settings), workers=settings.ears_workers),
            on_change=self._ears_changed,
            on_heard=self._metrics.heard,
        )
        self._metrics.watch_ears(self.ears, lambda: self.ears.starts)
        await self.ears.start()
        stack.push_async_callback(self.ears.close)
        calls = self._calls = Calls(
            router=router,
            ears=self.ears,
            sink=hub,
            reader=await asyncio.to_thread(OnnxTextReader, models, observe=self._metrics.onnx),
            knowledge=await asyncio.to_thread(bundled_knowledge, models),
            rules=load_rules(),
            metrics=self._metrics,
            max_calls=settings.max_calls or default_max_calls(),
            clock_ms=monotonic_ms,
            wall_clock=time.time,
            override=functools.partial(override_of, trunks=parse_trunks(settings.sip_trunks)),
        )
        await bus.start()
        stack.push_async_callback(bus.stop)
        app = build_app(
            settings,
            store,
            hub,
            calls,
            router,
            metrics=self._metrics,
            passwords=passwords,
            ready=self._ready,
            asyncapi=asyncapi(),
        )
        self.web = Site(app, settings.http_host, settings.http_port)
        await self.web.open()
        stack.push_async_callback(self.web.close)
        first, last = settings.rtp_range[0], settings.rtp_range[-1]
        rtp = RtpPlane(
            settings.sip_host, PortRange(first, last), advertise=settings.rtp_host, counted=self._metrics.rtp
        )
        rtp.start()
        stack.push_async_callback(calls.close)
        stack.push_async_callback(rtp.aclose)
        self.sip = SipServer(
            settings.sip_host,
            settings.sip_port,
            calls,
            rtp,
            trunks=parse_trunks(settings.sip_trunks),
            metrics=self._metrics,
        )
        await self.sip.open()
        self._sip_open = True
        stack.push_async_callback(self.sip.close)

    async def close(self) -> None:
        """Says BYE to every call, lets what was said be committed, then stops the rest."""
        await self._stack.aclose()

    async def __aenter__(self) -> "Engine":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _ready(self) -> dict[str, bool]:
        return {"sip": self._sip_open, "ears": self.ears.headroom().up}

    def _ears_changed(self, up: bool) -> None:
        if self._calls:
            self._calls.ears_changed(up)


def monotonic_ms() -> float:
    return time.monotonic() * 1000


def default_max_calls() -> int:
    """Measured with Whisper base on CPU: four calls at once on two cores keep their deadlines."""
    return 2 * (os.cpu_count() or 1)


def models_dir(settings: Settings) -> Path:
    return Path(settings.weights_dir) if settings.weights_dir else settings.data_dir / "models"


def whisper(settings: Settings) -> Path:
    """Folder of the Whisper model. Blocking; raises `WeightsMissing` when the default one is absent or altered."""
    if settings.whisper_dir:
        return Path(settings.whisper_dir)
    models = models_dir(settings)
    catalogue.verify("whisper-base", models)
    return catalogue.location("whisper-base", models)


def demo_bases() -> dict[str, list[knowledge.Article]]:
    """The bundled articles by the name of their knowledge base."""
    with resources.as_file(resources.files("pipelines").joinpath("demo_knowledge")) as folder:
        return {path.name: knowledge.load_folder(path) for path in sorted(folder.iterdir()) if path.is_dir()}


def demo_articles() -> list[Article]:
    """The same as rows, for the desk to read in."""
    return [
        Article(base=base, article=one.article, language=one.language, title=one.title, body=one.body)
        for base, articles in demo_bases().items()
        for one in articles
    ]


def bundled_knowledge(models: Path) -> Callable[[str], KnowledgeSearch | None]:
    """Search by the name of a bundled base; None for a name that there is not. Blocking: embeds the articles."""
    encoder, weights = Encoder(models), knowledge.load_weights()
    return {base: knowledge.Knowledge(articles, encoder.embed, weights) for base, articles in demo_bases().items()}.get


# ─── the commands ────────────────────────────────────────────────────────────────────────────────────────────────────


def main() -> None:
    """Entry point: exits with 0, or with 1 and one line that says what is wrong."""
    arguments = command_line.parser().parse_args()
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "serve": _serve,
        "demo": _demo,
        "replay": _replay,
        "models": _models,
        "rules": _rules,
    }
    try:
        sys.exit(commands[arguments.command](arguments))
    except (WelcomedlyError, NotAudioError, OSError) as error:
        print(f"welcomedly: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _serve(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    if arguments.demo:
        for name, host in (("HTTP_HOST", settings.http_host), ("SIP_HOST", settings.sip_host)):
            if host not in ("127.0.0.1", "::1", "localhost"):
                raise StartupError(f"{name}={host}: --demo has known log-ins and stays on loopback")
    uvloop.run(serve(settings, seed=arguments.demo, play=arguments.demo and not arguments.quiet))
    return 0


async def serve(settings: Settings, *, seed: bool, play: bool) -> None:
    """Until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = Engine(settings)
    await engine.start(seed=seed)
    try:
        print(_welcome(engine), flush=True)
        playing = asyncio.create_task(_play_forever(engine)) if play else None
        await stop.wait()
        if playing:
            playing.cancel()
    finally:
        await _close_in_time(engine)


async def _close_in_time(engine: Engine) -> None:
    """A part that does not end must not keep the rest: after `STOP_S` its tasks are named and the process goes."""
    try:
        async with asyncio.timeout(STOP_S):
            await engine.close()
    except TimeoutError:
        log.error("stop.late", tasks=sorted(task.get_name() for task in asyncio.all_tasks()))


def _welcome(engine: Engine) -> str:
    settings = engine.settings
    lines = [
        "",
        f"  Welcomedly   {engine.web.url}",
        f"  SIP          {settings.sip_host}:{engine.sip.port} (UDP and TCP)   data in {settings.data_dir}",
    ]
    for login in engine.logins:
        page = {"agent": "/desk", "supervisor": "/wall", "admin": "/admin"}[login.role]
        lines.append(f"  {login.role:<12} {login.login:<10} {login.password:<14} {engine.web.url}{page}")
    return "\n".join([*lines, ""])


async def _play_forever(engine: Engine) -> None:
    """The demo calls by turns, until cancelled. A refused call is tried again: the engine may be busy."""
    await engine.ears.ready()
    while True:
        for language in demo.CALLS:
            call = await asyncio.to_thread(demo.load_call, language)
            try:
                await play_demo(engine, call, "members")
            except (CallRefused, OSError) as error:
                log.warning("demo.refused", reason=str(error))
                await asyncio.sleep(5)


AGENTS = {"collections": "andrea", "sales": "daniel", "care": "marina"}


async def play_demo(engine: Engine, call: demo.DemoCall, roles: demo.Roles, *, outbound: bool | None = None) -> str:
    """Plays a demo call into a demo engine's SIP port, as the campaign's direction has it unless told otherwise."""
    campaign = call.script.campaign
    extension = next(one.extension for one in engine.logins if one.login == AGENTS[campaign])
    parties = demo.Parties(customer="+15550100@carrier.example", agent=f"{extension}@pbx.example")
    if outbound is None:
        outbound = direction_of(campaign) == "outbound"
    return await demo.play(call, engine.sip.port, campaign, parties, roles=roles, outbound=outbound)


def _demo(arguments: argparse.Namespace) -> int:
    set_up_logs(load_settings())
    with tempfile.TemporaryDirectory(prefix="welcomedly-demo-") as folder:
        settings = throwaway_settings(Path(folder), max_calls=arguments.calls)
        return uvloop.run(demo_calls(settings, arguments.language, arguments.roles, arguments.calls, arguments.json))


def throwaway_settings(folder: Path, max_calls: int) -> Settings:
    """An engine on free loopback ports with data and key of its own in `folder`, and the installed weights."""
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(32))
    key.chmod(0o600)
    return load_settings(
        http_host="127.0.0.1",
        http_port=0,
        sip_host="127.0.0.1",
        sip_port=0,
        data_dir=folder / "data",
        database_url="",
        key_url=f"file:{key}",
        weights_dir=str(models_dir(load_settings()).resolve()),
        max_calls=max_calls,
    )


async def demo_calls(settings: Settings, language: str, roles: demo.Roles, count: int, as_json: bool) -> int:
    """Plays `count` calls at once and prints a summary of each; 0 when all were served."""
    call = await asyncio.to_thread(demo.load_call, language)
    async with Engine(settings) as engine:
        await engine.start(seed=True)
        await engine.ears.ready()
        login = next(one for one in engine.logins if one.login == AGENTS[call.script.campaign])
        async with Follower(engine.web.url, login.login, login.password) as follower:
            playing = [asyncio.create_task(play_demo(engine, call, roles)) for _ in range(count)]
            if as_json:
                printing = asyncio.create_task(_print_lines(follower))
            reasons = await asyncio.gather(*playing, return_exceptions=True)
            served = await follower.wait_ended(count, 30.0) and all(reason == "bye" for reason in reasons)
            if as_json:
                printing.cancel()
        for seen in follower.by_call().values():
            print(json.dumps({"summary": summarise(call.script, seen, served=served)}, ensure_ascii=False), flush=True)
    return 0 if served else 1


async def _print_lines(follower: Follower) -> None:
    while True:
        print((await follower.lines.get()).decode(), flush=True)


# ─── replay ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _replay(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    models = models_dir(settings)
    search = None
    if arguments.knowledge:
        articles = knowledge.load_folder(Path(arguments.knowledge))
        search = knowledge.Knowledge(articles, Encoder(models).embed, knowledge.load_weights())
    tools = Judging(reader=OnnxTextReader(models), rules=load_rules(), detectors=load_detectors(), knowledge=search)
    return uvloop.run(replay(arguments, tools, settings))


async def replay(arguments: argparse.Namespace, tools: Judging, settings: Settings) -> int:
    """Each file in turn; a file or line that is wrong is said on stderr and the rest goes on. 1 when any was wrong."""
    faults = 0
    async with AsyncExitStack() as stack:
        ears: EarsClient | None = None
        for name in arguments.files:
            path = Path(name)
            try:
                if path.suffix.lower() in (".jsonl", ".json", ".ndjson"):
                    faults += await _replay_lines(path, tools)
                    continue
                session = await asyncio.to_thread(_open_recording, path, arguments)
                if ears is None:
                    ears = EarsClient(
                        EarsSettings(weights=await asyncio.to_thread(whisper, settings), workers=settings.ears_workers)
                    )
                    await ears.start()
                    stack.push_async_callback(ears.close)
                    await ears.ready()
                await _replay_one(session, arguments, tools, ears)
            except (WelcomedlyError, NotAudioError, OSError) as error:
                print(f"welcomedly: {name}: {error}", file=sys.stderr)
                faults += 1
    return 1 if faults else 0


async def _replay_lines(path: Path, tools: Judging) -> int:
    faults = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                await replay_transcript(parse_line(line), tools, lambda fact: print(encode(fact).decode()))
            except Invalid as error:
                print(f"welcomedly: {path.name}:{number}: {error}", file=sys.stderr)
                faults += 1
    return faults


def _open_recording(path: Path, arguments: argparse.Namespace) -> FileSession:
    legs = tuple(leg.strip() for leg in arguments.legs.split(",")) if arguments.legs else ()
    return FileSession(path, legs=legs, speed=arguments.speed, call_id=path.stem)


async def _replay_one(session: FileSession, arguments: argparse.Namespace, tools: Judging, ears: EarsClient) -> None:
    facts: list[Any] = []

    def emit(fact: Any) -> None:
        facts.append(fact)
        print(encode(fact).decode(), flush=True)

    try:
        legs = leg_names(arguments.legs)
    except ValueError as error:
        raise Invalid(f"--legs: {error}") from error
    about = RecordingOf(
        language="" if arguments.language == "auto" else arguments.language,
        country=arguments.country.upper(),
        region=arguments.region.upper(),
        campaign=arguments.campaign,
        legs=legs,
        direction=arguments.direction or direction_of(arguments.campaign),
        day=datetime.datetime.now(datetime.UTC).date(),
    )
    await replay_recording(session, about, tools, ears, emit, drafts=arguments.speed == "real")
    if arguments.reference:
        print(json.dumps({"summary": _against(Path(arguments.reference), facts)}, ensure_ascii=False))


def _against(path: Path, facts: list[Any]) -> dict[str, Any]:
    try:
        script = msgspec.json.decode(path.read_bytes(), type=Script)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{path.name}: {error}") from error
    reference, heard = [], []
    for leg in ("agent", "customer"):
        reference += [text for turn, text in script.masked() if turn.leg == leg]
        spoken = sorted((one for one in settled_texts(facts).values() if one.leg == leg), key=lambda one: one.start_ms)
        heard += [one.text for one in spoken]
    return {"reference": script.id, "wer": round(word_error_rate(reference, heard), 4)}


# ─── models and rules ────────────────────────────────────────────────────────────────────────────────────────────────


def _models(arguments: argparse.Namespace) -> int:
    models = models_dir(load_settings())
    if arguments.action == "install":
        if arguments.name:
            catalogue.install(arguments.name, models, _progress)
        else:
            catalogue.install_default(models, _progress)
        return 0
    for entry in catalogue.catalogue():
        mark = "installed" if catalogue.installed(entry.name, models) else "not installed"
        print(f"{entry.name:<20} {mark:<14} {entry.licence:<12} {entry.purpose}")
        for file in entry.files:
            print(f"{'':<20} {file.sha256}  {file.name}")
        for upgrade in entry.upgrades:
            print(f"{'':<20} upgrade: {upgrade}")
    return 0


def _progress(name: str, done: int, total: int) -> None:
    """A moving percentage on a terminal, one line when done elsewhere."""
    finished = total > 0 and done >= total
    if sys.stderr.isatty():
        share = f"{100 * done // total:3d} %" if total else ""
        print(f"\r  {name:<20} {share}", end="\n" if finished else "", file=sys.stderr, flush=True)
    elif finished:
        print(f"  {name:<20} installed", file=sys.stderr, flush=True)


def _rules(arguments: argparse.Namespace) -> int:
    paths = [Path(name) for name in arguments.files]
    problems = check_rules(paths) if paths else check_rules()
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(load_rules(paths) if paths else load_rules())} rules, no problems")
    return 1 if problems else 0


if __name__ == "__main__":
    main()
