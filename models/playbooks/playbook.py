"""What a playbook is made of, and everything that may be wrong with one."""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from models.compliance import Detectors
from models.compliance.phrases import Phrase, PhraseError
from models.display import FigureKind
from models.review.forms import INTENTS, LANGUAGES, Phrases, Slug, SpokenBy, Title

ENTITIES = (
    "CARD", "CVV", "CARD_EXPIRY", "PHONE", "EMAIL", "PERSON", "ADDRESS", "CPF", "CNPJ", "CURP", "RFC_MX", "CUIT", "RUT",
    "DNI_NIE", "CEDULA_CO", "SSN", "DATE_OF_BIRTH", "BANK_ACCOUNT",
)  # fmt: skip
Place = list[str | int]
"""Keys and indices that lead to something in the file."""
Fault = tuple[Place, str]


class When(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Any one of these happens; `stages` alone: one of them begins."""

    acts: list[str] = []
    """Speech acts that the compliance rules know."""
    says: Phrases = {}
    """In the little language of `models.compliance.phrases`, by language; all are tried on every text."""
    by: SpokenBy = "agent"
    """Whose acts and phrases count."""
    intents: list[str] = []
    """The customer's."""
    sentiments: list[Literal["negative", "neutral", "positive"]] = []
    """Of what the customer says."""
    entities: list[str] = []
    """Types of what is found and masked, whoever says it."""
    silence: bool = False
    """Nobody has spoken for a while (`dead_air`)."""
    stages: list[str] = []
    """Only while the call is in one of these; empty: at any time."""

    @property
    def happens(self) -> bool:
        """Whether it names anything beside stages."""
        named = (self.acts, self.says, self.intents, self.sentiments, self.entities)
        return self.silence or any(named)


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the agent is to do."""

    id: Slug
    text: Title
    """What to do, in the agent's words."""
    done: When
    """What ticks it."""
    when: When | None = None
    """What calls for it; left out: the stage does."""


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Slug
    title: Title
    begins: When | None = None
    """Left out by the first, which begins with the call. A stage follows on those before it, or on what its
    `begins.stages` names."""
    steps: list[Step] = []


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A field of the form that the call fills: with any of what it names, and of that with the newest."""

    id: Slug
    title: Title
    entities: list[str] = []
    """Types of private data: that they were given, never what they are."""
    figures: list[FigureKind] = []
    """As readers see them."""
    says: Phrases = {}
    """The words that meet a phrase."""
    by: SpokenBy = "customer"
    """Whose words and private data count."""
    stages: list[str] = []
    """Only while the call is in one of these; empty: at any time."""


class Noted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """In a test: what the engine reads in the line before, or a silence behind it."""

    intent: str = ""
    sentiment: str = ""
    entity: str = ""
    silence: bool = False


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a call stands after what was said."""

    said: list[str | Noted]
    """Lines as `agent: …` or `customer: …`."""
    stage: str
    done: list[str]
    """All steps that are ticked, and no other."""
    next: str = ""
    """The step that the agent is shown as the next one; empty: none."""
    slots: dict[str, str] = {}
    """All slots that are filled, and no other: by their value, or the type of private data that was given."""


class Playbook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Slug
    version: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    title: Title
    campaigns: Annotated[list[str], msgspec.Meta(min_length=1)]
    """Kinds (`sales`) or names of campaigns."""
    stages: Annotated[list[Stage], msgspec.Meta(min_length=1, max_length=20)]
    tests: dict[str, Annotated[list[Trial], msgspec.Meta(min_length=1)]]
    """By language."""
    steps: Annotated[list[Step], msgspec.Meta(max_length=50)] = []
    """At any stage; each says `when`."""
    slots: Annotated[list[Slot], msgspec.Meta(max_length=20)] = []
    """The form that the call fills."""

    def all_steps(self) -> Iterator[Step]:
        for stage in self.stages:
            yield from stage.steps
        yield from self.steps

    def whens(self) -> Iterator[When]:
        """Everything that is listened for."""
        yield from (stage.begins for stage in self.stages if stage.begins)
        for step in self.all_steps():
            yield step.done
            if step.when:
                yield step.when


def faults(playbook: Playbook, detectors: Detectors) -> Iterator[Fault]:
    """What is wrong beyond its form, each with its place in the file."""
    stages = [stage.id for stage in playbook.stages]
    yield from _title_faults(["title"], "title", playbook.title)
    yield from _twice(["stages"], "stage", stages)
    yield from _twice(["stages"], "step", [step.id for step in playbook.all_steps()])
    for number, stage in enumerate(playbook.stages):
        place: Place = ["stages", number]
        yield from _title_faults([*place, "title"], "title", stage.title)
        if number == 0 and stage.begins:
            yield [*place, "begins"], "the first stage begins with the call: `begins` is for the others"
        elif number and not stage.begins:
            yield place, f"stage {stage.id}: begins is missing"
        if stage.begins:
            yield from _when_faults([*place, "begins"], stage.begins, stages, detectors)
        for at, step in enumerate(stage.steps):
            yield from _step_faults([*place, "steps", at], step, stages, detectors)
    for at, step in enumerate(playbook.steps):
        if step.when is None:
            yield ["steps", at], f"step {step.id}: when is missing; only a stage's steps are due without it"
        yield from _step_faults(["steps", at], step, stages, detectors)
    yield from _twice(["slots"], "slot", [slot.id for slot in playbook.slots])
    for at, slot in enumerate(playbook.slots):
        yield from _slot_faults(["slots", at], slot, stages)
    yield from _trial_faults(playbook, stages)


def _step_faults(place: Place, step: Step, stages: Sequence[str], detectors: Detectors) -> Iterator[Fault]:
    yield from _title_faults([*place, "text"], "text", step.text)
    yield from _when_faults([*place, "done"], step.done, stages, detectors)
    if step.when:
        yield from _when_faults([*place, "when"], step.when, stages, detectors, alone=True)


def _when_faults(
    place: Place, when: When, stages: Sequence[str], detectors: Detectors, *, alone: bool = False
) -> Iterator[Fault]:
    """`alone`: a stage's beginning is enough."""
    if not when.happens and not (alone and when.stages):
        yield place, f"{place[-1]} names nothing that happens"
    yield from (([*place, "acts"], f"no act {name}") for name in when.acts if name not in detectors)
    yield from _unknown([*place, "intents"], "intent", when.intents, INTENTS)
    yield from _unknown([*place, "entities"], "entity", when.entities, ENTITIES)
    yield from _unknown([*place, "stages"], "stage", when.stages, stages)
    yield from _phrase_faults([*place, "says"], when.says)


def _slot_faults(place: Place, slot: Slot, stages: Sequence[str]) -> Iterator[Fault]:
    yield from _title_faults([*place, "title"], "title", slot.title)
    if not (slot.entities or slot.figures or any(slot.says.values())):
        yield place, f"slot {slot.id}: entities, figures or says is missing: nothing fills it"
    yield from _unknown([*place, "entities"], "entity", slot.entities, ENTITIES)
    yield from _unknown([*place, "stages"], "stage", slot.stages, stages)
    yield from _phrase_faults([*place, "says"], slot.says)


def _unknown(place: Place, noun: str, names: Iterable[str], vocabulary: Container[str]) -> Iterator[Fault]:
    yield from ((place, f"no {noun} {name}") for name in names if name not in vocabulary)


def _phrase_faults(place: Place, says: Phrases) -> Iterator[Fault]:
    yield from _unknown(place, "language", says, LANGUAGES)
    for source in (source for sources in says.values() for source in sources):
        try:
            Phrase(source, {})
        except PhraseError as error:
            yield place, str(error)


def _trial_faults(playbook: Playbook, stages: Sequence[str]) -> Iterator[Fault]:
    steps = {step.id for step in playbook.all_steps()}
    slots = {slot.id for slot in playbook.slots}
    if missing := [language for language in LANGUAGES if language not in playbook.tests]:
        yield ["tests"], f"tests are missing in {', '.join(missing)}"
    for language, trials in playbook.tests.items():
        if language not in LANGUAGES:
            yield ["tests", language], f"no language {language}"
        for number, trial in enumerate(trials):
            place: Place = ["tests", language, number]
            if trial.stage not in stages:
                yield [*place, "stage"], f"no stage {trial.stage}"
            yield from (([*place, "done"], f"no step {name}") for name in trial.done if name not in steps)
            if trial.next and trial.next not in steps:
                yield [*place, "next"], f"no step {trial.next}"
            yield from _unknown([*place, "slots"], "slot", trial.slots, slots)
            if not trial.said or not isinstance(trial.said[0], str):
                yield [*place, "said"], "a test begins with a line that is said"
            for at, line in enumerate(trial.said):
                if isinstance(line, str) and not line.startswith(("agent: ", "customer: ")):
                    yield [*place, "said", at], "a line begins with `agent: ` or `customer: `"


def _title_faults(place: Place, name: str, title: Title) -> Iterator[Fault]:
    if missing := [language for language in LANGUAGES if not title.get(language)]:
        yield place, f"{name} is missing in {', '.join(missing)}"


def _twice(place: Place, noun: str, names: Sequence[str]) -> Iterator[Fault]:
    yield from ((place, f"{noun} {name} is there twice") for name in dict.fromkeys(names) if names.count(name) > 1)
