"""Forms: what a campaign's calls are judged by and wrapped up with, as data.

A form is one YAML file: how a call may have ended (`dispositions`) and what quality is (`items`). It is checked whole
when it is read, and says where it is wrong.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml

from engine.errors import Invalid
from engine.facts import Leg
from models.compliance import Detectors, load_detectors, load_rules
from models.compliance.checks import acts_of, leg_of
from models.compliance.phrases import Phrase, PhraseError
from models.yaml_file import load_yaml

FORMS = Path(__file__).parent / "data" / "forms"
FORM_BYTES = 64 * 1024
DEEPEST = 32
LANGUAGES = ("es", "pt", "en")

INTENTS = (
    "cancel_service", "billing_dispute", "technical_problem", "payment_arrangement", "change_address",
    "product_question", "price_objection", "competitor_mention", "callback_request", "escalate_to_supervisor",
    "complaint", "purchase_ready", "opt_out", "identity_verification",
)  # fmt: skip

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Title = dict[str, Annotated[str, msgspec.Meta(min_length=1, max_length=200)]]
"""By language; at least one."""
Phrases = dict[str, list[Annotated[str, msgspec.Meta(min_length=1, max_length=400)]]]
"""By language, in the little language of `models.compliance.phrases`; all are tried on every text."""
SpokenBy = Literal["agent", "customer", "any"]
Metric = Literal[
    "agent_share", "talk_over_ms", "dead_air_ms", "longest_silence_ms", "hold_ms", "agent_interruptions",
    "agent_words_per_minute", "agent_response_ms", "agent_monologue_ms",
]  # fmt: skip


class ByRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rule"):
    """Compliance rules: no when one was violated, yes when the call kept those in force, n/a when none was."""

    rules: list[str]


class NoViolation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="no_violation"):
    """No rule of this severity (or worse) was violated."""

    severity: Literal["warning", "critical"] = "critical"


class ByAct(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="act"):
    """Somebody performs one of the speech acts that the rules know."""

    leg: SpokenBy
    acts: list[str]
    within_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Of the call's first words; 0: at any time."""
    absent: bool = False
    """It must not be performed."""


class ByPhrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="phrase"):
    """Somebody says one of these phrases."""

    leg: SpokenBy
    phrases: Phrases
    within_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    absent: bool = False


class ByMetric(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="metric"):
    """A figure of `models.review.talk` lies within bounds; n/a when it could not be measured."""

    metric: Metric
    at_least: float | None = None
    at_most: float | None = None


class ByMood(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="customer_mood"):
    """The customer's mood at the end, as read from their words. There is none for the agent: see the package."""

    ends: list[Literal["negative", "neutral", "positive"]]


class ByPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="person"):
    """Nobody but a person can tell."""


Check = ByRules | NoViolation | ByAct | ByPhrase | ByMetric | ByMood | ByPerson


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Slug
    title: Title
    check: Check
    weight: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 1.0
    auto_fail: bool = False
    when: list[str] = []
    """Intents and acts, as `signs` of a disposition; the item applies only to a call in which one of them came up.
    Empty: to every call."""


