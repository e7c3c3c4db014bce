"""What calls are understood with: loaded once, seconds after calls may come, and shared by all of them."""

from collections.abc import Callable, Sequence

import msgspec

from engine.ports.reading import KnowledgeSearch, TextReader
from engine.settings import Settings
from models.compliance import Detectors, Rule, load_detectors, load_rules, own_rules, with_own
from models.embed import Encoder
from models.knowledge import Encoders
from models.onnx_session import Observe, unobserved
from models.playbooks import Playbook, open_playbooks
from models.reader import OnnxTextReader
from models.tuned.encoder import NeedEncoder
from models.weights import models_dir
from pipelines.knowledge_bases import Libraries


class Understanding(msgspec.Struct, frozen=True):
    """Shared by threads and calls; nothing in it changes."""

    reader: TextReader
    rules: Sequence[Rule]
    detectors: Detectors
    knowledge: Callable[[str, str], KnowledgeSearch | None] = lambda organisation_id, base: None
    """By the organisation and the name of its knowledge base."""
    playbooks: Sequence[Playbook] = ()
    own_rules: tuple[Rule, ...] = ()
    """Of `rules`, the site's."""


def load_understanding(settings: Settings, libraries: Libraries, observe: Observe = unobserved) -> Understanding:
    """Blocking for seconds, on one core; the event loop goes on beside it. `libraries` can be searched from then on.
    Raises `StartupError`."""
    own, followed = own_rules(settings.rules), open_playbooks(settings.playbooks)
    models = models_dir(settings)
    encoder = Encoder(models)
    libraries.equip(Encoders(encoder, NeedEncoder(models)))
    return Understanding(
        reader=OnnxTextReader(models, encoder=encoder, observe=observe),
        rules=with_own(load_rules(), own),
        detectors=load_detectors(),
        knowledge=libraries.of_call,
        playbooks=followed,
        own_rules=own,
    )
