"""`welcomedly listen`: the microphone through the pipeline, facts as JSON lines until Ctrl-C."""

import argparse
import asyncio
import signal
from contextlib import AsyncExitStack

import uvloop

from engine.facts import Fact, encode
from engine.settings import Settings, load_settings
from engine.telemetry import set_up_logs
from media.mic import MicCall, PyAudioMicrophone
from pipelines.commands.replay import recording_of, start_ears, tools_of
from pipelines.replay import Judging, replay_recording


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    set_up_logs(settings)
    microphone = PyAudioMicrophone(arguments.device, channels=len(arguments.legs.split(",")))
    return uvloop.run(listen(arguments, tools_of(settings, arguments), settings, microphone))


async def listen(
    arguments: argparse.Namespace, tools: Judging, settings: Settings, microphone: PyAudioMicrophone
) -> int:
    """Returns when the call has been ended from the keyboard and all that was said is out."""

    def emit(fact: Fact) -> None:
        print(encode(fact).decode(), flush=True)

    about = recording_of(arguments)
    async with AsyncExitStack() as stack:
        ears = await start_ears(settings, stack)
        call = await stack.enter_async_context(MicCall(microphone, about.legs))
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, call.hang_up)
        await replay_recording(call.session, about, tools, ears, emit, drafts=True)
    return 0
