"""Where in a YAML file something stands, so that a fault can be named by its line."""

import re

import yaml

_PATH = re.compile(r" - at `\$([^`]*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]|\[(?:\.\.\.|…)\]")


def where(text: str, error: Exception) -> str:
    """`LINE: what is wrong`, for a fault that PyYAML or msgspec found in the text."""
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return f"{mark.line + 1 if mark else 1}: {error.problem or error.context}"
    if isinstance(error, yaml.reader.ReaderError):
        return f"{text.count(chr(10), 0, error.position) + 1}: {str(error).splitlines()[0]}"
    message = str(error)
    path = _PATH.search(message)
    steps: list[str | int] = []
    for name, number in _STEP.findall(path[1] if path else ""):
        if not (name or number):
            break  # some element of a mapping: msgspec does not say which
        steps.append(name or int(number))
    return f"{line_of(text, steps)}: {_PATH.sub('', message)}"


def line_of(text: str, steps: list[str | int]) -> int:
    """The line, from 1, of what a path of keys and indices leads to, or of as much of it as there is."""
    node = yaml.compose(text, yaml.SafeLoader)
    line = node.start_mark.line + 1 if node else 1
    for step in steps:
        match node:
            case yaml.MappingNode(value=pairs):
                found = [(key, value) for key, value in pairs if key.value == step]
                if not found:
                    break
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            case yaml.SequenceNode(value=items) if isinstance(step, int) and step < len(items):
                node = items[step]
                line = node.start_mark.line + 1
            case _:
                break
    return line
