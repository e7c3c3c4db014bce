"""`welcomedly replay --as-it-was`: a live call's facts once more, from what was kept of it, without a model."""

import sys
from collections.abc import Iterable

from engine.errors import Invalid, NotFound
from engine.facts import CallEvent, Fact, decode, encode
from engine.inputs import Inputs
from engine.settings import Settings
from engine.store import Store, data_exist
from engine.vault import SealError, open_vault
from models.compliance import load_detectors, load_rules
from models.review import bundled_forms
from pipelines import notes
from pipelines.as_it_was import Replayed, Tools, first_difference, replay_as_it_was


async def play_again(settings: Settings, organisation: str, call_id: str) -> int:
    """Prints the facts as JSON lines, and on stderr how they compare; 0 when their content is that of the stored ones.
    The engine must not be running on the same data. Raises `StartupError`, `NotFound`, `Invalid`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings))
    store = await Store.open(settings, vault, outbox=False)
    try:
        organisation_id = await store.people.organisation_named(organisation)
        if organisation_id is None:
            raise NotFound(f"no organisation is called {organisation}")
        inputs = Inputs(store, settings.data_dir, settings.keep_inputs_days)
        taken, whole = await _kept(inputs, organisation_id, call_id)
        stored = [decode(body) for body in await store.calls.all_facts(organisation_id, call_id)]
    finally:
        await store.close()
    tools = Tools(load_rules(), load_detectors(), bundled_forms())
    replayed = await replay_as_it_was(taken, tools, _print)
    return _verdict(replayed, {fact.seq: fact for fact in stored}, whole)


async def _kept(inputs: Inputs, organisation_id: str, call_id: str) -> tuple[list[notes.Note], bool]:
    """The notes of a call, and whether they are all."""
    try:
        with await inputs.open(organisation_id, call_id) as reader:
            return list(notes.decode(reader.read())), reader.whole
    except SealError as error:
        raise Invalid(f"what was kept of the call cannot be read: {error}") from None


def _print(fact: Fact) -> None:
    print(encode(fact).decode(), flush=True)


def _verdict(replayed: Replayed, stored: dict[int, Fact], whole: bool) -> int:
    ours = notes.program_version()
    if replayed.version != ours:
        _say(f"the call was served by version {replayed.version or '?'}, this is {ours or '?'}")
    if replayed.otherwise:
        _say(f"{replayed.otherwise} answers of models were given to other words than in the call")
    if not whole:
        replayed.forget_from(_end_of(stored.values()))
        _say(f"what was kept of the call ends early, behind seq {max(replayed.noted, default=0)}")
    if difference := first_difference(replayed, stored):
        _say(f"not as it was: {difference}")
        return 1
    _say(f"{len(replayed.facts)} facts, each as it was" + ("" if whole else ", as far as they go"))
    return 0 if whole else 1


def _end_of(stored: Iterable[Fact]) -> int:
    """`seq` of the event that ends the call, as its engine or the next one told it."""
    return next((fact.seq for fact in stored if isinstance(fact, CallEvent) and fact.name == "call.ended"), sys.maxsize)


def _say(what: str) -> None:
    print(f"welcomedly: {what}", file=sys.stderr)
