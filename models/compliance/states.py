"""States that a call reaches and loses by what is said: who is on the line, what has been told.

A state is data (`data/states.yaml`): steps that reach it and steps that lose it, the latest one counting. A step is an
act or private data of one leg; with `answer` it takes an act of the other leg soon after.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import msgspec
import yaml

from engine.facts import Leg
from models.compliance.history import Heard, History, Mark, borne

Find = Callable[[Heard, str], Mark | None]
STATES = Path(__file__).parent / "data" / "states.yaml"


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    leg: Leg
    act: str = ""
    entity: str = ""
    answer: str = ""
    """Act of the other leg, in its next turns."""
    within_turns: int = 2
    """How many of them."""


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    about: str
    reached: list[Step]
    lost: list[Step] = []


class StateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    states: dict[str, State]


@lru_cache(maxsize=4)
def load_states(path: Path = STATES) -> dict[str, State]:
    """Raises `ValueError` that says where and what."""
    try:
        return msgspec.convert(yaml.safe_load(path.read_text("utf-8")), StateFile).states
    except (msgspec.ValidationError, yaml.YAMLError) as error:
        raise ValueError(f"{path.name}: {error}") from error


def holds(state: State, history: History, at: Heard) -> bool:
    """Whether the call is in the state when the turn begins."""
    return held_since(state, history, at) is not None


def held_since(state: State, history: History, at: Heard, *, sure: bool = False) -> Heard | None:
    """The turn that reached the state that the call is in when another begins; nothing where it is not in it. Words of
    the same leg in the same turn count: who says what first in one breath is not told apart. Steps that speak against
    somebody are taken only by what would be an alert: those that lose the state, or, where it is the state itself that
    does (`sure`), those that reach it."""
    reaches, loses = (history.meant, history.find) if sure else (history.find, history.meant)
    turns = sorted(history.heard, key=lambda heard: heard.turn.start_ms)
    before = [heard for heard in turns if heard.turn.start_ms <= at.turn.start_ms]
    since: Heard | None = None
    for place, heard in enumerate(before):
        if any(_taken(step, history, loses, before, place) for step in state.lost):
            since = None
        elif since is None and any(_taken(step, history, reaches, before, place) for step in state.reached):
            since = heard
    return since


def reached_ms(state: State, history: History, at: Heard) -> int | None:
    """By when words that may be held against somebody had been said that reached the state in which another turn
    begins; nothing where it is not in it. They may still be going on then."""
    since = held_since(state, history, at, sure=True)
    if since is None:
        return None
    marks = [mark for step in state.reached if (mark := _mark(step, history, since))]
    return min([since.turn.end_ms, *(history.said_ms(since, mark)[1] for mark in marks)])


def _mark(step: Step, history: History, heard: Heard) -> Mark | None:
    """Words of the turn with which the step may have been taken."""
    if (history.leg(heard) == step.leg) is bool(step.answer):
        return None
    act = step.answer or step.act
    mark = history.meant(heard, act) if act else None
    return mark or (borne(heard.turn, step.entity) if step.entity else None)


def _taken(step: Step, history: History, find: Find, turns: list[Heard], place: int) -> bool:
    """Whether the turn takes the step, or answers one that did."""
    heard = turns[place]
    if not step.answer:
        return history.leg(heard) == step.leg and _meets(step, find, heard)
    if history.leg(heard) == step.leg or not find(heard, step.answer):
        return False
    asked = list(_answered(history, turns, place, step.within_turns))
    return any(history.leg(one) == step.leg and _meets(step, find, one) for one in asked)


def _answered(history: History, turns: list[Heard], place: int, within: int) -> Iterator[Heard]:
    """The other leg's turns that a turn may answer: back to the answering leg's turns before it."""
    leg, own = history.leg(turns[place]), 0
    for heard in reversed(turns[:place]):
        own += history.leg(heard) == leg
        if own >= within:
            return
        if history.leg(heard) != leg:
            yield heard


def _meets(step: Step, find: Find, heard: Heard) -> bool:
    if step.act and find(heard, step.act):
        return True
    return bool(step.entity and borne(heard.turn, step.entity))
