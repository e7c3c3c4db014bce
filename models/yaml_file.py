"""YAML that people write: whatever is wrong with it is one kind of error, which knows its line."""

from pathlib import Path
from typing import Any

import yaml


def read_yaml(path: Path) -> str:
    """A file's text. Raises `ValueError`, `FILE:LINE: what`, where it is not in UTF-8, as editors on Windows may save
    what has accents; and `OSError`."""
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path.name}:{line}: not in UTF-8: save it in that encoding") from error


def load_yaml(text: str, *, aliases: bool = True) -> Any:
    """Raises `yaml.YAMLError`, without `aliases` also for one: a few of them blow a small file up to any size."""
    loader = _Loader(text) if aliases else _Plain(text)
    try:
        return loader.get_single_data()
    except RecursionError:
        raise yaml.MarkedYAMLError(problem="nested too deep", problem_mark=loader.get_mark()) from None
    except (OverflowError, ValueError):
        problem = "an escape (`\\u…`) is no character"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=loader.get_mark()) from None
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Says where a value is not what it looks like or is tagged as (`2024-13-45`, `!!int x`): PyYAML lets the errors of
    its constructors through, whatever they are."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                value.encode()  # half a surrogate pair is no character
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"this is no {kind}", node.start_mark) from None
        return value


class _Plain(_Loader):
    """Takes no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            problem = "aliases (`*name`) are not taken"
            raise yaml.composer.ComposerError(None, None, problem, self.get_mark())
        return super().compose_node(parent, index)
