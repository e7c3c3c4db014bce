"""A playbook on one call: signals in, where the call stands out. Pure."""

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.facts import Leg
from models.playbooks import Playbook, Step, When
from models.review.forms import title_in
from pipelines.signals import Signal
from pipelines.slots import Slots


class _Call(msgspec.Struct, frozen=True):
    """That a step was called for."""

    stage: int
    turn: int | None
    """Of the words that did; None: its stage, or a silence."""


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
        self._slots = Slots(playbook.slots)
        self._because: Signal | None = None
        self._call_for_stage()

    def take(self, signal: Signal, leg: Leg) -> None:
        """`leg` is who is on the signal's stream, as far as is known."""
        stage = self._playbook.stages[self._stage].id
        before = (self._stage, len(self._done), dict(self._called))
        for step in self._playbook.all_steps():
            if step.id not in self._done and self._is_due(step) and _met(step.done, signal, leg, stage):
                self._done[step.id] = signal.turn
        begun = next((n for n in range(len(self._playbook.stages)) if self._begins(n, signal, leg)), None)
        if begun is not None:
            self._move(begun, _turn(signal))
        for step in self._playbook.all_steps():
            if (
                step.when
                and step.when.happens
                and step.id not in self._done
                and _met(step.when, signal, leg, self.stage)
            ):
                self._call(step, _turn(signal))
        filled = self._slots.take(signal, leg, stage)
        if filled or before != (self._stage, len(self._done), self._called):
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
        """What was called for last in this stage, else the first of the stage that is open."""
        open_steps = {step.id: step for step in self._playbook.all_steps() if step.id not in self._done}
        called = [step for step, call in self._called.items() if call.stage == self._stage and step in open_steps]
        if called:
            return open_steps[called[-1]]
        own = self._playbook.stages[self._stage].steps
        return next((step for step in own if step.id in open_steps and step.when is None), None)

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

    def _move(self, number: int, turn: int | None) -> None:
        """What the same turn called for is called for in the new stage too: "this is a disgrace, my internet is down"
        is said at once, whatever is read in it first."""
        left, self._stage = self._stage, number
        for step in self._playbook.all_steps():
            if turn is not None and self._called.get(step.id) == _Call(left, turn) and self._fits(step):
                self._called[step.id] = _Call(number, turn)
        self._call_for_stage()

    def _fits(self, step: Step) -> bool:
        return step.when is not None and (not step.when.stages or self.stage in step.when.stages)

    def _follows(self, number: int) -> bool:
        """`_met` looks at the stages that `begins` names."""
        begins = self._playbook.stages[number].begins
        return number != self._stage and (number > self._stage or bool(begins and begins.stages))

    def _call(self, step: Step, turn: int | None) -> None:
        self._called.pop(step.id, None)
        self._called[step.id] = _Call(self._stage, turn)

    def _call_for_stage(self) -> None:
        for step in self._playbook.all_steps():
            if step.when and not step.when.happens and self.stage in step.when.stages and step.id not in self._done:
                self._call(step, None)


def _turn(signal: Signal) -> int | None:
    return signal.turn if signal.stream else None


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
        case "figure" | "words":
            return False
