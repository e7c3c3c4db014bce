"""Where this installation keeps its weights, and which Whisper it listens with."""

from pathlib import Path

from engine.settings import Settings
from models.catalogue import WHISPER_BASE
from models.installation import location, verify
from models.own_model import verify_own


def models_dir(settings: Settings) -> Path:
    return Path(settings.weights_dir) if settings.weights_dir else settings.data_dir / "models"


def whisper_dir(settings: Settings) -> Path:
    """Folder of the Whisper model, whether it is there or not: see `verify_whisper`. It is where links lead now: one
    that leads to a new version later must not change what this one hears with."""
    own = settings.whisper_dir
    return (Path(own) if own else location(WHISPER_BASE, models_dir(settings))).resolve()


def verify_whisper(settings: Settings) -> None:
    """Blocking; raises `WeightsMissing` when the default model is absent or altered, or one's own that was brought in
    by `welcomedly models install --from`. One that was not is not looked into."""
    if settings.whisper_dir:
        verify_own(Path(settings.whisper_dir))
    else:
        verify(WHISPER_BASE, models_dir(settings))
