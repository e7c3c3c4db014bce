"""Bencode, in which rtpengine's NG protocol is written. Reads untrusted bytes with limits."""

from typing import Any

MAX_DEPTH = 12
MAX_SIZE = 65_536
MAX_ITEMS = 20_000


def encode(value: object) -> bytes:
    """Text, bytes, whole numbers, lists and dictionaries of these. Raises `TypeError` for anything else."""
    match value:
        case bytes():
            return b"%d:%b" % (len(value), value)
        case str():
            return encode(value.encode())
        case int():
            return b"i%de" % value
        case list() | tuple():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
        case _:
            raise TypeError(f"{type(value).__name__} has no bencode")


def decode(data: bytes) -> Any:
    """Strings come as text. Raises `ValueError`."""
    if len(data) > MAX_SIZE:
        raise ValueError("bencode is too long")
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise ValueError("bencode has something after its end")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self.at, self._items = data, 0, 0

    def value(self, depth: int) -> Any:
        self._items += 1
        if depth > MAX_DEPTH or self._items > MAX_ITEMS:
            raise ValueError("bencode is too deep or too large")
        kind = self._data[self.at : self.at + 1]
        if kind == b"i":
            self.at += 1
            return self._number(b"e")
        if kind == b"l":
            return self._list(depth)
        if kind == b"d":
            items = self._list(depth)
            if len(items) % 2 or not all(isinstance(key, str) for key in items[::2]):
                raise ValueError("a dictionary's keys are text")
            return dict(zip(items[::2], items[1::2], strict=True))
        return self._text()

    def _list(self, depth: int) -> list[Any]:
        self.at += 1
        items = []
        while self._data[self.at : self.at + 1] != b"e":
            items.append(self.value(depth + 1))
        self.at += 1
        return items

    def _number(self, end: bytes) -> int:
        stop = self._data.find(end, self.at, self.at + 22)
        digits = self._data[self.at : stop] if stop > 0 else b""
        if not digits.removeprefix(b"-").isdigit():
            raise ValueError("bencode has no number where one belongs")
        self.at = stop + 1
        return int(digits)

    def _text(self) -> str:
        size = self._number(b":")
        if size < 0 or self.at + size > len(self._data):
            raise ValueError("a text is longer than what is there")
        text = self._data[self.at : self.at + size]
        self.at += size
        return text.decode("utf-8", "replace")
