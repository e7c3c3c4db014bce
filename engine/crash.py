"""What a crash leaves: places and types in the log (`engine.telemetry`), and no copy of the memory."""

import resource


def leave_no_core() -> None:
    """For this process and all that it starts: the kernel writes no core file (core(5)), and systemd-coredump, which is
    handed the limit, keeps none. One would hold the keys, and sound and digits that nothing else may keep; a model's
    native code may fail on anything, and a watchdog ends what hangs by SIGABRT."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
