"""The program `welcomedly`: which command does what a line asks for."""

import argparse
import functools
from collections.abc import Callable

from pipelines.commands import (
    bridge,
    call,
    check,
    demo,
    feedback,
    listen,
    organisation,
    playbooks,
    replay,
    rules,
    serve,
    user,
    weights,
)
from pipelines.commands.running_engine import MakeEngine


def run(arguments: argparse.Namespace, make_engine: MakeEngine) -> int:
    """The exit code. `arguments` are as `engine.command_line.parser` takes them apart. Raises what commands raise."""
    return commands(make_engine)[arguments.command](arguments)


def commands(make_engine: MakeEngine) -> dict[str, Callable[[argparse.Namespace], int]]:
    """By their words."""
    return {
        "serve": functools.partial(serve.run, make_engine=make_engine),
        "bridge": bridge.run,
        "demo": functools.partial(demo.run, make_engine=make_engine),
        "replay": replay.run,
        "listen": listen.run,
        "check": check.run,
        "models": weights.run,
        "rules": rules.run,
        "playbooks": playbooks.run,
        "feedback": feedback.run,
        "organisation": organisation.run,
        "user": user.run,
        "call": call.run,
    }
