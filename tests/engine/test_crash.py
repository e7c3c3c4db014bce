"""A process that crashes leaves no copy of its memory, nor do those that it starts."""

import subprocess
import sys

CRASH = (
    "import resource, subprocess, sys; from engine.crash import leave_no_core; leave_no_core(); "
    "print(resource.getrlimit(resource.RLIMIT_CORE), flush=True); "
    "subprocess.run([sys.executable, '-c', 'import resource; print(resource.getrlimit(resource.RLIMIT_CORE))'])"
)
PROGRAM = (
    "import resource, sys; import server; sys.argv = ['welcomedly']; "
    "server.program.run = lambda *_: print(resource.getrlimit(resource.RLIMIT_CORE)) or 0; "
    "server.command_line.parser = lambda: type('P', (), {'parse_args': lambda _: None})(); server.main()"
)


def told(code: str) -> list[str]:
    """A process of its own: what is lowered is lowered for good."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_it_holds_for_the_process_and_for_what_it_starts() -> None:
    assert told(CRASH) == ["(0, 0)", "(0, 0)"]


def test_the_program_sees_to_it_before_any_command_runs() -> None:
    assert told(PROGRAM) == ["(0, 0)"]
