"""Where this installation keeps its weights, and which Whisper it listens with."""

from pathlib import Path

from engine.settings import Settings
from models.catalogue import WHISPER_BASE
from models.installation import location, verify


def models_dir(settings: Settings) -> Path:
    return Path(settings.weights_dir) if settings.weights_dir else settings.data_dir / "models"


def whisper_dir(settings: Settings) -> Path:
    """Folder of the Whisper model. Blocking; raises `WeightsMissing` when the default one is absent or altered."""
    if settings.whisper_dir:
        return Path(settings.whisper_dir)
    models = models_dir(settings)
    verify(WHISPER_BASE, models)
    return location(WHISPER_BASE, models)
