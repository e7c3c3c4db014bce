"""What calls are understood with: loaded once, seconds after calls may come, and shared by all of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from engine.ports.reading import KnowledgeSearch, TextReader
from models.compliance import Detectors, Rule, load_detectors, load_rules
from models.embed import Encoder
from models.onnx_session import Observe, unobserved
from models.playbooks import Playbook, open_playbooks
from models.reader import OnnxTextReader
from pipelines.knowledge_bases import Libraries


class Understanding(msgspec.Struct, frozen=True):
    """Shared by threads and calls; nothing in it changes."""

    reader: TextReader
    rules: Sequence[Rule]
    detectors: Detectors
    knowledge: Callable[[str, str], KnowledgeSearch | None] = lambda organisation_id, base: None
    """By the organisation and the name of its knowledge base."""
    playbooks: Sequence[Playbook] = ()


def load_understanding(
    models: Path, libraries: Libraries, observe: Observe = unobserved, playbooks: str = ""
) -> Understanding:
    """Blocking for seconds, on one core; the event loop goes on beside it. `playbooks` is the setting of that name;
    `libraries` can be searched from then on. Raises `StartupError`."""
    followed = open_playbooks(playbooks)
    encoder = Encoder(models)
    libraries.equip(encoder)
    return Understanding(
        reader=OnnxTextReader(models, encoder=encoder, observe=observe),
        rules=load_rules(),
        detectors=load_detectors(),
        knowledge=libraries.of_call,
        playbooks=followed,
    )
