"""Where this installation keeps its weights, and which Whisper it listens with."""

from pathlib import Path

from engine.settings import Settings
from models.catalogue import CATALOGUE, WHISPER_BASE
from models.installation import location, verify
from models.own_model import find_own, verify_own


def models_dir(settings: Settings) -> Path:
    return Path(settings.weights_dir) if settings.weights_dir else settings.data_dir / "models"


def whisper_dir(settings: Settings) -> Path:
    """Folder of the Whisper model, whether it is there or not: see `verify_whisper`. It is where links lead now: one
    that leads to a new version later must not change what this one hears with."""
    own = settings.whisper_dir
    return (Path(own) if own else location(WHISPER_BASE, models_dir(settings))).resolve()


def find_weights(settings: Settings) -> None:
    """Whether all that the engine loads is there, of its version and by size: reads no weights, so that a start can ask
    before it answers anybody. Raises `WeightsMissing`."""
    if settings.whisper_dir:
        find_own(Path(settings.whisper_dir))
    for entry in CATALOGUE:
        if entry.default and not (settings.whisper_dir and entry is WHISPER_BASE):
            location(entry, models_dir(settings))


def verify_whisper(settings: Settings) -> None:
    """Blocking; raises `WeightsMissing` when the default model is absent or altered, or one's own that was brought in
    by `welcomedly models install --from`. Of one that was not no more is known than `find_weights` looks for."""
    if settings.whisper_dir:
        verify_own(Path(settings.whisper_dir))
    else:
        verify(WHISPER_BASE, models_dir(settings))
