"""A UDP proxy between two SIP sides that loses and reorders datagrams by a seed. Each side believes that the other is
where the proxy is, so that all requests within dialogs pass it too."""

import asyncio
import random


class LossProxy:
    """Each caller's address gets a socket of its own towards the server, so that answers find their way back."""

    def __init__(self, server_port: int, *, loss: float, reordered: float, seed: int) -> None:
        """`loss` and `reordered` are shares of the datagrams, each way."""
        self.port = 0
        self.carried = self.lost = 0
        self._server = ("127.0.0.1", server_port)
        self._loss, self._reordered = loss, reordered
        self._dice = random.Random(seed)
        self._front: asyncio.DatagramTransport | None = None
        self._backs: dict[tuple[str, int], asyncio.DatagramTransport] = {}

    async def __aenter__(self) -> "LossProxy":
        loop = asyncio.get_running_loop()
        made = await loop.create_datagram_endpoint(lambda: _Front(self), local_addr=("127.0.0.1", 0))
        self._front = made[0]
        self.port = self._front.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for transport in (self._front, *self._backs.values()):
            if transport is not None:
                transport.close()

    async def from_caller(self, data: bytes, caller: tuple[str, int]) -> None:
        back = self._backs.get(caller)
        if back is None:
            loop = asyncio.get_running_loop()
            back, _ = await loop.create_datagram_endpoint(lambda: _Back(self, caller), local_addr=("127.0.0.1", 0))
            if caller in self._backs:  # two first datagrams at once
                back.close()
                back = self._backs[caller]
            self._backs[caller] = back
        data = self._renamed(data, caller[1], back.get_extra_info("sockname")[1])
        self._carry(back, self._renamed(data, self.port, self._server[1]), self._server)

    def from_server(self, data: bytes, caller: tuple[str, int]) -> None:
        if self._front is not None:
            data = self._renamed(data, self._backs[caller].get_extra_info("sockname")[1], caller[1])
            self._carry(self._front, self._renamed(data, self._server[1], self.port), caller)

    @staticmethod
    def _renamed(data: bytes, old: int, new: int) -> bytes:
        return data.replace(b"127.0.0.1:%d" % old, b"127.0.0.1:%d" % new)

    def _carry(self, transport: asyncio.DatagramTransport, data: bytes, to: tuple[str, int]) -> None:
        self.carried += 1
        if self._dice.random() < self._loss:
            self.lost += 1
            return
        if self._dice.random() < self._reordered:
            delay = self._dice.uniform(0.005, 0.05)
            asyncio.get_running_loop().call_later(delay, self._late, transport, data, to)
        else:
            self._late(transport, data, to)

    @staticmethod
    def _late(transport: asyncio.DatagramTransport, data: bytes, to: tuple[str, int]) -> None:
        if not transport.is_closing():
            transport.sendto(data, to)


class _Front(asyncio.DatagramProtocol):
    def __init__(self, proxy: LossProxy) -> None:
        self._proxy = proxy
        self._tasks: set[asyncio.Task[None]] = set()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        task = asyncio.get_running_loop().create_task(self._proxy.from_caller(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Back(asyncio.DatagramProtocol):
    def __init__(self, proxy: LossProxy, caller: tuple[str, int]) -> None:
        self._proxy, self._caller = proxy, caller

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._proxy.from_server(data, self._caller)
