"""A playbook on one call: signals in, where the call stands out. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.facts import Leg
from models.playbooks import Playbook, Step, When
from models.review.forms import title_in
from pipelines.signals import Signal
from pipelines.slots import Slots

_PATIENCE = 5
"""Finals of the agent for which a step that was called for goes before the stage's own. It stays called for."""
_SILENCE_PATIENCE = 1
"""A silence is over when the agent speaks."""


class _Call(msgspec.Struct, frozen=True):
    """That a step was called for."""

    stage: int
    turn: int | None
    """Of the words that did; None: its stage, or a silence."""
    until: int
    """It goes before the stage's own until the agent has spoken so often."""


class Play:
    """Where one call stands. A step that is done stays done, and a stage is not left for an earlier one unless the
    playbook says so."""

    def __init__(self, playbook: Playbook) -> None:
        self._playbook = playbook
        self._stage = 0
        self._done: dict[str, int] = {}
        """Step → the turn that ticked it."""
        self._called: dict[str, _Call] = {}
        """By step with a `when`; the newest last."""
        self._agent_spoke = 0
        self._slots = Slots(playbook.slots)
        self._because: Signal | None = None
        self._call_for_stage()

    def take(self, signal: Signal, leg: Leg) -> None:
        """`leg` is who is on the signal's stream, as far as is known."""
        stage = self._playbook.stages[self._stage].id
        before = self._standing()
        self._agent_spoke += signal.kind == "said" and leg == "agent"
        for step in self._playbook.all_steps():
            if step.id not in self._done and self._is_due(step) and _met(step.done, signal, leg, stage):
                self._done[step.id] = signal.turn
        begun = next((n for n in range(len(self._playbook.stages)) if self._begins(n, signal, leg)), None)
        if begun is not None:
            self._move(begun, signal)
        for step in self._playbook.all_steps():
            if (
                step.when
                and step.when.happens
                and step.id not in self._done
                and _met(step.when, signal, leg, self.stage)
            ):
                self._call(step, signal)
        filled = self._slots.take(signal, leg, stage)
        if filled or before != self._standing():
            self._because = signal

    @property
    def stage(self) -> str:
        return self._playbook.stages[self._stage].id

    def done(self) -> list[str]:
        return [step.id for step in self._playbook.all_steps() if step.id in self._done]

    def slots(self) -> dict[str, str]:
        """Those that are filled: with their value, or the type of private data that was given."""
        return self._slots.given()

    def next(self) -> Step | None:
        """What was called for last in this stage and has not waited too long, else the first of the stage that is open,
        else what has."""
        open_steps = {step.id: step for step in self._playbook.all_steps() if step.id not in self._done}
        called = {step: call for step, call in self._called.items() if call.stage == self._stage and step in open_steps}
        urgent = [step for step, call in called.items() if self._agent_spoke < call.until]
        own = [
            step.id for step in self._playbook.stages[self._stage].steps if step.when is None and step.id in open_steps
        ]
        first = [*reversed(urgent), *own, *reversed(called)]
        return open_steps[first[0]] if first else None

    def state(self, language: str) -> dict[str, Any]:
        """All of it, as `playbook.changed` tells."""
        book, next_step = self._playbook, self.next()
        state: dict[str, Any] = {
            "playbook": book.id,
            "version": book.version,
            "title": title_in(book.title, language),
            "stage": self.stage,
            "stages": [{"stage": stage.id, "title": title_in(stage.title, language)} for stage in book.stages],
            "steps": [self._step_state(step, language) for step in self._listed()],
            "next": next_step.id if next_step else "",
            "slots": self._slots.state(language),
        }
        if self._because:
            state["because"] = {"kind": self._because.kind, "name": self._because.name, "turn": self._because.turn}
        return state

    def _standing(self) -> object:
        return self._stage, len(self._done), dict(self._called), self.next()

    def _step_state(self, step: Step, language: str) -> dict[str, Any]:
        done = {"done": True, "turn": self._done[step.id]} if step.id in self._done else {}
        return {"step": step.id, "text": title_in(step.text, language), **done}

    def _listed(self) -> Iterator[Step]:
        """Those of the stage, and those that were called for in it."""
        for step in self._playbook.stages[self._stage].steps:
            if step.when is None:
                yield step
        for step in self._playbook.all_steps():
            if (call := self._called.get(step.id)) and call.stage == self._stage:
                yield step

    def _is_due(self, step: Step) -> bool:
        return step.when is None or step.id in self._called

    def _begins(self, number: int, signal: Signal, leg: Leg) -> bool:
        """Who asks whether it works does not say so, but for a customer who asks whether they can have it."""
        begins = self._playbook.stages[number].begins
        if signal.asked and leg != "customer":
            return False
        return begins is not None and self._follows(number) and _met(begins, signal, leg, self.stage)

    def _move(self, number: int, signal: Signal) -> None:
        """What the same turn called for is called for in the new stage too: "this is a disgrace, my internet is down"
        is said at once, whatever is read in it first."""
        left, self._stage = self._stage, number
        for step in self._playbook.all_steps():
            call = self._called.get(step.id)
            if call and call.stage == left and signal.stream and call.turn == signal.turn and self._fits(step):
                self._called[step.id] = msgspec.structs.replace(call, stage=number)
        self._call_for_stage()

    def _fits(self, step: Step) -> bool:
        return step.when is not None and (not step.when.stages or self.stage in step.when.stages)

    def _follows(self, number: int) -> bool:
        """`_met` looks at the stages that `begins` names."""
        begins = self._playbook.stages[number].begins
        return number != self._stage and (number > self._stage or bool(begins and begins.stages))

    def _call(self, step: Step, signal: Signal | None = None) -> None:
        silent = signal is not None and signal.kind == "silence"
        until = self._agent_spoke + (_SILENCE_PATIENCE if silent else _PATIENCE)
        self._called.pop(step.id, None)
        self._called[step.id] = _Call(self._stage, signal.turn if signal and signal.stream else None, until)

    def _call_for_stage(self) -> None:
        for step in self._playbook.all_steps():
            if step.when and not step.when.happens and self.stage in step.when.stages and step.id not in self._done:
                self._call(step)


def _met(when: When, signal: Signal, leg: Leg, stage: str) -> bool:
    if when.stages and stage not in when.stages:
        return False
    match signal.kind:
        case "act":
            return signal.name in when.acts and when.by in (leg, "any")
        case "phrase":
            return when.by in (leg, "any") and any(signal.name in sources for sources in when.says.values())
        case "intent":
            return signal.name in when.intents and leg != "agent"
        case "sentiment":
            return signal.name in when.sentiments and leg in ("customer", "mixed")
        case "entity":
            return signal.name in when.entities
        case "silence":
            return when.silence
        case "said" | "figure" | "words":
            return False
