"""The files in which an operator names who may come in: TOML, checked as a whole, with secrets kept elsewhere."""

import os
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

from engine.errors import StartupError

T = TypeVar("T")


def read_file(path: Path, shape: type[T], setting: str) -> T:
    """The file as `shape`. Raises `StartupError`, which names `setting` and never quotes a secret."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), shape)
    except OSError as error:
        raise StartupError(f"{setting}: {path} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise StartupError(f"{setting}: {path} is not UTF-8 text") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise StartupError(f"{setting}: {path}: {error}") from None


def read_secret(text: str, where: str) -> str:
    """`env:NAME` or `file:PATH`, else the secret itself. Raises `StartupError`."""
    kind, _, name = text.partition(":")
    if kind == "env" and name:
        if not os.environ.get(name):
            raise StartupError(f"{where}: {name} is not in the environment")
        return os.environ[name]
    if kind == "file" and name:
        try:
            return Path(name).read_text("utf-8").strip()
        except OSError as error:
            raise StartupError(f"{where}: the secret's file cannot be read ({error.strerror})") from None
        except UnicodeDecodeError:
            raise StartupError(f"{where}: the secret's file is not UTF-8 text") from None
    return text
