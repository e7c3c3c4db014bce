"""The one HTTP port: binds it, says where it is, closes it."""

from aiohttp import web

from engine.listening import cannot_listen


class Site:
    """A running `web.Application`. `open` raises `StartupError`, which names `setting`, when the port is taken, and
    that of the host where it is no address of this machine."""

    def __init__(self, app: web.Application, host: str, port: int, setting: str = "HTTP_PORT") -> None:
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2.0)
        self._host, self._port, self._setting = host, port, setting

    async def open(self) -> None:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            port, host = self._setting, self._setting.replace("_PORT", "_HOST")
            raise cannot_listen("HTTP", self._host, self._port, error, port_setting=port, host_setting=host) from error
        self._port = int(self._runner.addresses[0][1])

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def close(self) -> None:
        """Closes sockets with 1001 and stops answering."""
        await self._runner.cleanup()