class Disposition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way in which a call may end."""

    code: Slug
    title: Title
    signs: list[str] = []
    """Intents of the customer, and acts (see `tells_of_customer`), that speak for it."""
    customer_says: Phrases = {}
    agent_says: Phrases = {}
    default: bool = False
    """Taken when nothing speaks for another."""


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Slug
    title: Title
    campaigns: list[str] = []
    """Kinds (`sales`) or names of campaigns; empty: all."""
    pass_score: Annotated[float, msgspec.Meta(ge=0, le=100)] = 80.0
    active: bool = True
    dispositions: Annotated[list[Disposition], msgspec.Meta(max_length=100)] = []
    items: Annotated[list[Item], msgspec.Meta(max_length=100)] = []
    version: int = 0
    """Counted by the store; 0 for one that comes with the engine."""


def title_in(title: Title, language: str) -> str:
    return title.get(language) or title.get("en") or next(iter(title.values()))


def tells_of_customer(act: str, leg: Leg) -> bool:
    """Whether an act counts as having come up in a call when this leg performs it. What the rules ask of the customer
    alone ("do not call me") does not when an agent speaks of it ("you may opt out at any time")."""
    return leg != "agent" or act not in _customers_acts()


@lru_cache(maxsize=1)
def _customers_acts() -> frozenset[str]:
    asked = {(act, leg_of(check)) for rule in load_rules() for check in rule.checks for act in acts_of(check)}
    return frozenset(act for act, leg in asked if leg == "customer") - {act for act, leg in asked if leg != "customer"}


def read_form(source: str, version: int = 0, rules: frozenset[str] = frozenset()) -> Form:
    """It may name bundled rules and these. Raises `Invalid` that says where and what."""
    if len(source.encode()) > FORM_BYTES:
        raise Invalid(f"a form has at most {FORM_BYTES // 1024} KiB")
    try:
        form = msgspec.convert(_load(source), Form)
    except yaml.YAMLError as error:
        raise Invalid(f"this is no YAML: {' '.join(str(error).split())}") from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise Invalid(str(error) or "nested too deep") from error
    detectors = load_detectors()
    if fault := next(_faults(form, detectors, _known_rules() | rules), None):
        raise Invalid(fault)
    return msgspec.structs.replace(form, version=version)


def _load(source: str) -> Any:
    depth = 0
    try:
        for event in yaml.parse(source, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:  # 64 KiB of `[` keep the parser busy for minutes
                raise Invalid("nested too deep")
            if isinstance(event, yaml.AliasEvent):  # a few of them blow a small file up to any size
                raise Invalid("aliases (`*name`) are not taken in a form")
            if isinstance(event, yaml.ScalarEvent):
                event.value.encode()
    except (OverflowError, ValueError):
        raise Invalid("an escape (`\\u…`) is no character") from None
    return load_yaml(source)


@lru_cache(maxsize=1)
def _known_rules() -> frozenset[str]:
    return frozenset(rule.id for rule in load_rules())


def _faults(form: Form, detectors: Detectors, rules: frozenset[str]) -> Iterator[str]:
    if not form.items and not form.dispositions:
        yield "the form has neither items nor dispositions"
    if not form.title:
        yield "title: at least one language"
    yield from _twice("dispositions", [one.code for one in form.dispositions])
    yield from _twice("items", [one.id for one in form.items])
    if form.dispositions and sum(one.default for one in form.dispositions) != 1:
        yield "dispositions: exactly one is the default"
    for disposition in form.dispositions:
        where = f"disposition {disposition.code}"
        yield from _title_faults(where, disposition.title)
        yield from _sign_faults(where, disposition.signs, detectors)
        yield from _phrase_faults(where, disposition.customer_says)
        yield from _phrase_faults(where, disposition.agent_says)
    for item in form.items:
        where = f"item {item.id}"
        yield from _title_faults(where, item.title)
        yield from _sign_faults(f"{where}: when", item.when, detectors)
        yield from _check_faults(where, item.check, detectors, rules)


def _check_faults(where: str, check: Check, detectors: Detectors, rules: frozenset[str]) -> Iterator[str]:
    match check:
        case ByRules(rules=asked):
            if not asked:
                yield f"{where}: names no rule"
            yield from (f"{where}: no rule {rule}" for rule in asked if rule not in rules)
        case ByAct(acts=acts):
            if not acts:
                yield f"{where}: names no act"
            yield from (f"{where}: no act {act}" for act in acts if act not in detectors)
        case ByPhrase(phrases=phrases):
            if not any(phrases.values()):
                yield f"{where}: has no phrases"
            yield from _phrase_faults(where, phrases)
        case ByMetric(at_least=None, at_most=None):
            yield f"{where}: at_least or at_most is missing"
        case ByMood(ends=[]):
            yield f"{where}: ends is empty"


def _twice(where: str, names: Sequence[str]) -> Iterator[str]:
    yield from (f"{where}: {name} is there twice" for name in dict.fromkeys(names) if names.count(name) > 1)


def _title_faults(where: str, title: Title) -> Iterator[str]:
    if not title:
        yield f"{where}: title is empty"
    yield from (f"{where}: no language {one}" for one in title if one not in LANGUAGES)


def _sign_faults(where: str, signs: Iterable[str], detectors: Detectors) -> Iterator[str]:
    yield from (f"{where}: {one} is no intent and no act" for one in signs if one not in (*INTENTS, *detectors))


def _phrase_faults(where: str, phrases: Phrases) -> Iterator[str]:
    for source in (source for sources in phrases.values() for source in sources):
        try:
            Phrase(source, {})
        except PhraseError as error:
            yield f"{where}: {error}"


@lru_cache(maxsize=1)
def bundled_sources() -> tuple[tuple[str, str], ...]:
    """(id, YAML) of the forms that come with the engine."""
    return tuple((path.stem, path.read_text("utf-8")) for path in sorted(FORMS.glob("*.yaml")))


@lru_cache(maxsize=1)
def bundled_forms() -> tuple[Form, ...]:
    """The forms that come with the engine: one a kind of campaign."""
    return tuple(read_form(source) for _, source in bundled_sources())


def own_first(own: Sequence[Form], bundled: Iterable[Form]) -> list[Form]:
    """A form of the same id takes the place of one that comes with the engine."""
    return [*own, *(form for form in bundled if form.id not in {one.id for one in own})]


def form_for(forms: Iterable[Form], campaign: str, name: str = "") -> Form | None:
    """The form of a call: one that names its campaign, else one of the campaign's kind, else one for all."""
    active = [form for form in forms if form.active]
    for wanted in (name, campaign):
        if found := next((form for form in active if wanted and wanted in form.campaigns), None):
            return found
    return next((form for form in active if not form.campaigns), None)
