"""What calls are understood with: loaded once, seconds after calls may come, and shared by all of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.ports import KnowledgeSearch, TextReader
from models.compliance import Detectors, Rule, load_detectors, load_rules
from models.embed import Encoder
from models.onnx_session import Observe, unobserved
from models.reader import OnnxTextReader
from pipelines.knowledge_bases import bundled_knowledge


class Understanding(msgspec.Struct, frozen=True):
    """Shared by threads and calls; nothing in it changes."""

    reader: TextReader
    rules: Sequence[Rule]
    detectors: Detectors
    knowledge: Callable[[str], KnowledgeSearch | None] = lambda base: None
    """By the name of a knowledge base."""


def load_understanding(models: Path, observe: Observe = unobserved) -> Understanding:
    """Blocking for seconds, on one core; the event loop goes on beside it. Raises `WeightsMissing`."""
    encoder = Encoder(models)
    return Understanding(
        reader=OnnxTextReader(models, encoder=encoder, observe=observe),
        rules=load_rules(),
        detectors=load_detectors(),
        knowledge=bundled_knowledge(encoder),
    )
