"""The engine as the commands know it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.control.seed import DemoLogin
from engine.settings import Settings
from pipelines.commands.stopping import Serving


class RunningEngine(Serving, Protocol):
    settings: Settings

    @property
    def logins(self) -> Sequence[DemoLogin]:
        """The demo organisation's people; empty unless it was started with `seed`."""

    @property
    def url(self) -> str:
        """Of the console, without a slash at its end. Known once started, as is `sip_port`."""

    @property
    def sip_port(self) -> int: ...

    async def start(self, *, seed: bool = False) -> None:
        """Raises `StartupError`; then nothing is left running."""

    async def ready(self) -> None:
        """Returns once speech is understood."""

    async def close(self) -> None: ...


MakeEngine = Callable[[Settings], RunningEngine]
