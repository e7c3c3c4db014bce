"""`welcomedly replay --as-it-was`: live calls' facts once more, from what was kept of them, without a model."""

import sys
from collections.abc import Collection, Sequence

import structlog

from engine.erasures import COMMAND
from engine.errors import Invalid, NotFound
from engine.facts import CallEvent, Fact, decode, encode
from engine.inputs import Inputs
from engine.settings import Settings
from engine.store import Store, data_exist
from engine.telemetry import AUDIT
from engine.vault import SealError, open_vault
from models.compliance import load_detectors, load_rules
from models.review import bundled_forms
from pipelines import notes
from pipelines.as_it_was import Replayed, Tools, first_difference, replay_as_it_was

audit = structlog.get_logger(AUDIT)


async def play_again(settings: Settings, organisation: str, call_ids: Sequence[str]) -> int:
    """Prints each call's facts as JSON lines, and on stderr how they compare; 0 when the content of all is that of the
    stored ones. A call that cannot be played is said on stderr, and the rest goes on. The engine must not be running on
    the same data. Raises `StartupError`, `NotFound`."""
    vault = open_vault(settings.key_url, settings.data_dir, data_exist=await data_exist(settings), make=False)
    store = await Store.open(settings, vault, as_it_is=True)
    same = True
    try:
        organisation_id = await store.people.organisation_named(organisation)
        if organisation_id is None:
            raise NotFound(f"no organisation is called {organisation}")
        inputs = Inputs(store, settings.data_dir, settings.keep_inputs_days)
        tools = Tools(load_rules(), load_detectors(), bundled_forms())
        for call_id in call_ids:
            try:
                taken, whole = await _kept(inputs, organisation_id, call_id)
                audit.info("inputs.read", organisation_id=organisation_id, call_id=call_id, by=COMMAND)
                stored = [decode(body) for body in await store.calls.all_facts(organisation_id, call_id)]
                replayed = await replay_as_it_was(taken, tools, _print)
                same &= _verdict(call_id, replayed, {fact.seq: fact for fact in stored}, whole)
            except (Invalid, NotFound, SealError) as error:
                _say(call_id, str(error))
                same = False
    finally:
        await store.close()
    return 0 if same else 1


async def _kept(inputs: Inputs, organisation_id: str, call_id: str) -> tuple[list[notes.Note], bool]:
    """The notes of a call, and whether they are all."""
    try:
        with await inputs.open(organisation_id, call_id) as reader:
            return list(notes.decode(reader.read())), reader.whole
    except SealError as error:
        raise Invalid(f"what was kept of the call cannot be read: {error}") from None


def _print(fact: Fact) -> None:
    print(encode(fact).decode(), flush=True)


def _verdict(call_id: str, replayed: Replayed, stored: dict[int, Fact], whole: bool) -> bool:
    """Whether all of the call is as it was; said on stderr."""
    if replayed.version != (ours := notes.program_version()):
        _say(call_id, f"was served by version {replayed.version or '?'}, this is {ours or '?'}")
    if replayed.otherwise:
        _say(call_id, f"{replayed.otherwise} answers of models were given to other words than in the call")
    if not whole:
        replayed.forget_from(_end_of(stored.values()))
        _say(call_id, f"what was kept of the call ends early, behind seq {max(replayed.noted, default=0)}")
    if difference := first_difference(replayed, stored):
        _say(call_id, f"not as it was: {difference}")
        return False
    _say(call_id, f"{len(replayed.facts)} facts, each as it was" + ("" if whole else ", as far as they go"))
    return whole


def _end_of(stored: Collection[Fact]) -> int:
    """`seq` of the event that ends the call, as its engine or the next one told it; else behind the last fact."""
    ends = (fact.seq for fact in stored if isinstance(fact, CallEvent) and fact.name == "call.ended")
    return next(ends, max((fact.seq for fact in stored), default=0) + 1)


def _say(call_id: str, what: str) -> None:
    print(f"{call_id}: {what}", file=sys.stderr)
