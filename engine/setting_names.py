"""Names of environment variables that are meant as settings."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from engine.settings import Settings

_ALIKE = 0.85
"""Names that are so like a setting's, by `difflib`, are taken for it misspelt."""


def misspelt(names: Iterable[str]) -> Iterator[str]:
    """A line for each variable that is nearly a setting: those that are none are not read."""
    settings = [name.upper() for name in Settings.model_fields]
    for name in sorted({name.upper() for name in names} - set(settings)):
        if close := get_close_matches(name, settings, 1, _ALIKE):
            yield f"{name} is no setting, and not read: is it {close[0]}?"
