"""`welcomedly replay`: recordings and transcripts of yesterday through the same pipeline, facts as JSON lines."""

import argparse
import asyncio
import datetime
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import msgspec
import uvloop

from engine.errors import Invalid, WelcomedlyError
from engine.facts import Fact, encode
from engine.settings import Settings, load_settings
from engine.telemetry import set_up_logs
from media.wav_file import FileSession, NotAudioError
from models import knowledge
from models.compliance import load_detectors, load_rules, own_rules, with_own
from models.ears_client import EarsClient, EarsSettings
from models.embed import Encoder
from models.playbooks import open_playbooks
from models.reader import OnnxTextReader
from models.review import Form, bundled_forms, own_first, read_form
from models.tuned.encoder import NeedEncoder
from models.weights import models_dir, verify_whisper, whisper_dir
from pipelines.callee import day_there
from pipelines.commands.as_it_was import play_again
from pipelines.replay import (
    Judging,
    RecordingOf,
    direction_of,
    misspelt,
    parse_line,
    replay_recording,
    replay_transcript,
)
from pipelines.scorecard import Script, script_error_rate

TRANSCRIPTS = (".jsonl", ".json", ".ndjson")
_NamedLeg = Literal["customer", "agent", "mixed"]


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    if arguments.as_it_was:
        if arguments.files or not arguments.organisation:
            raise Invalid("--as-it-was CALL_ID… takes --organisation NAME, and no files")
        return uvloop.run(play_again(settings, arguments.organisation, arguments.as_it_was))
    if not arguments.files:
        raise Invalid("name a recording, a transcript, or a call with --as-it-was")
    return uvloop.run(replay(arguments, tools_of(settings, arguments), settings))


def tools_of(settings: Settings, arguments: argparse.Namespace) -> Judging:
    """What a call is judged with."""
    models = models_dir(settings)
    own = own_rules(arguments.rules or settings.rules)
    search = None
    if arguments.knowledge:
        # imported here: what reads documents takes memory, which the engine, of the same program, has no use for
        from models.documents import load_folder

        found = load_folder(Path(arguments.knowledge))
        encoders = knowledge.Encoders(Encoder(models), NeedEncoder(models))
        search = knowledge.Knowledge(found, encoders, knowledge.load_weights())
    return Judging(
        reader=OnnxTextReader(models),
        rules=with_own(load_rules(), own),
        detectors=load_detectors(),
        knowledge=search,
        forms=forms_in(arguments.forms, frozenset(rule.id for rule in own)),
        playbooks=open_playbooks(settings.playbooks),
        agent_sentiment=arguments.agent_sentiment,
    )


def forms_in(folder: str, rules: frozenset[str] = frozenset()) -> Sequence[Form]:
    """Those of a folder, if one is named, before those that come with the engine; they may name `rules` of the site.
    Raises `Invalid` with the file and what is wrong."""
    own: list[Form] = []
    for path in _yaml_files(Path(folder)) if folder else ():
        try:
            own.append(read_form(path.read_text("utf-8"), rules=rules))
        except (Invalid, UnicodeDecodeError) as error:
            raise Invalid(f"{path}: {error}") from error
    return own_first(own, bundled_forms())


def _yaml_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise Invalid(f"--forms: {folder} is no folder")
    return sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))


async def replay(arguments: argparse.Namespace, tools: Judging, settings: Settings) -> int:
    """Each file in turn; a file or line that is wrong is said on stderr and the rest goes on. 1 when any was wrong."""
    faults = 0
    async with AsyncExitStack() as stack:
        ears: EarsClient | None = None
        for name in arguments.files:
            path = Path(name)
            try:
                if path.suffix.lower() in TRANSCRIPTS:
                    faults += await _replay_lines(path, tools)
                    continue
                session = await asyncio.to_thread(_open_recording, path, arguments)
                ears = ears or await start_ears(settings, stack)
                await _replay_one(session, arguments, tools, ears)
            except (WelcomedlyError, NotAudioError, OSError) as error:
                print(f"welcomedly: {name}: {error}", file=sys.stderr)
                faults += 1
    return 1 if faults else 0


async def start_ears(settings: Settings, stack: AsyncExitStack) -> EarsClient:
    """Only when a recording asks for it: transcripts need no Whisper."""
    await asyncio.to_thread(verify_whisper, settings)
    asked = EarsSettings(whisper_dir(settings), workers=settings.ears_workers, device=settings.ears_device)
    ears = EarsClient(asked)
    await ears.start()
    stack.push_async_callback(ears.close)
    await ears.ready()
    return ears


async def _replay_lines(path: Path, tools: Judging) -> int:
    faults = 0
    told: set[tuple[str, str]] = set()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                call = parse_line(line)
                for name, meant in (one for one in misspelt(line) if one not in told):
                    told.add((name, meant))
                    said = f"`{' '.join(name.split())}` is no field of a transcript and left out; is `{meant}` meant?"
                    print(f"welcomedly: {path.name}:{number}: {said}", file=sys.stderr)
                await replay_transcript(call, tools, lambda fact: print(encode(fact).decode()))
            except Invalid as error:
                print(f"welcomedly: {path.name}:{number}: {error}", file=sys.stderr)
                faults += 1
    return faults


def _open_recording(path: Path, arguments: argparse.Namespace) -> FileSession:
    legs = tuple(leg.strip() for leg in arguments.legs.split(",")) if arguments.legs else ()
    return FileSession(path, legs=legs, speed=arguments.speed, call_id=path.stem)


async def _replay_one(session: FileSession, arguments: argparse.Namespace, tools: Judging, ears: EarsClient) -> None:
    facts: list[Fact] = []

    def emit(fact: Fact) -> None:
        facts.append(fact)
        print(encode(fact).decode(), flush=True)

    about = recording_of(arguments)
    await replay_recording(session, about, tools, ears, emit, drafts=arguments.speed == "real")
    if arguments.reference:
        print(json.dumps({"summary": _against(Path(arguments.reference), facts)}, ensure_ascii=False))


def recording_of(arguments: argparse.Namespace) -> RecordingOf:
    """What the command line says of a recording. Raises `Invalid`."""
    try:
        legs = msgspec.convert([name.strip() for name in arguments.legs.split(",")], tuple[_NamedLeg, ...])
    except msgspec.ValidationError as error:
        raise Invalid(f"--legs {arguments.legs}: use customer, agent or mixed") from error
    return RecordingOf(
        language="" if arguments.language == "auto" else arguments.language,
        country=arguments.country.upper(),
        region=arguments.region.upper(),
        campaign=arguments.campaign,
        legs=legs,
        direction=arguments.direction or direction_of(arguments.campaign),
        day=day_there(datetime.datetime.now(datetime.UTC), (), arguments.country, arguments.region),
    )


def _against(path: Path, facts: list[Fact]) -> dict[str, Any]:
    try:
        script = msgspec.json.decode(path.read_bytes(), type=Script)
    except msgspec.MsgspecError as error:
        raise Invalid(f"{path.name}: {error}") from error
    return {"reference": script.id, "wer": script_error_rate(script, facts)}
