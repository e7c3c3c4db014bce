"""Where this installation keeps its weights, and which Whisper it listens with."""

from pathlib import Path

from engine.settings import Settings
from models.catalogue import WHISPER_BASE
from models.installation import location, verify


def models_dir(settings: Settings) -> Path:
    return Path(settings.weights_dir) if settings.weights_dir else settings.data_dir / "models"


def whisper_dir(settings: Settings) -> Path:
    """Folder of the Whisper model, whether it is there or not: see `verify_whisper`."""
    return Path(settings.whisper_dir) if settings.whisper_dir else location(WHISPER_BASE, models_dir(settings))


def verify_whisper(settings: Settings) -> None:
    """Blocking; raises `WeightsMissing` when the default model is absent or altered. One's own is not looked into."""
    if not settings.whisper_dir:
        verify(WHISPER_BASE, models_dir(settings))
